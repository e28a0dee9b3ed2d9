"""Switching a workflow on: what becomes of contacts that match already, and when it is enrolled again."""

from collections.abc import Callable

import pytest
import sqlalchemy as sa

from service.domain.actors import COMMAND, Actor, ActorKind
from service.domain.billing import Product
from service.domain.filters import Filter
from service.domain.jobs import JobState
from service.errors import Conflict, InvalidInput, NoMarketingAccess, NotFound, NotIncluded, UnexpectedNumber
from service.store import jobs
from service.store.tables import audit, portal, workflow
from service.workflows import Changes, Told
from service.workflows.foresight import Draft
from tests.facts import FORM, PORTAL, make_fact
from tests.workflows import EVERYBODY, NEW_ONLY, Flow, furnish, where
from tests.world import World

ADA, BOB, EVE = "ada@example.com", "bob@example.com", "eve@example.com"
LEADS = where(stage="lead")
NOBODY = Actor(ActorKind.USER, 7, marketing_access=False)


@pytest.fixture
def flow(world: World) -> Flow:
    furnish(world)
    return Flow(world)


def test_who_matches_already_is_left_alone_whatever_else_changes(flow: Flow) -> None:
    flow.submit(ADA, stage="lead")
    flow.on(LEADS)
    flow.submit(ADA, stage="lead", city="Paris")
    flow.run()
    assert flow.marketing() == set()
    assert flow.memory(ADA) == {"matches": True, "times": 0}


def test_who_matched_already_is_enrolled_after_it_stopped_matching(flow: Flow) -> None:
    flow.submit(ADA, stage="lead")
    flow.on(LEADS)
    for stage in ("customer", "lead"):
        flow.submit(ADA, stage=stage)
        flow.run()
    assert flow.marketing() == {ADA}


def test_existing_contacts_are_enrolled_when_their_number_is_said(flow: Flow) -> None:
    for email, stage in ((ADA, "lead"), (BOB, "lead"), (EVE, "customer")):
        flow.submit(email, stage=stage)
    made = flow.switch_on(flow.make(LEADS), Told(enrol_existing=True, expected=2))
    assert flow.marketing() == {ADA, BOB}
    job = flow.job(made)
    assert (job.state, job.total, job.done, job.counts) == (JobState.DONE, 2, 2, {"raised": 2})
    assert flow.is_proved()


@pytest.mark.parametrize("expected", [0, 1, 3, None])
def test_with_another_number_nothing_changes(flow: Flow, expected: int | None) -> None:
    for email in (ADA, BOB):
        flow.submit(email, stage="lead")
    made = flow.make(LEADS)
    before = flow.world.rows(portal), flow.world.rows(workflow), flow.world.number_of(audit)
    with pytest.raises((UnexpectedNumber, InvalidInput)) as refusal:
        flow.switch_on(made, Told(enrol_existing=True, expected=expected))
    assert isinstance(refusal.value, InvalidInput if expected is None else UnexpectedNumber)
    assert before == (flow.world.rows(portal), flow.world.rows(workflow), flow.world.number_of(audit))
    flow.work()
    assert flow.marketing() == set()


def test_with_re_enrolment_a_contact_is_enrolled_each_time_it_matches(flow: Flow) -> None:
    flow.on(where(stage="lost"), marketing=False, re_enrols=True)
    for _ in range(2):
        flow.intake.record_all([make_fact(ADA, form=FORM, properties={"stage": "lead"})])
        flow.run()
        flow.submit(ADA, stage="lost")
        flow.run()
    assert flow.verdicts(ADA) == ["raised", "lowering_requested", "lowering_cancelled", "lowering_requested"]
    assert flow.memory(ADA) == {"matches": True, "times": 2}


def test_without_re_enrolment_a_contact_is_enrolled_once(flow: Flow) -> None:
    flow.on(where(stage="lost"), marketing=False)
    for _ in range(2):
        flow.intake.record_all([make_fact(ADA, form=FORM, properties={"stage": "lead"})])
        flow.run()
        flow.submit(ADA, stage="lost")
        flow.run()
    assert flow.verdicts(ADA) == ["raised", "lowering_requested", "lowering_cancelled"]


def test_switched_off_a_workflow_enrols_nobody_and_forgets_nobody(flow: Flow) -> None:
    made = flow.on(LEADS)
    flow.submit(ADA, stage="lead")
    flow.run()
    flow.workflows.switch_off(COMMAND, PORTAL, made.id)
    flow.submit(BOB, stage="lead")
    flow.run()
    assert flow.marketing() == {ADA}
    assert flow.workflows.preview(PORTAL, made.id, Changes()).left_out == 1


def test_what_changed_while_it_was_off_counts_as_it_was_before(flow: Flow) -> None:
    made = flow.on(LEADS)
    flow.workflows.switch_off(COMMAND, PORTAL, made.id)
    flow.submit(ADA, stage="lead")
    flow.switch_on(made)
    flow.submit(ADA, city="Paris")
    flow.run()
    assert flow.marketing() == set()


def test_a_wider_filter_needs_the_number_again(flow: Flow) -> None:
    flow.submit(ADA, stage="customer")
    made = flow.on(LEADS)
    wider = Changes(filter=EVERYBODY)
    with pytest.raises(InvalidInput, match="enrol"):
        flow.workflows.change(COMMAND, PORTAL, made.id, wider)
    with pytest.raises(UnexpectedNumber) as refusal:
        flow.workflows.change(COMMAND, PORTAL, made.id, wider, Told(enrol_existing=True, expected=0))
    assert refusal.value.number == 1
    assert flow.workflows.get(PORTAL, made.id).filter == LEADS
    flow.workflows.change(COMMAND, PORTAL, made.id, wider, Told(enrol_existing=True, expected=1))
    flow.work()
    assert flow.marketing() == {ADA}


def test_a_wider_filter_flips_nobody_overnight(flow: Flow) -> None:
    for number in range(30):
        flow.submit(f"person-{number}@example.com", stage="customer")
    made = flow.on(LEADS)
    flow.workflows.change(COMMAND, PORTAL, made.id, Changes(filter=EVERYBODY), NEW_ONLY)
    flow.work()
    for number in range(30):
        flow.submit(f"person-{number}@example.com", stage="customer", night="yes")
    flow.run()
    assert flow.marketing() == set()
    flow.submit(ADA)
    flow.run()
    assert flow.marketing() == {ADA}


def test_a_change_of_the_name_begins_no_round(flow: Flow) -> None:
    made = flow.on(LEADS)
    flow.submit(ADA, stage="lead")
    changed = flow.workflows.change(COMMAND, PORTAL, made.id, Changes(name="Others", re_enrols=True))
    flow.run()
    assert (changed.round, changed.version) == (made.round, made.version + 1)
    assert flow.marketing() == {ADA}


def test_a_contact_that_changes_before_the_round_has_been_at_it_is_not_enrolled_by_that(flow: Flow) -> None:
    flow.submit(ADA, stage="lead")
    flow.switch_on(flow.make(LEADS), settles=False)
    flow.submit(ADA, city="Paris")
    flow.run()
    flow.work()
    assert flow.marketing() == set()
    assert flow.memory(ADA) == {"matches": True, "times": 0}


def test_a_new_contact_is_enrolled_before_the_round_has_been_at_others(flow: Flow) -> None:
    flow.submit(ADA, stage="lead")
    flow.switch_on(flow.make(LEADS), settles=False)
    flow.submit(BOB, stage="lead")
    flow.run()
    assert flow.marketing() == {BOB}


def test_a_cancelled_round_enrols_none_of_the_others_later(flow: Flow) -> None:
    flow.submit(ADA, stage="lead")
    made = flow.switch_on(flow.make(LEADS), Told(enrol_existing=True, expected=1), settles=False)
    with flow.world.database.writing() as connection:
        assert jobs.ask_to_cancel(connection, PORTAL, made.job_id or 0)
    flow.work()
    flow.submit(ADA, city="Paris")
    flow.run()
    assert flow.job(made).state is JobState.CANCELED
    assert flow.marketing() == set()


def test_switching_off_stops_the_round(flow: Flow) -> None:
    flow.submit(ADA, stage="lead")
    made = flow.switch_on(flow.make(LEADS), Told(enrol_existing=True, expected=1), settles=False)
    flow.workflows.switch_off(COMMAND, PORTAL, made.id)
    flow.work()
    assert flow.job(made).state is JobState.CANCELED
    assert flow.marketing() == set()


def test_whom_a_change_has_enrolled_the_round_enrols_no_second_time(flow: Flow) -> None:
    flow.submit(ADA, stage="lead")
    made = flow.make(LEADS, re_enrols=True)
    flow.switch_on(made, Told(enrol_existing=True, expected=1), settles=False)
    flow.submit(ADA, city="Paris")
    flow.run()
    flow.work()
    assert flow.memory(ADA) == {"matches": True, "times": 1}


def test_all_who_match_are_enrolled_on_demand(flow: Flow) -> None:
    flow.submit(ADA, stage="lead")
    made = flow.on(LEADS)
    with pytest.raises(UnexpectedNumber):
        flow.workflows.enrol_existing(COMMAND, PORTAL, made.id, 2)
    flow.workflows.enrol_existing(COMMAND, PORTAL, made.id, 1)
    flow.work()
    assert flow.marketing() == {ADA}


def test_one_contact_is_enrolled_on_demand(flow: Flow) -> None:
    for email, stage in ((ADA, "lead"), (BOB, "customer")):
        flow.submit(email, stage=stage)
    made = flow.make(LEADS)
    ada, bob = flow.id_of(ADA), flow.id_of(BOB)
    with pytest.raises(Conflict):
        flow.workflows.enrol(COMMAND, PORTAL, made.id, [ada])
    flow.switch_on(made)
    told = flow.workflows.enrol(COMMAND, PORTAL, made.id, [bob, ada, ada, 10**9])
    assert told == [(ada, "raised"), (bob, "does_not_match"), (10**9, "not_found")]
    assert flow.workflows.enrol(COMMAND, PORTAL, made.id, [ada]) == [(ada, "already_marketing")]
    assert flow.memory(ADA) == {"matches": True, "times": 2}
    assert flow.is_proved()


def test_a_deleted_workflow_is_gone_and_its_changes_keep_its_number(flow: Flow) -> None:
    made = flow.on(LEADS)
    flow.submit(ADA, stage="lead")
    flow.run()
    flow.workflows.delete(COMMAND, PORTAL, made.id)
    with pytest.raises(NotFound):
        flow.workflows.get(PORTAL, made.id)
    flow.submit(BOB, stage="lead")
    flow.run()
    assert (flow.marketing(), flow.workflows.all(PORTAL)) == ({ADA}, [])


def test_while_one_is_on_changes_are_noted_for_it_whatever_becomes_of_others(flow: Flow) -> None:
    one, other = flow.on(LEADS), flow.on(where(stage="lost"))
    flow.workflows.delete(COMMAND, PORTAL, other.id)
    assert flow.world.rows(portal)[0].runs_workflows
    flow.workflows.switch_off(COMMAND, PORTAL, one.id)
    assert not flow.world.rows(portal)[0].runs_workflows


def test_somebody_without_the_marketing_access_changes_no_workflow(flow: Flow) -> None:
    made, book = flow.on(LEADS), flow.workflows
    tries: list[Callable[[], object]] = [
        lambda: book.create(NOBODY, PORTAL, "x", Draft(filter=LEADS, marketing=True)),
        lambda: book.change(NOBODY, PORTAL, made.id, Changes(name="x")),
        lambda: book.switch_on(NOBODY, PORTAL, made.id, NEW_ONLY),
        lambda: book.switch_off(NOBODY, PORTAL, made.id),
        lambda: book.delete(NOBODY, PORTAL, made.id),
        lambda: book.enrol(NOBODY, PORTAL, made.id, [1]),
        lambda: book.enrol_existing(NOBODY, PORTAL, made.id, 0),
    ]
    for attempt in tries:
        with pytest.raises(NoMarketingAccess):
            attempt()


@pytest.mark.parametrize("product", [Product.NONE, Product.STARTER])
def test_a_product_without_workflows_is_refused_and_can_still_switch_off(
    flow: Flow, product: Product
) -> None:
    on, off, book = flow.on(LEADS), flow.make(LEADS), flow.workflows
    flow.submit(ADA, stage="lead")
    furnish(flow.world, product)
    tries: list[Callable[[], object]] = [
        lambda: book.create(COMMAND, PORTAL, "x", Draft(filter=LEADS, marketing=True)),
        lambda: book.change(COMMAND, PORTAL, on.id, Changes(name="x")),
        lambda: book.switch_on(COMMAND, PORTAL, off.id, NEW_ONLY),
        lambda: book.preview(PORTAL, on.id, Changes()),
        lambda: book.enrol(COMMAND, PORTAL, on.id, [1]),
        lambda: book.enrol_existing(COMMAND, PORTAL, on.id, 0),
    ]
    for attempt in tries:
        with pytest.raises(NotIncluded, match="workflows need Professional or Enterprise"):
            attempt()
    flow.run()
    assert (flow.marketing(), len(flow.due())) == (set(), 1)
    book.switch_off(COMMAND, PORTAL, on.id)
    book.delete(COMMAND, PORTAL, off.id)


def test_what_waited_is_looked_at_when_the_product_includes_workflows_again(flow: Flow) -> None:
    flow.on(LEADS)
    furnish(flow.world, Product.STARTER)
    flow.submit(ADA, stage="lead")
    flow.run()
    furnish(flow.world, Product.ENTERPRISE)
    flow.run()
    assert flow.marketing() == {ADA}


def test_who_did_what_is_in_the_audit(flow: Flow) -> None:
    made = flow.on(LEADS)
    flow.workflows.change(COMMAND, PORTAL, made.id, Changes(name="Others"))
    flow.workflows.enrol(COMMAND, PORTAL, made.id, [1])
    flow.workflows.switch_off(COMMAND, PORTAL, made.id)
    flow.workflows.delete(COMMAND, PORTAL, made.id)
    entries = [row for row in flow.world.rows(audit, audit.c.id) if row.subject == f"workflow:{made.id}"]
    actions = ["created", "switched_on", "changed", "enrolled", "switched_off", "deleted"]
    assert [(row.action, row.actor) for row in entries] == [(action, "command") for action in actions]
    assert (entries[0].before, entries[-1].after) == (None, None)
    assert (entries[2].before, entries[2].after) == (
        {"name": "Trial", "version": 2},
        {"name": "Others", "version": 3},
    )
    assert entries[4].after["is_on"] is False


def test_of_two_who_change_a_workflow_at_once_one_is_told(
    flow: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = flow.make(LEADS)
    seen = flow.workflows.get(PORTAL, made.id)
    flow.workflows.change(COMMAND, PORTAL, made.id, Changes(name="First"))
    monkeypatch.setattr(flow.workflows, "get", lambda *_: seen)
    with pytest.raises(Conflict, match="meanwhile"):
        flow.workflows.change(COMMAND, PORTAL, made.id, Changes(name="Second"))


def test_contacts_that_are_gone_are_not_looked_at(flow: Flow) -> None:
    flow.on(LEADS)
    flow.submit(ADA, stage="lead")
    flow.world.write(sa.text("UPDATE contact SET deleted_at = updated_at"))
    flow.run()
    assert (flow.marketing(), flow.due()) == (set(), set())


def test_a_filter_without_a_condition_is_refused(flow: Flow) -> None:
    made = flow.make(LEADS)
    for attempt in (
        lambda: flow.make(Filter()),
        lambda: flow.workflows.change(COMMAND, PORTAL, made.id, Changes(filter=Filter())),
        lambda: flow.workflows.preview(PORTAL, made.id, Changes(filter=Filter())),
    ):
        with pytest.raises(InvalidInput, match="every contact"):
            attempt()
