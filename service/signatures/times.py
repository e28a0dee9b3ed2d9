"""The time that a signature covers: how it is written, and how far from now it may be."""

import enum
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from service.signatures.refusals import Reason, refused

DEFAULT_TOLERANCE = 300
_FIRST_MILLISECONDS = 10**11
"""As seconds this is the year 5138, as milliseconds 1973: it tells the units apart."""

_epoch = datetime(1970, 1, 1, tzinfo=UTC)
_digits = re.compile(r"[0-9]{1,15}").fullmatch
_iso = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:?\d\d)", re.ASCII).fullmatch


class Unit(enum.StrEnum):
    SECONDS = "s"
    MILLISECONDS = "ms"
    ISO = "iso"
    AUTO = "auto"
    """Seconds or milliseconds by size; written as milliseconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedTime:
    """A time in the signed text. The text as sent is what is signed; it is read only to know its age."""

    header: str = ""
    """Empty when it stands in the signature's own header."""
    unit: Unit = Unit.SECONDS
    tolerance: int = DEFAULT_TOLERANCE
    """Seconds into the past and into the future; 0 lets every time pass, unread."""

    def read(self, text: str) -> float | None:
        """Return seconds since 1970, or None when its age does not matter; raises InvalidSignature."""
        if not self.tolerance:
            return None
        try:
            return _seconds_of_iso(text) if self.unit is Unit.ISO else _seconds_of_digits(text, self.unit)
        except (ValueError, OverflowError):
            raise refused(Reason.TIMESTAMP_MALFORMED) from None

    def check(self, seconds: float | None, now: datetime) -> None:
        """Raise InvalidSignature for a time too far from now."""
        if seconds is None:
            return
        age = now.timestamp() - seconds
        if age > self.tolerance:
            raise refused(Reason.TIMESTAMP_TOO_OLD)
        if age < -self.tolerance:
            raise refused(Reason.TIMESTAMP_IN_FUTURE)

    def write(self, now: datetime) -> str:
        if self.unit is Unit.ISO:
            return now.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        step = timedelta(seconds=1) if self.unit is Unit.SECONDS else timedelta(milliseconds=1)
        return str((now - _epoch) // step)


def _seconds_of_digits(text: str, unit: Unit) -> float:
    if _digits(text) is None:
        raise ValueError("no whole number")
    number = int(text)
    if unit is Unit.MILLISECONDS or (unit is Unit.AUTO and number >= _FIRST_MILLISECONDS):
        return number / 1_000
    return number


def _seconds_of_iso(text: str) -> float:
    if _iso(text) is None:
        raise ValueError("no date and time with its offset")
    return datetime.fromisoformat(text).timestamp()
