"""`/forecast`, `/by` and `/notices` of the bill: what is to be expected, what counts, and what was noticed."""

from typing import Any

import marshmallow as ma
from flask.views import MethodView
from flask_smorest import Blueprint

from service import billing
from service.billing import CAUSES, MOST_CAUSES
from service.domain.forecast import HORIZON, RAISED_DAYS
from service.domain.portals import Scope
from service.web.api.access import PORTAL, guard
from service.web.api.fields import INSTANT, about
from service.web.documents.billing import describe_forecast, describe_noticed, describe_split
from service.web.services import services

blueprint = Blueprint(
    "billing_outlook", __name__, url_prefix=f"{PORTAL}/billing", description="What the count is made of"
)
guard(blueprint, Scope.BILLING)


class ForecastSchema(ma.Schema):
    """What is known of the count, and what is to be expected if things go on as they have."""

    portal = ma.fields.Integer(required=True)
    at = ma.fields.String(required=True, metadata=INSTANT)
    count = ma.fields.Integer(required=True, metadata=about("Contacts that count now"))
    tier = ma.fields.Integer(required=True)
    update_date = ma.fields.String(required=True, metadata=INSTANT)
    leaving = ma.fields.Integer(required=True, metadata=about("Contacts that are known to leave by then"))
    after_update = ma.fields.Integer(
        required=True, metadata=about("Contacts that are certain to count after it")
    )
    raised_per_day = ma.fields.Float(
        required=True, metadata=about(f"Raises a day, over the last {RAISED_DAYS} days")
    )
    leaving_per_day = ma.fields.Float(
        required=True, metadata=about("Requests to leave a day, over the last whole periods")
    )
    net_per_day = ma.fields.Float(required=True, metadata=about("The one less the other"))
    expected_before_update = ma.fields.Integer(
        required=True, metadata=about("The count just before the update date, at this pace")
    )
    expected_after_update = ma.fields.Integer(required=True, metadata=about("The same, just after it"))
    steps_before_update = ma.fields.Boolean(
        required=True, metadata=about("At this pace the tier steps up before the update date")
    )
    days_to_limit = ma.fields.Float(
        required=True,
        allow_none=True,
        metadata=about(
            f"Until the count is the tier; null: not within {HORIZON.days} days, or there is no limit"
        ),
    )
    limit_reached_at = ma.fields.String(required=True, allow_none=True, metadata=INSTANT)


class ByQuerySchema(ma.Schema):
    """How many causes are listed."""

    limit = ma.fields.Integer(load_default=CAUSES, validate=ma.validate.Range(1, MOST_CAUSES))


class CauseCountSchema(ma.Schema):
    """How many contacts count because of one form, chatflow, import, workflow, token or user."""

    source = ma.fields.String(required=True)
    reason_type = ma.fields.String(required=True)
    reason_id = ma.fields.String(required=True)
    name = ma.fields.String(required=True, metadata=about("What it is called today; or empty"))
    contacts = ma.fields.Integer(required=True)


class OthersSchema(ma.Schema):
    """The causes that are not listed."""

    causes = ma.fields.Integer(required=True)
    contacts = ma.fields.Integer(required=True)


class CountBySchema(ma.Schema):
    """The count, split in three ways; each sums to it exactly."""

    portal = ma.fields.Integer(required=True)
    at = ma.fields.String(required=True, metadata=INSTANT)
    count = ma.fields.Integer(required=True)
    by_reason = ma.fields.Dict(keys=ma.fields.String(), values=ma.fields.Integer(), required=True)
    by_source = ma.fields.Dict(keys=ma.fields.String(), values=ma.fields.Integer(), required=True)
    by_cause = ma.fields.List(
        ma.fields.Nested(CauseCountSchema), required=True, metadata=about("The largest first")
    )
    others = ma.fields.Nested(OthersSchema, required=True)


class NoticeSchema(ma.Schema):
    """A share of a tier that was reached; once for each period, tier and percentage."""

    at = ma.fields.String(required=True, metadata=INSTANT)
    percentage = ma.fields.Integer(required=True)
    tier = ma.fields.Integer(required=True)
    count = ma.fields.Integer(required=True)
    update_date = ma.fields.String(required=True, metadata=INSTANT | about("It ends the period"))


class SpikeSchema(ma.Schema):
    """An hour in which far more contacts were raised than usual; once for each hour."""

    hour = ma.fields.String(required=True, metadata=INSTANT | about("When it began"))
    at = ma.fields.String(required=True, metadata=INSTANT | about("When it was noticed"))
    raised = ma.fields.Integer(required=True, metadata=about("Raised in it until then"))
    usual = ma.fields.Integer(required=True, metadata=about("In an hour of the week before, on average"))


class NoticedSchema(ma.Schema):
    """What was noticed, the newest first."""

    notices = ma.fields.List(ma.fields.Nested(NoticeSchema), required=True)
    spikes = ma.fields.List(ma.fields.Nested(SpikeSchema), required=True)


@blueprint.route("/forecast")
class ForecastView(MethodView):
    """The forecast."""

    @blueprint.response(200, ForecastSchema)
    def get(self, portal_id: int) -> dict[str, Any]:
        """Return what is known of the count up to the update date, the pace, and when it reaches the tier."""
        found = billing.forecast(services().database, portal_id, services().now())
        return describe_forecast(portal_id, found)


@blueprint.route("/by")
class SplitView(MethodView):
    """What the count is made of."""

    @blueprint.arguments(ByQuerySchema, location="query", error_status_code=400)
    @blueprint.response(200, CountBySchema)
    def get(self, query: dict[str, int], portal_id: int) -> dict[str, Any]:
        """Return the count now by reason, by source, and by form, chatflow, import, workflow, token and user."""
        found = billing.count_by(services().database, portal_id, services().now(), query["limit"])
        return describe_split(portal_id, found)


@blueprint.route("/notices")
class NoticesView(MethodView):
    """What was noticed."""

    @blueprint.response(200, NoticedSchema)
    def get(self, portal_id: int) -> dict[str, Any]:
        """Return the newest notices on the way to the tier's limit, and the newest spikes."""
        return describe_noticed(billing.noticed(services().database, portal_id))
