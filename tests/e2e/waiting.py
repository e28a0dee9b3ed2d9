"""Waits for what other processes do, with a deadline."""

from collections.abc import Callable

from tests.services.processes import wait_until


def eventually(
    condition: Callable[[], bool], what: str, *, within: float = 15.0, pause: float = 0.05
) -> None:
    """Return as soon as the condition is true; fail when it is not within so many seconds."""
    if not wait_until(condition, within, pause):
        raise AssertionError(f"not within {within:g} s: {what}")
