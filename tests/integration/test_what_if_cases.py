"""What-if in single cases: what it says, what it leaves as it happened, what it refuses, and its job."""

from typing import Any

import pytest
import sqlalchemy as sa

from service.defaults import whatif
from service.defaults.replaying import Walk
from service.defaults.whatif import PATIENCE, WHAT_IF, WhatIf, read_changes
from service.domain.actors import COMMAND
from service.domain.billing import Product
from service.domain.brake import Limits
from service.domain.defaults import EXTERNAL_FORMS, Subject, SubjectKind
from service.domain.jobs import JobState
from service.domain.model import Intent
from service.errors import InvalidInput, NotFound, NotIncluded
from service.identifiers import new_submission_id
from service.providers.events import EventKind, KeptReason
from service.store import jobs, portals
from service.store.tables import contact, portal, status_change, submission
from service.working import open_runner
from tests.braking import brake, release
from tests.facts import FORM, FORM_THAT_IS_OFF, NOW, PORTAL, make_fact, make_portal
from tests.receiving import Desk, said
from tests.world import World

ON, OFF = Subject(SubjectKind.FORM, FORM), Subject(SubjectKind.FORM, FORM_THAT_IS_OFF)
ADA, BOB, EVE = "ada@example.com", "bob@example.com", "eve@example.com"


def submit(world: World, *emails: str, form: str = FORM, **more: Any) -> None:
    for email in emails:
        now = world.pass_by(seconds=1)
        fact = make_fact(email, form=form, submission_id=new_submission_id(now), received_at=now, **more)
        world.record(fact)


def ask(world: World, changes: dict[Subject, bool | None], days: int = 30) -> dict[str, Any]:
    world.pass_by(seconds=1)
    world.count_up()
    found = WhatIf(world.database, world.now).ask(PORTAL, changes, days)
    assert found["unexplained"] == 0
    return found


def numbers(found: dict[str, Any]) -> tuple[int, int, int]:
    """Return how many more count, how many fewer, and how many would."""
    return found["now"]["more"], found["now"]["fewer"], found["now"]["with_change"]


def test_it_says_who_would_count_and_by_which_form(world: World) -> None:
    submit(world, ADA, BOB)
    submit(world, EVE, form=FORM_THAT_IS_OFF)
    fewer, more = ask(world, {ON: False}), ask(world, {OFF: True})
    ids = {row.email: row.id for row in world.rows(contact)}
    assert (numbers(fewer), numbers(more)) == ((0, 2, 0), (1, 0, 3))
    assert fewer["by_form"] == [{"subject": str(ON), "name": "Contact us", "more": 0, "fewer": 2}]
    assert more["by_form"] == [{"subject": str(OFF), "name": "Contact us", "more": 1, "fewer": 0}]
    assert more["examples"] == [{"contact": ids[EVE], "counts": False, "would_count": True}]
    assert more["submissions"] == 3


def test_nothing_is_written(world: World) -> None:
    submit(world, ADA, BOB, form=FORM_THAT_IS_OFF)
    before = [world.rows(table) for table in (contact, status_change, submission, portal)]
    ask(world, {OFF: True})
    assert [world.rows(table) for table in (contact, status_change, submission, portal)] == before


def test_a_contact_that_another_form_raises_anyway_makes_no_difference(world: World) -> None:
    desk = Desk(world)
    submit(world, ADA)
    desk.take(said({"a": "b"}, email=ADA))
    form = Subject(SubjectKind.EXTERNAL_FORM, str(desk.form().id))
    assert numbers(ask(world, {ON: False})) == (0, 0, 1)
    assert numbers(ask(world, {form: False})) == (0, 0, 1)
    assert numbers(ask(world, {ON: False, form: False})) == (0, 1, 0)
    assert numbers(ask(world, {ON: False, EXTERNAL_FORMS: False})) == (0, 1, 0)
    assert numbers(ask(world, {ON: False, EXTERNAL_FORMS: False, form: True})) == (0, 0, 1)


def test_who_counted_before_the_window_goes_on_counting(world: World) -> None:
    submit(world, ADA)
    world.pass_by(days=10)
    submit(world, ADA, BOB)
    assert numbers(ask(world, {ON: False}, days=5)) == (0, 1, 1)
    assert numbers(ask(world, {ON: False}, days=15)) == (0, 2, 0)


def test_a_lowering_by_hand_stays_as_it_happened(world: World) -> None:
    submit(world, ADA)
    submit(world, BOB)
    world.pass_by(seconds=1)
    world.set_status(ADA, Intent.LOWER)
    submit(world, ADA, form=FORM_THAT_IS_OFF)
    found = ask(world, {OFF: True})
    assert (found["now"]["net"], found["at_update_date"]["count"]) == (0, 1)
    assert (found["at_update_date"]["more"], found["at_update_date"]["with_change"]) == (1, 2)
    fewer = ask(world, {ON: False})
    assert (numbers(fewer), fewer["at_update_date"]["fewer"]) == ((0, 2, 0), 1)


def test_a_raise_by_hand_stays_as_it_happened(world: World) -> None:
    submit(world, ADA, form=FORM_THAT_IS_OFF)
    world.pass_by(seconds=1)
    world.set_status(ADA, Intent.RAISE)
    submit(world, ADA)
    assert numbers(ask(world, {ON: False})) == (0, 0, 1)


def test_a_chatflow_speaks_of_contacts_that_it_made_only(world: World) -> None:
    desk = Desk(world, "intercom")
    submit(world, ADA, form=FORM_THAT_IS_OFF)
    kind = {"kind": EventKind.CHAT, "form_id": "bot"}
    for email in (ADA, BOB, BOB):
        desk.take(said({"text": f"{email} {world.now()}"}, email=email, **kind))
    flow = Subject(SubjectKind.CHATFLOW, str(desk.form("bot").id))
    found = ask(world, {flow: True})
    assert (numbers(found), found["by_form"][0]["subject"]) == ((1, 0, 1), str(flow))


def test_a_no_and_what_was_kept_only_raise_nobody(world: World) -> None:
    desk = Desk(world)
    desk.choose(marketing_default=False)
    told: list[dict[str, Any]] = [{"consent": False}, {"kept": KeptReason.SPAM}, {"consent": True}, {}]
    for number, more in enumerate(told):
        event = said({"number": str(number)}, email=f"person{number}@example.com", **more)
        desk.take(event)
    form = Subject(SubjectKind.EXTERNAL_FORM, str(desk.form().id))
    assert numbers(ask(world, {form: True})) == (2, 0, 2)


def test_what_a_brake_held_stays_held_until_it_was_released(world: World) -> None:
    brake(world, Limits(most=1))
    submit(world, ADA, BOB, EVE)
    assert numbers(ask(world, {ON: False})) == (0, 1, 0)
    world.pass_by(seconds=1)
    submit(world, BOB, form=FORM_THAT_IS_OFF)
    world.pass_by(seconds=1)
    release(world, most=1)
    submit(world, BOB, form=FORM_THAT_IS_OFF)
    assert numbers(ask(world, {ON: False})) == (0, 1, 1)
    assert numbers(ask(world, {})) == (0, 0, 2)


def test_a_contact_that_is_gone_leaves_as_the_portal_has_it(world: World) -> None:
    submit(world, ADA, form=FORM_THAT_IS_OFF)
    now = world.pass_by(seconds=1)
    world.write(sa.update(contact).values(deleted_at=now))
    found = ask(world, {OFF: True})
    assert (found["now"]["more"], found["at_update_date"]["more"]) == (1, 0)
    world.write(sa.update(portal).values(delete_counts="not"))
    assert ask(world, {OFF: True})["now"]["more"] == 0


def test_it_says_whether_the_tier_moves_and_which_notices_come(world: World) -> None:
    world.write(sa.update(portal).values(tier=4))
    submit(world, ADA, BOB)
    people = [f"person{number}@example.com" for number in range(4)]
    submit(world, *people[:1], form=FORM_THAT_IS_OFF)
    found = ask(world, {OFF: True})
    assert (found["tier"], found["notices"]) == ({"now": 4, "with_change": 4, "moves": False}, [75])
    submit(world, *people[1:], form=FORM_THAT_IS_OFF)
    found = ask(world, {OFF: True})
    assert found["tier"] == {"now": 4, "with_change": 1_004, "moves": True}
    assert found["notices"] == [75, 90, 98, 100]
    assert ask(world, {ON: False})["tier"]["moves"] is False


def test_other_portals_submissions_are_not_looked_at(world: World) -> None:
    with world.database.writing() as connection:
        portals.add_portal(connection, make_portal(2))
    submit(world, ADA)
    submit(world, BOB, portal_id=2)
    found = ask(world, {ON: False})
    assert (found["submissions"], numbers(found)) == (1, (0, 1, 0))


@pytest.mark.parametrize("page", [1, 2, 3])
def test_pages_of_any_size_come_to_the_same(world: World, page: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(2):
        submit(world, ADA, BOB, EVE)
        submit(world, ADA, EVE, form=FORM_THAT_IS_OFF)
    whole = ask(world, {ON: False, OFF: True})
    monkeypatch.setattr(Walk.__init__, "__defaults__", (page,))
    again = WhatIf(world.database, world.now).ask(PORTAL, {ON: False, OFF: True}, 30)
    assert again == whole


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"token:1": True}, "no submission goes by token:1"),
        ({"portal:delete_counts": True}, "no submission goes by"),
        ({f"form:{FORM}": None}, "can't be None"),
        ({"nobody:1": True}, "names no default"),
        ({}, "0 defaults are named"),
    ],
)
def test_what_cannot_be_asked_is_refused(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidInput, match=says):
        read_changes(changes)


def test_what_is_not_there_cannot_be_asked_about(world: World) -> None:
    what_if = WhatIf(world.database, world.now)
    with pytest.raises(InvalidInput, match="there is no chatflow:9"):
        what_if.ask(PORTAL, {Subject(SubjectKind.CHATFLOW, "9"): True}, 30)
    for days in (0, 91):
        with pytest.raises(InvalidInput, match="days"):
            what_if.ask(PORTAL, {ON: False}, days)
    with pytest.raises(NotFound):
        what_if.ask(9, {ON: False}, 30)
    world.write(sa.update(portal).values(product=Product.NONE.value))
    with pytest.raises(NotIncluded):
        what_if.ask(PORTAL, {ON: False}, 30)


def test_little_is_answered_at_once(world: World) -> None:
    submit(world, ADA)
    assert WhatIf(world.database, world.now).start(COMMAND, PORTAL, {ON: False}, 30) is None


@pytest.fixture
def started(world: World, monkeypatch: pytest.MonkeyPatch) -> int:
    """A job that asks what the form's default makes."""
    monkeypatch.setattr(whatif, "MOST_AT_ONCE", 1)
    monkeypatch.setattr(Walk.__init__, "__defaults__", (2,))
    for _ in range(2):
        submit(world, ADA, BOB, EVE)
    world.count_up()
    job = WhatIf(world.database, world.now).start(COMMAND, PORTAL, {ON: False}, 30)
    assert job is not None
    assert (job.kind, job.total) == (WHAT_IF, 6)
    return job.id


def test_much_is_a_jobs(world: World, started: int) -> None:
    what_if, runner = WhatIf(world.database, world.now), open_runner(world.database, world.now, 1)
    at_once = what_if.ask(PORTAL, {ON: False}, 30)
    steps = 0
    while runner.step():
        steps += 1
    job, result = what_if.result(PORTAL, started)
    assert (job.state, job.done, result) == (JobState.DONE, 6, at_once)
    assert job.counts == {"submissions": 6, "unexplained": 0, "fewer_now": 3, "fewer_at_update_date": 3}
    assert steps > 4


def test_a_job_whose_process_is_gone_begins_anew_elsewhere(world: World, started: int) -> None:
    what_if = WhatIf(world.database, world.now)
    first, second = (open_runner(world.database, world.now, 1) for _ in range(2))
    for _ in range(3):
        first.step()
    told, _ = what_if.result(PORTAL, started)
    for _ in range(5):
        second.step()
    waiting, _ = what_if.result(PORTAL, started)
    assert (told.done, waiting.done, waiting.state) == (4, 4, JobState.PROCESSING)
    world.time += PATIENCE
    while second.step():
        pass
    job, result = what_if.result(PORTAL, started)
    assert (job.state, job.done) == (JobState.DONE, 6)
    assert (result or {})["now"]["fewer"] == 3


def test_a_job_can_be_cancelled(world: World, started: int) -> None:
    runner = open_runner(world.database, world.now, 1)
    runner.step()
    with world.database.writing() as connection:
        jobs.ask_to_cancel(connection, PORTAL, started)
    runner.step()
    job, result = WhatIf(world.database, world.now).result(PORTAL, started)
    assert (job.state, result, runner.step()) == (JobState.CANCELED, None, False)


def test_another_portals_job_and_another_kind_of_job_are_not_found(world: World, started: int) -> None:
    with world.database.writing() as connection:
        other = jobs.add(connection, PORTAL, "set_status", "command", {}, NOW)
    for portal_id, job_id in ((2, started), (PORTAL, other.id)):
        with pytest.raises(NotFound):
            WhatIf(world.database, world.now).result(portal_id, job_id)
