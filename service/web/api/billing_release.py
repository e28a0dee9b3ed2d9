"""`/release-candidates` of the bill: who could be set to non-marketing with the least loss."""

from typing import Any

import marshmallow as ma
from flask.views import MethodView
from flask_smorest import Blueprint

from service import billing
from service.billing import CANDIDATES, MOST_CANDIDATES, MOST_DAYS, SILENT_DAYS
from service.domain.portals import Scope
from service.store.releases import MOST_COUNTED, MOST_LOOKED_AT, Kind
from service.web.api.access import PORTAL, current_token, guard
from service.web.api.fields import INSTANT, STORABLE, about
from service.web.documents.billing import describe_candidates
from service.web.services import services

blueprint = Blueprint(
    "billing_release", __name__, url_prefix=f"{PORTAL}/billing", description="Who could be released"
)
guard(blueprint, Scope.BILLING)


class ReleaseQuerySchema(ma.Schema):
    """Which candidates are asked for."""

    kind = ma.fields.String(
        required=True,
        validate=ma.validate.OneOf([each.value for each in Kind]),
        metadata=about("Bounced, unsubscribed, or silent: nothing came from them for `days`"),
    )
    days = ma.fields.Integer(
        load_default=SILENT_DAYS, validate=ma.validate.Range(1, MOST_DAYS), metadata=about("Of the silent")
    )
    after = ma.fields.Integer(
        load_default=0,
        validate=STORABLE,
        metadata=about("Go on after this contact: `next_after` of the page before"),
    )
    limit = ma.fields.Integer(load_default=CANDIDATES, validate=ma.validate.Range(1, MOST_CANDIDATES))


class CandidateSchema(ma.Schema):
    """A contact that counts, with no end known."""

    contact = ma.fields.Integer(required=True)
    email = ma.fields.String(required=True, allow_none=True)
    since = ma.fields.String(required=True, metadata=INSTANT)
    reason_type = ma.fields.String(required=True)
    reason_id = ma.fields.String(required=True)
    reason_name = ma.fields.String(required=True)
    active_at = ma.fields.String(
        required=True, metadata=INSTANT | about("The last submission or chat; without any the creation")
    )
    bounced_at = ma.fields.String(required=True, allow_none=True, metadata=INSTANT)
    unsubscribed_at = ma.fields.String(required=True, allow_none=True, metadata=INSTANT)


class ReleaseSchema(ma.Schema):
    """Candidates, in the order of their numbers."""

    portal = ma.fields.Integer(required=True)
    kind = ma.fields.String(required=True)
    days = ma.fields.Integer(required=True, allow_none=True)
    number = ma.fields.Integer(
        required=True, metadata=about(f"How many there are, {MOST_COUNTED} at the most")
    )
    or_more = ma.fields.Boolean(
        required=True, metadata=about("There may be more than `number`: not all contacts were looked at")
    )
    looked_at = ma.fields.Integer(
        required=True, metadata=about(f"Contacts that `number` is about, {MOST_LOOKED_AT} at the most")
    )
    contacts = ma.fields.List(ma.fields.Nested(CandidateSchema), required=True)
    next_after = ma.fields.Integer(
        required=True, allow_none=True, metadata=about("Where to go on; null: this was the end")
    )


@blueprint.route("/release-candidates")
class ReleaseView(MethodView):
    """Who could be released."""

    @blueprint.arguments(ReleaseQuerySchema, location="query", error_status_code=400)
    @blueprint.response(200, ReleaseSchema)
    def get(self, query: dict[str, Any], portal_id: int) -> dict[str, Any]:
        """Return contacts that could be set to non-marketing with the least loss; needs the scope contacts, too."""
        current_token().check(Scope.CONTACTS, writing=False)
        kind = Kind(query.pop("kind"))
        found = billing.release_candidates(services().database, portal_id, kind, services().now(), **query)
        return describe_candidates(portal_id, found)
