"""`/api/v1/portals/<portalId>/views`: saved views of contacts."""

from typing import Any

import marshmallow as ma
from flask import request
from flask.views import MethodView
from flask_smorest import Blueprint

from service.domain.filters import dump_filter, read_filter
from service.domain.filters.values import read_id
from service.domain.portals import Scope
from service.domain.views import LONGEST_NAME, View
from service.errors import InvalidInput
from service.views import Indexing, SavedViews
from service.views.saved import index_names
from service.web.api.access import NUMBER, PORTAL, actor, guard
from service.web.api.effects import changes
from service.web.api.fields import INSTANT
from service.web.api.search import (
    GROUPS,
    ContactPageQuerySchema,
    ContactPageSchema,
    FilterGroupSchema,
    asked_for,
    describe_page,
)
from service.web.services import services

READY, IN_WORK, NONE = "ready", "in_work", "none"
ONE = f"/<{NUMBER}:view_id>"
NAME = ma.validate.Length(1, LONGEST_NAME)

blueprint = Blueprint("views", __name__, url_prefix=f"{PORTAL}/views", description="Saved views of contacts")
guard(blueprint, Scope.CONTACTS)


class ViewFilterSchema(ma.Schema):
    """Which contacts."""

    filterGroups = ma.fields.List(  # noqa: N815 - HubSpot's name of it
        ma.fields.Nested(FilterGroupSchema), load_default=list, metadata=GROUPS
    )


class ViewSchema(ma.Schema):
    """A saved view."""

    id = ma.fields.Integer(required=True)
    name = ma.fields.String(required=True)
    filter = ma.fields.Nested(ViewFilterSchema, required=True)
    version = ma.fields.Integer(required=True, metadata={"description": "The ETag as well"})
    created_by = ma.fields.String(required=True)
    created_at = ma.fields.String(required=True, metadata=INSTANT)
    updated_at = ma.fields.String(required=True, metadata=INSTANT)
    indexes = ma.fields.Dict(
        keys=ma.fields.String(),
        values=ma.fields.String(validate=ma.validate.OneOf((READY, IN_WORK, NONE))),
        required=True,
        metadata={"description": "Properties by whose index the view is quick among many contacts"},
    )


class NewViewSchema(ma.Schema):
    """A view to be saved."""

    name = ma.fields.String(required=True, validate=NAME)
    filter = ma.fields.Nested(ViewFilterSchema, required=True)


class ViewChangesSchema(ma.Schema):
    """What to change; what is left out stays."""

    name = ma.fields.String(validate=NAME)
    filter = ma.fields.Nested(ViewFilterSchema)


class ViewCountSchema(ma.Schema):
    """How many contacts a view has."""

    count = ma.fields.Integer(required=True)
    is_exact = ma.fields.Boolean(
        required=True, metadata={"description": "false when the time was over: there may be more"}
    )


@blueprint.route("")
class ViewsView(MethodView):
    """A portal's views."""

    @blueprint.response(200, ViewSchema(many=True))
    def get(self, portal_id: int) -> list[dict[str, Any]]:
        """Return the views by name."""
        states = _states()
        return [_describe(each, states) for each in _saved().every(portal_id)]

    @changes
    @blueprint.arguments(NewViewSchema, error_status_code=400)
    @blueprint.response(201, ViewSchema)
    def post(self, told: dict[str, Any], portal_id: int) -> Any:
        """Save a view; 409 when there is one with this name."""
        made = _saved().create(actor(), portal_id, told["name"], read_filter(told["filter"]))
        return _tagged(made, 201)


@blueprint.route(ONE)
class ViewView(MethodView):
    """One view."""

    @blueprint.response(200, ViewSchema)
    def get(self, portal_id: int, view_id: int) -> Any:
        """Return a view."""
        return _tagged(_saved().find(portal_id, view_id))

    @changes
    @blueprint.arguments(ViewChangesSchema, error_status_code=400)
    @blueprint.response(200, ViewSchema)
    def patch(self, told: dict[str, Any], portal_id: int, view_id: int) -> Any:
        """Change a view; with If-Match, only the version that it names."""
        wanted = read_filter(told["filter"]) if "filter" in told else None
        changed = _saved().change(
            actor(), portal_id, view_id, name=told.get("name"), wanted=wanted, version=_version()
        )
        return _tagged(changed)

    @changes
    @blueprint.response(204)
    def delete(self, portal_id: int, view_id: int) -> None:
        """Delete a view; its contacts stay as they are."""
        _saved().delete(actor(), portal_id, view_id, _version())


@blueprint.route(f"{ONE}/contacts")
class ViewContactsView(MethodView):
    """A view's contacts."""

    @blueprint.arguments(ContactPageQuerySchema, location="query", error_status_code=400)
    @blueprint.response(200, ContactPageSchema)
    def get(self, query: dict[str, Any], portal_id: int, view_id: int) -> dict[str, Any]:
        """Return a view's contacts, the newest first."""
        saved = _saved()
        known = saved.find(portal_id, view_id)
        return describe_page(saved.contacts(actor(), known, asked_for(query)))


@blueprint.route(f"{ONE}/count")
class ViewCountView(MethodView):
    """How many contacts a view has."""

    @blueprint.response(200, ViewCountSchema)
    def get(self, portal_id: int, view_id: int) -> dict[str, Any]:
        """Count a view's contacts, for some seconds at the most."""
        saved = _saved()
        counted = saved.count(saved.find(portal_id, view_id))
        return {"count": counted.number, "is_exact": counted.is_exact}


def _saved() -> SavedViews:
    return SavedViews(services().database, services().now)


def _states() -> dict[str, str]:
    found = Indexing(services().database, services().now).every()
    return {each.name: IN_WORK if each.ready_at is None else READY for each in found}


def _tagged(view: View, status: int = 200) -> tuple[dict[str, Any], int, dict[str, str]]:
    return _describe(view, _states()), status, {"ETag": f'"{view.version}"'}


def _version() -> int | None:
    """Return the version that the request is about, None when it says nothing of one."""
    told = request.headers.get("If-Match", "*").strip()
    if told == "*":
        return None
    version = read_id(told.removeprefix("W/").strip('"'))
    if version is None:
        raise InvalidInput(
            f"If-Match is {told[:50]!r}", field="If-Match", mend="send back the ETag that a view came with"
        )
    return version


def _describe(view: View, states: dict[str, str]) -> dict[str, Any]:
    return {
        "id": view.id,
        "name": view.name,
        "filter": dump_filter(view.filter),
        "version": view.version,
        "created_by": view.created_by,
        "created_at": view.created_at.isoformat(),
        "updated_at": view.updated_at.isoformat(),
        "indexes": {name: states.get(name, NONE) for name in index_names(view)},
    }
