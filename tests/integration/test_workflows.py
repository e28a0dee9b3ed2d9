"""Which changes lead to an evaluation, and what that comes to."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from service import working
from service.contacts import Contacts
from service.domain.actors import COMMAND
from service.domain.model import Intent
from service.health import figures
from service.joining import Joiner
from service.store.tables import status_change, workflow_due
from tests.chats import Chats, chat_event
from tests.facts import FORM, PORTAL, make_fact
from tests.workflows import Flow, furnish, where
from tests.world import World

ADA, BOB, EVE = "ada@example.com", "bob@example.com", "eve@example.com"
LEADS = where(stage="lead")
MONTH = {"days": 25}


@pytest.fixture
def flow(world: World) -> Flow:
    furnish(world)
    return Flow(world)


def test_a_submission_that_makes_a_contact_match_has_it_raised(flow: Flow) -> None:
    flow.on(LEADS)
    flow.submit(ADA, stage="lead")
    flow.submit(BOB, stage="customer")
    assert flow.marketing() == set()
    flow.run()
    assert flow.marketing() == {ADA}
    assert flow.is_proved()


def test_a_raise_by_a_workflow_says_so(flow: Flow) -> None:
    workflow = flow.on(LEADS)
    flow.submit(ADA, stage="lead")
    flow.run()
    (change,) = flow.world.rows(status_change)
    assert (change.source, change.reason_type) == ("workflow", "WORKFLOW")
    assert (change.reason_id, change.actor) == (str(workflow.id), f"workflow:{workflow.id}")


def test_a_submission_of_a_known_contact_has_it_raised(flow: Flow) -> None:
    flow.submit(ADA, stage="visitor")
    flow.on(LEADS)
    flow.submit(ADA, stage="lead")
    flow.run()
    assert flow.marketing() == {ADA}


def test_a_change_by_hand_has_a_contact_raised(flow: Flow) -> None:
    flow.submit(ADA)
    flow.on(LEADS)
    flow.edit(ADA, stage="lead")
    flow.run()
    assert flow.marketing() == {ADA}


def test_a_status_set_by_hand_is_a_change(flow: Flow) -> None:
    flow.submit(ADA)
    flow.on(where(hs_marketable_status="true"), marketing=False)
    flow.world.set_status(ADA, Intent.RAISE)
    flow.run()
    assert flow.verdicts(ADA) == ["raised", "lowering_requested"]
    assert flow.is_proved()


def test_a_status_raised_by_a_form_is_a_change(flow: Flow) -> None:
    flow.on(where(hs_marketable_status="true"), marketing=False)
    flow.intake.record_all([make_fact(ADA, form=FORM)])
    flow.run()
    assert flow.verdicts(ADA) == ["raised", "lowering_requested"]


def test_the_end_of_a_stint_is_a_change(flow: Flow) -> None:
    flow.intake.record_all([make_fact(ADA, form=FORM)])
    flow.world.set_status(ADA, Intent.LOWER)
    flow.on(where(hs_marketable_status="false"))
    flow.world.pass_by(**MONTH)
    flow.world.announce_ends()
    flow.run()
    assert flow.verdicts(ADA)[-2:] == ["stint_ended", "raised"]
    assert flow.is_proved()


def test_a_lowering_takes_effect_on_the_update_date(flow: Flow) -> None:
    flow.intake.record_all([make_fact(ADA, form=FORM)])
    flow.on(where(stage="lost"), marketing=False)
    flow.submit(ADA, stage="lost")
    flow.run()
    assert flow.marketing() == {ADA}
    flow.world.pass_by(**MONTH)
    assert flow.marketing() == set()
    assert flow.is_proved()


def test_a_lowering_and_a_raise_by_workflows_cost_nothing(flow: Flow) -> None:
    flow.intake.record_all([make_fact(ADA, form=FORM)])
    flow.on(where(stage="lost"), marketing=False)
    flow.on(LEADS)
    flow.submit(ADA, stage="lost")
    flow.run()
    flow.submit(ADA, stage="lead")
    flow.run()
    assert flow.verdicts(ADA) == ["raised", "lowering_requested", "lowering_cancelled"]
    flow.world.pass_by(**MONTH)
    assert flow.marketing() == {ADA}
    assert flow.is_proved()


def test_contacts_made_changed_and_merged_by_hand_are_looked_at(flow: Flow) -> None:
    contacts = Contacts(flow.world.database, flow.world.now)
    flow.on(LEADS)
    contacts.make(COMMAND, PORTAL, ADA, {"stage": "lead"}, marketing=False)
    bob = contacts.make(COMMAND, PORTAL, BOB, {}, marketing=False).contact_id
    eve = contacts.make(COMMAND, PORTAL, EVE, {}, marketing=False).contact_id
    flow.run()
    assert flow.marketing() == {ADA}
    contacts.change(COMMAND, PORTAL, bob, {"stage": "lead"}, None)
    flow.run()
    assert flow.marketing() == {ADA, BOB}
    contacts.merge(COMMAND, PORTAL, eve, bob)
    flow.run()
    assert {ADA, EVE} <= flow.marketing()
    assert flow.is_proved()


def test_a_contact_that_unsubscribes_is_due(flow: Flow) -> None:
    flow.submit(ADA)
    flow.on(LEADS)
    Contacts(flow.world.database, flow.world.now).note_mailing(COMMAND, PORTAL, [ADA], unsubscribed=True)
    assert flow.due() == {flow.id_of(ADA)}


def test_a_contact_that_is_deleted_is_not_raised_and_is_due_no_more(flow: Flow) -> None:
    flow.on(LEADS)
    flow.submit(ADA, stage="lead")
    Contacts(flow.world.database, flow.world.now).delete(COMMAND, PORTAL, flow.id_of(ADA))
    flow.run()
    assert (flow.marketing(), flow.due()) == (set(), set())
    flow.submit(ADA, stage="lead")
    flow.run()
    assert flow.marketing() == {ADA}


def test_what_a_chats_earlier_part_fills_in_is_a_change(flow: Flow) -> None:
    chats = Chats(flow.world)
    endpoint = chats.endpoint("crisp")
    flow.on(where(firstname="Augusta"))
    chats.keep(endpoint, chat_event("s", first_name="Augusta"))
    chats.keep(endpoint, chat_event("s", email=ADA))
    flow.run()
    assert flow.marketing() == set()
    assert Joiner(flow.world.database, flow.world.now).step() == 1
    flow.run()
    assert flow.marketing() == {ADA}


def test_what_a_workflow_sets_is_no_change(flow: Flow) -> None:
    flow.on(LEADS)
    flow.on(where(hs_marketable_status="true"), marketing=False)
    flow.submit(ADA, stage="lead")
    assert flow.run() == 1
    assert flow.due() == set()
    assert flow.verdicts(ADA) == ["raised"]


def test_nothing_is_noted_where_no_workflow_is_on(flow: Flow) -> None:
    flow.make(LEADS)
    flow.submit(ADA, stage="lead")
    flow.edit(ADA, stage="lead")
    assert flow.due() == set()


def test_nothing_is_noted_after_the_last_one_was_switched_off(flow: Flow) -> None:
    workflow = flow.on(LEADS)
    flow.workflows.switch_off(COMMAND, PORTAL, workflow.id)
    flow.submit(ADA, stage="lead")
    flow.edit(ADA, stage="lead")
    assert flow.world.number_of(workflow_due) == 0


def test_health_tells_how_long_a_contact_has_waited(flow: Flow) -> None:
    check = working.due_check(flow.world.database, flow.world.now)["workflows:age"]
    assert (check()["status"], check()["observedValue"]) == ("pass", 0.0)
    flow.on(LEADS)
    flow.submit(ADA, stage="lead")
    flow.world.pass_by(minutes=6)
    assert (check()["status"], check()["observedValue"]) == ("warn", 360.0)
    assert figures(flow.world.database, flow.world.now()).workflows_age == 360.0
    flow.run()
    assert check()["status"] == "pass"


def test_a_process_that_runs_jobs_runs_workflows(flow: Flow) -> None:
    flow.on(LEADS)
    flow.submit(ADA, stage="lead")
    threads, stop = working.open_threads(flow.world.database, flow.world.now, 0.01), threading.Event()
    with ThreadPoolExecutor(len(threads)) as pool:
        running = [pool.submit(thread, stop) for thread in threads.values()]
        for _ in range(500):
            if flow.marketing() == {ADA}:
                break
            time.sleep(0.02)
        stop.set()
        for each in running:
            each.result(30)
    assert (sorted(threads), flow.marketing()) == (["jobs", "workflows"], {ADA})
