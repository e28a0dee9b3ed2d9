"""Which endpoints' vendors are left alone for now, and for how long what failed is put off; in memory."""

import random
from collections import Counter
from datetime import datetime, timedelta

from consumers.asking import Delayed

MOST_PER_ENDPOINT = 2
"""Questions to one endpoint's vendor at a time."""
LEAST_PAUSE = timedelta(seconds=5)
MOST_PAUSE = timedelta(hours=1)
MOST_DOUBLINGS = 10
"""From the least pause beyond the most."""
LONGEST_HELD = timedelta(seconds=30)
"""Without a word of the vendor: a person may have mended the cause meanwhile, and asked for another try."""
MANY = 3
"""Questions in a row that a vendor didn't answer: it is not the question's fault."""
OF_ALL = frozenset(
    {"rate_limited", "access_token_missing", "access_token_refused", "version_retired", "seal_broken"}
)
"""Reasons that every other question of the endpoint would fail for too."""
OF_MANY = frozenset({"vendor_away"})
"""Reasons that may be a single question's."""


def pause_after(failures: int) -> timedelta:
    """Return how long to wait after so many failures; chance shortens it, so that what failed together spreads."""
    pause: timedelta = min(MOST_PAUSE, LEAST_PAUSE * 2 ** min(max(failures - 1, 0), MOST_DOUBLINGS))
    return pause * random.uniform(0.5, 1.0)  # noqa: S311 - spreads load, guards nothing


class Holds:
    """For one thread."""

    def __init__(self) -> None:
        self._asked: Counter[int] = Counter()
        self._failures: Counter[int] = Counter()
        self._held: dict[int, datetime] = {}

    def closed(self, now: datetime) -> frozenset[int]:
        """Return the endpoints whose vendors are not to be asked now."""
        self._held = {endpoint: until for endpoint, until in self._held.items() if until > now}
        full = {endpoint for endpoint, asked in self._asked.items() if asked >= MOST_PER_ENDPOINT}
        return frozenset(full | self._held.keys())

    def asked(self, endpoint_id: int) -> None:
        """A question goes out."""
        self._asked[endpoint_id] += 1

    def ended(self, endpoint_id: int) -> None:
        """It is settled, whatever came of it."""
        self._asked[endpoint_id] -= 1
        if not self._asked[endpoint_id]:
            del self._asked[endpoint_id]

    def answered(self, endpoint_id: int) -> None:
        """The vendor has answered as it should."""
        self._failures.pop(endpoint_id, None)

    def delayed(self, endpoint_id: int, answer: Delayed, now: datetime) -> datetime | None:
        """Hold the endpoint if the answer speaks of more than its own question; returns until when."""
        if answer.reason not in OF_ALL | OF_MANY:
            return None
        self._failures[endpoint_id] += 1
        if answer.retry_after is not None:
            until = now + timedelta(seconds=answer.retry_after)
            self._held[endpoint_id] = until
            return until
        if answer.reason in OF_MANY and self._failures[endpoint_id] < MANY:
            return None
        pause = pause_after(self._failures[endpoint_id])
        self._held[endpoint_id] = now + min(pause, LONGEST_HELD)
        return now + pause
