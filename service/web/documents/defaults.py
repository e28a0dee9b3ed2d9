"""Defaults, their changes, and what sources do without any."""

from typing import Any

from config.sources import read_sources
from service.defaults.every import Shown
from service.domain.defaults import dump_value
from service.instants import iso
from service.store.defaults import Noted


def describe_default(shown: Shown) -> dict[str, Any]:
    """Return a default's document."""
    kept = shown.kept
    return {
        "subject": str(kept.subject),
        "kind": kept.subject.kind.value,
        "name": kept.name,
        "own": dump_value(kept.subject, kept.own),
        "in_effect": dump_value(kept.subject, shown.in_effect),
        "whose": kept.whose.value,
        "since": iso(shown.since),
        "by": shown.by,
        "version": kept.version,
        "endpoint": kept.endpoint_id,
        "is_archived": kept.is_archived,
    }


def describe_entry(entry: Noted) -> dict[str, Any]:
    """Return the document of one change."""
    return {
        "id": entry.id,
        "at": entry.at.isoformat(),
        "actor": entry.actor,
        "subject": entry.subject,
        "before": entry.before,
        "after": entry.after,
    }


def describe_sources() -> list[dict[str, Any]]:
    """Return the table of sources."""
    return [
        {
            "source": source,
            "marketing": each.marketing,
            "changeable": each.changeable,
            "contacts": each.contacts,
            "fixed": each.is_fixed,
        }
        for source, each in read_sources().items()
    ]
