"""`GET /api/v1/portals/<portalId>/contacts` and `POST …/contacts/search`: contacts, a page at a time."""

from typing import Any

import marshmallow as ma
from flask.views import MethodView
from flask_smorest import Blueprint

from service.domain.filters import Operator, read_filter
from service.domain.portals import Scope
from service.errors import InvalidInput
from service.views import Asked, Page, Sort, list_contacts, search
from service.views.searching import MOST_CONTACTS, MOST_RESULTS, MOST_TOTAL
from service.web.api.access import PORTAL, guard
from service.web.api.contacts import AnyContactSchema
from service.web.api.effects import reads
from service.web.api.fields import INSTANT, about
from service.web.documents.contacts import describe_listed
from service.web.services import services

MOST_PROPERTIES = 100
DESCENDING = "DESCENDING"
DIRECTIONS = ("ASCENDING", DESCENDING)
NAMES = ma.fields.String(validate=ma.validate.Length(1, 200))
GROUPS = {
    "description": "Groups of which one has to hold, of filters that all have to hold, as HubSpot's search has them"
}
AFTER = {"description": "Where to go on, as the page before gave it"}

blueprint = Blueprint("search", __name__, url_prefix=f"{PORTAL}/contacts", description="Contacts in pages")
guard(blueprint, Scope.CONTACTS)


class ListedContactSchema(AnyContactSchema):
    """A contact in a page."""

    properties = ma.fields.Dict(
        keys=ma.fields.String(),
        values=ma.fields.String(),
        required=True,
        metadata=about("Those that were asked for and that it has"),
    )
    until_renewal = ma.fields.Boolean(
        required=True, metadata=about("Whether it counts until the update date only")
    )
    active_at = ma.fields.String(required=True, allow_none=True, metadata=INSTANT)


class ContactPageSchema(ma.Schema):
    """A page of contacts."""

    results = ma.fields.List(ma.fields.Nested(ListedContactSchema), required=True)
    after = ma.fields.String(
        required=True, allow_none=True, metadata={"description": "Where to go on; null at the end"}
    )
    is_whole = ma.fields.Boolean(
        required=True,
        metadata={
            "description": "false when the time was over before it was full: go on from after, nobody was left out"
        },
    )


class SearchResultSchema(ContactPageSchema):
    """A page of contacts that match, and how many there are."""

    total = ma.fields.Integer(required=True)
    total_is_exact = ma.fields.Boolean(
        required=True,
        metadata={
            "description": f"false when there are more, or may be; a total is exact up to {MOST_TOTAL}"
        },
    )


class ContactPageQuerySchema(ma.Schema):
    """Which page is asked for."""

    after = ma.fields.String(metadata=AFTER)
    limit = ma.fields.Integer(load_default=10, validate=ma.validate.Range(1, MOST_CONTACTS))
    properties = ma.fields.String(
        load_default="", metadata={"description": "Names of properties to return, with commas between"}
    )


class FilterSchema(ma.Schema):
    """What one property has to be."""

    propertyName = ma.fields.String()  # noqa: N815 - HubSpot's name of it
    operator = ma.fields.String(metadata={"enum": [each.value for each in Operator]})
    value = ma.fields.Raw(
        allow_none=True, metadata={"type": "string", "description": "Of BETWEEN the low end"}
    )
    values = ma.fields.List(
        ma.fields.Raw(metadata={"type": "string"}), metadata={"description": "Of IN and NOT_IN"}
    )
    highValue = ma.fields.Raw(  # noqa: N815 - HubSpot's name of it
        allow_none=True, metadata={"type": "string", "description": "Of BETWEEN"}
    )

    def get_attribute(self, obj: Any, attr: str, default: Any) -> Any:
        """Return a key's value: every dictionary has an attribute `values`."""
        return obj.get(attr, default)


class FilterGroupSchema(ma.Schema):
    """Filters that all have to hold."""

    filters = ma.fields.List(ma.fields.Nested(FilterSchema))


class SortSchema(ma.Schema):
    """What to go by."""

    propertyName = ma.fields.String(required=True)  # noqa: N815 - HubSpot's name of it
    direction = ma.fields.String(load_default=DESCENDING, validate=ma.validate.OneOf(DIRECTIONS))


class SearchSchema(ma.Schema):
    """What is searched for."""

    filterGroups = ma.fields.List(  # noqa: N815 - HubSpot's name of it
        ma.fields.Nested(FilterGroupSchema), metadata=GROUPS
    )
    filters = ma.fields.List(
        ma.fields.Nested(FilterSchema), metadata={"description": "The filters of the only group"}
    )
    sorts = ma.fields.List(
        ma.fields.Nested(SortSchema),
        validate=ma.validate.Length(0, 1),
        metadata={"description": "createdate (as it is without), email, or a property that has an index"},
    )
    properties = ma.fields.List(NAMES, load_default=list, validate=ma.validate.Length(0, MOST_PROPERTIES))
    limit = ma.fields.Integer(load_default=10, strict=True, validate=ma.validate.Range(1, MOST_RESULTS))
    after = ma.fields.String(allow_none=True, metadata=AFTER)


@blueprint.route("")
class ContactPageView(MethodView):
    """All contacts."""

    @blueprint.arguments(ContactPageQuerySchema, location="query", error_status_code=400)
    @blueprint.response(200, ContactPageSchema)
    def get(self, query: dict[str, Any], portal_id: int) -> dict[str, Any]:
        """Return contacts, the newest first."""
        return describe_page(
            list_contacts(services().database, portal_id, asked_for(query), services().now())
        )


@blueprint.route("/search")
class SearchView(MethodView):
    """A search."""

    @reads
    @blueprint.arguments(SearchSchema, error_status_code=400)
    @blueprint.response(200, SearchResultSchema)
    def post(self, wanted: dict[str, Any], portal_id: int) -> dict[str, Any]:
        """Return contacts that match, and how many there are."""
        groups = {name: wanted[name] for name in ("filterGroups", "filters") if name in wanted}
        sorts = wanted.get("sorts") or [{"propertyName": "createdate", "direction": DESCENDING}]
        asked = Asked(
            filter=read_filter(groups),
            sort=Sort(sorts[0]["propertyName"], ascending=sorts[0]["direction"] != DESCENDING),
            after=wanted.get("after"),
            limit=wanted["limit"],
            properties=wanted["properties"],
        )
        page, total = search(services().database, portal_id, asked, services().now())
        return describe_page(page) | {"total": total.number, "total_is_exact": total.is_exact}


def asked_for(query: dict[str, Any]) -> Asked:
    """Return what a query asks for."""
    names = [name.strip() for name in query["properties"].split(",") if name.strip()]
    if len(names) > MOST_PROPERTIES:
        mend = f"ask for at most {MOST_PROPERTIES}"
        raise InvalidInput(f"{len(names)} properties", field="properties", mend=mend)
    return Asked(after=query.get("after"), limit=query["limit"], properties=names)


def describe_page(page: Page) -> dict[str, Any]:
    """Return the document of a page."""
    now = services().now()
    return {
        "results": [describe_listed(each, now) for each in page.contacts],
        "after": page.after,
        "is_whole": page.is_whole,
    }
