"""`/api/v1/portals/<portalId>/billing`: the count, and why a contact counts."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import marshmallow as ma
from flask.views import MethodView
from flask_smorest import Blueprint

from service import billing
from service.domain.billing import FOREVER
from service.domain.model import Stint
from service.domain.portals import Scope
from service.domain.reasons import source_of
from service.domain.sentences import Basis, Fate, Told, cause, sentence, summary
from service.errors import InvalidInput
from service.store.explanations import Explanation
from service.web.api.access import PORTAL, guard
from service.web.api.endpoints import INSTANT
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


def explain(found: Explanation, now: datetime) -> dict[str, Any]:
    """Return the document that says why a contact counts."""
    standing, row = found.contact.standing, found.row
    counts = standing.is_marketing(now)
    fate = Fate(row.deleted_at, row.erased_at, row.merged_into)
    return {
        "contact": found.contact.contact_id,
        "counts": counts,
        "status": _status(counts),
        "sentence": summary(standing, _reason_of(found), fate, now, ZoneInfo(found.time_zone)),
        "state": fate.state,
        "deleted_at": iso(fate.deleted_at),
        "erased_at": iso(fate.erased_at),
        "merged_into": fate.merged_into,
        "stint": None if standing.stint is None else _stint(standing.stint),
        "changes": [_change(found, each) for each in found.changes],
        "held": [_held(found, each) for each in found.held],
        "ledger": [_line(each) for each in found.lines],
    }


def _reason_of(found: Explanation) -> str:
    """Say what began the latest stint."""
    stint = found.contact.standing.stint
    if stint is None:
        return ""
    reason = (str(stint.reason_type), stint.reason_id)
    return cause(source_of(*reason), *reason, found.names.get(reason, ""))


def _stint(stint: Stint) -> dict[str, Any]:
    return {
        "number": stint.number,
        "since": stint.since.isoformat(),
        "until": iso(stint.until),
        "reason_type": stint.reason_type,
        "reason_id": stint.reason_id,
    }


def _cause(found: Explanation, row: Any) -> dict[str, Any]:
    names = ("source", "reason_type", "reason_id", "actor", "default_version", "submission_id")
    return {name: getattr(row, name) for name in names} | {
        "source_name": found.names.get((row.reason_type, row.reason_id), ""),
        "actor_name": found.actors.get(row.actor, ""),
    }


def _change(found: Explanation, row: Any) -> dict[str, Any]:
    known = _cause(found, row)
    told = Told(
        verdict=row.verdict,
        at=row.at,
        until=row.until,
        source=row.source,
        reason_type=row.reason_type,
        reason_id=row.reason_id,
        reason_name=known["source_name"],
        actor=row.actor,
        actor_name=known["actor_name"],
        default_version=row.default_version,
    )
    return {
        "version": row.version,
        "at": row.at.isoformat(),
        "until": iso(row.until),
        "before": _status(row.before),
        "after": _status(row.after),
        "verdict": row.verdict,
        **known,
        "basis": told.basis.value,
        "sentence": sentence(told, ZoneInfo(found.time_zone)),
    }


def _held(found: Explanation, row: Any) -> dict[str, Any]:
    return {
        "at": row.at.isoformat(),
        **_cause(found, row),
        "limit_reached": row.limit_reached,
        "state": row.state,
        "settled_at": iso(row.settled_at),
        "settled_by": row.settled_by,
        "settled_by_name": found.actors.get(row.settled_by or "", ""),
    }


def _line(row: Any) -> dict[str, Any]:
    return {
        "number": row.stint,
        "since": row.since.isoformat(),
        "until": iso(None if row.until == FOREVER else row.until),
        "reason_type": row.reason_type,
        "reason_id": row.reason_id,
    }


def _status(is_marketing: bool) -> str:  # noqa: FBT001 - the one argument there is
    return "marketing" if is_marketing else "non-marketing"


def iso(instant: datetime | None) -> str | None:
    """Write an instant, or that there is none."""
    return None if instant is None else instant.isoformat()


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
