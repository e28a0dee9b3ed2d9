import pytest

from service.domain.model import Intent
from service.errors import BrokerAway, DatabaseAway
from service.messages import StatusMessage
from service.store import outbox as store
from service.store.tables import contact, outbox
from tests.facts import FORM, NOW, UPDATE_DATE, make_fact
from tests.world import World, break_connections, on_postgresql, on_sqlite


def fill(world: World, number: int) -> None:
    world.record(*[make_fact(f"{each}@example.com") for each in range(number)])


def keys(messages: list[StatusMessage]) -> set[tuple[int, int]]:
    return {(message.contact_id, message.version) for message in messages}


def test_claimed_entries_are_gone_after_the_block(world: World) -> None:
    fill(world, 3)
    with store.claim(world.database, 10, world.now()) as messages:
        assert len(keys(messages)) == 3
    assert world.number_of(outbox) == 0


def test_claimed_entries_are_back_after_an_exception(world: World) -> None:
    fill(world, 3)
    with pytest.raises(BrokerAway), store.claim(world.database, 10, world.now()) as first:
        raise BrokerAway
    assert world.number_of(outbox) == 3
    assert keys(world.take_messages()) == keys(first)


def test_a_claim_takes_no_more_than_it_is_allowed(world: World) -> None:
    fill(world, 3)
    assert [len(world.take_messages(most=2)) for _ in range(3)] == [2, 1, 0]


def test_an_empty_outbox_gives_nothing(world: World) -> None:
    assert world.take_messages() == []


def test_two_claimers_share_without_overlap(world: World) -> None:
    fill(world, 5)
    with (
        store.claim(world.database, 3, world.now()) as one,
        store.claim(world.database, 3, world.now()) as other,
        store.claim(world.database, 3, world.now()) as third,
    ):
        assert (len(one), len(other), third) == (3, 2, [])
        assert not keys(one) & keys(other)
    assert world.number_of(outbox) == 0


def test_one_claimer_that_fails_gives_back_its_own_entries_only(world: World) -> None:
    fill(world, 5)
    with store.claim(world.database, 3, world.now()) as one:
        with pytest.raises(BrokerAway), store.claim(world.database, 3, world.now()) as other:
            raise BrokerAway
        with store.claim(world.database, 3, world.now()) as again:
            assert keys(again) == keys(other)
            assert not keys(one) & keys(again)


@on_sqlite
def test_a_lease_runs_out_when_its_holder_died(world: World) -> None:
    fill(world, 2)
    with store.claim(world.database, 10, world.now()) as held:
        assert world.take_messages() == []
        world.pass_by(seconds=store.LEASE.total_seconds() + 1)
        assert keys(world.take_messages()) == keys(held)
    assert world.number_of(outbox) == 0


@on_sqlite
def test_a_relay_that_starts_takes_over_what_a_killed_one_held(world: World) -> None:
    fill(world, 2)
    with store.claim(world.database, 10, world.now()) as held:
        store.release(world.database)
        assert keys(world.take_messages()) == keys(held)


@on_postgresql
def test_a_claim_ends_with_the_connection_of_its_holder(world: World) -> None:
    fill(world, 2)
    with pytest.raises(DatabaseAway), store.claim(world.database, 10, world.now()) as held:
        break_connections(world.database)
    assert keys(world.take_messages()) == keys(held)


def test_a_message_is_the_whole_status_change(world: World) -> None:
    world.record(make_fact())
    world.count_up()
    world.set_status("ada@example.com", Intent.LOWER)
    (row,) = world.rows(contact)
    (message,) = world.take_messages()
    assert message == StatusMessage(
        portal_id=1, contact_id=row.id, version=2, at=NOW, before=True, after=True,
        verdict="lowering_requested", stint=1, since=NOW, until=UPDATE_DATE,
        stint_reason_type="FORM_SUBMISSION", stint_reason_id=FORM, source="by_hand",
        reason_type="USER_SET", reason_id="7", actor="user:7", default_version=0,
    )  # fmt: skip


def test_a_message_of_a_submission_names_the_form_and_its_version(world: World) -> None:
    world.record(make_fact())
    (message,) = world.take_messages()
    assert (message.source, message.reason_type, message.reason_id) == (
        "hubspot_form",
        "FORM_SUBMISSION",
        FORM,
    )
    assert (message.default_version, message.actor, message.until) == (1, "", None)


def test_the_depth_tells_how_many_wait_and_since_when(world: World) -> None:
    fill(world, 2)
    world.pass_by(minutes=5)
    world.record(make_fact("late@example.com"))
    with world.database.reading() as connection:
        assert store.depth(connection) == store.Depth(3, NOW)
        assert store.depth(connection, most=2).entries == 2


def test_an_empty_outbox_has_no_oldest_entry(world: World) -> None:
    with world.database.reading() as connection:
        assert store.depth(connection) == store.Depth(0, None)


def test_what_is_queued_already_is_known(world: World) -> None:
    fill(world, 1)
    (row,) = world.rows(contact)
    with world.database.reading() as connection:
        assert store.queued(connection, [row.id]) == {(row.id, 1)}
        assert store.queued(connection, [row.id + 1]) == set()
