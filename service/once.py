"""The keys by which one delivery is kept once (rule 14)."""

from datetime import datetime
from hashlib import blake2b

WINDOW = 600
"""Seconds in which two deliveries without an id and with the same content are one."""


def hash_of(content: bytes) -> str:
    """Return 32 hex digits."""
    return blake2b(content, digest_size=16).hexdigest()


def keys_in_window(said: str, now: datetime) -> tuple[str, str]:
    """Return the key of what was said in the window of `now`, and the one that it had in the window before."""
    window = int(now.timestamp()) // WINDOW
    return hash_of(f"{said}/{window}".encode()), hash_of(f"{said}/{window - 1}".encode())
