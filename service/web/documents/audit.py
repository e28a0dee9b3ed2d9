"""The audit, a page at a time."""

from datetime import datetime
from typing import Any

from service.errors import InvalidInput
from service.store import audit
from service.store.audit import CONTACT, WINDOW, AuditKind, Line, Wanted
from service.store.session import Database

LARGEST_PAGE = 500
NO_WINDOW = "changes of status are read of one contact, or within an hour"


def read_audit(database: Database, portal_id: int, query: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a page of documents; raises InvalidInput for changes of status without contact and hour."""
    asked = dict(query)
    before = asked.pop("before", None)
    kinds = _kinds(asked.pop("kind", None), asked)
    with database.reading() as connection:
        place = None if before is None else audit.place_of(connection, portal_id, before)
        if before is not None and place is None:
            mend = "give the id of an entry of this portal"
            raise InvalidInput("there is no such entry", field="before", mend=mend)
        found = audit.page(connection, portal_id, Wanted(kinds, before=place, **asked))
    return [_describe(each) for each in found]


def _describe(line: Line) -> dict[str, Any]:
    entry = line.entry
    return {
        "id": str(line.place),
        "kind": line.place.kind.value,
        "at": line.place.at.isoformat(),
        "actor": entry.actor,
        "action": entry.action,
        "subject": entry.subject,
        "before": entry.before,
        "after": entry.after,
    }


def _kinds(kind: str | None, query: dict[str, Any]) -> frozenset[AuditKind]:
    of_contact = query.get("subject", "").startswith(CONTACT)
    if kind is None:
        return frozenset(AuditKind) if of_contact else frozenset({AuditKind.SETUP})
    chosen = AuditKind(kind)
    if chosen is AuditKind.STATUS and not of_contact and not _within(query.get("since"), query.get("until")):
        mend = "give a contact as subject, or since and until at most an hour apart"
        raise InvalidInput(NO_WINDOW, field="since", mend=mend)
    return frozenset({chosen})


def _within(since: datetime | None, until: datetime | None) -> bool:
    return since is not None and until is not None and until - since <= WINDOW
