"""Why a contact counts, in plain sentences: one for each change of its status, and one for where it stands.

Dates are those of the portal's time zone: there an update date is the day that people know.
"""

import enum
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from service.domain.actors import CLOCK, ActorKind
from service.domain.model import Source, Standing, Verdict

DEFAULTS = frozenset({Source.HUBSPOT_FORM, Source.EXTERNAL_FORM, Source.CHATFLOW})
"""Sources that change a status by their default and by nothing else."""
NOUNS = {
    Source.HUBSPOT_FORM: "the form",
    Source.EXTERNAL_FORM: "the form",
    Source.CHATFLOW: "the chatflow",
    Source.IMPORT: "the import",
    Source.WORKFLOW: "the workflow",
    Source.TOKEN: "the access token",
}


class Basis(enum.StrEnum):
    """What a change goes back to, in the end."""

    DEFAULT = "default"
    """The default of a form, a chatflow or an access token, in a version."""
    RULE = "rule"
    """A workflow."""
    PERSON = "person"
    """Somebody's choice."""
    PROGRAM = "program"
    """What an integration asked for."""
    TIME = "time"
    """The end of a stint, which was known before."""


@dataclass(frozen=True, slots=True)
class Told:
    """One status change, with the names of what and who caused it, as far as they have one."""

    verdict: str
    at: datetime
    until: datetime | None
    """The end of the stint after it."""
    source: str
    reason_type: str
    reason_id: str
    reason_name: str
    actor: str
    actor_name: str
    default_version: int

    @property
    def basis(self) -> Basis:
        """What it goes back to."""
        if self.actor == CLOCK:
            return Basis.TIME
        if self.source in DEFAULTS or (self.source == Source.TOKEN and self.default_version):
            return Basis.DEFAULT
        if self.source == Source.WORKFLOW:
            return Basis.RULE
        return Basis.PROGRAM if self.actor.startswith("token:") else Basis.PERSON


def sentence(change: Told, zone: ZoneInfo) -> str:
    """Say what changed, when, by what, and until when the contact counts since."""
    on, by = _day(change.at, zone), _by(change)
    until = "" if change.until is None else _day(change.until, zone)
    if change.verdict == Verdict.RAISED:
        return f"Raised on {on} {by}; it counts from then on."
    if change.verdict == Verdict.LOWERING_CANCELLED:
        return f"Raised again on {on} {by}; the request to leave is cancelled and it goes on counting."
    if change.verdict == Verdict.LOWERING_REQUESTED:
        return f"Set to leave on {on} {by}; it counts until {until}."
    if change.verdict == Verdict.STINT_ENDED:
        return f"It stopped counting on {until}, as had been asked for."
    if change.verdict == Verdict.ENDED_AT_ONCE:
        return f"Ended on {on} {by}; it counts no more from then on."
    return f"{change.verdict} on {on} {by}."


@dataclass(frozen=True, slots=True)
class Fate:
    """What has become of a contact itself."""

    deleted_at: datetime | None = None
    erased_at: datetime | None = None
    merged_into: int | None = None

    @property
    def state(self) -> str:
        """One word for it."""
        if self.erased_at is not None:
            return "erased"
        if self.merged_into is not None:
            return "merged"
        return "live" if self.deleted_at is None else "deleted"


def summary(standing: Standing, reason: str, fate: Fate, now: datetime, zone: ZoneInfo) -> str:
    """Say whether the contact counts, since when, until when and because of what."""
    return " ".join([_counts(standing, reason, now, zone), *_fate(fate, zone)])


def cause(source: str, reason_type: str, reason_id: str, reason_name: str) -> str:
    """Name a cause, as 'the form Newsletter'."""
    if source == Source.BY_HAND:
        return "hand"
    if source not in NOUNS:
        return f"{reason_type} {reason_name or reason_id}".strip()
    return f"{NOUNS[Source(source)]} {reason_name or reason_id}"


def _counts(standing: Standing, reason: str, now: datetime, zone: ZoneInfo) -> str:
    stint = standing.stint
    if stint is None:
        return "It doesn't count: it has never been a marketing contact."
    since = _day(stint.since, zone)
    if not stint.covers(now):
        ended = "" if stint.until is None else f" until {_day(stint.until, zone)}"
        return f"It doesn't count: it was a marketing contact from {since}{ended}, by {reason}."
    if stint.until is None:
        return f"It counts since {since}, by {reason}; no end is known."
    return f"It counts since {since}, by {reason}, until {_day(stint.until, zone)}."


def _fate(fate: Fate, zone: ZoneInfo) -> list[str]:
    said = []
    if fate.merged_into is not None:
        said.append(f"It has merged into contact {fate.merged_into}.")
    if fate.erased_at is not None:
        said.append(f"The person was erased on {_day(fate.erased_at, zone)}.")
    elif fate.deleted_at is not None:
        said.append(f"It was deleted on {_day(fate.deleted_at, zone)}.")
    return said


def _by(change: Told) -> str:
    named = cause(change.source, change.reason_type, change.reason_id, change.reason_name)
    said = f"by {named}"
    if change.basis is Basis.DEFAULT:
        version = change.default_version
        said += f", default on in version {version}" if version else ", by the portal's default"
    who = _who(change)
    return f"{said}, {who}" if who else said


def _who(change: Told) -> str:
    """Say who acted, unless the cause says it already."""
    if change.actor == ActorKind.COMMAND:
        return "on the command line"
    kind, _, number = change.actor.partition(":")
    if not number or (kind, number) == (change.source, change.reason_id):
        return ""
    return f"by {kind} {change.actor_name or number}"


def _day(instant: datetime, zone: ZoneInfo) -> str:
    local = instant.astimezone(zone)
    return f"{local.day} {MONTHS[local.month - 1]} {local.year}"


MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
