from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from service import billing
from service.domain.model import Intent, Verdict
from service.messages import StatusMessage
from service.store import contacts, explanations
from service.store.tables import contact, ended_stint, status_change
from tests.facts import NOW, PORTAL, UPDATE_DATE, make_fact
from tests.world import World

ADA = "ada@example.com"
MOMENT = timedelta(seconds=1)


@pytest.fixture
def proved(world: World) -> Iterator[World]:
    """A marketing contact, counted; at the end the count has to be proved."""
    world.record(make_fact(ADA))
    world.count_up()
    yield world
    world.count_up()
    assert world.proof().difference == 0


def lower(world: World) -> StatusMessage:
    world.set_status(ADA, Intent.LOWER)
    (message,) = world.count_up()
    return message


def test_a_lowering_is_due_on_the_update_date_and_the_contact_counts_until_then(proved: World) -> None:
    message = lower(proved)
    assert (message.verdict, message.until, message.after) == ("lowering_requested", UPDATE_DATE, True)
    assert [proved.count(at) for at in (NOW, UPDATE_DATE - MOMENT, UPDATE_DATE)] == [1, 1, 0]


def test_the_bill_tells_who_leaves(proved: World) -> None:
    lower(proved)
    bill = billing.bill(proved.database, PORTAL, NOW)
    assert (bill.count, bill.leaving, bill.after_update, bill.update_date) == (1, 1, 0, UPDATE_DATE)


def test_the_stint_ends_by_time_alone(proved: World) -> None:
    lower(proved)
    proved.time = UPDATE_DATE - MOMENT
    assert (proved.count(), proved.proof().by_contacts, proved.proof().difference) == (1, 1, 0)
    proved.time = UPDATE_DATE
    assert (proved.count(), proved.proof().by_contacts, proved.proof().difference) == (0, 0, 0)


def test_raising_again_cancels_the_lowering(proved: World) -> None:
    lower(proved)
    assert proved.verdicts(make_fact(ADA)) == [Verdict.LOWERING_CANCELLED]
    proved.count_up()
    proved.time = UPDATE_DATE + MOMENT
    assert proved.count() == 1
    assert proved.announce_ends() == 0
    assert proved.number_of(ended_stint) == 0


def test_raising_by_hand_cancels_it_too(proved: World) -> None:
    lower(proved)
    assert proved.set_status(ADA, Intent.RAISE).verdict is Verdict.LOWERING_CANCELLED
    proved.count_up()
    assert proved.count(UPDATE_DATE) == 1


def test_lowering_twice_is_lowering_once(proved: World) -> None:
    lower(proved)
    assert proved.set_status(ADA, Intent.LOWER).verdict is Verdict.ALREADY_LEAVING
    assert proved.count_up() == []


def test_a_form_that_is_on_cancels_nothing_once_the_stint_has_ended(proved: World) -> None:
    lower(proved)
    proved.time = UPDATE_DATE
    assert proved.verdicts(make_fact(ADA)) == [Verdict.RAISED]


def test_the_clock_announces_an_end_exactly_once(proved: World) -> None:
    lower(proved)
    proved.time = UPDATE_DATE + timedelta(hours=5)
    assert [proved.announce_ends() for _ in range(3)] == [1, 0, 0]
    (message,) = proved.count_up()
    assert (message.verdict, message.at, message.version) == ("stint_ended", UPDATE_DATE, 3)
    assert (message.before, message.after, message.actor) == (True, False, "clock")
    assert proved.count() == 0


def test_the_clock_announces_an_end_as_soon_as_it_has_come_and_not_before(proved: World) -> None:
    lower(proved)
    proved.time = UPDATE_DATE - MOMENT
    assert proved.announce_ends() == 0
    proved.time = UPDATE_DATE
    assert proved.announce_ends() == 1


def test_after_the_end_a_new_stint_begins_and_the_earlier_one_is_kept(proved: World) -> None:
    lower(proved)
    proved.time = UPDATE_DATE + timedelta(days=3)
    proved.announce_ends()
    assert proved.verdicts(make_fact(ADA)) == [Verdict.RAISED]
    proved.count_up()
    (ended,) = proved.rows(ended_stint)
    assert (ended.number, ended.version, ended.since, ended.until) == (1, 3, NOW, UPDATE_DATE)
    (now,) = proved.rows(contact)
    assert (now.stint, now.since, now.until, now.status_version) == (2, proved.time, None, 4)
    assert not now.end_announced
    assert proved.count() == 1


def test_a_raise_before_the_clock_has_looked_is_a_new_stint_all_the_same(proved: World) -> None:
    lower(proved)
    proved.time = UPDATE_DATE + MOMENT
    assert proved.set_status(ADA, Intent.RAISE).verdict is Verdict.RAISED
    assert proved.announce_ends() == 0
    (ended,) = proved.rows(ended_stint)
    assert (ended.number, ended.version, ended.until) == (1, 2, UPDATE_DATE)


@pytest.mark.parametrize("by", ["form", "hand"])
def test_the_second_stint_ends_and_is_announced_like_the_first(proved: World, by: str) -> None:
    for _ in range(2):
        if by == "form":
            proved.verdicts(make_fact(ADA))
        else:
            proved.set_status(ADA, Intent.RAISE)
        proved.set_status(ADA, Intent.LOWER)
        proved.pass_by(days=40)
        assert proved.announce_ends() == 1
        proved.count_up()
        assert proved.proof().difference == 0
    assert [row.stint for row in proved.rows(contact)] == [2]


def test_every_step_of_a_life_is_proved(proved: World) -> None:
    counts = []
    for step in ["lower", "raise", "lower", "wait", "clock", "raise", "lower", "wait", "raise"]:
        if step == "wait":
            proved.pass_by(days=31)
        elif step == "clock":
            proved.announce_ends()
        else:
            proved.set_status(ADA, Intent.LOWER if step == "lower" else Intent.RAISE)
        proved.count_up()
        assert proved.proof().difference == 0
        counts.append(proved.count())
    assert counts == [1, 1, 1, 0, 0, 1, 1, 0, 1]


def test_the_clock_goes_page_by_page(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.clock.PAGE", 2)
    emails = [f"{number}@example.com" for number in range(5)]
    world.record(*[make_fact(email) for email in emails])
    for email in emails:
        world.set_status(email, Intent.LOWER)
    world.pass_by(days=40)
    assert [world.announce_ends() for _ in range(4)] == [2, 2, 1, 0]


def test_several_clocks_announce_each_end_once(world: World) -> None:
    emails = [f"{number}@example.com" for number in range(40)]
    world.record(*[make_fact(email) for email in emails])
    for email in emails:
        world.set_status(email, Intent.LOWER)
    world.pass_by(days=40)
    with ThreadPoolExecutor(4) as clocks:
        announced = sum(clocks.map(lambda _: world.announce_ends(), range(8)))
    ends = [row.contact_id for row in world.rows(status_change) if row.verdict == Verdict.STINT_ENDED]
    assert announced == len(ends) == len(set(ends)) == 40


def test_a_change_by_hand_says_who_did_it(proved: World) -> None:
    message = lower(proved)
    assert (message.source, message.reason_type, message.actor) == ("by_hand", "USER_SET", "user:7")


def test_a_contact_tells_why_it_counts(proved: World) -> None:
    lower(proved)
    (row,) = proved.rows(contact)
    found = billing.why(proved.database, PORTAL, row.id)
    assert [change.verdict for change in found.changes] == ["raised", "lowering_requested"]
    assert [line.until for line in found.lines] == [UPDATE_DATE]
    assert found.contact.standing.is_marketing(NOW)


def test_a_contact_of_another_portal_is_not_found(proved: World) -> None:
    (row,) = proved.rows(contact)
    with proved.database.reading() as connection:
        assert contacts.find_person(connection, 2, row.id) is None
        assert explanations.explain(connection, 2, row.id) is None
        assert contacts.find_by_email(connection, 2, ADA) is None
