"""Deliveries that were refused, and what became of them."""

from typing import Any

from service.instants import iso
from service.replay import Replayed
from service.store.deliveries import RefusedDelivery


def describe_delivery(refused: RefusedDelivery) -> dict[str, Any]:
    """Return a refused delivery's document."""
    return {
        "id": refused.id,
        "endpoint": refused.endpoint_id,
        "reason": refused.reason,
        "times": refused.times,
        "received_at": refused.received_at.isoformat(),
        "last_received_at": refused.last_received_at.isoformat(),
        "size": refused.size,
        "preview": refused.preview,
        "replayed_at": iso(refused.replayed_at),
    }


def describe_replayed(replayed: Replayed) -> dict[str, Any]:
    """Return the document that says what became of a delivery."""
    return {
        "id": replayed.id,
        "endpoint": replayed.endpoint_id,
        "outcome": "kept" if replayed.is_kept else "refused",
        "events": replayed.events,
        "repeated": replayed.repeated,
        "reason": replayed.reason or None,
        "detail": replayed.detail or None,
    }
