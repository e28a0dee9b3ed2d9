"""`/statements` of a portal: the statements of closed periods, and the contacts that each has counted."""

from typing import Any

import marshmallow as ma
from flask import Response, request, stream_with_context
from flask.views import MethodView
from flask_smorest import Blueprint

from service import statements
from service.domain.portals import Scope
from service.web.api.access import PORTAL, guard
from service.web.api.fields import INSTANT, STORABLE
from service.web.services import services

MOST_STATEMENTS, MOST_CONTACTS = 100, 10_000
PLAIN = "text/plain"

blueprint = Blueprint(
    "statements", __name__, url_prefix=f"{PORTAL}/statements", description="Statements of closed periods"
)
guard(blueprint, Scope.BILLING)


class StatementSummarySchema(ma.Schema):
    """The statement of one closed period; once issued it never changes."""

    portal = ma.fields.Integer(required=True)
    begins_at = ma.fields.String(required=True, metadata=INSTANT)
    ends_at = ma.fields.String(
        required=True,
        metadata=INSTANT | {"description": "The update date that ends the period, and names it"},
    )
    issued_at = ma.fields.String(required=True, metadata=INSTANT)
    contacts = ma.fields.Integer(
        required=True, metadata={"description": "Contacts that counted at the period's last instant"}
    )
    tier = ma.fields.Integer(required=True, metadata={"description": "The tier at the end of the period"})
    digest = ma.fields.String(
        required=True,
        metadata={
            "description": "SHA-256, in hex, over their sorted ids: decimal, one to a line, each line ended"
        },
    )
    renews = ma.fields.Boolean(
        required=True, metadata={"description": "The subscription renewed at the end of the period"}
    )


class ReasonSchema(ma.Schema):
    """How many contacts count for one reason."""

    reason_type = ma.fields.String(required=True)
    reason_id = ma.fields.String(required=True, metadata={"description": "A form's GUID, an import's id, …"})
    contacts = ma.fields.Integer(required=True)


class SplitSchema(ma.Schema):
    """The number by what began to make each contact a marketing contact; either list sums to it."""

    by_type = ma.fields.Dict(keys=ma.fields.String(), values=ma.fields.Integer(), required=True)
    by_reason = ma.fields.List(ma.fields.Nested(ReasonSchema), required=True)


class AdjustmentSchema(ma.Schema):
    """A contact that counts in a closed period after all, or does not."""

    period = ma.fields.String(
        required=True, metadata=INSTANT | {"description": "The end of the period that it belongs to"}
    )
    contact = ma.fields.Integer(required=True)
    change = ma.fields.Integer(required=True, metadata={"enum": [1, -1]})
    reason_type = ma.fields.String(required=True)
    reason_id = ma.fields.String(required=True)
    at = ma.fields.String(required=True, metadata=INSTANT | {"description": "When it came"})
    carried_by = ma.fields.String(
        required=True,
        allow_none=True,
        metadata=INSTANT | {"description": "The statement that carries it; null: the next one will"},
    )


class AdjustmentsSchema(ma.Schema):
    """Adjustments and what they sum to."""

    number = ma.fields.Integer(required=True)
    sum = ma.fields.Integer(required=True)
    lines = ma.fields.List(
        ma.fields.Nested(AdjustmentSchema),
        required=True,
        metadata={"description": "The first 1000, oldest first"},
    )


class StatementSchema(StatementSummarySchema):
    """A statement whole."""

    split = ma.fields.Nested(SplitSchema, required=True)
    late = ma.fields.Nested(
        AdjustmentsSchema, required=True, metadata={"description": "What has come late to this period"}
    )
    carried = ma.fields.Nested(
        AdjustmentsSchema,
        required=True,
        metadata={"description": "What came late to earlier periods, and is due with this statement"},
    )


class StatementsQuerySchema(ma.Schema):
    """Which statements are asked for; the newest if nothing is said."""

    before = ma.fields.String(metadata={"description": "Only periods that end before this day or instant"})
    limit = ma.fields.Integer(load_default=24, validate=ma.validate.Range(1, MOST_STATEMENTS))


class ContactsQuerySchema(ma.Schema):
    """Which page is asked for."""

    after = ma.fields.Integer(load_default=0, validate=STORABLE)
    limit = ma.fields.Integer(load_default=1_000, validate=ma.validate.Range(1, MOST_CONTACTS))


class ContactsSchema(ma.Schema):
    """A page of the contacts that a statement has counted."""

    contacts = ma.fields.List(
        ma.fields.Integer(), required=True, metadata={"description": "Ids, sorted; about `limit` of them"}
    )
    after = ma.fields.Integer(
        required=True, allow_none=True, metadata={"description": "Where the next page goes on; null: nowhere"}
    )


@blueprint.route("")
class StatementsView(MethodView):
    """Statements."""

    @blueprint.arguments(StatementsQuerySchema, location="query", error_status_code=400)
    @blueprint.response(200, StatementSummarySchema(many=True))
    def get(self, query: dict[str, Any], portal_id: int) -> list[dict[str, Any]]:
        """Return the statements that are issued, the newest first."""
        found = statements.listed(
            services().database, portal_id, before=query.get("before"), limit=query["limit"]
        )
        return [statements.summary(row) for row in found]


@blueprint.route("/<string:ends_at>")
class StatementView(MethodView):
    """One statement."""

    @blueprint.response(200, StatementSchema)
    def get(self, portal_id: int, ends_at: str) -> dict[str, Any]:
        """Return the statement of the period that ends at this day or instant, with what has come late to it."""
        return statements.show(services().database, portal_id, ends_at).document()


@blueprint.route("/<string:ends_at>/contacts")
class StatementContactsView(MethodView):
    """The contacts of a statement."""

    @blueprint.arguments(ContactsQuerySchema, location="query", error_status_code=400)
    @blueprint.response(200, ContactsSchema)
    def get(self, query: dict[str, int], portal_id: int, ends_at: str) -> dict[str, Any] | Response:
        """Return the ids of the contacts that the statement has counted, page by page.

        With `Accept: text/plain` all of them, one to a line: their SHA-256 is the statement's digest.
        """
        database = services().database
        if request.accept_mimetypes.best_match(["application/json", PLAIN]) == PLAIN:
            statements.show(
                database, portal_id, ends_at
            )  # what is not there is said before the answer begins
            parts = statements.all_contacts(database, portal_id, ends_at)
            return Response(stream_with_context(parts), mimetype=PLAIN)
        found, after = statements.contacts(database, portal_id, ends_at, query["after"], query["limit"])
        return {"contacts": found, "after": after}
