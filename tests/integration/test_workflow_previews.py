"""A preview says what switching a workflow on does; and a brake holds what a workflow raises."""

import random
from typing import Any

import pytest

from service.domain.actors import COMMAND
from service.domain.model import Intent
from service.domain.workflows import Workflow
from service.store.tables import contact
from service.workflows import Changes, Foresight, Told
from service.workflows.foresight import Draft
from tests.facts import FORM, FORM_THAT_IS_OFF, PORTAL, make_fact
from tests.workflows import Flow, furnish, where
from tests.world import World

LEADS = where(stage="lead")
STAGES = ("lead", "customer", "lost")


@pytest.fixture
def flow(world: World) -> Flow:
    furnish(world)
    return Flow(world)


def people(flow: Flow, chance: random.Random, number: int) -> None:
    """Make contacts of all kinds: non-marketing, marketing, leaving, ended, deleted."""
    facts = [
        make_fact(
            f"person-{each}@example.com",
            form=chance.choice([FORM, FORM_THAT_IS_OFF]),
            properties={"stage": chance.choice(STAGES)},
        )
        for each in range(number)
    ]
    flow.intake.record_all(facts)
    for fact in facts:
        if chance.random() < 0.3:
            flow.world.set_status(str(fact.email), chance.choice([Intent.LOWER, Intent.RAISE]))
    gone = contact.c.email.in_([fact.email for fact in facts if chance.random() < 0.1])
    flow.world.write(contact.update().where(gone).values(deleted_at=flow.world.now()))
    flow.world.count_up()


def foreseen(flow: Flow, workflow: Workflow) -> Foresight:
    return flow.workflows.preview(PORTAL, workflow.id, Changes())


def statuses(flow: Flow) -> dict[int, Any]:
    return {row.id: (row.since, row.until) for row in flow.world.rows(contact)}


@pytest.mark.parametrize("seed", range(6))
def test_a_preview_is_what_switching_on_does(flow: Flow, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - a test's
    people(flow, chance, 60)
    if chance.random() < 0.5:
        flow.world.pass_by(days=25)
        flow.world.announce_ends()
    made = flow.make(where(stage=chance.choice(STAGES)), marketing=seed % 2 == 0, re_enrols=seed % 3 == 0)
    found, before = foreseen(flow, made), statuses(flow)
    flow.switch_on(made, Told(enrol_existing=True, expected=found.changes))
    flow.world.count_up()
    after, job = statuses(flow), flow.job(made)
    changed = {number for number, status in after.items() if status != before[number]}
    assert len(changed) == found.changes
    assert found.examples == tuple(sorted(changed))[:20]
    assert (job.total, job.done) == (found.matching, found.matching)
    assert job.counts.get("raised", 0) == found.raised
    assert job.counts.get("lowering_cancelled", 0) == found.cancelled
    assert job.counts.get("lowering_requested", 0) == found.lowered
    assert sum(job.counts.values()) == found.matching
    assert flow.world.count() == found.count_after
    assert flow.world.proof().difference == 0


def test_a_preview_leaves_out_whom_the_workflow_has_enrolled(flow: Flow) -> None:
    made = flow.on(LEADS)
    flow.submit("ada@example.com", stage="lead")
    flow.run()
    flow.workflows.switch_off(COMMAND, PORTAL, made.id)
    flow.world.set_status("ada@example.com", Intent.LOWER)
    assert (foreseen(flow, made).left_out, foreseen(flow, made).changes) == (1, 0)
    again = flow.workflows.preview(PORTAL, made.id, Changes(re_enrols=True))
    assert (again.left_out, again.cancelled) == (0, 1)


def test_a_preview_of_what_is_not_kept_changes_nothing(flow: Flow) -> None:
    flow.submit("ada@example.com", stage="lead")
    before = statuses(flow)
    found = flow.workflows.preview_draft(PORTAL, Draft(filter=LEADS, marketing=True))
    assert (found.matching, found.raised, found.changes) == (1, 1, 1)
    assert (statuses(flow), flow.workflows.all(PORTAL)) == (before, [])


def test_a_preview_says_that_the_tier_would_step(world: World) -> None:
    furnish(world, tier=1)
    flow = Flow(world)
    for each in "abc":
        flow.submit(f"{each}@example.com", stage="lead")
    found = flow.workflows.preview_draft(PORTAL, Draft(filter=LEADS, marketing=True)).document()
    assert (found["count_after"], found["tier"], found["tier_after"], found["tier_steps"]) == (
        3,
        1,
        5_001,
        True,
    )
    lowering = flow.workflows.preview_draft(PORTAL, Draft(filter=LEADS, marketing=False)).document()
    assert (lowering["changes"], lowering["unchanged"], lowering["tier_steps"]) == (0, 3, False)
