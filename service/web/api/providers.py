"""`/api/v1/portals/<portalId>/providers`: the tools whose deliveries are understood."""

from dataclasses import asdict
from typing import Any

import marshmallow as ma
from flask.views import MethodView
from flask_smorest import Blueprint

from service.domain.portals import Scope
from service.providers import overview
from service.providers.catalogue import Catalogue
from service.web.api.access import PORTAL, guard
from service.web.services import services

blueprint = Blueprint(
    "providers", __name__, url_prefix=f"{PORTAL}/providers", description="What an endpoint can be made for"
)
guard(blueprint, Scope.ENDPOINTS)


class ProviderSchema(ma.Schema):
    """A tool whose deliveries are understood. An empty text is nothing."""

    name = ma.fields.String(required=True, metadata={"description": "What an endpoint is made with"})
    title = ma.fields.String(required=True)
    kind = ma.fields.String(required=True, metadata={"enum": ["form", "chat", "generic"]})
    about = ma.fields.String(required=True)
    sent = ma.fields.String(required=True, metadata={"description": "What it sends, as JSON"})
    signed = ma.fields.String(required=True, metadata={"description": "What proves a delivery"})
    needs_secret = ma.fields.Boolean(
        required=True, metadata={"description": "Nothing is taken in before the endpoint has its secret"}
    )
    takes_secret = ma.fields.Boolean(required=True)
    handshake = ma.fields.String(required=True)
    look_up = ma.fields.String(
        required=True, metadata={"description": "Who is asked for the person, with an access token"}
    )
    grade = ma.fields.String(required=True, metadata={"enum": ["A", "B", "C", "M"]})
    proven = ma.fields.Boolean(required=True)
    documentation = ma.fields.List(ma.fields.String(), required=True)


@blueprint.route("")
class ProvidersView(MethodView):
    """The catalogue."""

    @blueprint.response(200, ProviderSchema(many=True))
    def get(self, portal_id: int) -> list[dict[str, Any]]:  # noqa: ARG002 - the same for every portal
        """Return all providers, by kind and title."""
        return describe_providers(services().catalogue)


def describe_providers(providers: Catalogue) -> list[dict[str, Any]]:
    """Return a document for each provider."""
    return [
        {
            **asdict(row),
            "needs_secret": providers[row.name].signature.needs_secret,
            "takes_secret": bool(providers[row.name].signature.ways),
            "documentation": list(providers[row.name].documentation),
        }
        for row in overview.rows(providers)
    ]
