"""Keeps deliveries that were refused, so that they can be looked at, mended and replayed.

The request is kept whole and encrypted, its preview without secrets; equal ones are kept once. A flood at an
endpoint costs no more than `MOST_A_SECOND` writes.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import structlog

from service.delivery import Delivery, dump_http
from service.domain.endpoints import Endpoint
from service.errors import InvalidInput, MarketableError
from service.identifiers import new_submission_id
from service.observe import DELIVERIES
from service.once import hash_of
from service.previews import preview
from service.providers.description import Description
from service.store import deliveries
from service.store.deliveries import RefusedDelivery
from service.store.session import Database
from service.vault import Vault

MOST_A_SECOND = 20
"""Of one endpoint in one process: a flood at one crowds out nobody else's."""
LARGEST_SEALED = 1_048_576
"""Bytes of a body; of a larger one only the preview is kept."""
_VOLATILE_HEADERS = frozenset({"host", "content-length", "connection"})

log = structlog.get_logger()


class RefusedDeliveries:
    """Keeps what one process refuses; safe for threads."""

    def __init__(self, database: Database, open_vault: Callable[[], Vault]) -> None:
        self._database = database
        self._open_vault = open_vault
        self._second = 0
        self._kept: Counter[int] = Counter()
        self._counting = threading.Lock()

    def keep(
        self, endpoint: Endpoint, description: Description, delivery: Delivery, refusal: MarketableError
    ) -> None:
        """Keep one delivery; whatever hinders that is logged, since the sender is refused all the same."""
        kept = False
        try:
            if self._may_write(endpoint.id):
                refused = self._make(endpoint, description, delivery, refusal.reason)
                with self._database.writing() as connection:
                    kept = deliveries.keep(connection, refused)
        except Exception as error:  # noqa: BLE001 - see above
            # No traceback: it may hold personal data.
            log.error("delivery_not_kept", error=type(error).__name__, endpoint=endpoint.id)  # noqa: TRY400
        DELIVERIES.labels("refused" if kept else "refused_and_not_kept").inc()
        log.info(
            "delivery_refused",
            endpoint=endpoint.id,
            provider=endpoint.provider,
            reason=refusal.reason,
            kept=kept,
        )

    def _may_write(self, endpoint_id: int) -> bool:
        second = int(time.monotonic())
        with self._counting:
            if second != self._second:
                self._second = second
                self._kept.clear()
            self._kept[endpoint_id] += 1
            return self._kept[endpoint_id] <= MOST_A_SECOND

    def _make(
        self, endpoint: Endpoint, description: Description, delivery: Delivery, reason: str
    ) -> RefusedDelivery:
        return RefusedDelivery(
            id=new_submission_id(delivery.received_at),
            endpoint_id=endpoint.id,
            portal_id=endpoint.portal_id,
            digest=digest_of(delivery),
            reason=reason,
            received_at=delivery.received_at,
            last_received_at=delivery.received_at,
            size=len(delivery.body),
            preview=preview(endpoint, description, delivery),
            sealed=self._seal(delivery),
        )

    def _seal(self, delivery: Delivery) -> bytes | None:
        if len(delivery.body) > LARGEST_SEALED:
            return None
        try:
            return self._open_vault().seal(dump_http(_dumpable(delivery)))
        except InvalidInput:
            return None


def digest_of(delivery: Delivery) -> str:
    """Return what equal deliveries have in common: method and body, whatever their headers."""
    return hash_of(delivery.method.encode() + b" " + delivery.body)


def _dumpable(delivery: Delivery) -> Delivery:
    """Return it with what HTTP says twice left out, and values in the one spelling that can be written back."""
    headers = tuple(
        (name, value.strip(" \t"))
        for name, value in delivery.headers
        if name.lower() not in _VOLATILE_HEADERS
    )
    return replace(delivery, headers=headers)
