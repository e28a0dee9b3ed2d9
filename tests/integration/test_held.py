"""Raises that are held are released or refused by a person."""

import json

import pytest
import sqlalchemy as sa

from service.brakes.holding import CHUNK, HeldLine
from service.contacts import Contacts
from service.domain.actors import COMMAND, Actor, ActorKind
from service.domain.billing import Product
from service.domain.brake import HeldState, Limits
from service.domain.jobs import JobState
from service.domain.model import Intent, Verdict
from service.errors import InvalidInput, NoMarketingAccess, NotIncluded, UnexpectedNumber
from service.store.held import Wanted
from service.store.tables import audit, contact, held, job, portal, status_change, submission
from tests.braking import (
    ALL,
    THE_FORM,
    assert_counted_right,
    brake,
    holding,
    release,
    states,
    take_away,
    waiting,
)
from tests.facts import FORM, FORM_THAT_IS_OFF, PORTAL, make_fact
from tests.working import work
from tests.world import World

USER = Actor(ActorKind.USER, 7)
RELEASED, REFUSED, LAPSED = HeldState.RELEASED, HeldState.REFUSED, HeldState.LAPSED


@pytest.fixture
def held_up(world: World) -> World:
    """The world with three contacts whose raise is held."""
    brake(world, Limits(most=0))
    world.record(*[make_fact(f"p{number}@example.com") for number in range(3)])
    return world


def numbers(world: World) -> list[int]:
    return [row.id for row in world.rows(held, held.c.id)]


def raised(world: World) -> list[str]:
    rows = world.rows(status_change, status_change.c.contact_id)
    emails = {row.id: row.email for row in world.rows(contact)}
    return [emails[row.contact_id] for row in rows]


def test_a_release_raises_above_the_limit_and_counts(held_up: World) -> None:
    assert release(held_up, Wanted(ids=(numbers(held_up)[1],))) == {"released": 1}
    assert raised(held_up) == ["p1@example.com"]
    assert assert_counted_right(held_up) == 1
    held_up.count_up()
    assert (held_up.count(), held_up.proof().difference) == (1, 0)


def test_a_release_names_who_asked_and_who_let_it_pass(held_up: World) -> None:
    (first,) = [row for row in held_up.rows(submission) if row.id == waiting(held_up)[0].submission_id]
    holding(held_up).release(USER, PORTAL, ALL, most=1, expected=None)
    (change,) = held_up.rows(status_change)
    assert (change.source, change.reason_type, change.reason_id) == ("hubspot_form", "FORM_SUBMISSION", FORM)
    assert (change.actor, change.submission_id, change.verdict) == ("user:7", first.id, "raised")
    (row, *_) = held_up.rows(held, held.c.id)
    assert (row.state, row.settled_by, row.settled_at) == (RELEASED, "user:7", held_up.now())


def test_the_oldest_are_released_first(held_up: World) -> None:
    assert release(held_up, most=2) == {"released": 2}
    assert sorted(raised(held_up)) == ["p0@example.com", "p1@example.com"]


def test_all_of_one_form_are_released_when_the_number_is_right(held_up: World) -> None:
    of_form, of_other = Wanted(source=THE_FORM[0], source_id=FORM), Wanted(source="chatflow")
    with pytest.raises(UnexpectedNumber) as caught:
        holding(held_up).release(USER, PORTAL, of_form, most=None, expected=4)
    assert caught.value.number == 3
    assert holding(held_up).release(USER, PORTAL, of_other, most=None, expected=0).counts["released"] == 0
    assert holding(held_up).release(USER, PORTAL, of_form, most=None, expected=3).counts["released"] == 3


def test_who_says_no_number_is_asked_for_one(held_up: World) -> None:
    with pytest.raises(InvalidInput) as caught:
        holding(held_up).release(USER, PORTAL, ALL, most=None, expected=None)
    assert caught.value.field == "expected"


def test_what_is_released_counts_towards_the_limits_of_the_form(held_up: World) -> None:
    brake(held_up, Limits(most=2, rate=9, rate_hours=1), THE_FORM)
    take_away(held_up)
    release(held_up, most=2)
    assert held_up.verdicts(make_fact("new@example.com")) == [Verdict.HELD]


def test_a_refusal_leaves_the_contact_and_a_later_submission_is_decided_anew(held_up: World) -> None:
    settled = holding(held_up).refuse(USER, PORTAL, ALL, most=None, expected=3)
    assert settled.counts == {"refused": 3}
    assert (held_up.number_of(contact), held_up.number_of(status_change)) == (3, 0)
    assert states(held_up) == [REFUSED] * 3
    assert held_up.verdicts(make_fact("p0@example.com")) == [Verdict.HELD]
    assert states(held_up) == [REFUSED] * 3 + [HeldState.HELD]


def test_what_was_settled_stays_settled(held_up: World) -> None:
    first = numbers(held_up)[0]
    holding(held_up).refuse(USER, PORTAL, Wanted(ids=(first,)), most=None, expected=None)
    assert release(held_up, Wanted(ids=(first,))) == {}
    assert states(held_up)[0] is REFUSED


def test_whoever_counts_already_is_left_as_it_is(held_up: World) -> None:
    take_away(held_up)
    held_up.set_status("p0@example.com", Intent.RAISE)
    assert [line.row.contact_id for line in page(held_up)] == ids_of(
        held_up, "p1@example.com", "p2@example.com"
    )
    assert release(held_up) == {"released": 2, "lapsed": 1}
    assert states(held_up) == [LAPSED, RELEASED, RELEASED]
    assert held_up.number_of(status_change) == 3


def page(world: World) -> list[HeldLine]:
    return holding(world).page(PORTAL, ALL, state=HeldState.HELD, after=0, limit=10)


def ids_of(world: World, *emails: str) -> list[int]:
    return [row.id for row in world.rows(contact, contact.c.id) if row.email in emails]


def test_whoever_is_gone_is_left_as_it_is(held_up: World) -> None:
    everybody = Contacts(held_up.database, held_up.now)
    first, second, third = ids_of(held_up, *[f"p{number}@example.com" for number in range(3)])
    everybody.delete(COMMAND, PORTAL, first)
    everybody.merge(COMMAND, PORTAL, third, second)
    assert release(held_up, Wanted(ids=tuple(numbers(held_up)))) == {"released": 1}
    assert raised(held_up) == ["p2@example.com"]
    assert assert_counted_right(held_up) == 1


def test_what_is_held_can_be_released_when_there_is_no_brake_any_more(held_up: World) -> None:
    take_away(held_up)
    assert release(held_up) == {"released": 3}
    held_up.count_up()
    assert (held_up.count(), held_up.proof().difference) == (3, 0)


def test_many_are_a_job_with_its_progress(world: World) -> None:
    brake(world, Limits(most=0))
    world.record(*[make_fact(f"p{number}@example.com") for number in range(2 * CHUNK + 10)])
    settled = holding(world).release(USER, PORTAL, ALL, most=2 * CHUNK + 1, expected=None)
    assert settled.job is not None
    done = work(world, settled.job.id)
    assert (done.state, done.kind, done.total, done.done) == (JobState.DONE, "release_held", 501, 501)
    assert (len(waiting(world)), assert_counted_right(world)) == (9, 501)
    settled = holding(world).refuse(USER, PORTAL, ALL, most=None, expected=9)
    assert (settled.job, settled.counts) == (None, {"refused": 9})


def test_a_few_of_many_are_released_at_once(world: World) -> None:
    brake(world, Limits(most=0))
    world.record(*[make_fact(f"p{number}@example.com") for number in range(CHUNK + 5)])
    assert release(world, most=3) == {"released": 3}
    assert len(waiting(world)) == CHUNK + 2


def test_many_are_refused_by_a_job(world: World) -> None:
    brake(world, Limits(most=0))
    world.record(*[make_fact(f"p{number}@example.com") for number in range(CHUNK + 1)])
    settled = holding(world).refuse(USER, PORTAL, ALL, most=None, expected=CHUNK + 1)
    assert settled.job is not None
    assert work(world, settled.job.id).counts == {"refused": CHUNK + 1}
    assert world.number_of(status_change) == 0


def test_who_lacks_marketing_access_releases_nothing(held_up: World) -> None:
    actor = Actor(ActorKind.USER, 7, marketing_access=False)
    for settle in (holding(held_up).release, holding(held_up).refuse):
        with pytest.raises(NoMarketingAccess):
            settle(actor, PORTAL, ALL, most=1, expected=None)
    assert len(waiting(held_up)) == 3


def test_a_portal_without_a_product_releases_nothing(held_up: World) -> None:
    held_up.write(sa.update(portal).values(product=Product.NONE.value))
    with pytest.raises(NotIncluded):
        release(held_up)
    assert holding(held_up).refuse(USER, PORTAL, ALL, most=1, expected=None).counts == {"refused": 1}


def test_who_released_is_in_the_audit(held_up: World) -> None:
    holding(held_up).release(USER, PORTAL, Wanted(source=THE_FORM[0], source_id=FORM), most=2, expected=None)
    row = held_up.rows(audit, audit.c.id)[-1]
    assert (row.actor, row.action, row.subject) == ("user:7", "held_released", "portal:1")
    assert (row.after["source_id"], row.after["released"]) == (FORM, 2)
    assert "@" not in json.dumps(row.after)


def test_nothing_is_done_twice_by_a_job_that_is_started_twice(world: World) -> None:
    brake(world, Limits(most=0))
    world.record(*[make_fact(f"p{number}@example.com") for number in range(CHUNK + 50)])
    for _ in range(2):
        holding(world).release(USER, PORTAL, ALL, most=None, expected=CHUNK + 50)
    first, second = [work(world, row.id) for row in world.rows(job, job.c.id)]
    assert first.counts.get("released", 0) + second.counts.get("released", 0) == CHUNK + 50
    assert assert_counted_right(world) == world.number_of(status_change) == CHUNK + 50


def test_a_form_that_is_off_asks_for_nothing_and_is_not_held(world: World) -> None:
    brake(world, Limits(most=0))
    assert world.verdicts(make_fact(form=FORM_THAT_IS_OFF)) == [Verdict.DEFAULT_OFF]
    assert world.number_of(held) == 0
