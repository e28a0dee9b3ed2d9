"""Decides anew what submissions did to one contact, had a default been another one.

A contact is followed on two tracks: as it really went, by its status changes, and as it would have gone. The second
is kept only while it differs. What a submission does on it is decided by `service.domain.marketing.decide`, in the
order of submissions; what people, imports, workflows and time did stays as it happened. Who a submission belongs to,
what was kept only, and what a brake held stay, too.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from service.domain.billing import FOREVER
from service.domain.marketing import FOR_NEW_CONTACTS_ONLY, decide
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

DECIDED = frozenset(
    {
        *(Verdict.RAISED, Verdict.LOWERING_CANCELLED, Verdict.ALREADY_MARKETING, Verdict.DEFAULT_OFF),
        *(Verdict.NEW_CONTACTS_ONLY, Verdict.CONSENT_REFUSED, Verdict.HELD),
    }
)
"""Verdicts of submissions for which a default had its say; all others are kept only."""
TOLD_ON = frozenset({Verdict.RAISED, Verdict.LOWERING_CANCELLED, Verdict.NEW_CONTACTS_ONLY, Verdict.HELD})
"""Verdicts that tell by themselves that the default was on."""
UNCLEAR = frozenset({Verdict.ALREADY_MARKETING, Verdict.DEFAULT_OFF, Verdict.NEW_CONTACTS_ONLY})
"""Verdicts that leave open whether the visitor has said no, or whether the default had spoken before."""
INTENTS = {
    Verdict.RAISED: Intent.RAISE,
    Verdict.LOWERING_CANCELLED: Intent.RAISE,
    Verdict.LOWERING_REQUESTED: Intent.LOWER,
    Verdict.ENDED_AT_ONCE: Intent.END,
}
"""What others than submissions wanted, by what came of it."""
REASONS = {Source.CHATFLOW: ReasonType.CONVERSATION}
"""Of the sources whose stints don't say FORM_SUBMISSION."""


@dataclass(frozen=True, slots=True)
class Changed:
    """A status change as it is kept."""

    version: int
    at: datetime
    verdict: Verdict
    stint: Stint
    source: Source
    reason_type: ReasonType
    reason_id: str
    submission_id: str | None

    @property
    def standing(self) -> Standing:
        """Where the contact stood after it."""
        return Standing(self.stint, self.version)


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A submission for which a default had its say, and what was decided then."""

    id: str
    source: Source
    source_id: str
    verdict: Verdict
    at: datetime
    is_first: bool
    """It is the one that made the contact, as far as times can tell."""
    was_on: bool
    """The default that spoke."""
    is_on: bool
    """The default that would have spoken."""
    is_silent: bool = False
    """The visitor has said no, or it says again what was said before: no default speaks."""

    @property
    def is_new(self) -> bool:
        """Whether it made the contact; matters where a default speaks of new contacts only."""
        if self.source in FOR_NEW_CONTACTS_ONLY and self.verdict in TOLD_ON:
            return self.verdict is not Verdict.NEW_CONTACTS_ONLY
        return self.is_first and self.verdict is not Verdict.ALREADY_MARKETING


@dataclass(slots=True)
class Tracks:
    """One contact, as it went and as it would have gone."""

    changes: Sequence[Changed]
    """All of them, by version."""
    passed: int = 0
    """How many of them lie behind."""
    other: Standing | None = None
    """Where it would stand; None while that is where it stands."""
    unexplained: int = 0
    """Submissions that were decided otherwise than the rules say, by what is known of them."""

    @property
    def real(self) -> Standing:
        """Where it stood."""
        return self.changes[self.passed - 1].standing if self.passed else NEVER_MARKETING

    def submit(self, said: Said) -> None:
        """Go on to a submission, and past it."""
        own = self._reach(said)
        before, at = self.real, self._time(said.at)
        if own is not None:
            self.passed += 1
            at = own.at
        outcome = _decide(before, said, at, on=said.was_on)
        if said.verdict is not Verdict.HELD and not _is_as_told(said, outcome):
            self.unexplained += 1
        if self.other is None and said.is_on == said.was_on:
            return
        self.other = _decide(self.other or before, said, at, on=said.is_on).standing
        self._meet(at)

    def finish(self, at: datetime, upto: str) -> None:
        """Go on to an instant; `upto` is the last submission that was looked at."""
        for change in self.changes[self.passed :]:
            if change.submission_id > upto if change.submission_id else change.at > at:
                break
            self._pass(change)

    def leave(self, intent: Intent, at: datetime, update_date: datetime) -> None:
        """Let a contact that is gone leave on the other track, too, where that was no change on the real one."""
        if self.other is not None:
            cause = Cause(intent, Source.OTHER, ReasonType.USER_SET, "")
            self.other = decide(self.other, cause, is_new=False, now=at, update_date=update_date).standing

    def _reach(self, said: Said) -> Changed | None:
        """Pass what happened before a submission; returns the change that it caused."""
        rest = self.changes[self.passed :]
        own = next((change for change in rest if change.submission_id == said.id), None)
        for change in rest:
            if change is own or (own is None and not _is_before(change, said)):
                break
            self._pass(change)
        return own

    def _pass(self, change: Changed) -> None:
        """Pass what did not come of a submission that is looked at: it happens on both tracks."""
        self.passed += 1
        intent = INTENTS.get(change.verdict)
        if self.other is None:
            return
        if intent is not None:
            cause = Cause(intent, change.source, change.reason_type, change.reason_id)
            end = change.stint.until or FOREVER
            self.other = decide(self.other, cause, is_new=False, now=change.at, update_date=end).standing
        self._meet(change.at)

    def _meet(self, at: datetime) -> None:
        """Become one track again when nothing that is to come can tell them apart."""
        if self.other is not None and _future(self.other, at) == _future(self.real, self._time(at)):
            self.other = None

    def _time(self, at: datetime) -> datetime:
        """Return an instant that is not before what has happened."""
        return max(at, self.changes[self.passed - 1].at) if self.passed else at


def _is_before(change: Changed, said: Said) -> bool:
    return change.submission_id < said.id if change.submission_id else change.at <= said.at


def _decide(standing: Standing, said: Said, at: datetime, *, on: bool) -> Decision:
    is_held = said.verdict is Verdict.HELD and not standing.is_marketing(at)
    is_refused = said.verdict is Verdict.CONSENT_REFUSED
    cause = Cause(
        Intent.DEFAULT,
        said.source,
        REASONS.get(said.source, ReasonType.FORM_SUBMISSION),
        said.source_id,
        default=Default(on=on and not said.is_silent and not is_held),
        is_refused=is_refused,
    )
    return decide(standing, cause, is_new=said.is_new, now=at, update_date=FOREVER)


def _is_as_told(said: Said, outcome: Decision) -> bool:
    if outcome.verdict is said.verdict:
        return True
    # A no, or a default that had spoken before, is told by nothing but the content.
    return said.verdict is Verdict.ALREADY_MARKETING and outcome.verdict is Verdict.LOWERING_CANCELLED


def _future(standing: Standing, at: datetime) -> datetime | None:
    """Return all that what is to come depends on: until when the contact counts, None when it doesn't."""
    stint = standing.stint
    if stint is None or (stint.until is not None and stint.until <= at):
        return None
    return stint.until or FOREVER
