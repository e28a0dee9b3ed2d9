"""`/api/v1/portals/<portalId>/held`: raises that a brake holds, to be released or refused."""

from typing import Any

import marshmallow as ma
from flask.views import MethodView
from flask_smorest import Blueprint

from service.brakes.holding import MOST_IDS, Holding, Settled
from service.domain.brake import HeldState, LimitReached
from service.domain.model import ReasonType, Source
from service.domain.portals import Scope
from service.store.held import Wanted
from service.web.api.access import LARGEST, PORTAL, actor, guard
from service.web.api.effects import sets_status
from service.web.api.fields import INSTANT, STORABLE
from service.web.api.jobs import JobSchema
from service.web.documents.brakes import ANY, MOST, describe_held, describe_settled
from service.web.services import services

SOURCES = ma.validate.OneOf([each.value for each in Source])
SOURCE_ID = {"description": "The form's GUID or number, or what else asked for the raise"}

blueprint = Blueprint("held", __name__, url_prefix=f"{PORTAL}/held", description="Raises that a brake holds")
guard(blueprint, Scope.CONTACTS)


class HeldRaiseSchema(ma.Schema):
    """A raise that is or was held."""

    id = ma.fields.Integer(required=True)
    contact = ma.fields.Integer(required=True)
    at = ma.fields.String(required=True, metadata=INSTANT)
    source = ma.fields.String(required=True, metadata={"enum": [each.value for each in Source]})
    source_id = ma.fields.String(required=True, metadata=SOURCE_ID)
    source_name = ma.fields.String(
        required=True, metadata={"description": "What the form or chatflow is called"}
    )
    reason_type = ma.fields.String(required=True, metadata={"enum": [each.value for each in ReasonType]})
    actor = ma.fields.String(required=True, metadata={"description": "Who asked; empty for a visitor"})
    submission_id = ma.fields.String(required=True, allow_none=True)
    limit_reached = ma.fields.String(
        required=True,
        metadata={
            "enum": [each.value for each in LimitReached],
            "description": "Which limit held it: of the portal, or of the form",
        },
    )
    state = ma.fields.String(required=True, metadata={"enum": [each.value for each in HeldState]})
    settled_at = ma.fields.String(required=True, allow_none=True, metadata=INSTANT)
    settled_by = ma.fields.String(required=True, allow_none=True)


class HeldRaiseQuerySchema(ma.Schema):
    """Which raises are asked for."""

    state = ma.fields.String(
        load_default=HeldState.HELD.value,
        validate=ma.validate.OneOf([*[each.value for each in HeldState], ANY]),
    )
    source = ma.fields.String(validate=SOURCES)
    source_id = ma.fields.String(metadata=SOURCE_ID)
    after = ma.fields.Integer(
        load_default=0,
        validate=STORABLE,
        metadata={"description": "Only later ones: the last id of the page before"},
    )
    limit = ma.fields.Integer(load_default=100, validate=ma.validate.Range(1, MOST))


class SettleSchema(ma.Schema):
    """What to release or refuse: by ids, or the oldest of all or of one source."""

    ids = ma.fields.List(
        ma.fields.Integer(strict=True, validate=ma.validate.Range(1, LARGEST)),
        validate=ma.validate.Length(1, MOST_IDS),
    )
    source = ma.fields.String(validate=SOURCES)
    source_id = ma.fields.String(metadata=SOURCE_ID)
    most = ma.fields.Integer(
        strict=True,
        validate=ma.validate.Range(1, LARGEST),
        metadata={"description": "Only so many, the oldest first"},
    )
    expected = ma.fields.Integer(
        strict=True,
        validate=STORABLE,
        metadata={
            "description": "How many that is; another number changes nothing and answers 409. "
            "Needed where neither ids nor most is given"
        },
    )

    @ma.validates_schema
    def _check(self, data: dict[str, Any], **_: Any) -> None:
        if "ids" in data and ("source" in data or "source_id" in data):
            raise ma.ValidationError("either ids or a source", "ids")


class SettledRaisesSchema(ma.Schema):
    """What was done at once, or the job that does it."""

    released = ma.fields.Integer(required=True)
    refused = ma.fields.Integer(required=True)
    lapsed = ma.fields.Integer(
        required=True, metadata={"description": "Nothing to do: the contact counts already, or is gone"}
    )
    job = ma.fields.Nested(JobSchema, required=True, allow_none=True)


@blueprint.route("")
class HeldView(MethodView):
    """Raises that are held."""

    @blueprint.arguments(HeldRaiseQuerySchema, location="query", error_status_code=400)
    @blueprint.response(200, HeldRaiseSchema(many=True))
    def get(self, query: dict[str, Any], portal_id: int) -> list[dict[str, Any]]:
        """Return raises that are or were held, the oldest first."""
        wanted = Wanted(source=query.get("source"), source_id=query.get("source_id"))
        state = None if query["state"] == ANY else HeldState(query["state"])
        found = _holding().page(portal_id, wanted, state=state, after=query["after"], limit=query["limit"])
        return [describe_held(each) for each in found]


@blueprint.route("/release")
class ReleaseView(MethodView):
    """A person's yes."""

    @sets_status()
    @blueprint.arguments(SettleSchema, error_status_code=400)
    @blueprint.response(200, SettledRaisesSchema)
    @blueprint.alt_response(202, schema=SettledRaisesSchema, description="Many: the job does it")
    @blueprint.alt_response(409, description="Another number is held; nothing was changed")
    def post(self, told: dict[str, Any], portal_id: int) -> Any:
        """Raise contacts whose raise is held, above the limits, the oldest first."""
        return _answer(_holding().release(actor(), portal_id, _wanted(told), **_bounds(told)))


@blueprint.route("/refuse")
class RefuseView(MethodView):
    """A person's no."""

    @sets_status()
    @blueprint.arguments(SettleSchema, error_status_code=400)
    @blueprint.response(200, SettledRaisesSchema)
    @blueprint.alt_response(202, schema=SettledRaisesSchema, description="Many: the job does it")
    @blueprint.alt_response(409, description="Another number is held; nothing was changed")
    def post(self, told: dict[str, Any], portal_id: int) -> Any:
        """Leave contacts as they are whose raise is held."""
        return _answer(_holding().refuse(actor(), portal_id, _wanted(told), **_bounds(told)))


def _holding() -> Holding:
    current = services()
    return Holding(current.database, current.now)


def _answer(settled: Settled) -> Any:
    return (describe_settled(settled), 202) if settled.job else describe_settled(settled)


def _wanted(told: dict[str, Any]) -> Wanted:
    ids = told.get("ids")
    return Wanted(ids=tuple(ids) if ids else None, source=told.get("source"), source_id=told.get("source_id"))


def _bounds(told: dict[str, Any]) -> dict[str, int | None]:
    return {"most": told.get("most"), "expected": told.get("expected")}
