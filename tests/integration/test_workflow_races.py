"""No change is lost, whatever happens at once; and no workflows, however they fight, loop."""

import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
import sqlalchemy as sa

from service.brakes.limits import Brakes
from service.domain.actors import COMMAND
from service.domain.brake import WHOLE_PORTAL, Limits
from service.domain.jobs import JobState
from service.domain.model import Intent
from service.errors import Unavailable
from service.intake import Intake
from service.store import gone, portals
from service.store.contact_batches import ContactBatch, Write
from service.store.tables import contact, enrolment, held, status_change
from service.workflows import Told, WorkflowRunner, enrolling
from service.workflows.running import look_at
from tests.facts import FORM, FORM_THAT_IS_OFF, PORTAL, make_fact
from tests.workflows import NEW_ONLY, Flow, furnish, where
from tests.world import World, on_postgresql

ADA, BOB = "ada@example.com", "bob@example.com"
LEADS = where(stage="lead")
STAGES = ("lead", "customer", "lost")
SHORT = 0.3
"""Seconds in which something that does not wait would have been done."""


class Crash(Exception):
    """Stands for a kill."""


def look_and_die(flow: Flow) -> None:
    """Look at what is due, and die before that is committed."""
    due = flow.due()
    with flow.world.database.writing() as connection:
        assert look_at(connection, PORTAL, due, flow.world.now()).verdicts
        raise Crash


def again_if_away(work: Callable[[], None]) -> None:
    """Do as senders do: what could not be kept now is tried again."""
    for _ in range(10):
        with suppress(Unavailable):
            return work()
    return work()


def submit(intake: Intake, emails: Sequence[str], properties: Mapping[str, str]) -> None:
    facts = [make_fact(email, form=FORM_THAT_IS_OFF, properties=properties) for email in emails]
    for outcome in intake.record_all(facts):
        if isinstance(outcome, Exception):
            raise outcome


@pytest.fixture
def flow(world: World) -> Flow:
    furnish(world)
    return Flow(world)


# What is due


def test_what_a_runner_that_dies_was_at_stays_due(flow: Flow) -> None:
    flow.on(LEADS)
    flow.submit(ADA, stage="lead")
    with pytest.raises(Crash):
        look_and_die(flow)
    assert (flow.marketing(), flow.memory(ADA), len(flow.due())) == (set(), None, 1)
    flow.run()
    assert (flow.verdicts(ADA), flow.due()) == (["raised"], set())
    assert flow.is_proved()


def test_a_contact_that_cannot_be_looked_at_stands_in_nobodys_way(flow: Flow) -> None:
    flow.on(LEADS)
    flow.submit(ADA, stage="lead")
    flow.submit(BOB, stage="lead")
    ada = flow.id_of(ADA)
    flow.world.write(sa.update(contact).where(contact.c.id == ada).values(properties=["odd"]))
    flow.run()
    assert (flow.marketing(), flow.due()) == ({BOB}, {ada})
    flow.world.write(sa.update(contact).where(contact.c.id == ada).values(properties={"stage": "lead"}))
    assert flow.run() == 0
    flow.world.pass_by(minutes=2)
    flow.run()
    assert (flow.marketing(), flow.due()) == ({ADA, BOB}, set())


@on_postgresql
def test_a_change_that_is_under_way_when_the_runner_comes_is_seen(flow: Flow) -> None:
    flow.on(LEADS)
    flow.submit(ADA, stage="customer")
    with flow.world.database.writing() as connection:
        batch = ContactBatch(connection, portals.get_portal(connection, PORTAL), flow.world.now())
        batch.write([Write(person=batch.by_email([ADA])[ADA], properties={"stage": "lead"})])
        with ThreadPoolExecutor(1) as pool:
            looking = pool.submit(flow.runner.step)
            time.sleep(SHORT)
            assert not looking.done()
            connection.commit()
            looking.result(30)
    flow.run()
    assert flow.marketing() == {ADA}


@on_postgresql
def test_a_change_that_comes_after_the_runner_has_looked_is_due_again(flow: Flow) -> None:
    flow.on(LEADS)
    flow.submit(ADA, stage="customer")
    with ThreadPoolExecutor(1) as pool:
        with flow.world.database.writing() as connection:
            look_at(connection, PORTAL, flow.due(), flow.world.now())
            submitting = pool.submit(flow.submit, ADA, stage="lead")
            time.sleep(SHORT)
            assert not submitting.done()
        submitting.result(30)
    assert len(flow.due()) == 1
    flow.run()
    assert flow.marketing() == {ADA}


@on_postgresql
def test_a_contact_can_go_while_a_runner_waits_for_it(flow: Flow) -> None:
    flow.on(LEADS)
    flow.submit(ADA, stage="lead")
    ada = flow.id_of(ADA)
    with ThreadPoolExecutor(1) as pool:
        with flow.world.database.writing() as connection:
            ContactBatch(connection, portals.get_portal(connection, PORTAL), flow.world.now()).by_id([ada])
            looking = pool.submit(flow.runner.step)
            time.sleep(SHORT)
            gone.delete(connection, PORTAL, [ada], flow.world.now())
        looking.result(30)
    assert (flow.marketing(), flow.due()) == (set(), set())


def test_writers_and_runners_at_once_lose_no_change(flow: Flow) -> None:
    flow.on(LEADS, re_enrols=True)
    emails = [f"person-{number}@example.com" for number in range(6)]
    stop = threading.Event()
    runners = [WorkflowRunner(flow.world.database, flow.world.now, interval=0.001) for _ in range(2)]

    def write(seed: int) -> None:
        chance, intake = random.Random(seed), flow.world.intake()  # noqa: S311 - a test's
        for _ in range(40):
            stage = {"stage": chance.choice(STAGES)}
            chosen = chance.sample(emails, 2)
            again_if_away(lambda: submit(intake, chosen, stage))  # noqa: B023 - done before the next turn
            if chance.random() < 0.5:
                other = chance.choice(STAGES)
                again_if_away(lambda: flow.edit(chosen[0], stage=other))  # noqa: B023 - the same

    with ThreadPoolExecutor(5) as pool:
        running = [pool.submit(runner.run, stop) for runner in runners]
        try:
            for writing in [pool.submit(write, seed) for seed in range(3)]:
                writing.result(60)
        finally:
            stop.set()
        for each in running:
            each.result(30)
    flow.run()
    stages = {row.id: row.properties["stage"] for row in flow.world.rows(contact)}
    known = {row.contact_id: row.matches for row in flow.world.rows(enrolment)}
    assert flow.due() == set()
    assert {number: known.get(number, False) for number in stages} == {
        number: stage == "lead" for number, stage in stages.items()
    }
    assert flow.is_proved()


# Switching on


@on_postgresql
def test_a_change_that_began_before_the_switch_is_not_lost(flow: Flow) -> None:
    flow.submit(ADA, stage="customer")
    made = flow.make(LEADS)
    with flow.world.database.writing() as connection:
        batch = ContactBatch(connection, portals.get_portal(connection, PORTAL), flow.world.now())
        person = batch.by_email([ADA])[ADA]
        batch.write(
            [
                Write(person=person, properties={"stage": "lead"}),
                Write(email=BOB, properties={"stage": "lead"}),
            ]
        )
        flow.switch_on(made, Told(enrol_existing=True, expected=0), settles=False)
        for _ in range(20):
            assert flow.jobs.step()
        assert flow.job(made).state is JobState.PROCESSING
    flow.work()
    flow.run()
    assert flow.job(made).state is JobState.DONE
    assert flow.marketing() == {ADA, BOB}


def test_a_round_goes_through_all_in_small_steps(flow: Flow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(enrolling, "CHUNK", 3)
    monkeypatch.setattr(enrolling, "WINDOW", 7)
    leads = {number for number in range(40) if number % 4 == 0 or number in {17, 18, 19}}
    facts = [
        make_fact(
            f"p{number}@example.com", form=FORM_THAT_IS_OFF, properties={"stage": STAGES[number not in leads]}
        )
        for number in range(40)
    ]
    flow.intake.record_all(facts)
    made = flow.switch_on(flow.make(LEADS), Told(enrol_existing=True, expected=len(leads)))
    job = flow.job(made)
    assert (job.done, job.counts, job.state) == (len(leads), {"raised": len(leads)}, JobState.DONE)
    assert flow.marketing() == {f"p{number}@example.com" for number in leads}


def test_a_round_without_anybody_ends(flow: Flow) -> None:
    assert flow.job(flow.on(LEADS)).state is JobState.DONE


# Fights


def test_two_that_fight_end_after_one_look(flow: Flow) -> None:
    flow.on(where(hs_marketable_status="false"), re_enrols=True)
    flow.on(where(hs_marketable_status="true"), marketing=False, re_enrols=True)
    flow.submit(ADA)
    assert flow.run() == 1
    assert flow.verdicts(ADA) == ["raised"]
    flow.submit(ADA)
    assert flow.run() == 1
    assert flow.verdicts(ADA) == ["raised", "lowering_requested"]


@pytest.mark.parametrize("raises_last", [True, False])
def test_of_two_that_want_different_things_at_once_the_newest_wins(flow: Flow, *, raises_last: bool) -> None:
    for marketing in (not raises_last, raises_last):
        flow.on(LEADS, marketing=marketing)
    flow.submit(ADA, stage="lead")
    flow.run()
    assert flow.verdicts(ADA) == (["raised"] if raises_last else [])
    assert {row.times for row in flow.world.rows(enrolment)} == {1}
    assert flow.is_proved()


@pytest.mark.parametrize("seed", range(4))
def test_a_change_from_outside_leads_to_one_status_change_by_workflows_at_the_most(
    flow: Flow, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311 - a test's
    for _ in range(4):
        wanted = chance.choice(
            [
                where(stage=chance.choice(STAGES)),
                where(hs_marketable_status=chance.choice(["true", "false"])),
                where(hs_marketable_until_renewal=chance.choice(["true", "false"])),
                where(hs_marketable_reason_type="WORKFLOW"),
            ]
        )
        flow.on(wanted, marketing=chance.random() < 0.5, re_enrols=chance.random() < 0.8)
    flow.submit(ADA)
    outside = 1
    for _ in range(25):
        match chance.randrange(4):
            case 0:
                flow.submit(ADA, stage=chance.choice(STAGES))
            case 1:
                flow.intake.record_all([make_fact(ADA, form=FORM)])
            case 2:
                flow.world.set_status(ADA, chance.choice([Intent.RAISE, Intent.LOWER]))
            case _:
                flow.world.pass_by(days=10)
                flow.world.announce_ends()
        outside += 1
        assert flow.run() <= 1
    changes = flow.world.rows(status_change)
    assert sum(row.reason_type == "WORKFLOW" and row.source == "workflow" for row in changes) <= outside
    assert flow.due() == set()
    assert flow.is_proved()


# The brake


def test_a_brake_holds_what_a_workflow_raises(flow: Flow) -> None:
    Brakes(flow.world.database, flow.world.now).set_limits(COMMAND, PORTAL, WHOLE_PORTAL, Limits(most=1))
    flow.on(LEADS)
    for email in (ADA, BOB):
        flow.submit(email, stage="lead")
    flow.run()
    assert len(flow.marketing()) == 1
    (row,) = flow.world.rows(held)
    assert (row.reason_type, flow.due()) == ("WORKFLOW", set())
    assert {each.times for each in flow.world.rows(enrolment)} == {1}
    assert flow.is_proved()


def test_a_brake_holds_what_switching_on_would_raise(flow: Flow) -> None:
    for email in (ADA, BOB):
        flow.submit(email, stage="lead")
    Brakes(flow.world.database, flow.world.now).set_limits(COMMAND, PORTAL, WHOLE_PORTAL, Limits(most=1))
    job = flow.job(flow.switch_on(flow.make(LEADS), Told(enrol_existing=True, expected=2)))
    assert (job.counts, job.problems) == ({"raised": 1, "held": 1}, 1)


def test_a_submission_to_a_braked_portal_is_noted_all_the_same(flow: Flow) -> None:
    Brakes(flow.world.database, flow.world.now).set_limits(COMMAND, PORTAL, WHOLE_PORTAL, Limits(most=1))
    flow.switch_on(flow.make(LEADS), NEW_ONLY)
    flow.submit(ADA, stage="lead")
    assert flow.due() == {flow.id_of(ADA)}
