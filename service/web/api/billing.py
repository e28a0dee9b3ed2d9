"""`/api/v1/portals/<portalId>/billing`: the count, and why a contact counts."""

from datetime import UTC, datetime
from typing import Any

import marshmallow as ma
from flask.views import MethodView
from flask_smorest import Blueprint

from service import billing
from service.domain.billing import FOREVER
from service.domain.portals import Scope
from service.errors import InvalidInput
from service.store.contacts import Explanation
from service.web.api.access import require
from service.web.services import services

EARLIEST, LATEST = 1900, 9900
"""Years of instants that may be asked for, exclusive."""

blueprint = Blueprint(
    "billing", __name__, url_prefix="/api/v1/portals/<int:portal_id>/billing", description="The billing count"
)


class BillSchema(ma.Schema):
    """A portal's count at an instant."""

    portal = ma.fields.Integer(required=True)
    at = ma.fields.String(required=True, metadata={"format": "date-time"})
    count = ma.fields.Integer(required=True, metadata={"description": "Marketing contacts that count"})
    tier = ma.fields.Integer(required=True, metadata={"description": "Marketing contacts paid for"})
    leaving = ma.fields.Integer(required=True, metadata={"description": "Of these, how many leave by then"})
    after_update = ma.fields.Integer(required=True, metadata={"description": "Certain to count after it"})
    update_date = ma.fields.String(required=True, metadata={"format": "date-time"})


class BillQuerySchema(ma.Schema):
    """Which instant is asked for."""

    at = ma.fields.String(metadata={"format": "date-time", "description": "An instant; now if left out"})


class StintSchema(ma.Schema):
    """One stretch of time as a marketing contact."""

    number = ma.fields.Integer(required=True)
    since = ma.fields.String(required=True, metadata={"format": "date-time"})
    until = ma.fields.String(required=True, allow_none=True, metadata={"format": "date-time"})
    reason_type = ma.fields.String(required=True)
    reason_id = ma.fields.String(required=True)


class ChangeSchema(ma.Schema):
    """One status change and what caused it."""

    version = ma.fields.Integer(required=True)
    at = ma.fields.String(required=True, metadata={"format": "date-time"})
    before = ma.fields.String(required=True)
    after = ma.fields.String(required=True)
    verdict = ma.fields.String(required=True)
    source = ma.fields.String(required=True)
    reason_type = ma.fields.String(required=True)
    reason_id = ma.fields.String(required=True)
    source_name = ma.fields.String(
        required=True,
        metadata={"description": "What the form or chatflow is called; empty if it has no name"},
    )
    actor = ma.fields.String(required=True)
    default_version = ma.fields.Integer(required=True)
    submission_id = ma.fields.String(required=True, allow_none=True)


class WhySchema(ma.Schema):
    """Why a contact counts or does not."""

    contact = ma.fields.Integer(required=True)
    counts = ma.fields.Boolean(required=True)
    status = ma.fields.String(required=True)
    stint = ma.fields.Nested(StintSchema, required=True, allow_none=True)
    changes = ma.fields.List(ma.fields.Nested(ChangeSchema), required=True)
    ledger = ma.fields.List(ma.fields.Nested(StintSchema), required=True)


@blueprint.route("")
class BillView(MethodView):
    """The bill."""

    @blueprint.arguments(BillQuerySchema, location="query", error_status_code=400)
    @blueprint.response(200, BillSchema)
    def get(self, query: dict[str, str], portal_id: int) -> dict[str, Any]:
        """Return the count now, or at an instant, against the tier, and who leaves at the update date."""
        require(portal_id, Scope.BILLING)
        at = _instant(query["at"]) if "at" in query else None
        return billing.bill(services().database, portal_id, services().now(), at).document()


@blueprint.route("/contacts/<int:contact_id>")
class WhyView(MethodView):
    """Why a contact counts."""

    @blueprint.response(200, WhySchema)
    def get(self, portal_id: int, contact_id: int) -> dict[str, Any]:
        """Return why a contact counts: its status, its stint, every change with its cause, and the ledger's lines."""
        require(portal_id, Scope.BILLING)
        return explain(billing.why(services().database, portal_id, contact_id), services().now())


def explain(found: Explanation, now: datetime) -> dict[str, Any]:
    """Return the document that says why a contact counts."""
    standing = found.contact.standing
    counts = standing.is_marketing(now)
    stint = standing.stint
    return {
        "contact": found.contact.contact_id,
        "counts": counts,
        "status": _status(counts),
        "stint": None
        if stint is None
        else {
            "number": stint.number,
            "since": stint.since.isoformat(),
            "until": stint.until.isoformat() if stint.until else None,
            "reason_type": stint.reason_type,
            "reason_id": stint.reason_id,
        },
        "changes": [
            _change(row) | {"source_name": found.sources.get((row.source, row.reason_id), "")}
            for row in found.changes
        ],
        "ledger": [_line(row) for row in found.lines],
    }


def _change(row: Any) -> dict[str, Any]:
    names = (
        "version",
        "verdict",
        "source",
        "reason_type",
        "reason_id",
        "actor",
        "default_version",
        "submission_id",
    )
    times = {"at": row.at.isoformat(), "before": _status(row.before), "after": _status(row.after)}
    return {name: getattr(row, name) for name in names} | times


def _line(row: Any) -> dict[str, Any]:
    return {
        "number": row.stint,
        "since": row.since.isoformat(),
        "until": None if row.until == FOREVER else row.until.isoformat(),
        "reason_type": row.reason_type,
        "reason_id": row.reason_id,
    }


def _status(is_marketing: bool) -> str:  # noqa: FBT001 - the one argument there is
    return "marketing" if is_marketing else "non-marketing"


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
