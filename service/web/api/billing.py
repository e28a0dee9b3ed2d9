"""`/api/v1/portals/<portalId>/billing`: the count, and why a contact counts."""

from datetime import UTC, datetime
from typing import Any

import marshmallow as ma
from flask.views import MethodView
from flask_smorest import Blueprint

from service import billing
from service.domain.portals import Scope
from service.domain.sentences import Basis
from service.errors import InvalidInput
from service.web.api.access import PORTAL, guard
from service.web.api.fields import INSTANT
from service.web.documents.billing import explain
from service.web.services import services

EARLIEST, LATEST = 1900, 9900
"""Years of instants that may be asked for, exclusive."""

blueprint = Blueprint("billing", __name__, url_prefix=f"{PORTAL}/billing", description="The billing count")
guard(blueprint, Scope.BILLING)


class BillSchema(ma.Schema):
    """A portal's count at an instant."""

    portal = ma.fields.Integer(required=True)
    at = ma.fields.String(required=True, metadata=INSTANT)
    count = ma.fields.Integer(required=True, metadata={"description": "Marketing contacts that count"})
    tier = ma.fields.Integer(required=True, metadata={"description": "Marketing contacts paid for"})
    leaving = ma.fields.Integer(required=True, metadata={"description": "Of these, how many leave by then"})
    after_update = ma.fields.Integer(required=True, metadata={"description": "Certain to count after it"})
    update_date = ma.fields.String(required=True, metadata=INSTANT)


class BillQuerySchema(ma.Schema):
    """Which instant is asked for."""

    at = ma.fields.String(metadata=INSTANT | {"description": "An instant; now if left out"})


class StintSchema(ma.Schema):
    """One stretch of time as a marketing contact."""

    number = ma.fields.Integer(required=True)
    since = ma.fields.String(required=True, metadata=INSTANT)
    until = ma.fields.String(required=True, allow_none=True, metadata=INSTANT)
    reason_type = ma.fields.String(required=True)
    reason_id = ma.fields.String(required=True)


class CauseSchema(ma.Schema):
    """What changed a status, or wanted to."""

    source = ma.fields.String(required=True)
    source_name = ma.fields.String(
        required=True,
        metadata={
            "description": "What the form, chatflow, import, workflow, token or user is called today; or empty"
        },
    )
    reason_type = ma.fields.String(required=True)
    reason_id = ma.fields.String(required=True)
    actor = ma.fields.String(required=True, metadata={"description": "Who did it; empty for a visitor"})
    actor_name = ma.fields.String(required=True)
    default_version = ma.fields.Integer(required=True)
    submission_id = ma.fields.String(
        required=True, allow_none=True, metadata={"description": "The fact: the submission or chat event"}
    )


class ChangeSchema(CauseSchema):
    """One status change and what caused it."""

    version = ma.fields.Integer(required=True)
    at = ma.fields.String(required=True, metadata=INSTANT)
    until = ma.fields.String(
        required=True, allow_none=True, metadata=INSTANT | {"description": "The end of the stint after it"}
    )
    before = ma.fields.String(required=True)
    after = ma.fields.String(required=True)
    verdict = ma.fields.String(required=True)
    basis = ma.fields.String(
        required=True,
        metadata={
            "enum": [each.value for each in Basis],
            "description": "What it goes back to: a default, a rule, somebody's choice, a program, or time",
        },
    )
    sentence = ma.fields.String(required=True, metadata={"description": "The change in plain words"})


class HeldSchema(CauseSchema):
    """A raise that a brake did not let pass, or not at once."""

    at = ma.fields.String(required=True, metadata=INSTANT)
    limit_reached = ma.fields.String(required=True)
    state = ma.fields.String(required=True)
    settled_at = ma.fields.String(required=True, allow_none=True, metadata=INSTANT)
    settled_by = ma.fields.String(required=True, allow_none=True)
    settled_by_name = ma.fields.String(required=True)


class WhySchema(ma.Schema):
    """Why a contact counts or does not."""

    contact = ma.fields.Integer(required=True)
    counts = ma.fields.Boolean(required=True)
    status = ma.fields.String(required=True)
    sentence = ma.fields.String(required=True, metadata={"description": "All of it in plain words"})
    state = ma.fields.String(required=True, metadata={"enum": ["live", "deleted", "merged", "erased"]})
    deleted_at = ma.fields.String(required=True, allow_none=True, metadata=INSTANT)
    erased_at = ma.fields.String(required=True, allow_none=True, metadata=INSTANT)
    merged_into = ma.fields.Integer(required=True, allow_none=True)
    stint = ma.fields.Nested(StintSchema, required=True, allow_none=True)
    changes = ma.fields.List(ma.fields.Nested(ChangeSchema), required=True)
    held = ma.fields.List(ma.fields.Nested(HeldSchema), required=True)
    ledger = ma.fields.List(ma.fields.Nested(StintSchema), required=True)


@blueprint.route("")
class BillView(MethodView):
    """The bill."""

    @blueprint.arguments(BillQuerySchema, location="query", error_status_code=400)
    @blueprint.response(200, BillSchema)
    def get(self, query: dict[str, str], portal_id: int) -> dict[str, Any]:
        """Return the count now, or at an instant, against the tier, and who leaves at the update date."""
        at = _instant(query["at"]) if "at" in query else None
        return billing.bill(services().database, portal_id, services().now(), at).document()


@blueprint.route("/contacts/<int:contact_id>")
class WhyView(MethodView):
    """Why a contact counts."""

    @blueprint.response(200, WhySchema)
    def get(self, portal_id: int, contact_id: int) -> dict[str, Any]:
        """Return why a contact counts: its status, its stint, every change with its cause, and the ledger's lines."""
        return explain(billing.why(services().database, portal_id, contact_id), services().now())


def _instant(text: str) -> datetime:
    try:
        instant = datetime.fromisoformat(text.replace(" ", "+"))
    except ValueError:
        raise InvalidInput(
            f"at is {text!r}", field="at", mend="give an ISO 8601 instant, as 2026-01-31T12:00:00Z"
        ) from None
    if not EARLIEST < instant.year < LATEST:
        mend = f"give an instant of the years {EARLIEST + 1} to {LATEST - 1}"
        raise InvalidInput(f"at is {text!r}", field="at", mend=mend)
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
