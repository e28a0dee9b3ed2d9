from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from service.providers.redaction import REDACTED, redact
from tests.provider_samples import describe

DESCRIPTION = describe('[redact]\nat = ["/key", "/items/*/token", "/list/1", "/deep/a/b", "/any/*"]')


def test_secrets_are_blanked_wherever_they_are() -> None:
    document = {
        "key": {"whole": "object"},
        "items": [{"token": 1, "kept": 2}, "text", {"kept": 3}],
        "list": ["a", "b"],
        "deep": {"a": {"b": "secret", "c": 1}},
        "any": {"x": 1, "y": None},
    }
    assert redact(DESCRIPTION, document) == {
        "key": REDACTED,
        "items": [{"token": REDACTED, "kept": 2}, "text", {"kept": 3}],
        "list": ["a", REDACTED],
        "deep": {"a": {"b": REDACTED, "c": 1}},
        "any": {"x": REDACTED, "y": REDACTED},
    }
    assert document["key"] == {"whole": "object"}
    assert document["deep"] == {"a": {"b": "secret", "c": 1}}


def test_the_whole_document_can_be_blanked() -> None:
    assert redact(describe('[redact]\nat = ""'), {"a": 1}) == REDACTED


@given(
    st.recursive(
        st.none() | st.text(max_size=3),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(
                st.sampled_from(["key", "items", "token", "list", "deep", "a", "b", "any"]), inner
            )
        ),
    )
)
def test_any_document_is_redacted(document: Any) -> None:
    found = redact(DESCRIPTION, document)
    assert not isinstance(found, dict) or found.get("key", REDACTED) == REDACTED
