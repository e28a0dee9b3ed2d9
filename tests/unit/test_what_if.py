from datetime import UTC, datetime, timedelta

import pytest

from service.defaults.timeline import Timeline
from service.domain.defaults import EXTERNAL_FORMS, Subject, SubjectKind
from service.domain.model import Intent, ReasonType, Source, Stint, Verdict
from service.domain.whatif import Changed, Said, Tracks
from service.store.defaults import Noted

BEGIN = datetime(2026, 3, 10, 12, tzinfo=UTC)
UPDATE_DATE = datetime(2026, 4, 1, tzinfo=UTC)
FORM = Subject(SubjectKind.EXTERNAL_FORM, "1")


def at(minute: int) -> datetime:
    return BEGIN + timedelta(minutes=minute)


def said(
    minute: int, verdict: Verdict, *, was: bool, would: bool, source: Source = Source.HUBSPOT_FORM
) -> Said:
    return Said(
        id=f"{minute:032x}",
        source=source,
        source_id="1",
        verdict=verdict,
        at=at(minute),
        is_first=False,
        was_on=was,
        is_on=would,
    )


def change(
    version: int, minute: int, verdict: Verdict, *, until: datetime | None = None, submitted: bool = False
) -> Changed:
    stint = Stint(1, at(1), until, ReasonType.FORM_SUBMISSION, "1")
    by = (
        (Source.HUBSPOT_FORM, ReasonType.FORM_SUBMISSION)
        if submitted
        else (Source.BY_HAND, ReasonType.USER_SET)
    )
    return Changed(version, at(minute), verdict, stint, *by, "1", f"{minute:032x}" if submitted else None)


RAISED = change(1, 1, Verdict.RAISED, submitted=True)


def counts(tracks: Tracks, instant: datetime = UPDATE_DATE) -> bool:
    return (tracks.other or tracks.real).is_marketing(instant)


def test_there_is_one_track_while_the_default_is_the_same() -> None:
    tracks = Tracks([RAISED])
    tracks.submit(said(1, Verdict.RAISED, was=True, would=True))
    tracks.submit(said(2, Verdict.ALREADY_MARKETING, was=True, would=True))
    assert (tracks.other, tracks.unexplained, tracks.real.is_marketing(at(3))) == (None, 0, True)


def test_a_form_that_is_off_raises_nobody_on_the_other_track() -> None:
    tracks = Tracks([RAISED])
    tracks.submit(said(1, Verdict.RAISED, was=True, would=False))
    assert (counts(tracks), tracks.real.is_marketing(at(1))) == (False, True)


def test_tracks_meet_when_another_form_raises_on_both() -> None:
    tracks = Tracks([RAISED])
    tracks.submit(said(1, Verdict.RAISED, was=True, would=False))
    tracks.submit(said(2, Verdict.ALREADY_MARKETING, was=True, would=True))
    assert tracks.other is None


def test_a_lowering_happens_on_both_tracks() -> None:
    tracks = Tracks([RAISED, change(2, 5, Verdict.LOWERING_REQUESTED, until=UPDATE_DATE)])
    tracks.submit(said(1, Verdict.RAISED, was=True, would=False))
    tracks.submit(said(2, Verdict.ALREADY_MARKETING, was=False, would=True))
    tracks.finish(at(10), "f" * 32)
    assert (tracks.other, counts(tracks)) == (None, False)


def test_what_was_lowered_is_cancelled_on_the_other_track_only() -> None:
    tracks = Tracks([RAISED, change(2, 5, Verdict.LOWERING_REQUESTED, until=UPDATE_DATE)])
    tracks.submit(said(1, Verdict.RAISED, was=True, would=True))
    tracks.submit(said(6, Verdict.ALREADY_MARKETING, was=False, would=True))
    assert (counts(tracks), tracks.real.is_marketing(UPDATE_DATE)) == (True, False)


def test_a_raise_by_hand_happens_on_both_tracks() -> None:
    tracks = Tracks([change(1, 4, Verdict.RAISED)])
    tracks.submit(said(2, Verdict.DEFAULT_OFF, was=False, would=True))
    assert counts(tracks)
    tracks.finish(at(10), "f" * 32)
    assert tracks.other is None


def test_what_comes_after_the_window_is_left_out() -> None:
    tracks = Tracks([RAISED, change(2, 50, Verdict.LOWERING_REQUESTED, until=UPDATE_DATE)])
    tracks.finish(at(10), f"{1:032x}")
    assert tracks.real.is_marketing(UPDATE_DATE)


@pytest.mark.parametrize("verdict", [Verdict.CONSENT_REFUSED, Verdict.HELD])
def test_a_no_and_a_brake_raise_nobody_on_either_track(verdict: Verdict) -> None:
    tracks = Tracks([])
    tracks.submit(said(1, verdict, was=verdict is Verdict.HELD, would=True))
    assert (tracks.other, tracks.unexplained) == (None, 0)


def test_a_chatflow_leaves_who_was_there_already() -> None:
    tracks = Tracks([])
    tracks.submit(said(1, Verdict.DEFAULT_OFF, was=False, would=True, source=Source.CHATFLOW))
    assert tracks.other is None


def test_who_is_gone_leaves_on_the_other_track() -> None:
    tracks = Tracks([])
    tracks.submit(said(1, Verdict.DEFAULT_OFF, was=False, would=True))
    tracks.leave(Intent.LOWER, at(2), UPDATE_DATE)
    assert (counts(tracks, at(3)), counts(tracks)) == (True, False)


def test_a_decision_that_the_rules_do_not_explain_is_counted() -> None:
    tracks = Tracks([RAISED])
    tracks.submit(said(1, Verdict.RAISED, was=False, would=False))
    assert (tracks.unexplained, tracks.other) == (1, None)


def noted(minute: int, subject: Subject = FORM, *, before: object, after: object) -> Noted:
    return Noted(minute, at(minute), "command", str(subject), {"marketing": before}, {"marketing": after})


def test_a_default_is_as_it_stood_at_the_time() -> None:
    entries = [
        noted(5, before=None, after=True),
        noted(8, before=True, after=False),
        noted(9, before=True, after=False, subject=EXTERNAL_FORMS),
    ]
    timeline = Timeline({FORM: False, EXTERNAL_FORMS: False}, entries, {})
    assert [timeline.was_on(FORM, at(minute)) for minute in (1, 6, 10)] == [True, True, False]
    assert timeline.would_be_on(FORM, at(1)) is None


def test_a_switch_touches_forms_while_they_have_no_default_of_their_own() -> None:
    timeline = Timeline(
        {FORM: True, EXTERNAL_FORMS: True}, [noted(5, before=None, after=True)], {EXTERNAL_FORMS: False}
    )
    assert [timeline.would_be_on(FORM, at(minute)) for minute in (1, 6)] == [False, None]


def test_a_form_that_goes_back_takes_the_switch_of_the_question() -> None:
    timeline = Timeline({FORM: False, EXTERNAL_FORMS: True}, [], {FORM: None, EXTERNAL_FORMS: False})
    assert timeline.would_be_on(FORM, at(1)) is False
    assert Timeline({EXTERNAL_FORMS: True}, [], {FORM: None}).would_be_on(FORM, at(1)) is True
