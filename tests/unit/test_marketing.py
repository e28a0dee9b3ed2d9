from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain.marketing import decide, end_stint
from service.domain.model import (
    NEVER_MARKETING,
    Cause,
    Decision,
    Default,
    Intent,
    ReasonType,
    Source,
    Standing,
    Stint,
    Verdict,
)
from tests.facts import NOW, UPDATE_DATE

SINCE = NOW - timedelta(days=50)
PAST = NOW - timedelta(days=9)
OPEN = Stint(1, SINCE, None, "FORM_SUBMISSION", "some form")
MARKETING = Standing(OPEN, 1)
LEAVING = Standing(Stint(1, SINCE, UPDATE_DATE, "FORM_SUBMISSION", "some form"), 2)
ENDED = Standing(Stint(1, SINCE, PAST, "FORM_SUBMISSION", "some form"), 2)
COUNTING, NOT_COUNTING = (MARKETING, LEAVING), (NEVER_MARKETING, ENDED)
ALL = (*COUNTING, *NOT_COUNTING)


def default(source: Source = Source.HUBSPOT_FORM, *, on: bool) -> Cause:
    return Cause(Intent.DEFAULT, source, ReasonType.FORM_SUBMISSION, "the form", default=Default(on, 3))


RAISE = Cause(Intent.RAISE, Source.BY_HAND, ReasonType.USER_SET, "7", actor="user:7")
LOWER = Cause(Intent.LOWER, Source.BY_HAND, ReasonType.USER_SET, "7", actor="user:7")
END = Cause(Intent.END, Source.BY_HAND, ReasonType.USER_SET, "7", actor="user:7")
DOWN = {Intent.LOWER, Intent.END}


def decided(standing: Standing, cause: Cause, *, is_new: bool = False) -> Decision:
    return decide(standing, cause, is_new=is_new, now=NOW, update_date=UPDATE_DATE)


@pytest.mark.parametrize("source", [Source.HUBSPOT_FORM, Source.CHATFLOW, Source.TOKEN])
def test_a_default_that_is_on_raises_a_new_contact_at_once(source: Source) -> None:
    decision = decided(NEVER_MARKETING, default(source, on=True), is_new=True)
    assert decision.verdict is Verdict.RAISED
    assert decision.standing.is_marketing(NOW)
    assert decision.standing.stint == Stint(1, NOW, None, ReasonType.FORM_SUBMISSION, "the form")


@pytest.mark.parametrize("source", [Source.HUBSPOT_FORM, Source.EXTERNAL_FORM, Source.IMPORT])
@pytest.mark.parametrize("standing", NOT_COUNTING)
def test_a_form_that_is_on_raises_existing_contacts_too(standing: Standing, source: Source) -> None:
    decision = decided(standing, default(source, on=True))
    assert decision.verdict is Verdict.RAISED
    assert decision.standing.is_marketing(NOW)
    assert decision.standing.version == standing.version + 1


@pytest.mark.parametrize("source", [Source.CHATFLOW, Source.TOKEN])
@pytest.mark.parametrize("standing", NOT_COUNTING)
def test_a_chatflow_and_a_token_speak_of_new_contacts_only(standing: Standing, source: Source) -> None:
    decision = decided(standing, default(source, on=True))
    assert decision == Decision(Verdict.NEW_CONTACTS_ONLY, standing)


@pytest.mark.parametrize("source", Source)
@pytest.mark.parametrize("standing", NOT_COUNTING)
def test_a_default_that_is_off_leaves_a_contact_non_marketing(standing: Standing, source: Source) -> None:
    assert decided(standing, default(source, on=False)) == Decision(Verdict.DEFAULT_OFF, standing)


@pytest.mark.parametrize("source", Source)
@pytest.mark.parametrize("standing", COUNTING)
def test_a_default_that_is_off_never_lowers(standing: Standing, source: Source) -> None:
    assert decided(standing, default(source, on=False)) == Decision(Verdict.ALREADY_MARKETING, standing)


@pytest.mark.parametrize("cause", [RAISE, default(on=True)])
def test_a_raise_of_a_marketing_contact_changes_nothing(cause: Cause) -> None:
    assert decided(MARKETING, cause) == Decision(Verdict.ALREADY_MARKETING, MARKETING)


@pytest.mark.parametrize("cause", [RAISE, default(on=True)])
def test_a_raise_before_the_update_date_cancels_the_lowering(cause: Cause) -> None:
    decision = decided(LEAVING, cause)
    assert decision.verdict is Verdict.LOWERING_CANCELLED
    assert decision.standing == Standing(OPEN, 3)
    assert decision.ended is None


def test_a_chatflow_does_not_cancel_a_lowering() -> None:
    assert decided(LEAVING, default(Source.CHATFLOW, on=True)).standing == LEAVING


def test_a_lowering_is_a_request_that_the_update_date_fulfils() -> None:
    decision = decided(MARKETING, LOWER)
    assert decision.verdict is Verdict.LOWERING_REQUESTED
    assert decision.standing.is_marketing(UPDATE_DATE - timedelta(microseconds=1))
    assert not decision.standing.is_marketing(UPDATE_DATE)


def test_a_lowering_keeps_the_beginning_and_the_reason_of_the_stint() -> None:
    stint = decided(MARKETING, LOWER).standing.stint
    assert stint == Stint(OPEN.number, OPEN.since, UPDATE_DATE, OPEN.reason_type, OPEN.reason_id)


def test_a_second_lowering_changes_nothing() -> None:
    assert decided(LEAVING, LOWER) == Decision(Verdict.ALREADY_LEAVING, LEAVING)


@pytest.mark.parametrize("standing", NOT_COUNTING)
def test_there_is_nothing_to_lower_in_a_non_marketing_contact(standing: Standing) -> None:
    assert decided(standing, LOWER) == Decision(Verdict.ALREADY_NON_MARKETING, standing)


def test_a_raise_after_the_end_opens_the_next_stint_and_leaves_the_earlier_one_behind() -> None:
    decision = decided(ENDED, RAISE)
    assert decision.standing.stint == Stint(2, NOW, None, ReasonType.USER_SET, "7")
    assert decision.ended == ENDED.stint


@pytest.mark.parametrize(
    ("standing", "cause", "before", "after"),
    [
        (NEVER_MARKETING, RAISE, False, True),
        (ENDED, RAISE, False, True),
        (LEAVING, RAISE, True, True),
        (MARKETING, LOWER, True, True),
    ],
)
def test_a_change_says_what_was_what_is_and_why(
    standing: Standing, cause: Cause, *, before: bool, after: bool
) -> None:
    change = decided(standing, cause).change
    assert change is not None
    assert (change.before, change.after) == (before, after)
    assert (change.version, change.at, change.cause) == (standing.version + 1, NOW, cause)


def test_the_end_of_a_stint_is_announced_as_of_the_end_itself() -> None:
    decision = end_stint(ENDED, NOW)
    assert decision.verdict is Verdict.STINT_ENDED
    assert decision.standing == Standing(ENDED.stint, 3)
    assert decision.change is not None
    assert (decision.change.at, decision.change.before, decision.change.after) == (PAST, True, False)


@pytest.mark.parametrize("standing", [NEVER_MARKETING, MARKETING, LEAVING])
def test_no_end_is_announced_before_it_has_come(standing: Standing) -> None:
    decision = end_stint(standing, NOW)
    assert (decision.standing, decision.change) == (standing, None)


causes = st.builds(
    Cause,
    st.sampled_from(Intent),
    st.sampled_from(Source),
    st.sampled_from(ReasonType),
    st.just("some id"),
    default=st.builds(Default, on=st.booleans()),
)


@given(st.sampled_from(ALL), causes.filter(lambda cause: cause.intent not in DOWN), st.booleans())
def test_only_a_request_lowers(standing: Standing, cause: Cause, is_new: bool) -> None:  # noqa: FBT001 - drawn
    after = decided(standing, cause, is_new=is_new).standing
    for instant in (NOW, UPDATE_DATE, UPDATE_DATE + timedelta(days=400)):
        assert after.is_marketing(instant) >= standing.is_marketing(instant)


@given(st.lists(st.tuples(causes, st.integers(0, 40)), max_size=12))
def test_versions_count_the_changes_whatever_happens(events: list[tuple[Cause, int]]) -> None:
    standing, now, changes = NEVER_MARKETING, NOW, 0
    for cause, days in events:
        now += timedelta(days=days)
        update_date = now + timedelta(days=20)
        decision = decide(standing, cause, is_new=changes == 0, now=now, update_date=update_date)
        assert (decision.change is not None) == (decision.standing != standing)
        standing, changes = decision.standing, changes + (decision.change is not None)
        assert standing.version == changes


@given(st.sampled_from(ALL), causes.filter(lambda cause: cause.intent is not Intent.END))
def test_nothing_lowers_before_the_update_date(standing: Standing, cause: Cause) -> None:
    after = decided(standing, cause).standing
    assert after.is_marketing(NOW) >= standing.is_marketing(NOW)


@given(st.sampled_from(ALL))
def test_what_ends_at_once_counts_no_more_and_the_past_stays(standing: Standing) -> None:
    after = decided(standing, END).standing
    assert not after.is_marketing(NOW)
    for instant in (NOW - timedelta(days=1), NOW - timedelta(microseconds=1)):
        assert after.is_marketing(instant) == standing.is_marketing(instant)
