from collections.abc import Sequence

import pytest
import sqlalchemy as sa

from service import bulk
from service.brakes.limits import Brakes
from service.contacts import Contacts
from service.domain.actors import Actor, ActorKind
from service.domain.brake import WHOLE_PORTAL, Limits
from service.domain.filters import Filter, read_filter
from service.domain.jobs import JobState
from service.errors import NoMarketingAccess, UnexpectedNumber
from service.store import jobs
from service.store.selections import Selection
from service.store.tables import contact, job, portal, status_change
from service.working import open_runner
from tests.facts import FORM_THAT_IS_OFF, PORTAL, UPDATE_DATE, make_fact
from tests.working import work
from tests.world import World

USER = Actor(ActorKind.USER, 7)
SWISS: Filter = read_filter({"filters": [{"propertyName": "country", "operator": "EQ", "value": "CH"}]})


@pytest.fixture
def people(world: World) -> World:
    """The world with 1,200 contacts, every second of them Swiss, none of them marketing."""
    facts = [
        make_fact(
            f"p{number}@example.com",
            form=FORM_THAT_IS_OFF,
            properties={"country": "CH" if number % 2 else "DE"},
        )
        for number in range(1_200)
    ]
    world.record(*facts)
    return world


def start(
    world: World, wanted: Selection, expected: int, *, marketing: bool = True, actor: Actor = USER
) -> int:
    return bulk.set_status(
        world.database, actor, PORTAL, wanted, world.now(), marketing=marketing, expected=expected
    ).id


def ids(world: World) -> Sequence[int]:
    return [row.id for row in world.rows(contact, contact.c.id)]


def test_all_who_match_are_set_and_nobody_else(people: World) -> None:
    done = work(people, start(people, Selection(filter=SWISS), 600))
    assert (done.state, done.done, done.counts, done.problems) == (JobState.DONE, 600, {"raised": 600}, 0)
    people.count_up()
    assert (people.count(), people.proof().difference) == (600, 0)
    assert {row.properties["country"] for row in people.rows(contact) if row.stint} == {"CH"}
    assert {row.actor for row in people.rows(status_change)} == {"user:7"}


def test_another_number_changes_nothing_and_tells_the_right_one(people: World) -> None:
    with pytest.raises(UnexpectedNumber) as caught:
        start(people, Selection(filter=SWISS), 599)
    assert caught.value.number == 600
    assert people.number_of(job) == people.number_of(status_change) == 0


def test_numbers_can_be_named(people: World) -> None:
    some = ids(people)[:3]
    work(people, start(people, Selection(ids=(*some, some[0])), 3))
    people.count_up()
    assert people.count() == 3


def test_lowering_waits_for_the_update_date(people: World) -> None:
    work(people, start(people, Selection(filter=SWISS), 600))
    done = work(people, start(people, Selection(filter=SWISS), 600, marketing=False))
    assert done.counts == {"lowering_requested": 600}
    people.count_up()
    assert (people.count(), people.count(UPDATE_DATE), people.proof().difference) == (600, 0, 0)


def test_those_who_have_the_status_already_are_not_written(people: World) -> None:
    work(people, start(people, Selection(filter=SWISS), 600))
    again = work(people, start(people, Selection(filter=SWISS), 600))
    assert again.counts == {"already_marketing": 600}
    assert people.number_of(status_change) == 600


def test_who_comes_in_later_is_not_meant(people: World) -> None:
    number = start(people, Selection(filter=SWISS), 600)
    people.record(make_fact("late@example.com", form=FORM_THAT_IS_OFF, properties={"country": "CH"}))
    assert work(people, number).done == 600


def test_who_was_deleted_is_neither_counted_nor_set(people: World) -> None:
    swiss = next(row for row in people.rows(contact) if row.properties["country"] == "CH")
    Contacts(people.database, people.now).delete(USER, PORTAL, swiss.id)
    assert work(people, start(people, Selection(filter=SWISS), 599)).done == 599


def test_a_cancelled_job_stops_before_its_next_step_and_keeps_what_it_did(people: World) -> None:
    number = start(people, Selection(filter=SWISS), 600)
    runner = open_runner(people.database, people.now, interval=1)
    assert runner.step()
    with people.database.writing() as connection:
        assert jobs.ask_to_cancel(connection, PORTAL, number)
    done = work(people, number)
    assert (done.state, done.done) == (JobState.CANCELED, bulk.CHUNK)
    people.count_up()
    assert people.count() == bulk.CHUNK


def test_two_runners_share_a_job_and_do_nobody_twice(people: World) -> None:
    number = start(people, Selection(filter=SWISS), 600)
    runners = [open_runner(people.database, people.now, interval=1) for _ in range(2)]
    while runners[0].step() or runners[1].step():
        assert runners[1].step() in {True, False}
    assert work(people, number).counts == {"raised": 600}
    assert people.number_of(status_change) == 600


def test_a_job_that_breaks_off_in_the_middle_goes_on_where_it_was(
    people: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = start(people, Selection(filter=SWISS), 600)
    runner = open_runner(people.database, people.now, interval=1)
    assert runner.step()
    monkeypatch.setattr(jobs, "keep_step", _break)
    with pytest.raises(KeyboardInterrupt):
        runner.step()
    monkeypatch.undo()
    assert work(people, number).counts == {"raised": 600}
    assert people.number_of(status_change) == 600


def test_a_job_that_can_not_go_on_fails_and_says_why(people: World) -> None:
    number = start(people, Selection(filter=SWISS), 600)
    people.write(sa.update(portal).values(product="none"))
    done = work(people, number)
    assert done.state is JobState.FAILED
    assert "Starter, Professional or Enterprise" in done.error
    assert people.number_of(status_change) == 0


def test_a_job_that_nobody_can_do_fails_alone(people: World) -> None:
    with people.database.writing() as connection:
        odd = jobs.add(connection, PORTAL, "of_tomorrow", "user:7", {}, people.now())
    number = start(people, Selection(filter=SWISS), 600)
    assert work(people, odd.id).state is JobState.FAILED
    assert work(people, number).state is JobState.DONE


def test_without_marketing_access_nothing_starts(people: World) -> None:
    with pytest.raises(NoMarketingAccess):
        start(people, Selection(filter=SWISS), 600, actor=Actor(ActorKind.USER, 8, marketing_access=False))
    assert people.number_of(job) == 0


def _break(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def test_each_contact_that_could_not_be_set_is_named_with_the_reason(people: World) -> None:
    first, second, third = ids(people)[:3]
    number = start(people, Selection(ids=(first, second, third)), 3)
    Contacts(people.database, people.now).delete(USER, PORTAL, second)
    Brakes(people.database, people.now).set_limits(USER, PORTAL, WHOLE_PORTAL, Limits(most=1))
    done = work(people, number)
    with people.database.reading() as connection:
        found = [problem for _, problem in jobs.problems(connection, number)]
    assert (done.done, done.counts) == (2, {"raised": 1, "held": 1})
    assert {(each.contact_id, each.reason) for each in found} == {(second, "not_found"), (third, "held")}
