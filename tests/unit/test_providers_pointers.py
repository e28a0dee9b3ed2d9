from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.providers.pointers import Place, Scope, first, parse_pointer, parse_source
from service.providers.reader import read
from tests.provider_samples import deliver, describe, read_one

DOCUMENT = {
    "a": {"b": [10, {"c": "deep"}]},
    "x/y": 1,
    "m~n": 2,
    "": 3,
    "1.3": "Ada",
    "none": None,
    "text": "",
}


@pytest.mark.parametrize(
    ("pointer", "found"),
    [
        ("", DOCUMENT),
        ("/a/b/0", 10),
        ("/a/b/1/c", "deep"),
        ("/x~1y", 1),
        ("/m~0n", 2),
        ("/", 3),
        ("/1.3", "Ada"),
        ("/a/b/2", None),
        ("/a/b/-1", None),
        ("/a/b/\u0661", None),
        ("/a/b/c", None),
        ("/a/b/0/c", None),
        ("/none/more", None),
        ("/missing/more", None),
    ],
)
def test_a_pointer_finds_what_stands_there_and_nothing_else(pointer: str, found: Any) -> None:
    assert parse_pointer(pointer).find(DOCUMENT) == found


@pytest.mark.parametrize("text", ["a", "a/b", "/a~2", "/a~", "/" * 21, "/" + "a" * 500])
def test_a_bad_pointer_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"begins|is|has|goes|names"):
        parse_pointer(text)


@given(
    st.text(max_size=20), st.recursive(st.none() | st.integers(), lambda inner: st.lists(inner, max_size=3))
)
def test_looking_raises_nothing(text: str, document: Any) -> None:
    pointer = parse_pointer("/" + text.replace("~", "~0"))
    pointer.find(document)
    pointer.find({"": document, text: [document]})


def find(*sources: str) -> Any:
    delivery = deliver({}, query="?form=7&empty=&bad=%00%ff", X_Id="evt_1")
    scope = Scope(delivery, {"whole": 1}, DOCUMENT)
    return first(tuple(map(parse_source, sources)), scope)


def test_sources_look_into_all_parts_of_a_delivery() -> None:
    assert find("/a/b/0") == 10
    assert find("root:/whole") == 1
    assert find("header:x-id") == "evt_1"
    assert find("query:form") == "7"
    assert find("path:last") == "token"
    assert find("=constant") == "constant"
    assert find("count:/a/b") == 2


def test_the_first_source_with_a_value_counts() -> None:
    assert find("/none", "/text", "query:empty", "header:none", "count:/text", "/a/b/0") == 10
    assert find("/none") is None


def test_what_comes_from_outside_the_body_can_be_stored() -> None:
    assert find("query:bad") == "\ufffd\ufffd"


@pytest.mark.parametrize("text", ["header:", "query:", "cookie:x", "a", "root:x", "pick:name/~"])
def test_a_bad_source_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"begins|is|has|goes|names"):
        parse_source(text)


def test_an_equals_sign_begins_a_constant_whatever_follows() -> None:
    source = parse_source("=header:x")
    assert (source.place, source.name) == (Place.CONSTANT, "header:x")


PICKS = """
[pick]
said = { at = "/items", where = { "/kind" = ["visitor", "guest"], "/new" = "true" } }
who = { at = "pick:said/by", where = { "" = "ada" } }
one = { at = "/single", where = { "/kind" = "visitor" } }
[identity]
session = "pick:said/text"
form = ["pick:who"]
id = ["pick:one/text"]
"""


def test_a_pick_names_the_first_element_that_fits() -> None:
    items = [
        {"kind": "agent", "new": True, "text": "a"},
        {"kind": "guest", "new": False, "text": "b"},
        "no object",
        {"kind": "guest", "new": True, "text": "c", "by": "ada"},
    ]
    event = read_one(PICKS, {"items": items, "single": {"kind": "visitor", "text": "d"}})
    assert (event.session, event.form_id, event.event_id) == ("c", "ada", "d")


def test_a_pick_that_finds_nothing_leaves_all_empty() -> None:
    event = read_one(PICKS, {"items": {"kind": "guest"}, "single": {"kind": "agent"}})
    assert (event.session, event.form_id, event.event_id) == (None, None, None)


def test_a_pick_is_looked_for_anew_in_each_event() -> None:
    description = describe('[events]\neach = ["/all"]' + PICKS)
    body = {"all": [{"single": {"kind": "visitor", "text": text}} for text in "ab"]}
    assert [event.event_id for event in read(description, deliver(body))] == ["a", "b"]
