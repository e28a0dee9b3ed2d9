from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain.reading import is_storable
from service.errors import Unreadable
from service.providers.brackets import nest
from service.providers.decode import decode, split
from service.providers.description import BodyKind
from service.providers.limits import DEEPEST, LARGEST_BODY, MOST_EVENTS, MOST_FIELDS, MOST_PARTS
from tests.provider_samples import FORM, deliver, describe, multipart

MULTIPART = "multipart/form-data; boundary=XBOUND"
KINDS = {kind: describe(f'[decode]\nbody = "{kind}"') for kind in BodyKind}


def document(kind: str, body: object, content_type: str = "application/json", **headers: str) -> Any:
    return decode(KINDS[BodyKind(kind)], deliver(body, content_type, **headers))


def refused(kind: str, body: object, content_type: str = "application/json") -> str:
    with pytest.raises(Unreadable) as refusal:
        document(kind, body, content_type)
    return refusal.value.reason


def deep(levels: int) -> str:
    return "[" * levels + "]" * levels


@pytest.mark.parametrize("content_type", ["text/plain", "application/vnd.x+json", "", FORM])
def test_json_is_read_whatever_the_media_type(content_type: str) -> None:
    assert document("json", '\ufeff{"a": [1]}', content_type) == {"a": [1]}


def test_what_is_no_json_is_refused() -> None:
    assert refused("json", "a=1") == refused("json", b'{"a": "\xff"}') == "not_json"
    assert refused("json", '"\\ud800"') == "not_json"
    assert refused("json", deep(5000)) == "not_json"


def test_an_empty_body_and_one_too_large_are_refused() -> None:
    assert refused("json", b" \r\n") == refused("form", b"") == "empty"
    assert refused("json", b'"%s"' % (b"x" * LARGEST_BODY)) == "too_large"


def test_files_may_be_large_and_texts_may_not() -> None:
    large = "x" * (LARGEST_BODY + 1)
    file = ('name="plan"; filename="plan.pdf"', large)
    assert document("multipart", multipart(('name="a"', "1"), file), MULTIPART) == {"a": "1"}
    assert refused("multipart", multipart(('name="a"', large)), MULTIPART) == "too_large"
    assert refused("auto", f'["{large}"]', MULTIPART) == "too_large"


def test_depth_is_limited() -> None:
    assert document("json", deep(DEEPEST)) is not None
    assert refused("json", deep(DEEPEST + 1)) == "too_deep"
    assert refused("form-php", "a" + "[b]" * DEEPEST + "=1", FORM) == "too_deep"


def test_nulls_are_replaced() -> None:
    assert document("json", '{"a\\u0000": ["\\u0000b", 1, null]}') == {"a\ufffd": ["\ufffdb", 1, None]}
    assert document("form", "a%00=%00b", FORM) == {"a\ufffd": "\ufffdb"}


def test_a_form_is_read_flat_with_repeated_names_as_lists() -> None:
    body = "name=Ada+L&topic=a&topic=b&box%5B%5D=1&empty=&x[y]=2&topic=c"
    assert document("form", body, FORM) == {
        "name": "Ada L",
        "topic": ["a", "b", "c"],
        "box": ["1"],
        "empty": "",
        "x[y]": "2",
    }


def test_forms_may_be_in_western_letters_of_old() -> None:
    assert document("form", "name=Zo%EB", FORM) == {"name": "Zoë"}
    assert document("form", "name=Zoë".encode("cp1252"), FORM) == {"name": "Zoë"}
    assert document("form", "name=Zo%C3%AB&b=ü", FORM) == {"name": "Zoë", "b": "ü"}


def test_what_is_no_form_is_refused() -> None:
    assert refused("form", "hello", FORM) == "not_a_form"
    assert refused("form", "&".join(f"a{n}=1" for n in range(MOST_FIELDS + 1)), FORM) == "too_many_fields"


def test_bracket_names_nest_as_in_php() -> None:
    body = urlencode(
        {
            "form[id]": "7",
            "fields[f2][value]": "on",
            "list[]": "a",
            "list[0][x]": "b",
            "n[0]": "p",
            "n[1]": "q",
        }
    )
    assert document("form-php", body + "&list[]=c&plain=1&plain=2&a[b=3&=4", FORM) == {
        "form": {"id": "7"},
        "fields": {"f2": {"value": "on"}},
        "list": [{"x": "b"}, "c"],
        "n": ["p", "q"],
        "plain": ["1", "2"],
        "a[b": "3",
        "_": "4",
    }


def test_a_name_that_is_both_value_and_object_becomes_the_object() -> None:
    assert nest([("a", "1"), ("a[b]", "2")]) == {"a": {"b": "2"}}


def test_multipart_texts_are_read_and_files_passed_over() -> None:
    body = multipart(
        ('name="email"', "ada@example.com"),
        ('name="topic[]"', "a"),
        ('name="topic[]"', "b"),
        ('name="photo"; filename="a.png"', "\x89PNG"),
        ('name="no"; filename=""', ""),
        ("x=y", "nameless"),
    )
    assert document("multipart", body, MULTIPART) == {"email": "ada@example.com", "topic": ["a", "b"]}


def test_multipart_takes_an_urlencoded_body_as_well() -> None:
    assert document("multipart", "a=1", FORM) == {"a": "1"}


@pytest.mark.parametrize("content_type", ["multipart/form-data", "multipart/form-data; boundary=OTHER"])
def test_multipart_without_its_boundary_is_refused(content_type: str) -> None:
    assert refused("multipart", multipart(('name="a"', "1")), content_type) == "not_a_form"


def test_a_multipart_body_cut_short_is_refused() -> None:
    assert refused("multipart", multipart(('name="a"', "1"))[:-9], MULTIPART) == "not_a_form"


def test_multipart_parts_are_limited() -> None:
    parts = [('name="f"; filename="f"', "x")] * (MOST_PARTS + 1)
    assert refused("multipart", multipart(*parts), MULTIPART) == "too_many_parts"


@pytest.mark.parametrize(
    ("body", "content_type", "expected"),
    [
        (' {"a": 1}', "text/plain", {"a": 1}),
        ("[1]", FORM, [1]),
        ("a=1", "text/plain", {"a": "1"}),
        ("[a]=1", FORM, {"[a]": "1"}),
        (multipart(('name="a"', "1")), MULTIPART, {"a": "1"}),
    ],
)
def test_auto_looks_at_the_body_before_the_media_type(body: object, content_type: str, expected: Any) -> None:
    assert document("auto", body, content_type) == expected


def test_auto_tells_broken_json_from_a_form() -> None:
    assert refused("auto", '{"a": ', "application/json") == "not_json"
    assert document("auto-php", "a[b]=1", FORM) == {"a": {"b": "1"}}


UNPACKED = describe(
    '[decode]\nbody = "form"\nunpack = ["/payload", "/more"]\nroot = ["/payload/in", "/payload"]'
)


def test_texts_that_hold_json_are_unpacked() -> None:
    found = decode(UNPACKED, deliver("payload=%7B%22in%22%3A%7B%22a%22%3A1%7D%7D&b=2", FORM))
    assert found == {"payload": {"in": {"a": 1}}, "b": "2"}
    assert split(UNPACKED, found) == [{"a": 1}]


def test_a_packed_text_that_is_no_json_makes_the_delivery_unreadable() -> None:
    with pytest.raises(Unreadable, match="JSON"):
        decode(UNPACKED, deliver("payload=%7B", FORM))


def test_packed_texts_count_for_the_depth() -> None:
    description = describe('[decode]\nunpack = ["/a/a/a"]')
    with pytest.raises(Unreadable, match="deep"):
        decode(description, deliver({"a": {"a": {"a": deep(DEEPEST - 1)}}}))


def test_a_missing_root_is_refused() -> None:
    with pytest.raises(Unreadable, match="missing"):
        split(UNPACKED, {"b": "2"})


EACH = describe('[events]\neach = ["/entry", "/changes"]')


def test_each_multiplies_and_takes_single_ones_as_they_are() -> None:
    body = {"entry": [{"changes": [{"n": 1}, {"n": 2}]}, {"changes": {"n": 3}}, {"n": 4}]}
    assert split(EACH, body) == [{"n": 1}, {"n": 2}, {"n": 3}, {"n": 4}]
    assert split(EACH, {"entry": []}) == []


def test_events_are_limited_and_must_be_objects() -> None:
    with pytest.raises(Unreadable, match="100 events"):
        split(EACH, {"entry": [{}] * (MOST_EVENTS + 1)})
    for body in (None, 7, "text", {"entry": [7]}):
        with pytest.raises(Unreadable):
            split(EACH, body)


@pytest.mark.parametrize("kind", BodyKind)
@given(
    body=st.binary(max_size=200),
    content_type=st.sampled_from(
        ["application/json", FORM, MULTIPART, "text/plain", "application/cloudevents+json"]
    ),
)
def test_random_bytes_are_decoded_or_refused(kind: BodyKind, body: bytes, content_type: str) -> None:
    check_decoded(kind, body, content_type, Ce_specversion="1.0")


@given(
    st.lists(st.tuples(st.text(max_size=12), st.text(max_size=9)), max_size=9),
    st.sampled_from(["form", "form-php"]),
)
def test_any_form_is_read(pairs: list[tuple[str, str]], kind: str) -> None:
    check_decoded(BodyKind(kind), urlencode(pairs, errors="replace").encode(), FORM)


@given(st.lists(st.from_regex(r"[ab](\[[ab01]?\]){0,4}\[?", fullmatch=True), max_size=12))
def test_any_bracket_names_nest(names: list[str]) -> None:
    check_decoded(BodyKind.FORM_PHP, urlencode([(name, name) for name in names]).encode(), FORM)


@given(st.lists(st.binary(max_size=40), max_size=5), st.binary(max_size=9))
def test_anything_between_boundaries_is_read_or_refused(contents: list[bytes], end: bytes) -> None:
    head = b'--XBOUND\r\nContent-Disposition: form-data; name="a"\r\n'
    body = b"".join(head + content + b"\r\n" for content in contents)
    check_decoded(BodyKind.MULTIPART, body + b"--XBOUND--" + end, MULTIPART)


def check_decoded(kind: BodyKind, body: bytes, content_type: str, **headers: str) -> None:
    try:
        found = document(kind, body, content_type, **headers)
    except Unreadable as refusal:
        assert refusal.reason  # noqa: PT017 - that it is no other error is what is asserted
    else:
        assert all(map(is_storable, texts_in(found)))


def texts_in(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [*value, *(text for inner in value.values() for text in texts_in(inner))]
    if isinstance(value, list):
        return [text for inner in value for text in texts_in(inner)]
    return [value] if isinstance(value, str) else []
