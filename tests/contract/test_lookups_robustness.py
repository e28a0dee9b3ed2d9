"""Whatever a vendor answers, and however many ask at once, a look-up ends in an event or in an error of its own."""

import copy
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.domain.reading import is_storable
from service.providers.events import dump_event
from service.providers.lookups import LookUpError
from tests.vendors.cases import CASES, Case

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False)
    | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def places(document: Any) -> Iterator[tuple[Any, Any]]:
    """Yield every container with each of its keys."""
    for key in document if isinstance(document, dict) else range(len(document)):
        yield document, key
        if isinstance(document[key], dict | list):
            yield from places(document[key])


def twisted(document: Any, number: int, value: Any) -> Any:
    """Return the document with another value in one place, or as a whole."""
    changed = copy.deepcopy(document)
    found = list(places(changed))
    place = number % (len(found) + 1)
    if place == len(found):
        return value
    container, key = found[place]
    container[key] = value
    return changed


def texts(value: Any) -> Iterator[str]:
    """Yield all texts of an event, keys of its fields included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from texts(inner)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_an_answer_with_anything_in_any_place_is_read_or_refused(case: Case) -> None:
    thin = case.event()

    @settings(max_examples=150)
    @given(st.integers(0, 200), VALUES)
    def check(number: int, value: Any) -> None:
        vendor.twist = lambda document: twisted(document, number, value)
        try:
            event = case.ask(vendor, thin)
        except LookUpError:
            return
        assert event.fetch is None
        assert all(is_storable(text) for text in texts(dump_event(event)))

    with case.vendor() as vendor:
        check()


def test_many_threads_look_up_at_once() -> None:
    def ask(case: Case) -> str | None:
        with case.vendor() as vendor:
            return case.ask(vendor).email

    with ThreadPoolExecutor(max_workers=8) as threads:
        found = list(threads.map(ask, CASES * 4))
    assert found == ["ada@example.com"] * len(CASES) * 4


@pytest.mark.parametrize("case", CASES, ids=str)
def test_many_threads_share_a_vendors_connections(case: Case) -> None:
    with case.vendor() as vendor, ThreadPoolExecutor(max_workers=8) as threads:
        found = list(threads.map(lambda _: case.ask(vendor).email, range(24)))
    assert found == ["ada@example.com"] * 24
