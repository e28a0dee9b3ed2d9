"""`/api/v1/portals/<portalId>/contacts`: single contacts, and the status of many at once."""

from typing import Any

import marshmallow as ma
from flask.views import MethodView
from flask_smorest import Blueprint

from service import bulk
from service.contacts import MOST_EMAILS, Contacts
from service.domain.filters import read_filter
from service.domain.model import Verdict
from service.domain.portals import Scope
from service.errors import InvalidInput
from service.store.selections import Selection
from service.views import SavedViews
from service.web.api.access import LARGEST, NUMBER, PORTAL, actor, guard
from service.web.api.effects import changes, may_set_status, sets_status
from service.web.api.fields import INSTANT, STORABLE, STRICT, about
from service.web.api.jobs import JobSchema
from service.web.documents.contacts import describe_contact, describe_decision
from service.web.documents.jobs import describe
from service.web.services import services

ID = ma.validate.Range(1, LARGEST)
VERDICTS = [each.value for each in Verdict]
PROPERTIES = about("Contact properties by name; an empty value clears one")

blueprint = Blueprint("contacts", __name__, url_prefix=f"{PORTAL}/contacts", description="Contacts")
guard(blueprint, Scope.CONTACTS)


class AnyContactSchema(ma.Schema):
    """What is told of every contact."""

    id = ma.fields.Integer(required=True)
    email = ma.fields.String(required=True, allow_none=True)
    properties = ma.fields.Dict(keys=ma.fields.String(), values=ma.fields.String(), required=True)
    marketing = ma.fields.Boolean(required=True, metadata=about("Whether it counts now"))
    since = ma.fields.String(required=True, allow_none=True, metadata=INSTANT)
    until = ma.fields.String(
        required=True,
        allow_none=True,
        metadata=INSTANT | about("When it counts no more; null while no end is known"),
    )
    reason_type = ma.fields.String(
        required=True, allow_none=True, metadata=about("Why it counts; null when it does not")
    )
    reason_id = ma.fields.String(required=True, allow_none=True)
    created_at = ma.fields.String(required=True, metadata=INSTANT)
    updated_at = ma.fields.String(required=True, metadata=INSTANT)
    unsubscribed_at = ma.fields.String(required=True, allow_none=True, metadata=INSTANT)
    bounced_at = ma.fields.String(required=True, allow_none=True, metadata=INSTANT)


class ContactSchema(AnyContactSchema):
    """A contact."""

    deleted_at = ma.fields.String(required=True, allow_none=True, metadata=INSTANT)
    merged_into = ma.fields.Integer(required=True, allow_none=True)


class NewContactSchema(ma.Schema):
    """A contact to be made."""

    email = ma.fields.String(required=True)
    properties = ma.fields.Dict(
        keys=ma.fields.String(), values=ma.fields.String(), load_default=dict, metadata=PROPERTIES
    )
    marketing = ma.fields.Boolean(
        load_default=None,
        allow_none=True,
        **STRICT,
        metadata={
            "description": "Set as marketing contact or not; left out, the access token's default decides"
        },
    )


class MadeSchema(ma.Schema):
    """What a new contact came to."""

    id = ma.fields.Integer(required=True)
    verdict = ma.fields.String(required=True, metadata={"enum": VERDICTS})


class ChangesSchema(ma.Schema):
    """What to change; what is left out stays."""

    email = ma.fields.String()
    properties = ma.fields.Dict(
        keys=ma.fields.String(), values=ma.fields.String(), load_default=dict, metadata=PROPERTIES
    )


class StatusSchema(ma.Schema):
    """The status to set."""

    marketing = ma.fields.Boolean(
        required=True,
        **STRICT,
        metadata={"description": "false asks for non-marketing from the next update date"},
    )


class ManySchema(StatusSchema):
    """The status to set, and of whom: exactly one of ids, filter and view."""

    ids = ma.fields.List(
        ma.fields.Integer(strict=True, validate=ID), validate=ma.validate.Length(1, bulk.MOST_IDS)
    )
    filter = ma.fields.Dict(metadata={"description": "As in HubSpot's search: filterGroups, or filters"})
    view = ma.fields.Integer(strict=True, validate=ID, metadata={"description": "A saved view"})
    expected = ma.fields.Integer(
        required=True,
        strict=True,
        validate=STORABLE,
        metadata={"description": "How many contacts that is; another number changes nothing and answers 409"},
    )


class DecidedSchema(ma.Schema):
    """What was decided about a contact."""

    verdict = ma.fields.String(required=True, metadata={"enum": VERDICTS})
    marketing = ma.fields.Boolean(required=True)
    until = ma.fields.String(required=True, allow_none=True, metadata=INSTANT)


class MergeSchema(ma.Schema):
    """Who merges into the contact."""

    other = ma.fields.Integer(required=True, strict=True, validate=ID)


class MailingSchema(ma.Schema):
    """Addresses of a mailing, and what became of them; null leaves it as it is."""

    emails = ma.fields.List(ma.fields.String(), required=True, validate=ma.validate.Length(1, MOST_EMAILS))
    unsubscribed = ma.fields.Boolean(load_default=None, allow_none=True, **STRICT)
    bounced = ma.fields.Boolean(load_default=None, allow_none=True, **STRICT)


class NotedSchema(ma.Schema):
    """What was noted."""

    contacts = ma.fields.Integer(required=True)
    unknown_addresses = ma.fields.Integer(
        required=True, metadata={"description": "Addresses that nobody has"}
    )


@blueprint.route("")
class ContactsView(MethodView):
    """Contacts by hand or by a program."""

    @sets_status("marketing")
    @blueprint.arguments(NewContactSchema, error_status_code=400)
    @blueprint.response(201, MadeSchema)
    def post(self, told: dict[str, Any], portal_id: int) -> dict[str, Any]:
        """Make a contact; 409 when somebody has the address."""
        made = _contacts().make(
            actor(), portal_id, told["email"], told["properties"], marketing=told["marketing"]
        )
        return {"id": made.contact_id, "verdict": made.verdict.value}


@blueprint.route(f"/<{NUMBER}:contact_id>")
class ContactView(MethodView):
    """One contact."""

    @blueprint.response(200, ContactSchema)
    def get(self, portal_id: int, contact_id: int) -> dict[str, Any]:
        """Return a contact."""
        return describe_contact(_contacts().find(portal_id, contact_id), services().now())

    @changes
    @blueprint.arguments(ChangesSchema, error_status_code=400)
    @blueprint.response(200, ContactSchema)
    def patch(self, told: dict[str, Any], portal_id: int, contact_id: int) -> dict[str, Any]:
        """Change a contact's properties or address."""
        contacts = _contacts()
        contacts.change(actor(), portal_id, contact_id, told["properties"], told.get("email"))
        return describe_contact(contacts.find(portal_id, contact_id), services().now())

    @may_set_status
    @blueprint.response(200, DecidedSchema)
    def delete(self, portal_id: int, contact_id: int) -> dict[str, Any]:
        """Delete a contact; the answer says until when it counts."""
        return describe_decision(_contacts().delete(actor(), portal_id, contact_id), services().now())


@blueprint.route(f"/<{NUMBER}:contact_id>/marketing-status")
class StatusView(MethodView):
    """A contact's marketing status."""

    @sets_status()
    @blueprint.arguments(StatusSchema, error_status_code=400)
    @blueprint.response(200, DecidedSchema)
    def post(self, told: dict[str, Any], portal_id: int, contact_id: int) -> dict[str, Any]:
        """Set a contact's marketing status."""
        return describe_decision(
            _contacts().set_status(actor(), portal_id, contact_id, **told), services().now()
        )


@blueprint.route(f"/<{NUMBER}:contact_id>/merge")
class MergeView(MethodView):
    """Two contacts that are one person."""

    @may_set_status
    @blueprint.arguments(MergeSchema, error_status_code=400)
    @blueprint.response(200, DecidedSchema)
    def post(self, told: dict[str, Any], portal_id: int, contact_id: int) -> dict[str, Any]:
        """Merge another contact into this one; the answer says until when the other counts."""
        return describe_decision(
            _contacts().merge(actor(), portal_id, contact_id, told["other"]), services().now()
        )


@blueprint.route(f"/<{NUMBER}:contact_id>/erase")
class EraseView(MethodView):
    """The right to be forgotten."""

    @may_set_status
    @blueprint.response(202, JobSchema)
    def post(self, portal_id: int, contact_id: int) -> dict[str, Any]:
        """Erase a person; the job takes them out of what was submitted."""
        return describe(_contacts().erase(actor(), portal_id, contact_id))


@blueprint.route("/marketing-status")
class ManyView(MethodView):
    """The marketing status of many contacts."""

    @sets_status()
    @blueprint.arguments(ManySchema, error_status_code=400)
    @blueprint.response(202, JobSchema)
    @blueprint.alt_response(409, description="Another number of contacts is selected; nothing was changed")
    def post(self, told: dict[str, Any], portal_id: int) -> dict[str, Any]:
        """Set the status of many existing contacts by a job."""
        current = services()
        wanted = _selection(told, portal_id)
        job = bulk.set_status(
            current.database,
            actor(),
            portal_id,
            wanted,
            current.now(),
            marketing=told["marketing"],
            expected=told["expected"],
        )
        return describe(job)


@blueprint.route("/mailing")
class MailingView(MethodView):
    """What became of mailings."""

    @changes
    @blueprint.arguments(MailingSchema, error_status_code=400)
    @blueprint.response(200, NotedSchema)
    def post(self, told: dict[str, Any], portal_id: int) -> dict[str, int]:
        """Note who has unsubscribed or bounced; who counts goes on counting."""
        noted = {"unsubscribed": told["unsubscribed"], "bounced": told["bounced"]}
        return _contacts().note_mailing(actor(), portal_id, told["emails"], **noted)


def _contacts() -> Contacts:
    return Contacts(services().database, services().now)


def _selection(told: dict[str, Any], portal_id: int) -> Selection:
    given = [name for name in ("ids", "filter", "view") if told.get(name) is not None]
    if len(given) != 1:
        raise InvalidInput(
            "name whom to set in one way", field="ids", mend="send one of 'ids', 'filter' and 'view'"
        )
    if given == ["ids"]:
        return Selection(ids=tuple(told["ids"]))
    if given == ["filter"]:
        return Selection(filter=read_filter(told["filter"]))
    return Selection(
        filter=SavedViews(services().database, services().now).find(portal_id, told["view"]).filter
    )
