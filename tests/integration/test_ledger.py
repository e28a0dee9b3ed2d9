import itertools
import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service import billing
from service.domain.billing import FOREVER
from service.domain.marketing import decide, end_stint
from service.domain.model import NEVER_MARKETING, Cause, Decision, Intent, ReasonType, Source, Standing
from service.errors import NotFound
from service.messages import StatusMessage
from service.store import ledger, portals
from service.store.tables import ledger_counter, ledger_line
from tests.facts import NOW, PORTAL, UPDATE_DATE, make_portal
from tests.world import World

one_database = settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
"""The examples of such a test share a database, and so each has a portal and contacts of its own."""
numbers = itertools.count(1_000)
BY_HAND = {
    intent: Cause(intent, Source.BY_HAND, ReasonType.USER_SET, "7") for intent in (Intent.RAISE, Intent.LOWER)
}


def message_of(decision: Decision, portal_id: int, contact_id: int) -> StatusMessage:
    change = decision.change
    assert change is not None
    stint = change.stint
    return StatusMessage(
        portal_id, contact_id, change.version, change.at, change.before, change.after, change.verdict.value,
        stint.number, stint.since, stint.until, stint.reason_type, stint.reason_id, "by_hand", "USER_SET", "7", "", 0,
    )  # fmt: skip


def life(chance: random.Random, portal_id: int, contact_id: int) -> list[StatusMessage]:
    """Return the messages of one contact that is raised and lowered at random, in order."""
    standing, now, found = NEVER_MARKETING, NOW, list[StatusMessage]()
    for _ in range(chance.randint(1, 9)):
        now += timedelta(days=chance.choice([0, 1, 20]), seconds=1)
        decision = _next(chance, standing, now)
        standing = decision.standing
        if decision.change is not None:
            found.append(message_of(decision, portal_id, contact_id))
    return found


def _next(chance: random.Random, standing: Standing, now: datetime) -> Decision:
    if standing.stint is not None and not standing.stint.covers(now) and chance.random() < 0.5:
        return end_stint(standing, now)
    cause = BY_HAND[chance.choice([Intent.RAISE, Intent.LOWER])]
    return decide(standing, cause, is_new=False, now=now, update_date=now + timedelta(days=10))


def raised(contact_id: int, version: int = 1, until: datetime | None = None, **more: Any) -> StatusMessage:
    values: dict[str, Any] = {
        "portal_id": PORTAL, "contact_id": contact_id, "version": version, "at": NOW, "before": False,
        "after": True, "verdict": "raised", "stint": 1, "since": NOW, "until": until,
        "stint_reason_type": "FORM_SUBMISSION", "stint_reason_id": "form", "source": "hubspot_form",
        "reason_type": "FORM_SUBMISSION", "reason_id": "form", "actor": "", "default_version": 1,
    }  # fmt: skip
    return StatusMessage(**(values | more))


def lines_of(world: World, portal_id: int = PORTAL) -> dict[tuple[int, int], tuple[int, datetime, datetime]]:
    return {
        (row.contact_id, row.stint): (row.version, row.since, row.until)
        for row in world.rows(ledger_line)
        if row.portal_id == portal_id
    }


def counters_of(world: World, portal_id: int = PORTAL) -> dict[datetime, int]:
    rows = world.rows(ledger_counter)
    return {row.until: row.contacts for row in rows if row.portal_id == portal_id and row.contacts}


def expected_lines(messages: Sequence[StatusMessage]) -> dict[tuple[int, int], Any]:
    newest = {(m.contact_id, m.stint): m for m in sorted(messages, key=lambda message: message.version)}
    return {key: (m.version, m.since, m.until or FOREVER) for key, m in newest.items()}


def sums(lines: dict[tuple[int, int], Any]) -> dict[datetime, int]:
    ends = [until for _, _, until in lines.values()]
    return {end: ends.count(end) for end in ends}


@one_database
@given(chance=st.randoms(use_true_random=False))
def test_twice_shuffled_late_and_in_any_batches_comes_to_the_same(
    world: World, chance: random.Random
) -> None:
    portal_id = next(numbers)
    with world.database.writing() as connection:
        portals.add_portal(connection, make_portal(portal_id))
    messages = [message for _ in range(3) for message in life(chance, portal_id, next(numbers))]
    arriving = [*messages, *chance.choices(messages, k=5)]
    chance.shuffle(arriving)
    while arriving:
        size = chance.randint(1, len(arriving))
        ledger.apply(world.database, arriving[:size], NOW)
        arriving = arriving[size:]
    assert lines_of(world, portal_id) == expected_lines(messages)
    assert counters_of(world, portal_id) == sums(expected_lines(messages))


def test_a_message_that_came_before_changes_nothing(world: World) -> None:
    assert ledger.apply(world.database, [raised(1)], NOW).newer == 1
    assert ledger.apply(world.database, [raised(1)], NOW).newer == 0
    assert counters_of(world) == {FOREVER: 1}


def test_a_message_that_a_newer_one_has_overtaken_changes_nothing(world: World) -> None:
    ledger.apply(world.database, [raised(1, 2, UPDATE_DATE)], NOW)
    assert ledger.apply(world.database, [raised(1, 1)], NOW).newer == 0
    assert lines_of(world) == {(1, 1): (2, NOW, UPDATE_DATE)}
    assert counters_of(world) == {UPDATE_DATE: 1}


def test_of_two_versions_in_one_batch_the_newer_stays(world: World) -> None:
    batch = [raised(1, 3), raised(1, 2, UPDATE_DATE), raised(1, 1)]
    assert ledger.apply(world.database, batch, NOW).newer == 1
    assert lines_of(world) == {(1, 1): (3, NOW, FOREVER)}


def test_a_changed_end_moves_the_contact_from_one_sum_to_the_other(world: World) -> None:
    ledger.apply(world.database, [raised(1), raised(2)], NOW)
    ledger.apply(world.database, [raised(1, 2, UPDATE_DATE)], NOW)
    assert counters_of(world) == {FOREVER: 1, UPDATE_DATE: 1}
    ledger.apply(world.database, [raised(1, 3)], NOW)
    assert counters_of(world) == {FOREVER: 2}


def test_portals_have_sums_of_their_own(world: World) -> None:
    with world.database.writing() as connection:
        portals.add_portal(connection, make_portal(2))
    ledger.apply(world.database, [raised(1), raised(2, portal_id=2), raised(3, portal_id=2)], NOW)
    with world.database.reading() as connection:
        counts = ledger.read_counts(connection, [1, 2, 3])
    assert [counts[portal_id].at(NOW) for portal_id in (1, 2, 3)] == [1, 2, 0]


def test_messages_of_a_portal_that_does_not_exist_are_left_out_and_named(world: World) -> None:
    applied = ledger.apply(world.database, [raised(1), raised(2, portal_id=99)], NOW)
    assert (applied.newer, applied.unknown_portals) == (1, frozenset({99}))
    assert [key for key, _ in lines_of(world)] == [1]


@pytest.mark.parametrize("batch", [[], [raised(1, portal_id=99)]])
def test_a_batch_without_anything_to_apply_is_harmless(world: World, batch: list[StatusMessage]) -> None:
    assert ledger.apply(world.database, batch, NOW).newer == 0


def test_a_line_keeps_the_reason_of_the_stint_and_not_of_what_changed_it(world: World) -> None:
    lowered = raised(1, 2, UPDATE_DATE, reason_type="USER_SET", reason_id="7")
    ledger.apply(world.database, [raised(1), lowered], NOW)
    (line,) = world.rows(ledger_line)
    assert (line.reason_type, line.reason_id) == ("FORM_SUBMISSION", "form")


def test_odd_reasons_are_kept_as_they_are(world: World) -> None:
    odd = '"\\{},NULL\n🙂'
    ledger.apply(world.database, [raised(1, stint_reason_id=odd), raised(2, stint_reason_id="NULL")], NOW)
    assert {row.reason_id for row in world.rows(ledger_line)} == {odd, "NULL"}


def at_day(day: int) -> datetime:
    return NOW + timedelta(days=day)


def test_the_count_at_an_instant_of_the_past_is_what_it_was(world: World) -> None:
    """Contact 1 counts from day 0 to 10 and again from day 20 on, contact 2 from day 5 on."""
    again = raised(1, 3, stint=2, since=at_day(20))
    ledger.apply(world.database, [raised(1, 2, at_day(10)), again, raised(2, since=at_day(5))], at_day(30))
    with world.database.reading() as connection:
        found = [ledger.count_at(connection, PORTAL, at_day(day)) for day in (-1, 0, 5, 9, 10, 19, 20, 30)]
    assert found == [0, 1, 2, 2, 1, 1, 2, 2]


def test_a_bill_of_the_past_tells_who_was_about_to_leave(world: World) -> None:
    ledger.apply(world.database, [raised(1, 2, UPDATE_DATE), raised(2)], NOW)
    later = UPDATE_DATE + timedelta(days=5)
    past = billing.bill(world.database, PORTAL, later, at=NOW)
    assert (past.count, past.leaving, past.after_update, past.update_date) == (2, 1, 1, UPDATE_DATE)
    assert billing.bill(world.database, PORTAL, later).count == 1


def test_a_bill_at_this_instant_is_the_bill_now(world: World) -> None:
    ledger.apply(world.database, [raised(1, 2, UPDATE_DATE), raised(2)], NOW)
    assert billing.bill(world.database, PORTAL, NOW, at=NOW) == billing.bill(world.database, PORTAL, NOW)


def test_an_unknown_portal_has_no_bill(world: World) -> None:
    with pytest.raises(NotFound, match="portal 99"):
        billing.bill(world.database, 99, NOW)
