"""`/api/v1/portals/<portalId>/audit`: who changed what, the newest first."""

from datetime import UTC
from typing import Any

import marshmallow as ma
from flask.views import MethodView
from flask_smorest import Blueprint

from service.domain.portals import Scope
from service.store.audit import AuditKind
from service.web.api.access import PORTAL, guard
from service.web.api.fields import INSTANT
from service.web.documents.audit import LARGEST_PAGE, read_audit
from service.web.services import services

USUAL_PAGE = 50
LONGEST = 200
KINDS = [each.value for each in AuditKind]

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
