"""Decides marketing status: given where a contact stands and a cause, what its status is now and why.

Rules 2, 5 and 6 of the domain (`docs/architecture.md`): raise now and lower later; a default raises and never
lowers; a form's default speaks of every contact, a chatflow's and a token's of new contacts only. A visitor who has
said no to marketing is not raised by a default (decision 0015).
"""

from datetime import datetime

from service.domain.actors import CLOCK
from service.domain.model import (
    Cause,
    Decision,
    Intent,
    ReasonType,
    Source,
    Standing,
    StatusChange,
    Stint,
    Verdict,
)

FOR_NEW_CONTACTS_ONLY = frozenset({Source.CHATFLOW, Source.TOKEN})
"""Sources whose default leaves contacts that exist already as they are (rule 6)."""


def decide(
    standing: Standing, cause: Cause, *, is_new: bool, now: datetime, update_date: datetime
) -> Decision:
    """Return what `cause` makes of a contact that stands at `standing`.

    `is_new` says whether the contact comes into being with this fact; `update_date` is the portal's next one,
    when a lowering takes effect.
    """
    if standing.stint is not None:
        # The process that opened the stint may have a clock that is ahead: for one contact time never runs back.
        now = max(now, standing.stint.since)
    if cause.intent is Intent.LOWER:
        return _lower(standing, cause, now, update_date)
    if cause.intent is Intent.END:
        return _end(standing, cause, now)
    if cause.intent is Intent.DEFAULT:
        if cause.is_refused:
            return _unchanged(standing, now, otherwise=Verdict.CONSENT_REFUSED)
        if not cause.default.on:
            return _unchanged(standing, now, otherwise=Verdict.DEFAULT_OFF)
        if not is_new and cause.source in FOR_NEW_CONTACTS_ONLY:
            return _unchanged(standing, now, otherwise=Verdict.NEW_CONTACTS_ONLY)
    return _raise(standing, cause, now)


def end_stint(standing: Standing, now: datetime) -> Decision:
    """Announce that the stint has ended by time alone; what counts does not change by saying so (rule 3)."""
    stint = standing.stint
    if stint is None or stint.covers(now):
        return _unchanged(standing, now, otherwise=Verdict.ALREADY_NON_MARKETING)
    cause = Cause(Intent.LOWER, Source.OTHER, ReasonType(stint.reason_type), stint.reason_id, actor=CLOCK)
    change = StatusChange(
        version=standing.version + 1,
        at=stint.until or now,
        before=True,
        after=False,
        stint=stint,
        verdict=Verdict.STINT_ENDED,
        cause=cause,
    )
    return Decision(Verdict.STINT_ENDED, Standing(stint, change.version), change)


def _unchanged(standing: Standing, now: datetime, otherwise: Verdict) -> Decision:
    if standing.stint is None or not standing.stint.covers(now):
        return Decision(otherwise, standing)
    return Decision(Verdict.ALREADY_MARKETING, standing)


def _raise(standing: Standing, cause: Cause, now: datetime) -> Decision:
    stint = standing.stint
    if stint is None or not stint.covers(now):
        number = 1 if stint is None else stint.number + 1
        opened = Stint(number, now, None, cause.reason_type, cause.reason_id)
        return _changed(standing, opened, Verdict.RAISED, cause, now, ended=stint)
    if stint.until is None:
        return Decision(Verdict.ALREADY_MARKETING, standing)
    kept = Stint(stint.number, stint.since, None, stint.reason_type, stint.reason_id)
    return _changed(standing, kept, Verdict.LOWERING_CANCELLED, cause, now)


def _lower(standing: Standing, cause: Cause, now: datetime, update_date: datetime) -> Decision:
    stint = standing.stint
    if stint is None or not stint.covers(now):
        return Decision(Verdict.ALREADY_NON_MARKETING, standing)
    if stint.until is not None:
        return Decision(Verdict.ALREADY_LEAVING, standing)
    leaving = Stint(stint.number, stint.since, update_date, stint.reason_type, stint.reason_id)
    return _changed(standing, leaving, Verdict.LOWERING_REQUESTED, cause, now)


def _end(standing: Standing, cause: Cause, now: datetime) -> Decision:
    stint = standing.stint
    if stint is None or not stint.covers(now):
        return Decision(Verdict.ALREADY_NON_MARKETING, standing)
    ended = Stint(stint.number, stint.since, now, stint.reason_type, stint.reason_id)
    return _changed(standing, ended, Verdict.ENDED_AT_ONCE, cause, now)


def _changed(
    standing: Standing,
    stint: Stint,
    verdict: Verdict,
    cause: Cause,
    now: datetime,
    ended: Stint | None = None,
) -> Decision:
    version = standing.version + 1
    change = StatusChange(
        version=version,
        at=now,
        before=standing.is_marketing(now),
        after=stint.covers(now),
        stint=stint,
        verdict=verdict,
        cause=cause,
    )
    return Decision(verdict, Standing(stint, version), change, ended)
