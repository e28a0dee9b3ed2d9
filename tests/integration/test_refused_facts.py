import random
import time
from contextlib import closing

import pytest
import sqlalchemy as sa

from service.configuration import Configuration
from service.domain.model import Fact, Recorded, Verdict
from service.errors import DatabaseAway, Unavailable
from service.intake import Intake
from service.store.session import CONNECT_TIMEOUT, POSTGRESQL_OPTIONS, Database
from service.store.tables import contact, outbox, status_change, submission
from tests.facts import FORM_THAT_IS_OFF, NOW, make_fact
from tests.world import World, break_connections, on_postgresql, opened_database

TABLES = (contact, submission, status_change, outbox)


def unwritable(email: str = "bad@example.com", **more: object) -> Fact:
    """Return a fact that no database can hold: half of a surrogate pair is no text."""
    return make_fact(email, properties={"broken": "\ud800"}, **more)  # type: ignore[arg-type]


def numbers(world: World) -> list[int]:
    return [world.number_of(table) for table in TABLES]


def test_a_fact_that_cannot_be_written_fails_alone(world: World) -> None:
    before, refused, after = world.record(make_fact(), unwritable(), make_fact("bob@example.com"))
    assert isinstance(refused, TypeError)
    assert isinstance(before, Recorded)
    assert isinstance(after, Recorded)
    assert numbers(world) == [2, 2, 2, 2]


@on_postgresql
@pytest.mark.parametrize("where", ["properties", "source_id", "email", "cookie"])
def test_a_nul_that_postgresql_refuses_fails_alone(world: World, where: str) -> None:
    value: object = {"city": "\0"} if where == "properties" else "nul\0"
    facts = [make_fact(), make_fact("bob@example.com"), make_fact("eve@example.com")]
    bad = make_fact(**({"email": "bad@example.com"} | {where: value}))  # type: ignore[arg-type]
    outcomes = world.record(facts[0], bad, *facts[1:])
    assert [isinstance(outcome, Recorded) for outcome in outcomes] == [True, False, True, True]
    assert not isinstance(outcomes[1], DatabaseAway)


def test_a_fact_of_a_portal_that_has_gone_fails_alone(world: World) -> None:
    kept, refused = world.record(make_fact(), make_fact("bob@example.com", portal_id=99))
    assert isinstance(kept, Recorded)
    assert isinstance(refused, LookupError)


def test_it_fails_alone_among_facts_of_the_same_contact(world: World) -> None:
    verdicts = world.verdicts(
        make_fact(properties={"city": "Graz"}),
        unwritable("ada@example.com"),
        make_fact(properties={"city": "Wien"}),
    )
    assert verdicts == [Verdict.RAISED, Verdict.ALREADY_MARKETING]
    assert world.rows(contact)[0].properties == {"city": "Wien"}


def test_a_contact_whose_rows_are_damaged_fails_alone(world: World) -> None:
    """Its next version is taken already, as after a restore that brought back only some of the tables."""
    world.record(make_fact(form=FORM_THAT_IS_OFF), make_fact("eve@example.com"))
    (change,) = world.rows(status_change)
    ada = next(row.id for row in world.rows(contact) if row.email == "ada@example.com")
    world.write(sa.insert(status_change).values(**(change._asdict() | {"contact_id": ada})))
    refused, kept = world.record(make_fact(), make_fact("eve@example.com"))
    assert isinstance(refused, Exception)
    assert isinstance(kept, Recorded)


def test_several_of_many_fail_alone(world: World) -> None:
    facts = [make_fact(f"{number}@example.com") for number in range(60)]
    bad = [unwritable(f"bad{number}@example.com") for number in range(5)]
    mixed = [*facts, *bad]
    random.Random(1).shuffle(mixed)  # noqa: S311 - no secret
    kept = [isinstance(outcome, Recorded) for outcome in world.record(*mixed)]
    assert kept == [fact in facts for fact in mixed]
    assert world.number_of(contact) == 60


def test_what_was_refused_leaves_nothing_and_may_come_again_mended(world: World) -> None:
    world.record(unwritable("ada@example.com", delivery="one"))
    assert numbers(world) == [0, 0, 0, 0]
    assert world.verdicts(make_fact(delivery="one")) == [Verdict.RAISED]


def test_without_a_database_every_fact_is_told_so_and_soon(database_away: Database, world: World) -> None:
    began = time.monotonic()
    with closing(Intake(database_away, Configuration(database_away), world.now)) as intake:
        outcomes = [outcome for _, outcome in intake.record([make_fact(), make_fact("bob@example.com")])]
    assert {type(outcome) for outcome in outcomes} == {DatabaseAway}
    assert time.monotonic() - began < 4


def test_a_database_that_says_nothing_holds_up_a_batch_once_and_not_with_each_round(
    silent_address: tuple[str, int],
) -> None:
    host, port = silent_address
    facts = [make_fact(cookie=f"cookie {number}") for number in range(3)]
    began = time.monotonic()
    with opened_database(f"postgresql://me@{host}:{port}/marketable") as database:
        intake = Intake(database, Configuration(database), lambda: NOW)
        assert {type(outcome) for _, outcome in intake.record(facts)} == {DatabaseAway}
    assert time.monotonic() - began < 2 * CONNECT_TIMEOUT


@on_postgresql
def test_a_contact_that_somebody_holds_locked_holds_the_writer_up_for_a_few_timeouts_at_the_most(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = POSTGRESQL_OPTIONS.replace("lock_timeout=10s", "lock_timeout=200ms")
    monkeypatch.setattr("service.store.session.POSTGRESQL_OPTIONS", options)
    world.record(make_fact())
    with opened_database(world.stack.database_url) as impatient, world.database.writing() as connection:
        connection.execute(sa.select(contact).with_for_update())
        began = time.monotonic()
        with closing(Intake(impatient, Configuration(impatient), world.now)) as intake:
            ((_, outcome),) = intake.record([make_fact()])
    assert isinstance(outcome, Unavailable)
    assert time.monotonic() - began < 20 * 0.2


@on_postgresql
def test_a_connection_that_broke_meanwhile_costs_nobody_anything(world: World) -> None:
    intake = world.intake()
    for email in ("ada@example.com", "bob@example.com"):
        ((_, outcome),) = intake.record([make_fact(email)])
        assert isinstance(outcome, Recorded)
        assert outcome.verdict is Verdict.RAISED
        break_connections(world.database)
    assert numbers(world) == [2, 2, 2, 2]
