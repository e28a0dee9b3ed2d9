"""Pauses between tries of something that fails."""

import random

LEAST_PAUSE = 0.2
MOST_PAUSE = 15.0


class BackOff:
    """Pauses that double from one failure to the next, each shortened by chance so that processes spread out."""

    def __init__(self) -> None:
        self._failures = 0

    def next_pause(self) -> float:
        """Seconds to wait after one more failure."""
        pause = min(MOST_PAUSE, LEAST_PAUSE * float(2**self._failures))
        self._failures = min(self._failures + 1, 16)
        return pause * random.uniform(0.5, 1.0)  # noqa: S311 - spreads load, guards nothing

    def reset(self) -> None:
        """Begin anew after a success."""
        self._failures = 0
