"""The statement of PostgreSQL carries out what was guessed right and tells what is so of the rest."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

import pytest

from service.domain.brake import OPEN, Gate
from service.domain.identity import Known
from service.domain.model import NEVER_MARKETING, Default, Fact, Verdict
from service.domain.planning import NOTHING_KNOWN, Findings, Group, Plan, plan
from service.store import contacts, portals
from service.store.intake_postgresql import PostgresqlRecorder
from service.store.recording import Contention, Recorder, Round
from service.store.tables import contact, outbox, status_change, submission
from tests.facts import NOW, PORTAL, UPDATE_DATE, make_fact
from tests.world import World, on_postgresql

pytestmark = on_postgresql
ADA, BOB, NEW = "ada@example.com", "bob@example.com", "new@example.com"


@pytest.fixture
def recorder(world: World) -> Iterator[Recorder]:
    """A recorder; Ada has the cookie 'hers', Bob has none."""
    world.record(make_fact(ADA, cookie="hers"), make_fact(BOB))
    recorder = PostgresqlRecorder(world.database)
    yield recorder
    recorder.close()


def always_on(fact: Fact) -> Default:  # noqa: ARG001 - the same for all
    return Default(on=True, version=1)


def update_date(portal_id: int) -> datetime:  # noqa: ARG001 - the same for all
    return UPDATE_DATE


def planner(group: Group, findings: Findings, gate: Gate = OPEN) -> Plan:
    return plan(group, findings, always_on, update_date, NOW, gate)


def known(world: World, email: str) -> Known:
    with world.database.reading() as connection:
        found = contacts.find_by_email(connection, PORTAL, email)
    assert found
    return found


def attempt(world: World, recorder: Recorder, guess: Findings, *facts: Fact, behind: int = 0) -> Round:
    with world.database.reading() as connection:
        version = portals.version(connection)
    group = Group(PORTAL, facts[0].email, facts[0].cookie, facts)
    return recorder.attempt([(group, guess)], planner, version - behind, NOW)


def test_a_right_guess_is_carried_out(world: World, recorder: Recorder) -> None:
    done = attempt(world, recorder, Findings(known(world, ADA)), make_fact(ADA))
    (written,) = done.written.values()
    assert written[1] == known(world, ADA).contact_id
    assert (done.findings, done.repeats) == ({}, {})
    assert world.number_of(submission) == 3


def test_a_visitor_who_is_known_after_all_is_found(world: World, recorder: Recorder) -> None:
    done = attempt(world, recorder, NOTHING_KNOWN, make_fact(ADA, cookie="hers"))
    assert done.written == {}
    assert done.findings == {0: Findings(known(world, ADA), known(world, ADA))}


def test_a_contact_that_has_changed_meanwhile_is_read_again(world: World, recorder: Recorder) -> None:
    stale = known(world, ADA)
    world.record(make_fact(ADA))
    done = attempt(world, recorder, Findings(stale), make_fact(ADA))
    assert done.findings == {0: Findings(known(world, ADA))}
    assert done.findings[0].by_email == replace(stale, version=stale.version + 1)


def test_an_address_that_somebody_has_taken_meanwhile_is_found(world: World, recorder: Recorder) -> None:
    ada = known(world, ADA)
    done = attempt(world, recorder, Findings(by_cookie=ada), make_fact(BOB, cookie="hers"))
    assert done.written == {}
    assert done.findings == {0: Findings(known(world, BOB), ada)}


def test_a_cookie_that_belongs_to_somebody_else_meanwhile_is_found(world: World, recorder: Recorder) -> None:
    bob = known(world, BOB)
    done = attempt(world, recorder, Findings(by_cookie=bob), make_fact(None, cookie="hers"))
    assert done.findings == {0: Findings(by_cookie=known(world, ADA))}


def test_a_cookie_that_nobody_has_after_all_is_found(world: World, recorder: Recorder) -> None:
    ada = known(world, ADA)
    done = attempt(world, recorder, Findings(ada, ada), make_fact(ADA, cookie="nobody's"))
    assert done.findings == {0: Findings(ada)}


def test_a_contact_that_never_was_is_found_to_be_none(world: World, recorder: Recorder) -> None:
    ghost = Known(999_999, 1, NEW, NEVER_MARKETING)
    done = attempt(world, recorder, Findings(ghost), make_fact(NEW))
    assert done.findings == {0: NOTHING_KNOWN}


def test_plans_by_an_older_configuration_are_not_carried_out(world: World, recorder: Recorder) -> None:
    done = attempt(world, recorder, NOTHING_KNOWN, make_fact(NEW), behind=1)
    assert done.written == {}
    assert done.configuration_version > 1


def test_a_repeat_is_told_with_what_it_was_accepted_as(world: World, recorder: Recorder) -> None:
    first, again = make_fact(NEW, delivery="one"), make_fact(NEW, delivery="one")
    world.record(first)
    done = attempt(world, recorder, NOTHING_KNOWN, again, make_fact(NEW))
    earlier = done.repeats[again.once_key]
    assert (earlier.submission_id, earlier.digest) == (first.submission_id, first.digest)
    assert earlier.contact_id == known(world, NEW).contact_id
    assert done.written == {}


def test_a_group_is_written_whole_or_not_at_all(world: World, recorder: Recorder) -> None:
    before = [world.number_of(table) for table in (contact, submission, status_change, outbox)]
    facts = [make_fact(NEW), make_fact(NEW, submission_id="0" * 32), make_fact(NEW, submission_id="0" * 32)]
    with pytest.raises(Contention):
        attempt(world, recorder, NOTHING_KNOWN, *facts)
    assert [world.number_of(table) for table in (contact, submission, status_change, outbox)] == before


def test_verdicts_are_those_of_the_plan(world: World, recorder: Recorder) -> None:
    done = attempt(world, recorder, NOTHING_KNOWN, make_fact(NEW), make_fact(NEW))
    assert done.written[0][0].verdicts == (Verdict.RAISED, Verdict.ALREADY_MARKETING)
