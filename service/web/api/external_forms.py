"""`/external-forms` of a portal: what came in at endpoints, and whether it raises contacts."""

from typing import Any

import marshmallow as ma
from flask.views import MethodView
from flask_smorest import Blueprint

from service.domain.endpoints import ExternalKind
from service.domain.portals import Scope
from service.endpoints import ROLES
from service.web.api.access import NUMBER, PORTAL, all_endpoints, guard
from service.web.api.effects import changes, sets_status
from service.web.api.fields import INSTANT, STORABLE, STRICT
from service.web.documents.endpoints import OF_CHATFLOWS, OF_PORTAL, OWN, describe_forms

FORMS = "/external-forms"

blueprint = Blueprint(
    "external_forms", __name__, url_prefix=PORTAL, description="Forms and chatflows that were seen"
)
guard(blueprint, Scope.ENDPOINTS)


class ExternalFormSchema(ma.Schema):
    """A form or chatflow that was seen at an endpoint, or was told of before."""

    id = ma.fields.Integer(required=True)
    endpoint = ma.fields.Integer(required=True)
    kind = ma.fields.String(required=True, metadata={"enum": [each.value for each in ExternalKind]})
    key = ma.fields.String(
        required=True,
        metadata={
            "description": "The provider's id of it; empty when it tells none: the endpoint is the form"
        },
    )
    name = ma.fields.String(required=True)
    marketing_default = ma.fields.Boolean(
        required=True, allow_none=True, metadata={"description": "Its own; null takes the one that stands"}
    )
    default_in_effect = ma.fields.Boolean(required=True)
    default_from = ma.fields.String(required=True, metadata={"enum": [OWN, OF_PORTAL, OF_CHATFLOWS]})
    mapping = ma.fields.Dict(keys=ma.fields.String(), values=ma.fields.String(), required=True)
    fields_seen = ma.fields.Dict(
        keys=ma.fields.String(),
        values=ma.fields.String(),
        required=True,
        data_key="fields",
        attribute="fields",
        metadata={"description": "Fields that were seen, each with its label"},
    )
    is_new = ma.fields.Boolean(required=True, metadata={"description": "Nobody has set it up yet"})
    first_seen_at = ma.fields.String(required=True, allow_none=True, metadata=INSTANT)
    last_seen_at = ma.fields.String(required=True, allow_none=True, metadata=INSTANT)
    submissions = ma.fields.Integer(
        required=True, metadata={"description": "How many came in; 10000 stands for so many or more"}
    )
    version = ma.fields.Integer(required=True)


class FormQuerySchema(ma.Schema):
    """Which forms and chatflows are asked for; all if nothing is said."""

    endpoint = ma.fields.Integer(validate=STORABLE)
    new = ma.fields.Boolean(load_default=False, metadata={"description": "Only those nobody has set up yet"})


class NewFormSchema(ma.Schema):
    """A form or chatflow to set up before anything came from it."""

    endpoint = ma.fields.Integer(required=True, strict=True, validate=STORABLE)
    key = ma.fields.String(required=True, metadata={"description": "The provider's id of it"})


class FormChangesSchema(ma.Schema):
    """What to change; what is left out stays."""

    marketing_default = ma.fields.Boolean(
        allow_none=True,
        **STRICT,
        metadata={"description": "null goes back to the portal's, a chatflow's to off"},
    )
    mapping = ma.fields.Dict(
        keys=ma.fields.String(validate=ma.validate.OneOf(ROLES)),
        values=ma.fields.String(),
        metadata={"description": f"Role to field; roles are {', '.join(ROLES)}"},
    )
    name = ma.fields.String()


@blueprint.route(FORMS)
class ExternalFormsView(MethodView):
    """Forms and chatflows."""

    @blueprint.arguments(FormQuerySchema, location="query", error_status_code=400)
    @blueprint.response(200, ExternalFormSchema(many=True))
    def get(self, query: dict[str, Any], portal_id: int) -> list[dict[str, Any]]:
        """Return the forms and chatflows that were seen, the newest first."""
        endpoints = all_endpoints()
        found = endpoints.forms(portal_id, endpoint_id=query.get("endpoint"), only_new=query["new"])
        return describe_forms(endpoints, portal_id, found)

    @changes
    @blueprint.arguments(NewFormSchema, error_status_code=400)
    @blueprint.response(201, ExternalFormSchema)
    def post(self, told: dict[str, Any], portal_id: int) -> dict[str, Any]:
        """Set a form or chatflow up before it is seen, or return it if it was."""
        endpoints = all_endpoints()
        found = endpoints.tell_of_form(portal_id, told["endpoint"], told["key"])
        return describe_forms(endpoints, portal_id, [found])[0]


@blueprint.route(f"{FORMS}/<{NUMBER}:form_id>")
class ExternalFormView(MethodView):
    """One form or chatflow."""

    @blueprint.response(200, ExternalFormSchema)
    def get(self, portal_id: int, form_id: int) -> dict[str, Any]:
        """Return a form or chatflow."""
        endpoints = all_endpoints()
        return describe_forms(endpoints, portal_id, [endpoints.form(portal_id, form_id)])[0]

    @sets_status("marketing_default")
    @blueprint.arguments(FormChangesSchema, error_status_code=400)
    @blueprint.response(200, ExternalFormSchema)
    def patch(self, wanted: dict[str, Any], portal_id: int, form_id: int) -> dict[str, Any]:
        """Choose its default marketing status, its mapping or its name."""
        endpoints = all_endpoints()
        return describe_forms(endpoints, portal_id, [endpoints.choose(portal_id, form_id, **wanted)])[0]
