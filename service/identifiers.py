"""Identifiers that are made here."""

import os
import uuid
from datetime import datetime

_RANDOM_BITS = 62
_CHANCE_BYTES = 10
_CHANCES = 200
_pool: list[bytes] = []
# A child that draws from what its parent has left would make its parent's ids.
os.register_at_fork(after_in_child=_pool.clear)


def new_submission_id(now: datetime) -> str:
    """Return a UUID of version 7 as 32 hex digits: ordered to the millisecond, unguessable within it."""
    milliseconds = int(now.timestamp() * 1_000)
    noise = int.from_bytes(_chance())
    upper = milliseconds << 16 | 0x7000 | noise >> 64 & 0xFFF
    lower = 0b10 << _RANDOM_BITS | noise & (1 << _RANDOM_BITS) - 1
    return f"{upper << 64 | lower:032x}"


def new_correlation_id() -> str:
    """Return what an answer and its log line have in common when no submission was kept."""
    return str(uuid.uuid4())


def as_correlation_id(submission_id: str) -> str:
    """Return a submission's id in the form of a correlation id, with dashes."""
    digits = submission_id
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def _chance() -> bytes:
    """Return bytes that nobody can guess, and that nobody has had: the system is asked for many at once."""
    try:
        return _pool.pop()
    except IndexError:
        drawn = os.urandom(_CHANCE_BYTES * _CHANCES)
    pieces = [drawn[place : place + _CHANCE_BYTES] for place in range(0, len(drawn), _CHANCE_BYTES)]
    _pool.extend(pieces[1:])
    return pieces[0]
