"""`/api/v1/portals/<portalId>/endpoints`: the addresses that other people's tools send to."""

from typing import Any

import marshmallow as ma
from flask.views import MethodView
from flask_smorest import Blueprint

from service.domain.endpoints import (
    LONGEST_THANKS,
    LONGEST_TOLERANCE,
    Captcha,
    Endpoint,
    EndpointState,
)
from service.domain.portals import Scope
from service.endpoints import Wanted
from service.web.api.access import NUMBER, PORTAL, all_endpoints, guard, origin
from service.web.api.effects import changes
from service.web.api.fields import INSTANT, STRICT
from service.web.documents.endpoints import describe_endpoint

ONE = f"/<{NUMBER}:endpoint_id>"

blueprint = Blueprint(
    "endpoints", __name__, url_prefix=f"{PORTAL}/endpoints", description="Addresses of forms and chat tools"
)
guard(blueprint, Scope.ENDPOINTS)


class OptionsSchema(ma.Schema):
    """What can be chosen for an endpoint beside its secrets."""

    allowed_hosts = ma.fields.List(ma.fields.String())
    allowed_origins = ma.fields.List(ma.fields.String())
    honeypots = ma.fields.List(ma.fields.String())
    captcha = ma.fields.String(validate=ma.validate.OneOf([each.value for each in Captcha]))
    thanks_url = ma.fields.String()
    thanks_text = ma.fields.String(validate=ma.validate.Length(max=LONGEST_THANKS))
    tolerance = ma.fields.Integer(
        strict=True,
        allow_none=True,
        validate=ma.validate.Range(1, LONGEST_TOLERANCE),
        metadata={"description": "Seconds that a signature may be old; null is the usual"},
    )
    api_url = ma.fields.String()


class EndpointSchema(ma.Schema):
    """An endpoint, without its secrets."""

    id = ma.fields.Integer(required=True)
    provider = ma.fields.String(required=True)
    title = ma.fields.String(required=True, metadata={"description": "The provider's title"})
    name = ma.fields.String(required=True)
    state = ma.fields.String(required=True, metadata={"enum": [each.value for each in EndpointState]})
    url = ma.fields.String(required=True, metadata={"description": "To be pasted into the tool"})
    previous_url = ma.fields.String(
        required=True, allow_none=True, metadata={"description": "Leads here too until the rotation ends"}
    )
    needs_secret = ma.fields.Boolean(
        required=True, metadata={"description": "Nothing is taken in before there is a secret"}
    )
    secrets = ma.fields.Integer(
        required=True, metadata={"description": "How many are stored: 2 while the secret is being changed"}
    )
    secret_set_at = ma.fields.String(
        required=True,
        allow_none=True,
        metadata={**INSTANT, "description": "When the newest secret was stored"},
    )
    needs_access_token = ma.fields.Boolean(
        required=True, metadata={"description": "Deliveries name nobody; the vendor is asked"}
    )
    has_access_token = ma.fields.Boolean(required=True)
    has_captcha_secret = ma.fields.Boolean(required=True)
    options = ma.fields.Nested(OptionsSchema, required=True)
    version = ma.fields.Integer(required=True)
    created_at = ma.fields.String(required=True, metadata=INSTANT)
    last_seen_at = ma.fields.String(required=True, allow_none=True, metadata=INSTANT)
    last_outcome = ma.fields.String(
        required=True, allow_none=True, metadata={"description": "'kept', or why the last one was refused"}
    )


class SeenEndpointSchema(EndpointSchema):
    """An endpoint and what was sent to it last."""

    preview = ma.fields.Raw(
        required=True, allow_none=True, metadata={"description": "What was sent last; secrets are blanked"}
    )


class MadeEndpointSchema(EndpointSchema):
    """An endpoint that was made or changed."""

    secret = ma.fields.String(
        required=True, allow_none=True, metadata={"description": "One that was made now; never shown again"}
    )


class NewEndpointSchema(ma.Schema):
    """An endpoint to make."""

    provider = ma.fields.String(required=True)
    name = ma.fields.String()
    secret = ma.fields.String(metadata={"description": "The one that the tool shows or was given"})
    make_secret = ma.fields.Boolean(**STRICT, metadata={"description": "Make one, to be given to the tool"})
    access_token = ma.fields.String()
    captcha_secret = ma.fields.String()
    options = ma.fields.Nested(OptionsSchema)


class EndpointChangesSchema(ma.Schema):
    """What to change; what is left out stays."""

    name = ma.fields.String()
    state = ma.fields.String(validate=ma.validate.OneOf([each.value for each in EndpointState]))
    access_token = ma.fields.String(metadata={"description": "An empty text takes it away"})
    captcha_secret = ma.fields.String(metadata={"description": "An empty text takes it away"})
    options = ma.fields.Nested(OptionsSchema)


class NewSecretSchema(ma.Schema):
    """The secret to put before the one there is."""

    secret = ma.fields.String(metadata={"description": "A new one is made if it is left out"})


@blueprint.route("")
class EndpointsView(MethodView):
    """A portal's endpoints."""

    @blueprint.response(200, EndpointSchema(many=True))
    def get(self, portal_id: int) -> list[dict[str, Any]]:
        """Return all endpoints."""
        return [describe_endpoint(each, origin()) for each in all_endpoints().every(portal_id)]

    @changes
    @blueprint.arguments(NewEndpointSchema, error_status_code=400)
    @blueprint.response(201, MadeEndpointSchema)
    def post(self, wanted: dict[str, Any], portal_id: int) -> dict[str, Any]:
        """Make an endpoint; a secret that is made here is in this answer and in no other."""
        provider = wanted.pop("provider")
        made = all_endpoints().create(portal_id, provider, Wanted(**wanted))
        is_new = wanted.get("make_secret", False) and not wanted.get("secret", "").strip()
        return _made(made, secret=made.secrets[0] if is_new else None)


@blueprint.route(ONE)
class EndpointView(MethodView):
    """One endpoint."""

    @blueprint.response(200, SeenEndpointSchema)
    def get(self, portal_id: int, endpoint_id: int) -> dict[str, Any]:
        """Return an endpoint and what was sent to it last."""
        shown = all_endpoints().show(portal_id, endpoint_id)
        preview = shown.activity.preview if shown.activity else None
        return {**describe_endpoint(shown, origin()), "preview": preview}

    @changes
    @blueprint.arguments(EndpointChangesSchema, error_status_code=400)
    @blueprint.response(200, EndpointSchema)
    def patch(self, changes: dict[str, Any], portal_id: int, endpoint_id: int) -> dict[str, Any]:
        """Change, pause or resume an endpoint; options that are not named stay."""
        if "state" in changes:
            changes["state"] = EndpointState(changes["state"])
        endpoints = all_endpoints()
        endpoints.set(portal_id, endpoint_id, **changes)
        return describe_endpoint(endpoints.show(portal_id, endpoint_id), origin())

    @changes
    @blueprint.response(204)
    def delete(self, portal_id: int, endpoint_id: int) -> None:
        """Give an endpoint up for good: its address answers 404, its secrets are gone, submissions stay."""
        all_endpoints().delete(portal_id, endpoint_id)


@blueprint.route(f"{ONE}/rotate-secret")
class SecretView(MethodView):
    """The secret of an endpoint."""

    @changes
    @blueprint.arguments(NewSecretSchema, error_status_code=400)
    @blueprint.response(200, MadeEndpointSchema)
    def post(self, wanted: dict[str, str], portal_id: int, endpoint_id: int) -> dict[str, Any]:
        """Put a secret before the one there is; both prove deliveries until the rotation is finished."""
        given = wanted.get("secret", "").strip()
        made = all_endpoints().rotate_secret(portal_id, endpoint_id, given)
        return _made(made, secret=None if given else made.secrets[0])


@blueprint.route(f"{ONE}/rotate-address")
class AddressView(MethodView):
    """The address of an endpoint."""

    @changes
    @blueprint.response(200, EndpointSchema)
    def post(self, portal_id: int, endpoint_id: int) -> dict[str, Any]:
        """Give the endpoint a new address; the one before leads here too until the rotation is finished."""
        return _made(all_endpoints().rotate_address(portal_id, endpoint_id))


@blueprint.route(f"{ONE}/finish-rotation")
class RotationView(MethodView):
    """The end of a rotation."""

    @changes
    @blueprint.response(200, EndpointSchema)
    def post(self, portal_id: int, endpoint_id: int) -> dict[str, Any]:
        """Give up the secret and the address from before."""
        return _made(all_endpoints().finish_rotation(portal_id, endpoint_id))


def _made(endpoint: Endpoint, secret: str | None = None) -> dict[str, Any]:
    shown = all_endpoints().show(endpoint.portal_id, endpoint.id)
    return {**describe_endpoint(shown, origin()), "secret": secret}
