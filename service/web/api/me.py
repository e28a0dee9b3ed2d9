"""`/api/v1/portals/<portalId>/me`: whose request it is."""

from typing import Any

import marshmallow as ma
from flask.views import MethodView
from flask_smorest import Blueprint

from service.web.api.access import PORTAL, actor, current_token, guard
from service.web.api.people import SCOPES, TokenSchema, UserSchema, all_people
from service.web.documents.people import describe_token, describe_user

blueprint = Blueprint("me", __name__, url_prefix=f"{PORTAL}/me", description="Whose request it is")
guard(blueprint, None)


class MeSchema(ma.Schema):
    """Who makes this request, and what they may do."""

    portal = ma.fields.Integer(required=True)
    actor = ma.fields.String(required=True, metadata={"description": "As it stands in the audit"})
    token = ma.fields.Nested(TokenSchema, required=True)
    user = ma.fields.Nested(
        UserSchema, required=True, allow_none=True, metadata={"description": "null for an integration"}
    )
    scopes = ma.fields.List(ma.fields.String(metadata={"enum": SCOPES}), required=True)
    read_only = ma.fields.List(ma.fields.String(metadata={"enum": SCOPES}), required=True)
    marketing_access = ma.fields.Boolean(required=True)


@blueprint.route("")
class MeView(MethodView):
    """Whose request it is."""

    @blueprint.response(200, MeSchema)
    def get(self, portal_id: int) -> dict[str, Any]:
        """Return who makes this request, and what they may do; every token of the portal may ask."""
        token = current_token()
        user = None if token.user_id is None else all_people().user(portal_id, token.user_id)
        return {
            "portal": portal_id,
            "actor": str(actor()),
            "token": describe_token(token),
            "user": user and describe_user(user),
            "scopes": sorted(token.scopes),
            "read_only": sorted(token.read_only),
            "marketing_access": token.marketing_access,
        }
