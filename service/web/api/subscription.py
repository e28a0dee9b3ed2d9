"""`/subscription` of a portal: product, commitment, day of renewal and time zone, and what follows from them."""

from datetime import date
from typing import Any

import marshmallow as ma
from flask.views import MethodView
from flask_smorest import Blueprint

from service import subscriptions
from service.domain.billing import Commitment, Product
from service.domain.portals import Scope
from service.subscriptions import Changes
from service.web.api.access import PORTAL, actor, current_token, guard
from service.web.api.effects import sets_status
from service.web.api.fields import INSTANT
from service.web.services import services

blueprint = Blueprint(
    "subscription", __name__, url_prefix=f"{PORTAL}/subscription", description="The portal's subscription"
)
guard(blueprint, Scope.BILLING)


class SubscriptionSchema(ma.Schema):
    """A portal's subscription."""

    portal = ma.fields.Integer(required=True)
    product = ma.fields.String(required=True, metadata={"enum": [each.value for each in Product]})
    commitment = ma.fields.String(required=True, metadata={"enum": [each.value for each in Commitment]})
    renews_on = ma.fields.String(
        required=True,
        metadata={"format": "date", "description": "A renewal: its day repeats each month, or each year"},
    )
    time_zone = ma.fields.String(required=True, metadata={"description": "Update dates begin at 00:00 there"})
    tier = ma.fields.Integer(required=True, metadata={"description": "Marketing contacts paid for"})
    included = ma.fields.Integer(required=True, metadata={"description": "What the product includes"})
    step = ma.fields.Integer(required=True, metadata={"description": "By what the tier grows"})
    update_date = ma.fields.String(required=True, metadata=INSTANT)
    renewal = ma.fields.String(
        required=True, metadata=INSTANT | {"description": "When the tier may come down next"}
    )


class SubscriptionChangesSchema(ma.Schema):
    """What to change; what is left out stays."""

    product = ma.fields.Enum(Product, by_value=True)
    commitment = ma.fields.Enum(Commitment, by_value=True)
    renews_on = ma.fields.Date("iso", metadata={"description": "Any day on which it renews, as 2026-01-31"})
    time_zone = ma.fields.String(metadata={"description": "An IANA name, as Europe/Vienna"})


@blueprint.route("")
class SubscriptionView(MethodView):
    """The subscription."""

    @blueprint.response(200, SubscriptionSchema)
    def get(self, portal_id: int) -> dict[str, Any]:
        """Return the portal's subscription, its tier, and its next update date and renewal."""
        current = services()
        return subscriptions.document(subscriptions.find(current.database, portal_id), current.now())

    @blueprint.arguments(SubscriptionChangesSchema, error_status_code=400)
    @blueprint.response(200, SubscriptionSchema)
    @sets_status()
    def patch(self, wanted: dict[str, Product | Commitment | date | str], portal_id: int) -> dict[str, Any]:
        """Change the subscription; the access token needs the scope settings too.

        The tier moves up at once where the new product includes more, and comes down at a renewal only. Requests to
        lower that were made before keep their update date.
        """
        current_token().check(Scope.SETTINGS, writing=True)
        current, changes = services(), Changes(**wanted)  # type: ignore[arg-type]
        portal = subscriptions.change(current.database, actor(), portal_id, changes, current.now())
        return subscriptions.document(portal, current.now())
