from dataclasses import replace

import pytest

from consumers.billing_count import BillingCount
from consumers.outcome import ACK, Handled, Outcome
from service.messages import StatusMessage, dump
from service.store.session import Database
from service.store.tables import ledger_line
from tests.facts import make_fact
from tests.world import World, on_postgresql

MALFORMED = [b"", b"{", b"[]", b'{"type":"some other type"}', b"\xff", b"null"]


def some_messages(world: World, number: int) -> list[StatusMessage]:
    world.record(*[make_fact(f"{each}@example.com") for each in range(number)])
    return world.take_messages()


def handle(world: World, *bodies: bytes) -> list[Handled]:
    return BillingCount(world.database, world.now).handle(bodies)


def test_messages_are_counted_and_acknowledged(world: World) -> None:
    messages = some_messages(world, 3)
    assert handle(world, *map(dump, messages)) == [ACK] * 3
    assert (world.count(), world.proof().difference) == (3, 0)


def test_repeats_are_acknowledged_and_count_nothing(world: World) -> None:
    bodies = [dump(message) for message in some_messages(world, 2)]
    handle(world, *bodies)
    assert handle(world, *bodies, *bodies) == [ACK] * 4
    assert world.count() == 2


def test_no_messages_are_nothing_to_do(world: World) -> None:
    assert handle(world) == []


@pytest.mark.parametrize("body", MALFORMED)
def test_a_body_that_cannot_be_read_is_dead(world: World, body: bytes) -> None:
    (handled,) = handle(world, body)
    assert (handled.outcome, handled.reason) == (Outcome.DEAD, "invalid_message")
    assert handled.detail


def test_a_message_of_an_unknown_portal_is_dead(world: World) -> None:
    (message,) = some_messages(world, 1)
    (handled,) = handle(world, dump(replace(message, portal_id=99)))
    assert handled == Handled(Outcome.DEAD, "unknown_portal", "portal 99")
    assert world.number_of(ledger_line) == 0


def test_each_message_has_its_own_outcome_in_the_order_of_the_batch(world: World) -> None:
    one, other = some_messages(world, 2)
    handled = handle(world, b"junk", dump(one), dump(replace(one, portal_id=99)), b"", dump(other))
    assert [each.outcome for each in handled] == [
        Outcome.DEAD, Outcome.ACK, Outcome.DEAD, Outcome.DEAD, Outcome.ACK,
    ]  # fmt: skip
    assert world.count() == 2


def test_while_the_database_is_away_everything_is_tried_again_but_what_is_dead(
    world: World, database_away: Database
) -> None:
    (message,) = some_messages(world, 1)
    handled = BillingCount(database_away, world.now).handle([dump(message), b"junk", dump(message)])
    assert [each.outcome for each in handled] == [Outcome.RETRY, Outcome.DEAD, Outcome.RETRY]
    assert handled[0].reason == "database_away"


@on_postgresql
@pytest.mark.parametrize("change", [{"stint_reason_id": "nul\0"}, {"version": 2**40}, {"stint": 2**40}])
def test_a_message_that_the_database_refuses_is_dead_and_the_others_count(
    world: World, change: dict[str, object]
) -> None:
    messages = some_messages(world, 7)
    messages[3] = replace(messages[3], **change)  # type: ignore[arg-type]
    handled = handle(world, *map(dump, messages))
    assert [each.outcome is Outcome.DEAD for each in handled] == [place == 3 for place in range(7)]
    assert handled[3].reason == "refused_by_database"
    assert world.count() == 6


def test_a_message_with_numbers_beyond_the_databases_leaves_the_others_alone(world: World) -> None:
    messages = some_messages(world, 3)
    messages[1] = replace(messages[1], portal_id=2**62)
    handled = handle(world, *map(dump, messages))
    assert [each.outcome for each in handled] == [Outcome.ACK, Outcome.DEAD, Outcome.ACK]
    assert world.count() == 2
