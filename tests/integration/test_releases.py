from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from service import billing
from service.domain.model import Intent
from service.errors import InvalidInput, NotFound
from service.store import portals, releases
from service.store.releases import Kind
from service.store.tables import contact
from tests.facts import FORM, NOW, PORTAL, UPDATE_DATE, make_portal
from tests.world import World

LONG_AGO = NOW - timedelta(days=400)


def fill(world: World, *people: dict[str, Any]) -> None:
    """Write contacts that count and have been silent for long, unless it is said otherwise."""
    usual = {
        "portal_id": PORTAL, "version": 1, "properties": {}, "created_at": LONG_AGO, "updated_at": LONG_AGO,
        "status_version": 1, "stint": 1, "since": LONG_AGO, "until": None, "reason_type": "FORM_SUBMISSION",
        "reason_id": FORM, "active_at": None, "deleted_at": None, "merged_into": None, "bounced_at": None,
        "unsubscribed_at": None,
    }  # fmt: skip
    rows = [{**usual, "email": f"{place}@example.com", **each} for place, each in enumerate(people)]
    with world.database.writing() as connection:
        connection.execute(sa.insert(contact), rows)


def found(world: World, kind: Kind, **more: Any) -> billing.Candidates:
    return billing.release_candidates(world.database, PORTAL, kind, NOW, **more)


def emails(candidates: billing.Candidates) -> list[str]:
    return [row.email.partition("@")[0] for row in candidates.page.rows]


@pytest.fixture
def mixed(world: World) -> World:
    """Nobody but 0, 1 and 2 is worth a release: as bounced, as unsubscribed and as silent."""
    fill(
        world,
        {"bounced_at": NOW, "active_at": NOW},
        {"unsubscribed_at": NOW, "active_at": NOW},
        {},
        {"active_at": NOW - timedelta(days=179)},
        {"created_at": NOW - timedelta(days=179)},
        {"bounced_at": NOW, "until": UPDATE_DATE},
        {"bounced_at": NOW, "stint": 0, "since": None, "reason_type": None, "reason_id": None},
        {"bounced_at": NOW, "unsubscribed_at": NOW, "deleted_at": NOW},
        {"bounced_at": NOW, "unsubscribed_at": NOW, "merged_into": 1},
        {"until": LONG_AGO + timedelta(days=1)},
    )
    return world


@pytest.mark.parametrize(("kind", "who"), [(Kind.BOUNCED, "0"), (Kind.UNSUBSCRIBED, "1"), (Kind.SILENT, "2")])
def test_candidates_count_and_have_no_end(mixed: World, kind: Kind, who: str) -> None:
    told = found(mixed, kind)
    assert (emails(told), told.number.contacts, told.number.or_more) == ([who], 1, False)
    assert told.page.next_after is None


def test_silent_are_those_who_did_nothing_for_so_many_days(mixed: World) -> None:
    assert emails(found(mixed, Kind.SILENT, days=179)) == ["2"]
    assert emails(found(mixed, Kind.SILENT, days=178)) == ["2", "3", "4"]
    assert emails(found(mixed, Kind.SILENT, days=500)) == []


def test_a_submission_ends_the_silence(world: World) -> None:
    fill(world, {})
    world.write(sa.update(contact).values(active_at=NOW))
    assert emails(found(world, Kind.SILENT)) == []


def test_what_raised_them_is_told_with_its_name(mixed: World) -> None:
    assert found(mixed, Kind.SILENT).names == {("FORM_SUBMISSION", FORM): "Contact us"}


def test_one_who_is_released_is_no_candidate_any_more(mixed: World) -> None:
    mixed.set_status("2@example.com", Intent.LOWER)
    assert emails(found(mixed, Kind.SILENT)) == []


def pages(world: World, kind: Kind, limit: int) -> list[Sequence[str]]:
    """Read page by page to the end."""
    after, read = 0, list[Sequence[str]]()
    while True:
        told = found(world, kind, after=after, limit=limit)
        read.append(emails(told))
        if told.page.next_after is None:
            return read
        after = told.page.next_after


@pytest.mark.parametrize("kind", Kind)
def test_pages_follow_one_another_to_the_end(world: World, kind: Kind) -> None:
    fill(world, *({"bounced_at": NOW, "unsubscribed_at": NOW} for _ in range(5)))
    assert pages(world, kind, 2) == [["0", "1"], ["2", "3"], ["4"]]
    assert pages(world, kind, 5) == [["0", "1", "2", "3", "4"], []]


def test_a_page_looks_at_so_many_and_says_where_to_go_on(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(releases, "MOST_LOOKED_AT", 3)
    fill(world, *({"active_at": NOW} for _ in range(4)), {}, *({"active_at": NOW} for _ in range(3)), {})
    first = found(world, Kind.SILENT)
    assert (emails(first), first.page.next_after is not None) == ([], True)
    assert (first.number.contacts, first.number.or_more, first.number.looked_at) == (0, True, 3)
    assert [name for page in pages(world, Kind.SILENT, 5) for name in page] == ["4", "8"]


def test_a_number_that_is_large_enough_says_or_more(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(releases, "MOST_COUNTED", 2)
    fill(world, {}, {})
    assert found(world, Kind.SILENT).number == releases.Number(2, or_more=False, looked_at=2)
    fill(world, {"email": "one@example.com"})
    assert found(world, Kind.SILENT).number == releases.Number(2, or_more=True, looked_at=3)


def test_portals_have_candidates_of_their_own(mixed: World) -> None:
    with mixed.database.writing() as connection:
        portals.add_portal(connection, make_portal(2))
    assert billing.release_candidates(mixed.database, 2, Kind.SILENT, NOW).number.contacts == 0
    with pytest.raises(NotFound):
        billing.release_candidates(mixed.database, 99, Kind.SILENT, NOW)


@pytest.mark.parametrize("days", [0, -1, 40_000])
def test_a_silence_has_a_length(world: World, days: int) -> None:
    with pytest.raises(InvalidInput, match="days"):
        found(world, Kind.SILENT, days=days)


def test_who_did_something_yesterday_is_not_silent_however_old(world: World) -> None:
    fill(world, {"active_at": NOW - timedelta(days=1)})
    assert found(world, Kind.SILENT).number.contacts == 0
