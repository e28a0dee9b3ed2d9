"""The brake: holds raises that would cross a limit (rule 11).

A gate knows, for one transaction, how much of each limit of a portal is used: what was written before, and what has
been admitted since. What is held changes nobody's status; a person releases or refuses it.
"""

import enum
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from service.domain.billing import FOREVER
from service.domain.model import Cause, Decision, Standing, Verdict

Target = tuple[str, str]
"""Source and id of a form or chatflow; both are empty for the portal as a whole."""
WHOLE_PORTAL: Target = ("", "")
SLOTS = 60
"""Parts of a rate's window. A raise is forgotten with the whole of its part, so the rate is never exceeded."""
SECONDS_OF_HOUR = 3600


class LimitReached(enum.StrEnum):
    """Which limit holds a raise."""

    TIER = "tier"
    COUNT = "count"
    RATE = "rate"
    FORM_COUNT = "form_count"
    FORM_RATE = "form_rate"


class HeldState(enum.StrEnum):
    """What has become of a raise that was held."""

    HELD = "held"
    """It waits for a person."""
    RELEASED = "released"
    """The contact was raised, by a person's release or in another way."""
    REFUSED = "refused"
    LAPSED = "lapsed"
    """There was nothing left to release: the contact counted already, or was gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a brake goes by; None is no limit."""

    at_tier: bool = False
    """The count now may not go over the tier. Of a portal only."""
    most: int | None = None
    """Of a portal what the count now may not go over; of a form how often it may raise since its brake was set."""
    rate: int | None = None
    """Raises within any `rate_hours` hours."""
    rate_hours: int | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing is limited."""
        return self == Limits()


@dataclass(slots=True)
class Brake:
    """The limits of a portal or of one form, and how much of them is used."""

    limits: Limits
    raised: int = 0
    """How often it has raised since the brake was set."""
    recent: dict[int, int] = field(default_factory=dict)
    """How many raises of late by the part of the window they fell in: its end, in seconds since 1970."""

    def raised_lately(self, now: datetime) -> int:
        """Return how many raises fall into the window that ends now."""
        if self.limits.rate_hours is None:
            return 0
        begin = now.timestamp() - self.limits.rate_hours * SECONDS_OF_HOUR
        return sum(number for end, number in self.recent.items() if end > begin)

    def add(self, now: datetime) -> None:
        """Note one raise."""
        self.raised += 1
        if self.limits.rate_hours is None:
            return
        length = self.limits.rate_hours * SECONDS_OF_HOUR
        part = length // SLOTS
        end = (int(now.timestamp()) // part + 1) * part
        self.recent[end] = self.recent.get(end, 0) + 1
        self.recent = {each: number for each, number in self.recent.items() if each > end - 2 * length}

    def is_rate_reached(self, now: datetime, more: int) -> bool:
        """Whether one raise after `more` others would exceed the rate."""
        rate = self.limits.rate
        return rate is not None and self.raised_lately(now) + more >= rate


@dataclass(frozen=True, slots=True)
class HeldRaise:
    """A raise that a gate did not let pass, and what asked for it."""

    cause: Cause
    limit: str
    """A `LimitReached`."""
    submission_id: str | None = None


class Gate(Protocol):
    """What raises of one portal have to pass, in the order in which they are written in one transaction."""

    def admit(self, standing: Standing, decision: Decision, cause: Cause, now: datetime) -> Decision:
        """Return the decision, or `held` in its place where it would cross a limit.

        `standing` is the contact's before the decision. What is admitted is counted towards the limits.
        """


class OpenGate:
    """The gate of a portal without a brake."""

    def admit(self, standing: Standing, decision: Decision, cause: Cause, now: datetime) -> Decision:  # noqa: ARG002
        """Return the decision."""
        return decision


OPEN = OpenGate()


@dataclass(slots=True)
class BrakeGate:
    """The gate of a portal with a brake.

    What is admitted counts from then on for this transaction; what lasts is what `note` is told was written.
    """

    portal_id: int
    tier: int
    brakes: Mapping[Target, Brake]
    contacts: Mapping[datetime, int]
    """How many contacts count, by their end: what is written, without what is admitted only."""
    holds: bool = True
    """Whether there are raises that wait."""
    moved: Counter[datetime] = field(default_factory=Counter)
    """What writing has changed in `contacts`."""
    used: set[Target] = field(default_factory=set)
    """The brakes that writing has changed."""
    _admitted: Counter[Target] = field(default_factory=Counter)
    """Raises that were admitted and are not written yet, by who asked for them."""
    _pending: int = 0

    def admit(self, standing: Standing, decision: Decision, cause: Cause, now: datetime) -> Decision:
        """See `Gate`. Only what makes the count now grow can be held: to cancel a lowering passes."""
        if not becomes_counted(standing, decision.standing, now):
            return decision
        limit = self._reached(_target(cause), now)
        if limit is not None:
            return Decision(Verdict.HELD, standing, limit=limit.value)
        self._admitted[_target(cause)] += 1
        self._pending += 1
        return decision

    def note(self, before: Standing, after: Standing, cause: Cause | None, now: datetime) -> None:
        """Note that a contact was written; `cause` is that of its change, if its status has changed."""
        for standing, change in ((before, -1), (after, 1)):
            end = end_of(standing, now)
            if end is not None:
                self.moved[end] += change
        if cause is None or not becomes_counted(before, after, now):
            return
        for target in (WHOLE_PORTAL, _target(cause)):
            brake = self.brakes.get(target)
            if brake is not None:
                brake.add(now)
                self.used.add(target)
        self.take_back(cause)

    def take_back(self, cause: Cause) -> None:
        """Forget that a raise was admitted: it is written, or it won't be."""
        if self._admitted[_target(cause)] > 0:
            self._admitted[_target(cause)] -= 1
            self._pending -= 1

    def count(self, now: datetime) -> int:
        """Return how many contacts count now, by what is written."""
        sums = (self.contacts, self.moved)
        return sum(number for by_end in sums for end, number in by_end.items() if end > now)

    def _reached(self, target: Target, now: datetime) -> LimitReached | None:
        portal, form = self.brakes.get(WHOLE_PORTAL), self.brakes.get(target)
        if portal is not None:
            limits, then = portal.limits, self.count(now) + self._pending + 1
            if limits.at_tier and then > self.tier:
                return LimitReached.TIER
            if limits.most is not None and then > limits.most:
                return LimitReached.COUNT
            if portal.is_rate_reached(now, self._pending):
                return LimitReached.RATE
        if form is not None:
            waiting = self._admitted[target]
            if form.limits.most is not None and form.raised + waiting >= form.limits.most:
                return LimitReached.FORM_COUNT
            if form.is_rate_reached(now, waiting):
                return LimitReached.FORM_RATE
        return None


def end_of(standing: Standing, now: datetime) -> datetime | None:
    """Return when a contact that counts now will count no more, `FOREVER` if nobody knows; None if it does not.

    A stint that has begun ahead of our clock, by that of another process, counts.
    """
    if standing.stint is None:
        return None
    end = standing.stint.until or FOREVER
    return end if end > now else None


def becomes_counted(before: Standing, after: Standing, now: datetime) -> bool:
    """Whether the count now grows by this."""
    return end_of(before, now) is None and end_of(after, now) is not None


def _target(cause: Cause) -> Target:
    return cause.source.value, cause.reason_id
