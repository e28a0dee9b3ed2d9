"""`/api/v1/portals/<portalId>/brakes`: the limits of a portal and its forms, and how much of them is used."""

from typing import Any

import marshmallow as ma
from flask.views import MethodView
from flask_smorest import Blueprint

from service.brakes.limits import LARGEST, MOST_HOURS, SOURCES, USUAL_HOURS, Brakes
from service.domain.brake import WHOLE_PORTAL, Limits, Target
from service.domain.portals import Scope
from service.web.api.access import PORTAL, actor, guard
from service.web.api.effects import sets_status
from service.web.api.fields import STRICT
from service.web.documents.brakes import OF_PORTAL, describe_brake
from service.web.services import services

SOURCE_NAMES = [OF_PORTAL, *[each.value for each in SOURCES]]
AMOUNT: dict[str, Any] = {"strict": True, "allow_none": True, "load_default": None}

blueprint = Blueprint(
    "brakes", __name__, url_prefix=f"{PORTAL}/brakes", description="Limits beyond which raises are held"
)
guard(blueprint, Scope.SETTINGS)


class BrakeLimitsSchema(ma.Schema):
    """The limits of a portal or a form; what is left out is not limited, and one limit must be there."""

    most = ma.fields.Integer(
        **AMOUNT,
        validate=ma.validate.Range(0, LARGEST),
        metadata={
            "description": "Of the portal: contacts that may count at a time. "
            "Of a form: raises by it since its brake was set"
        },
    )
    rate = ma.fields.Integer(
        **AMOUNT,
        validate=ma.validate.Range(1, LARGEST),
        metadata={"description": "Raises within any rate_hours hours"},
    )
    rate_hours = ma.fields.Integer(
        **AMOUNT,
        validate=ma.validate.Range(1, MOST_HOURS),
        metadata={"description": f"{USUAL_HOURS} if a rate comes without it"},
    )


class PortalLimitsSchema(BrakeLimitsSchema):
    """The limits of a portal; what is left out is not limited, and one limit must be there."""

    at_tier = ma.fields.Boolean(
        load_default=False,
        **STRICT,
        metadata={"description": "Hold what would go over the tier"},
    )


class BrakeSchema(ma.Schema):
    """A brake, and how much of its limits is used."""

    source = ma.fields.String(required=True, metadata={"enum": SOURCE_NAMES})
    source_id = ma.fields.String(
        required=True, metadata={"description": "The form's GUID or number; empty for the portal"}
    )
    name = ma.fields.String(required=True, metadata={"description": "The form's; empty for the portal"})
    at_tier = ma.fields.Boolean(required=True)
    most = ma.fields.Integer(required=True, allow_none=True)
    rate = ma.fields.Integer(required=True, allow_none=True)
    rate_hours = ma.fields.Integer(required=True, allow_none=True)
    tier = ma.fields.Integer(required=True, metadata={"description": "The portal's"})
    count = ma.fields.Integer(
        required=True, metadata={"description": "Contacts of the portal that count now"}
    )
    raised = ma.fields.Integer(required=True, metadata={"description": "Raises since the brake was set"})
    raised_lately = ma.fields.Integer(
        required=True, metadata={"description": "Raises within the last rate_hours hours; 0 without a rate"}
    )
    waiting = ma.fields.Integer(required=True, metadata={"description": "Raises that are held"})


@blueprint.route("")
class BrakesView(MethodView):
    """A portal's brakes."""

    @blueprint.response(200, BrakeSchema(many=True))
    def get(self, portal_id: int) -> list[dict[str, Any]]:
        """Return the portal's brakes, its own first."""
        return [describe_brake(each) for each in all_brakes().show(portal_id)]


@blueprint.route(f"/{OF_PORTAL}")
class PortalBrakeView(MethodView):
    """The portal's own brake."""

    @sets_status()
    @blueprint.arguments(PortalLimitsSchema, error_status_code=400)
    @blueprint.response(200, BrakeSchema)
    def put(self, told: dict[str, Any], portal_id: int) -> dict[str, Any]:
        """Set the portal's brake; it holds from now on and releases nothing."""
        return _set(portal_id, WHOLE_PORTAL, told)

    @sets_status()
    @blueprint.response(204)
    def delete(self, portal_id: int) -> None:
        """Take the portal's brake away; what is held stays held."""
        all_brakes().remove(actor(), portal_id, WHOLE_PORTAL)


@blueprint.route("/<source>/<source_id>")
class FormBrakeView(MethodView):
    """The brake of a form or chatflow; source is hubspot_form, external_form or chatflow."""

    @sets_status()
    @blueprint.arguments(BrakeLimitsSchema, error_status_code=400)
    @blueprint.response(200, BrakeSchema)
    def put(self, told: dict[str, Any], portal_id: int, source: str, source_id: str) -> dict[str, Any]:
        """Set the brake of a form or chatflow; it holds from now on and releases nothing."""
        return _set(portal_id, (source, source_id), told)

    @sets_status()
    @blueprint.response(204)
    def delete(self, portal_id: int, source: str, source_id: str) -> None:
        """Take the brake of a form or chatflow away; what is held stays held."""
        all_brakes().remove(actor(), portal_id, (source, source_id))


def all_brakes() -> Brakes:
    """Return what the views call."""
    current = services()
    return Brakes(current.database, current.now)


def _set(portal_id: int, target: Target, told: dict[str, Any]) -> dict[str, Any]:
    return describe_brake(all_brakes().set_limits(actor(), portal_id, target, Limits(**told)))
