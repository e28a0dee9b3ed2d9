"""`/api/v1/portals/<portalId>/audit`: who changed what, the newest first."""

from datetime import UTC, datetime
from typing import Any

import marshmallow as ma
from flask.views import MethodView
from flask_smorest import Blueprint

from service.domain.portals import Scope
from service.errors import InvalidInput
from service.store import audit
from service.store.audit import CONTACT, WINDOW, AuditKind, Line, Wanted
from service.store.session import Database
from service.web.api.access import PORTAL, guard
from service.web.services import services

INSTANT = {"format": "date-time"}
USUAL_PAGE, LARGEST_PAGE = 50, 500
LONGEST = 200
KINDS = [each.value for each in AuditKind]
NO_WINDOW = "changes of status are read of one contact, or within an hour"

blueprint = Blueprint("audit", __name__, url_prefix=f"{PORTAL}/audit", description="Who changed what")
guard(blueprint, Scope.USERS)


class AuditQuerySchema(ma.Schema):
    """Which entries are asked for; all of what is set up if nothing is said."""

    kind = ma.fields.String(
        validate=ma.validate.OneOf(KINDS),
        metadata={
            "description": "'status' needs a contact as subject, or since and until within an hour of each other; "
            "both kinds of a contact come if this is left out"
        },
    )
    subject = ma.fields.String(
        validate=ma.validate.Length(max=LONGEST),
        metadata={"description": "As user:7, token:3, contact:12, form:<guid>, endpoint:5"},
    )
    actor = ma.fields.String(
        validate=ma.validate.Length(max=LONGEST), metadata={"description": "As user:7, token:3, command"}
    )
    action = ma.fields.String(
        validate=ma.validate.Length(max=LONGEST),
        metadata={"description": "As created; of a change of status its verdict"},
    )
    since = ma.fields.AwareDateTime(format="iso", default_timezone=UTC, metadata={"description": "Inclusive"})
    until = ma.fields.AwareDateTime(format="iso", default_timezone=UTC, metadata={"description": "Exclusive"})
    before = ma.fields.String(
        validate=ma.validate.Length(max=LONGEST),
        metadata={"description": "The id that the page before ended with"},
    )
    limit = ma.fields.Integer(load_default=USUAL_PAGE, validate=ma.validate.Range(1, LARGEST_PAGE))


class EntrySchema(ma.Schema):
    """That somebody changed something."""

    id = ma.fields.String(required=True)
    kind = ma.fields.String(required=True, metadata={"enum": KINDS})
    at = ma.fields.String(required=True, metadata=INSTANT)
    actor = ma.fields.String(
        required=True, metadata={"description": "user:<id>, token:<id>, command; empty for a visitor"}
    )
    action = ma.fields.String(required=True)
    subject = ma.fields.String(required=True)
    before = ma.fields.Raw(required=True, allow_none=True)
    after = ma.fields.Raw(required=True, allow_none=True)


@blueprint.route("")
class AuditView(MethodView):
    """The audit of a portal."""

    @blueprint.arguments(AuditQuerySchema, location="query", error_status_code=400)
    @blueprint.response(200, EntrySchema(many=True))
    def get(self, query: dict[str, Any], portal_id: int) -> list[dict[str, Any]]:
        """Return entries, the newest first."""
        return read_audit(services().database, portal_id, query)


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
    return [describe_line(each) for each in found]


def describe_line(line: Line) -> dict[str, Any]:
    """Return an entry's document."""
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
