"""Contacts: one whole, and in pages."""

from datetime import datetime
from typing import Any

from service.domain.model import Decision, Standing
from service.instants import iso
from service.store.contact_batches import Person
from service.views import Listed


def describe_contact(person: Person, now: datetime) -> dict[str, Any]:
    """Return a contact's document."""
    row = person.row
    instants = ("created_at", "updated_at", "unsubscribed_at", "bounced_at", "deleted_at")
    return {
        "id": row.id,
        "email": row.email,
        "properties": dict(row.properties),
        **_standing(person.standing, now),
        **{name: iso(getattr(row, name)) for name in instants},
        "merged_into": row.merged_into,
    }


def describe_listed(listed: Listed, now: datetime) -> dict[str, Any]:
    """Return the document of a contact in a page, with the properties that were asked for."""
    subject = listed.subject
    standing = _standing(subject.standing, now)
    instants = ("created_at", "updated_at", "active_at", "unsubscribed_at", "bounced_at")
    return {
        "id": subject.contact_id,
        "email": subject.email,
        "properties": listed.properties,
        **standing,
        "until_renewal": standing["until"] is not None,
        **{name: iso(getattr(subject, name)) for name in instants},
    }


def describe_decision(decision: Decision, now: datetime) -> dict[str, Any]:
    """Return what was decided about a contact."""
    standing = _standing(decision.standing, now)
    return {"verdict": decision.verdict.value, "marketing": standing["marketing"], "until": standing["until"]}


def _standing(standing: Standing, now: datetime) -> dict[str, Any]:
    """Return whether a contact counts, and the stint by which it does."""
    is_marketing = standing.is_marketing(now)
    stint = standing.stint if is_marketing else None
    return {
        "marketing": is_marketing,
        "since": iso(stint.since) if stint else None,
        "until": iso(stint.until) if stint else None,
        "reason_type": str(stint.reason_type) if stint else None,
        "reason_id": stint.reason_id if stint else None,
    }
