"""Spikes: hours in which far more contacts became marketing contacts than usual.

A spike is at least `LEAST` raises in one hour, and at least `TIMES` what an hour of the `WINDOW` before it had on
average, hours without any among them. In a portal's first day nothing is usual yet, and so nothing is a spike; in
its first week the hours since its beginning tell what is usual. A rise that stays is noticed each hour until it has
become usual.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

LEAST = 50
TIMES = 5
WINDOW = timedelta(days=7)
NEW = timedelta(days=1)
OLD = timedelta(days=1)
"""What comes in about an hour that was longer ago warns nobody any more."""
HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Spike:
    """One hour with far more raises than usual, as it was when that was noticed."""

    hour: datetime
    raised: int
    usual: int
    """Raises in an hour of the week before, on average, rounded."""


def hour_of(instant: datetime) -> datetime:
    """Return the beginning of an instant's hour, in UTC."""
    return instant.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def is_worth_a_look(hour: datetime, raised: int, created_at: datetime, now: datetime) -> bool:
    """Whether the hour can be a spike, by what is known without its week."""
    return _is_many(hour, raised, created_at) and hour > now - OLD


def week_before(hour: datetime, created_at: datetime) -> datetime:
    """Return when the hours begin that an hour is compared with; they end with the hour."""
    return max(hour - WINDOW, hour_of(created_at))


def find_spike(hour: datetime, raised: int, before: int, created_at: datetime) -> Spike | None:
    """Return the spike that an hour is, or None; `before` is how many were raised from `week_before` on."""
    hours = (hour - week_before(hour, created_at)) // HOUR
    if not _is_many(hour, raised, created_at) or raised * hours < TIMES * before:
        return None
    return Spike(hour, raised, round(before / hours))


def _is_many(hour: datetime, raised: int, created_at: datetime) -> bool:
    return raised >= LEAST and hour - hour_of(created_at) >= NEW
