import random
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings

from service.domain.filters import Condition, Filter, Operator, Subject, matches
from service.domain.filters.indexing import is_indexable
from service.store import pages, property_indexes, selections, sorted_pages
from service.store.pages import Budget
from service.store.selections import Selection
from service.store.tables import contact
from tests.facts import NOW, PORTAL
from tests.filters import OWN, STORED, TEXTS, chances, make_filter, make_subjects, odd_texts
from tests.integration.test_filters import row_of
from tests.world import World

INDEXED = [name for name in (*OWN, *TEXTS, *STORED) if is_indexable(name)]


def ask_for_indexes(world: World) -> None:
    """Make an index of every property that the made-up filters ask for."""
    with world.database.writing() as connection:
        for name in INDEXED:
            property_indexes.ask(connection, name, NOW)
    for name in INDEXED:
        property_indexes.build(world.database, name)
    with world.database.writing() as connection:
        for name in INDEXED:
            property_indexes.note_ready(connection, name, NOW)


@pytest.fixture
def indexed_world(empty_world: World) -> Iterator[World]:
    ask_for_indexes(empty_world)
    yield empty_world
    for name in INDEXED:
        property_indexes.drop(empty_world.database, name)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(chances, odd_texts)
def test_pages_and_counts_are_those_who_match_with_indexes_and_without(
    indexed_world: World, chance: random.Random, texts: list[str]
) -> None:
    people = [each for each in make_subjects(chance, texts) if has_begun(each)]
    with indexed_world.database.engine.connect() as connection, connection.begin() as transaction:
        connection.execute(sa.insert(contact), [row_of(each) for each in people])
        for _ in range(8):
            wanted = make_filter(chance, texts)
            expected = [each.contact_id for each in people if matches(wanted, each, NOW)]
            search = pages.open_search(connection, PORTAL, wanted, NOW)
            for one in (search, pages.Search(connection, PORTAL, wanted, NOW, frozenset())):
                for ascending, limit in ((True, 3), (False, 3), (False, 50)):
                    found = all_of(one, limit, ascending=ascending)
                    assert found == (expected if ascending else expected[::-1]), wanted
                assert pages.count(one, Budget(None)) == pages.Counted(len(expected), is_exact=True), wanted
        transaction.rollback()


def has_begun(subject: Subject) -> bool:
    stint = subject.standing.stint
    return stint is None or stint.since <= NOW


def all_of(search: pages.Search, limit: int, *, ascending: bool) -> list[int]:
    """Go from page to page."""
    ids: list[int] = []
    after = None
    while True:
        found = pages.find(search, after, limit, Budget(None), ascending=ascending)
        assert len(found.ids) <= limit
        ids += found.ids
        if found.after is None:
            return ids
        assert found.is_whole
        after = found.after


EVERYBODY = Filter()
NOBODY = Filter(((Condition("company", Operator.EQ, "nobody"),),))


def person(number: int, **values: Any) -> dict[str, Any]:
    """Return a row of a contact that was made `number` minutes after the first."""
    made = NOW + timedelta(minutes=number)
    subject = Subject(number, f"{number:06}@example.com", {"company": f"c{number % 7}"}, made, made)
    return row_of(subject) | {"deleted_at": None, "merged_into": None, **values}


def keep(world: World, rows: Sequence[dict[str, Any]]) -> None:
    with world.database.writing() as connection:
        connection.execute(sa.insert(contact), rows)


def find(
    world: World, wanted: Filter, after: int | None = None, limit: int = 100, seconds: float | None = None
) -> pages.Found:
    with world.database.reading() as connection:
        search = pages.open_search(connection, PORTAL, wanted, NOW)
        return pages.find(search, after, limit, Budget(seconds))


def test_contacts_that_are_gone_and_those_of_others_are_in_no_page(empty_world: World) -> None:
    gone = [person(2, deleted_at=NOW), person(3, merged_into=1), person(4, portal_id=2)]
    keep(empty_world, [person(1), *gone, person(5)])
    assert find(empty_world, EVERYBODY).ids == [5, 1]
    with empty_world.database.reading() as connection:
        search = pages.open_search(connection, PORTAL, EVERYBODY, NOW)
        assert pages.count(search, Budget(None)).number == 2


def test_when_the_time_is_over_the_page_says_how_far_it_goes(empty_world: World) -> None:
    keep(empty_world, [person(number) for number in range(1, 5_001)])
    after, looks = None, 0
    while True:
        found = find(empty_world, NOBODY, after, seconds=0.0)
        looks += 1
        assert found.ids == []
        if found.after is None:
            break
        assert not found.is_whole
        assert found.after < (after or 5_001)
        after = found.after
    assert looks > 2
    assert found.is_whole


def test_a_page_that_is_cut_short_leaves_nobody_out(empty_world: World) -> None:
    keep(empty_world, [person(number) for number in range(1, 4_001)])
    either = Filter(
        ((Condition("company", Operator.EQ, "c1"),), (Condition("email", Operator.EQ, "000002@example.com"),))
    )
    ids: list[int] = []
    after = None
    while True:
        found = find(empty_world, either, after, 300, seconds=0.0)
        ids += found.ids
        after = found.after
        if after is None:
            break
    assert ids == [number for number in range(4_000, 0, -1) if number % 7 == 1 or number == 2]


def test_a_count_stops_when_the_time_is_over_or_there_are_enough(empty_world: World) -> None:
    keep(empty_world, [person(number) for number in range(1, 3_001)])
    with empty_world.database.reading() as connection:
        search = pages.open_search(connection, PORTAL, EVERYBODY, NOW)
        assert pages.count(search, Budget(0.0)) == pages.Counted(1_000, is_exact=False)
        assert pages.count(search, Budget(None), most=1_500) == pages.Counted(1_500, is_exact=False)
        assert pages.count(search, Budget(None), most=3_000) == pages.Counted(3_000, is_exact=True)


@pytest.mark.parametrize("days", [0, 1, 3, 9, 30, 400])
@pytest.mark.parametrize("operator", [Operator.GTE, Operator.LT, Operator.BETWEEN])
def test_those_made_at_a_time_are_found_by_their_numbers(
    empty_world: World, operator: Operator, days: int
) -> None:
    rows = [person(number * 3, created_at=NOW + timedelta(hours=number)) for number in range(1, 4_001)]
    keep(empty_world, rows)
    start = NOW + timedelta(days=days)
    end = start + timedelta(days=7)
    condition = Condition("createdate", operator, start.isoformat(), high_value=end.isoformat())
    wanted = Filter(((condition,),))

    def is_meant(made: datetime) -> bool:
        return {
            Operator.GTE: made >= start,
            Operator.LT: made < start,
            Operator.BETWEEN: start <= made <= end,
        }[operator]

    expected = [row["id"] for row in reversed(rows) if is_meant(row["created_at"])]
    assert find(empty_world, wanted, limit=5_000).ids == expected


def test_a_stretch_of_a_selection_goes_on_where_it_ended_however_few_match(empty_world: World) -> None:
    keep(empty_world, [person(number) for number in range(1, 3_001)])
    wanted = Selection(filter=Filter(((Condition("email", Operator.CONTAINS_TOKEN, "002999"),),)))
    ids: list[int] = []
    after, steps, is_last = 0, 0, False
    while not is_last:
        with empty_world.database.reading() as connection:
            found = selections.stretch(connection, PORTAL, wanted, NOW, after=after, upto=3_000, limit=500)
        ids += found.ids
        assert found.after > after
        after, is_last, steps = found.after, found.is_last, steps + 1
    assert ids == [2_999]
    assert after == 3_000


def test_a_stretch_ends_at_the_contact_that_was_the_newest(empty_world: World) -> None:
    keep(empty_world, [person(number) for number in range(1, 21)])
    with empty_world.database.reading() as connection:
        for wanted in (Selection(filter=EVERYBODY), Selection(ids=tuple(range(5, 30)))):
            found = selections.stretch(connection, PORTAL, wanted, NOW, after=4, upto=10, limit=500)
            assert found == selections.Stretch([5, 6, 7, 8, 9, 10], 10, is_last=True)


def sorted_ids(world: World, name: str, *, ascending: bool, limit: int = 2) -> list[int]:
    ids: list[int] = []
    after = None
    while True:
        with world.database.reading() as connection:
            search = pages.open_search(connection, PORTAL, EVERYBODY, NOW)
            found = sorted_pages.find(search, name, after, limit, Budget(None), ascending=ascending)
        ids += found.ids
        after = found.after
        if after is None:
            return ids


def test_a_search_goes_in_the_order_of_addresses_or_of_a_property(indexed_world: World) -> None:
    scores = ["7", "10", "7", "", "-1"]
    companies = ["b", "B", "a", "c", ""]
    for number, (score, company) in enumerate(zip(scores, companies, strict=True), start=1):
        told = {"hubspotscore": score, "company": company}
        row = person(number, properties=told, email=f"{9 - number}@example.com")
        keep(indexed_world, [row | {"updated_at": NOW - timedelta(days=number)}])
    assert sorted_ids(indexed_world, "email", ascending=True) == [5, 4, 3, 2, 1]
    assert sorted_ids(indexed_world, "hubspotscore", ascending=True) == [5, 1, 3, 2]
    assert sorted_ids(indexed_world, "hubspotscore", ascending=False) == [2, 3, 1, 5]
    assert sorted_ids(indexed_world, "company", ascending=True) == [3, 1, 2, 4]
    assert sorted_ids(indexed_world, "lastmodifieddate", ascending=False) == [1, 2, 3, 4, 5]
