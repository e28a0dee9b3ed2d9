"""Reads the times that tools write, in the formats that a description names."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, tzinfo
from typing import Any

from service.providers.values import text_of

_LONGEST_TIME = 60
_USUAL = "%Y-%m-%d %H:%M:%S"
_is_usual = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", re.ASCII).fullmatch
_FIRST_MILLISECONDS = 1e11
"""As seconds this is the year 5138, as milliseconds March 1973: a number without a unit is told apart by it."""

Format = Callable[[str], datetime]
"""Reads a trimmed text into an aware time; raises ValueError or OverflowError."""


def make_format(name: str, zone: tzinfo) -> Format:
    """Return the reader of a format: `iso`, `s`, `ms`, `auto`, or a strptime format; raises ValueError."""
    numbered = {"s": _from_seconds, "s-float": _from_seconds, "ms": _from_milliseconds}
    if name in numbered:
        return numbered[name]
    if name == "iso":
        return lambda text: _in_utc(datetime.fromisoformat(text), zone)
    if name == "auto":
        return lambda text: _from_any(text, zone)
    if "%" not in name:
        raise ValueError("is no format")
    example = datetime(2026, 3, 2, 10, 0, 42, tzinfo=UTC).strftime(name)
    datetime.strptime(example, name).astimezone(UTC)
    if name == _USUAL:
        return lambda text: _from_usual(text, zone)
    return lambda text: _in_utc(datetime.strptime(text, name), zone)  # noqa: DTZ007 - the zone is put in next


def read_time(value: Any, formats: tuple[Format, ...]) -> datetime | None:
    """Return the time in UTC by the first format that fits, or None."""
    text = text_of(value)
    if text is None or len(text) > _LONGEST_TIME:
        return None
    text = text.strip()
    for read in formats:
        try:
            return read(text)
        except (ValueError, OverflowError, OSError):
            continue
    return None


def _in_utc(time: datetime, zone: tzinfo) -> datetime:
    return (time if time.tzinfo is not None else time.replace(tzinfo=zone)).astimezone(UTC)


def _from_usual(text: str, zone: tzinfo) -> datetime:
    """Do what `strptime` does with the format that databases write, in a tenth of its time."""
    if _is_usual(text):
        return _in_utc(datetime.fromisoformat(text), zone)
    return _in_utc(datetime.strptime(text, _USUAL), zone)  # noqa: DTZ007


def _from_seconds(text: str) -> datetime:
    return datetime.fromtimestamp(float(text), UTC)


def _from_milliseconds(text: str) -> datetime:
    return datetime.fromtimestamp(float(text) / 1000, UTC)


def _from_any(text: str, zone: tzinfo) -> datetime:
    try:
        number = float(text)
    except ValueError:
        return _in_utc(datetime.fromisoformat(text), zone)
    return _from_milliseconds(text) if abs(number) >= _FIRST_MILLISECONDS else _from_seconds(text)
