"""`/api/v1/portals/<portalId>/deliveries`: what was refused, and its replay."""

from typing import Any

import marshmallow as ma
from flask.views import MethodView
from flask_smorest import Blueprint

from service.domain.portals import Scope
from service.replay import Replay
from service.store import deliveries
from service.web.api.access import PORTAL, guard
from service.web.api.effects import changes
from service.web.api.fields import INSTANT, STORABLE, STRICT
from service.web.documents.deliveries import describe_delivery, describe_replayed
from service.web.services import services

ONE = "/<delivery_id>"
USUAL_PAGE, LARGEST_PAGE = 50, 200

blueprint = Blueprint(
    "deliveries", __name__, url_prefix=f"{PORTAL}/deliveries", description="Deliveries that were refused"
)
guard(blueprint, Scope.ENDPOINTS)


class DeliverySchema(ma.Schema):
    """A delivery that was refused, and every equal one after it."""

    id = ma.fields.String(required=True)
    endpoint = ma.fields.Integer(required=True)
    reason = ma.fields.String(required=True, metadata={"description": "Why it was refused"})
    times = ma.fields.Integer(required=True, metadata={"description": "How often the same was sent"})
    received_at = ma.fields.String(required=True, metadata=INSTANT)
    last_received_at = ma.fields.String(required=True, metadata=INSTANT)
    size = ma.fields.Integer(required=True, metadata={"description": "Of the body, in bytes"})
    preview = ma.fields.Raw(required=True, metadata={"description": "What was sent; secrets are blanked"})
    replayed_at = ma.fields.String(required=True, allow_none=True, metadata=INSTANT)


class DeliveryQuerySchema(ma.Schema):
    """Which deliveries are asked for."""

    endpoint = ma.fields.Integer(validate=STORABLE)
    waiting = ma.fields.Boolean(
        load_default=False, metadata={"description": "Leave out those that were replayed"}
    )
    before = ma.fields.UUID(metadata={"description": "The id that the page before ended with"})
    limit = ma.fields.Integer(load_default=USUAL_PAGE, validate=ma.validate.Range(1, LARGEST_PAGE))


class ReplaySchema(ma.Schema):
    """How to replay."""

    trust = ma.fields.Boolean(
        load_default=False,
        **STRICT,
        metadata={"description": "Take it without a proof: you answer for the sender"},
    )


class ReplayedSchema(ma.Schema):
    """What became of a delivery that was replayed."""

    id = ma.fields.String(required=True)
    endpoint = ma.fields.Integer(required=True)
    outcome = ma.fields.String(required=True, metadata={"enum": ["kept", "refused"]})
    events = ma.fields.Integer(required=True, metadata={"description": "Submissions and chat events in it"})
    repeated = ma.fields.Integer(required=True, metadata={"description": "Of these, kept before"})
    reason = ma.fields.String(required=True, allow_none=True, metadata={"description": "Why it is refused"})
    detail = ma.fields.String(required=True, allow_none=True)


@blueprint.route("")
class DeliveriesView(MethodView):
    """Refused deliveries."""

    @blueprint.arguments(DeliveryQuerySchema, location="query", error_status_code=400)
    @blueprint.response(200, DeliverySchema(many=True))
    def get(self, query: dict[str, Any], portal_id: int) -> list[dict[str, Any]]:
        """Return refused deliveries, the latest first."""
        before = query.get("before")
        with services().database.reading() as connection:
            found = deliveries.list_all(
                connection,
                portal_id,
                endpoint_id=query.get("endpoint"),
                waiting=query["waiting"],
                limit=query["limit"],
                before=before.hex if before else None,
            )
        return [describe_delivery(each) for each in found]


@blueprint.route(ONE)
class DeliveryView(MethodView):
    """One refused delivery."""

    @blueprint.response(200, DeliverySchema)
    def get(self, portal_id: int, delivery_id: str) -> dict[str, Any]:
        """Return a refused delivery."""
        return describe_delivery(_replay().find(portal_id, delivery_id))


@blueprint.route(f"{ONE}/replay")
class ReplayView(MethodView):
    """The replay of a refused delivery."""

    @changes
    @blueprint.arguments(ReplaySchema, error_status_code=400)
    @blueprint.response(200, ReplayedSchema)
    def post(self, wanted: dict[str, bool], portal_id: int, delivery_id: str) -> dict[str, Any]:
        """Take a refused delivery in after what was wrong is mended; doing it again changes nothing."""
        return describe_replayed(_replay().replay(portal_id, delivery_id, trust=wanted["trust"]))


def _replay() -> Replay:
    current = services()
    vault = current.configuration.vault
    return Replay(current.database, vault, current.reception, current.activity, current.now)
