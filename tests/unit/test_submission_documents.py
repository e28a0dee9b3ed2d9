import json
from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from service.errors import InvalidInput
from service.web.hubspot.documents import MOST_LEVELS, read_document
from service.web.hubspot.parsing import parse_submission
from service.web.hubspot.problems import InvalidSubmission
from tests.submission_samples import NOW, make_form


def refusal_of(body: bytes) -> str:
    with pytest.raises(InvalidInput) as refusal:
        read_document(body)
    assert refusal.value.mend
    return refusal.value.message


@pytest.mark.parametrize(
    ("body", "line", "column"),
    [
        (b"", 1, 1),
        (b"{fields:[]}", 1, 2),
        (b'{"fields":[}', 1, 12),
        (b'{"fields":[]', 1, 13),
        (b'{\n"fields":\n[NaN]}', 3, 2),
        (b'{"fields":[1e999]}', 1, 12),
        (b'{"fields":"\\ud800"}', 1, 12),
        (b'{"fields":"\xff"}', 1, 12),
        (b'{\n"fields":"\xc3\xa9\xc3"}', 2, 13),
        (b'{"fields":"\0"}', 1, 12),
        (b"\xef\xbb\xbf{}", 1, 1),
        (b"[]", 1, 1),
        (b'"fields"', 1, 1),
        (b"null", 1, 1),
        (b"7", 1, 1),
    ],
)
def test_what_is_no_json_object_is_refused_with_its_place(body: bytes, line: int, column: int) -> None:
    assert refusal_of(body).startswith(f"Invalid input JSON on line {line}, column {column}: ")


@pytest.mark.parametrize(
    ("body", "key"),
    [
        (b'{"fields":[],"fields":[]}', "fields"),
        (b'{"fields":[], "fields" :[]}', "fields"),
        (b'{"fields":[], "fields"\n:[]}', "fields"),
        (b'{"fields":[],"fi\\u0065lds":[]}', "fields"),
        (b'{"fields":[{"name":"a","name":"b"}]}', "name"),
        (b'{"context":{"hutk":"a","hutk":"b"}}', "hutk"),
        (b'{"a":{"b":[{"c":{"d":1,"d":2}}]}}', "d"),
        (b'{"note":"\\":","a":1,"a":2}', "a"),
        (b'{"":1,"":2}', ""),
        (b'{"long":' + b"9" * 300 + b',"a":1,"a":2}', "a"),
    ],
)
def test_a_key_that_stands_twice_is_named(body: bytes, key: str) -> None:
    assert refusal_of(body) == f"Invalid input JSON: the key '{key}' stands twice in one object"


def test_a_long_duplicate_key_is_named_in_part() -> None:
    key = b'"' + b"k" * 10_000 + b'"'
    assert len(refusal_of(b"{" + key + b":1," + key + b":2}")) < 250


@pytest.mark.parametrize(
    "body",
    [
        b'{"a":"\\u0000"}',
        b'{"a":[["\\u0000"]]}',
        b'{"a\\u0000":1}',
        b'{"a":[{"b\\u0000":1}]}',
        b'{"a":"\\\\\\u0000"}',
    ],
)
def test_a_nul_character_is_refused_wherever_it_is(body: bytes) -> None:
    assert "NUL" in refusal_of(body)


@pytest.mark.parametrize("body", [b'{"a":"\\\\u0000"}', b'{"a":"u0000"}'])
def test_what_only_looks_like_a_nul_character_is_taken(body: bytes) -> None:
    assert read_document(body) == json.loads(body)


@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
def test_twenty_levels_are_taken_and_no_more(opening: bytes) -> None:
    closing = b"]" if opening == b"[" else b"}"

    def nested(levels: int) -> bytes:
        return b'{"a":' + opening * (levels - 1) + b"1" + closing * (levels - 1) + b"}"

    assert read_document(nested(MOST_LEVELS))
    assert "levels" in refusal_of(nested(MOST_LEVELS + 1))
    assert "JSON" in refusal_of(nested(100_000))


@pytest.mark.parametrize(
    "body",
    [
        b'{"a" : 1, "b"\t:2,\r\n"c"\n:3}',
        b'{"smile":":)","quote":"\\":","spaced":"a : b"}',
        b'{"deep":{"a":{"b":{"c":1}}},"list":[[{"d":1},{"d":2}]]}',
    ],
)
def test_unusual_spelling_is_no_reason_to_refuse(body: bytes) -> None:
    assert read_document(body) == json.loads(body)


def _written(members: list[tuple[str, str, str]]) -> str:
    return "{" + ",".join(f"{key}{space}:{space}{value}" for key, space, value in members) + "}"


keys = st.sampled_from(['"a"', '"b"', '"\\u0061"', '":"', '"\\""'])
spaces = st.sampled_from(["", " ", "\n", "\t"])
values = st.recursive(
    st.sampled_from(['":"', '"\\":"', '"x :"', "1", "null", '"\\\\u0000"']),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda items: f"[{','.join(items)}]")
        | st.lists(st.tuples(keys, spaces, inner), max_size=3).map(_written)
    ),
    max_leaves=8,
)


def _has_duplicates(text: str) -> bool:
    found = []

    def look(pairs: list[tuple[str, object]]) -> None:
        found.append(len({key for key, _ in pairs}) < len(pairs))

    json.loads(text, object_pairs_hook=look)
    return any(found)


@given(st.lists(st.tuples(keys, spaces, values), max_size=4).map(_written))
@example('{"a":1,"a" :2}')
def test_a_body_is_refused_exactly_when_a_key_stands_twice(text: str) -> None:
    if _has_duplicates(text):
        assert "twice" in refusal_of(text.encode())
    else:
        assert read_document(text.encode()) == json.loads(text)


@given(st.binary(max_size=200) | st.text(max_size=100).map(str.encode))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    with suppress(InvalidInput):
        parse_submission(body, make_form(), NOW)


def test_a_number_that_json_cannot_say_exactly_is_refused() -> None:
    body = b'{"fields":[{"name":"email","value":12345678901234567890123}]}'
    with pytest.raises(InvalidSubmission) as refusal:
        parse_submission(body, make_form(), NOW)
    assert refusal.value.problems[0].message.endswith("Send it as a text")
