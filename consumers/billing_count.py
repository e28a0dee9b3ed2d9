"""Turns status-change messages into the count of marketing contacts per portal.

Guarantee: a message is answered ACK only after the transaction that applied it has committed; one that came
before, or that a newer one has overtaken, changes nothing.
"""

from collections.abc import Callable, Sequence
from datetime import datetime

import structlog

from consumers.outcome import ACK, Handled, Outcome
from service.errors import InvalidMessage, Unavailable
from service.messages import StatusMessage, load
from service.observe import ADJUSTED, APPLIED
from service.store import ledger
from service.store.session import Database

UNKNOWN_PORTAL = "unknown_portal"
REFUSED_BY_DATABASE = "refused_by_database"

log = structlog.get_logger()


class BillingCount:
    """Handles batches of messages."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now

    def handle(self, bodies: Sequence[bytes]) -> list[Handled]:
        """Apply messages; returns one outcome for each, in order."""
        outcomes: list[Handled] = [ACK] * len(bodies)
        readable: list[tuple[int, StatusMessage]] = []
        for place, body in enumerate(bodies):
            try:
                readable.append((place, load(body)))
            except InvalidMessage as error:
                outcomes[place] = Handled(Outcome.DEAD, error.reason, error.message)
        for place, handled in self._apply(readable):
            outcomes[place] = handled
        return outcomes

    def _apply(self, batch: list[tuple[int, StatusMessage]]) -> list[tuple[int, Handled]]:
        if not batch:
            return []
        try:
            applied = ledger.apply(self._database, [message for _, message in batch], self._now())
        except Unavailable as error:
            return [(place, Handled(Outcome.RETRY, error.reason, str(error))) for place, _ in batch]
        except Exception as error:  # noqa: BLE001 - one message that the database refuses must not stop the rest
            return self._isolate(batch, error)
        _report(applied, len(batch))
        return [
            (place, Handled(Outcome.DEAD, UNKNOWN_PORTAL, f"portal {message.portal_id}"))
            for place, message in batch
            if message.portal_id in applied.unknown_portals
        ]

    def _isolate(self, batch: list[tuple[int, StatusMessage]], error: Exception) -> list[tuple[int, Handled]]:
        if len(batch) == 1:
            return [(batch[0][0], Handled(Outcome.DEAD, REFUSED_BY_DATABASE, type(error).__name__))]
        middle = len(batch) // 2
        return [*self._apply(batch[:middle]), *self._apply(batch[middle:])]


def _report(applied: ledger.Applied, messages: int) -> None:
    APPLIED.labels("newer").inc(applied.newer)
    APPLIED.labels("repeat").inc(messages - applied.newer)
    if applied.adjusted:
        ADJUSTED.inc(applied.adjusted)
        log.warning("closed_periods_adjusted", adjustments=applied.adjusted)
    for portal_id, before, after in applied.tiers:
        log.warning("tier_stepped", portal_id=portal_id, before=before, after=after)
    for portal_id, percentage in applied.notices:
        log.warning("tier_notice_recorded", portal_id=portal_id, percentage=percentage)
    for portal_id, spike in applied.spikes:
        log.warning(
            "spike_recorded",
            portal_id=portal_id,
            hour=spike.hour.isoformat(),
            raised=spike.raised,
            usual=spike.usual,
        )
