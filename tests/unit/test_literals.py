import re
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from service.store.literals import instant_array, plain_array, text_array

ELEMENT = re.compile(r'(?:"((?:[^"\\]|\\.)*)"|([^",{}\\\s]+))(,|\Z)', re.DOTALL)

texts = st.text() | st.text('\\"{},NUL \n', max_size=8)


def read(literal: str) -> list[str | None]:
    """Read a one-dimensional array as PostgreSQL's manual (8.15.6) says that it does."""
    assert literal[0] + literal[-1] == "{}"
    inner, found, place = literal[1:-1], list[str | None](), 0
    while place < len(inner):
        element = ELEMENT.match(inner, place)
        assert element, inner[place:]
        quoted, bare, _ = element.groups()
        found.append(
            re.sub(r"\\(.)", r"\1", quoted, flags=re.DOTALL) if quoted is not None else unquoted(bare)
        )
        place = element.end()
    return found


def unquoted(text: str) -> str | None:
    return None if text.upper() == "NULL" else text


@given(st.lists(texts | st.none()))
@example(["NULL", "null", None, "", " ", '"', "\\", '\\"', "},{", "a,b", "\n", "🙂", '","'])
def test_no_text_breaks_out_of_its_quotes(values: list[str | None]) -> None:
    assert read(text_array(values)) == values


@given(st.lists(st.integers() | st.booleans() | st.none()))
def test_numbers_and_truth_values_stand_as_they_are(values: list[int | None]) -> None:
    assert read(plain_array(values)) == [None if value is None else str(value) for value in values]


@given(st.lists(st.datetimes(timezones=st.just(UTC)) | st.none()))
def test_instants_keep_their_offset_and_their_microseconds(values: list[datetime | None]) -> None:
    written = [value and datetime.fromisoformat(value) for value in read(instant_array(values))]
    assert written == values


def test_an_instant_of_another_zone_is_the_same_instant() -> None:
    instant = datetime(2026, 3, 10, 12, tzinfo=timezone(timedelta(hours=5, minutes=45)))
    (written,) = read(instant_array([instant]))
    assert written is not None
    assert datetime.fromisoformat(written) == instant


@pytest.mark.parametrize("make", [text_array, plain_array, instant_array])
def test_no_values_are_an_empty_array(make: type[object]) -> None:
    assert make([]) == "{}"  # type: ignore[call-arg]
