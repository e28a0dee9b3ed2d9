"""The gate alone: what it lets pass, whatever comes in which order."""

from collections import Counter
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain.billing import FOREVER
from service.domain.brake import (
    OPEN,
    SLOTS,
    WHOLE_PORTAL,
    Brake,
    BrakeGate,
    LimitReached,
    Limits,
    becomes_counted,
    end_of,
)
from service.domain.marketing import decide
from service.domain.model import (
    NEVER_MARKETING,
    Cause,
    Default,
    Intent,
    ReasonType,
    Source,
    Standing,
    Stint,
    Verdict,
)
from service.domain.planning import NOTHING_KNOWN, Group, Plan, plan
from tests.facts import FORM, FORM_THAT_IS_OFF, NOW, PORTAL, UPDATE_DATE, make_fact

TARGET = ("hubspot_form", FORM)
BY_FORM = Cause(
    Intent.DEFAULT, Source.HUBSPOT_FORM, ReasonType.FORM_SUBMISSION, FORM, default=Default(on=True)
)
BY_HAND = Cause(Intent.RAISE, Source.BY_HAND, ReasonType.USER_SET, "7", actor="user:7")
HOUR = timedelta(hours=1)


def stint(until: object = None) -> Standing:
    return Standing(Stint(1, NOW - timedelta(days=3), until, "FORM_SUBMISSION", FORM), 1)  # type: ignore[arg-type]


MARKETING, LEAVING, ENDED = stint(), stint(UPDATE_DATE), stint(NOW)


def gate_of(
    portal: Limits | None = None, form: Limits | None = None, *, tier: int = 1_000, count: int = 0
) -> BrakeGate:
    brakes = {WHOLE_PORTAL: Brake(portal or Limits())}
    if form is not None:
        brakes[TARGET] = Brake(form)
    return BrakeGate(PORTAL, tier, brakes, {FOREVER: count})


def ask(gate: BrakeGate, cause: Cause = BY_HAND, standing: Standing = NEVER_MARKETING) -> str:
    decision = decide(standing, cause, is_new=False, now=NOW, update_date=UPDATE_DATE)
    admitted = gate.admit(standing, decision, cause, NOW)
    assert (admitted is decision) is (admitted.verdict is not Verdict.HELD)
    assert admitted.verdict is not Verdict.HELD or (admitted.standing, admitted.change) == (standing, None)
    return admitted.limit


def write(gate: BrakeGate, cause: Cause = BY_HAND, standing: Standing = NEVER_MARKETING) -> bool:
    """Decide, ask and write; whether it passed."""
    decision = decide(standing, cause, is_new=False, now=NOW, update_date=UPDATE_DATE)
    admitted = gate.admit(standing, decision, cause, NOW)
    gate.note(standing, admitted.standing, admitted.change.cause if admitted.change else None, NOW)
    return admitted.verdict is not Verdict.HELD


@pytest.mark.parametrize(
    ("gate", "limit"),
    [
        (gate_of(), ""),
        (gate_of(Limits(most=10), count=9), ""),
        (gate_of(Limits(most=10), count=10), "count"),
        (gate_of(Limits(at_tier=True), tier=10, count=9), ""),
        (gate_of(Limits(at_tier=True), tier=10, count=10), "tier"),
        (gate_of(Limits(rate=1, rate_hours=1)), ""),
        (gate_of(form=Limits(most=0)), "form_count"),
        (gate_of(form=Limits(most=1)), ""),
        (gate_of(Limits(most=0), Limits(most=0)), "count"),
    ],
)
def test_a_limit_holds_what_would_cross_it(gate: BrakeGate, limit: str) -> None:
    assert ask(gate, BY_FORM) == limit


@pytest.mark.parametrize("standing", [MARKETING, LEAVING])
@pytest.mark.parametrize("intent", list(Intent))
def test_what_does_not_make_the_count_grow_always_passes(standing: Standing, intent: Intent) -> None:
    gate = gate_of(Limits(at_tier=True, most=0, rate=1, rate_hours=1), Limits(most=0), tier=0, count=1)
    assert ask(gate, Cause(intent, Source.BY_HAND, ReasonType.USER_SET, "7"), standing) == ""


@pytest.mark.parametrize("standing", [NEVER_MARKETING, ENDED])
def test_who_does_not_count_now_needs_room(standing: Standing) -> None:
    assert ask(gate_of(Limits(most=0)), BY_HAND, standing) == LimitReached.COUNT


def test_a_form_limits_itself_alone() -> None:
    gate = gate_of(form=Limits(most=1))
    assert [ask(gate, BY_FORM), ask(gate, BY_FORM), ask(gate, BY_HAND)] == ["", "form_count", ""]


def test_what_is_admitted_counts_before_it_is_written() -> None:
    gate = gate_of(Limits(most=2))
    assert [ask(gate), ask(gate), ask(gate)] == ["", "", "count"]


def test_what_is_admitted_and_not_written_makes_room_again() -> None:
    gate = gate_of(Limits(most=1), Limits(most=1))
    ask(gate, BY_FORM)
    gate.take_back(BY_FORM)
    gate.take_back(BY_FORM)
    assert [ask(gate, BY_FORM), ask(gate, BY_FORM)] == ["", "count"]


def test_what_ends_makes_room() -> None:
    gate = BrakeGate(PORTAL, 0, {WHOLE_PORTAL: Brake(Limits(most=3))}, {FOREVER: 2, UPDATE_DATE: 4, NOW: 100})
    assert (gate.count(NOW), gate.count(UPDATE_DATE)) == (6, 2)


@given(
    st.lists(st.sampled_from([NEVER_MARKETING, ENDED, MARKETING, LEAVING]), max_size=40), st.integers(0, 30)
)
def test_the_count_never_goes_over_and_no_room_is_left_while_something_is_held(
    standings: list[Standing], most: int
) -> None:
    already = sum(end_of(standing, NOW) is not None for standing in standings)
    gate = gate_of(Limits(most=most), count=0)
    gate.contacts = Counter(end for standing in standings if (end := end_of(standing, NOW)) is not None)
    passed = [write(gate, BY_FORM, standing) for standing in standings]
    assert gate.count(NOW) <= max(most, already)
    if not all(passed):
        assert gate.count(NOW) == max(most, already)


@given(
    st.lists(st.tuples(st.integers(0, 200), st.integers(1, 4)), min_size=1, max_size=60),
    st.integers(1, 6),
    st.sampled_from([1, 2, 24]),
)
def test_no_window_ever_holds_more_than_the_rate(gaps: list[tuple[int, int]], rate: int, hours: int) -> None:
    """Not even one that begins in the middle of another."""
    brake, now, passed = Brake(Limits(rate=rate, rate_hours=hours)), NOW, []
    for gap, number in gaps:
        now += timedelta(seconds=gap * 37 * hours)
        for _ in range(number):
            if not brake.is_rate_reached(now, 0):
                brake.add(now)
                passed.append(now)
    window = timedelta(hours=hours)
    assert all(sum(begin <= each < begin + window for each in passed) <= rate for begin in passed)
    assert len(brake.recent) <= 2 * SLOTS + 1


def test_a_rate_makes_room_when_its_window_has_passed() -> None:
    brake = Brake(Limits(rate=1, rate_hours=1))
    brake.add(NOW)
    assert brake.is_rate_reached(NOW + HOUR, 0)
    assert not brake.is_rate_reached(NOW + HOUR + HOUR / SLOTS, 0)


@given(
    st.sampled_from([NEVER_MARKETING, ENDED, MARKETING, LEAVING]),
    st.sampled_from([NEVER_MARKETING, ENDED, MARKETING, LEAVING]),
)
def test_counters_follow_from_where_a_contact_stood_and_stands(before: Standing, after: Standing) -> None:
    gate = gate_of()
    gate.note(before, after, BY_FORM, NOW)
    counted = [end_of(standing, NOW) is not None for standing in (before, after)]
    assert sum(gate.moved.values()) == counted[1] - counted[0]
    assert (WHOLE_PORTAL in gate.used) is becomes_counted(before, after, NOW)


def planned(*forms: str, gate: BrakeGate) -> Plan:
    facts = tuple(make_fact(form=form) for form in forms)
    group = Group(PORTAL, facts[0].email, None, facts)
    return plan(group, NOTHING_KNOWN, lambda _: Default(on=True), lambda _: UPDATE_DATE, NOW, gate)


def test_a_fact_after_one_that_is_held_is_decided_on_the_contact_as_it_stands() -> None:
    done = planned(FORM, FORM_THAT_IS_OFF, FORM, gate=gate_of(form=Limits(most=0)))
    assert done.verdicts == (Verdict.HELD, Verdict.RAISED, Verdict.ALREADY_MARKETING)
    assert [change.version for change, _ in done.changes] == [1]
    assert [(each.cause.reason_id, each.limit) for each in done.held] == [(FORM, "form_count")]


def test_a_new_contact_whose_raise_is_held_is_made_all_the_same() -> None:
    done = planned(FORM, FORM, gate=gate_of(Limits(most=0)))
    assert done.identity.creates
    assert (done.standing, done.changes) == (NEVER_MARKETING, ())
    assert done.held[0].submission_id == done.group.facts[0].submission_id


def test_the_open_gate_lets_everything_pass() -> None:
    decision = decide(NEVER_MARKETING, BY_HAND, is_new=False, now=NOW, update_date=UPDATE_DATE)
    assert OPEN.admit(NEVER_MARKETING, decision, BY_HAND, NOW) is decision
