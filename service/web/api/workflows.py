"""`/api/v1/portals/<portalId>/workflows`: contacts that come to match a filter are raised or lowered."""

from typing import Any

import marshmallow as ma
from flask.views import MethodView
from flask_smorest import Blueprint

from service.domain.filters import read_filter
from service.domain.portals import Scope
from service.domain.workflows import LONGEST_NAME
from service.errors import InvalidInput
from service.web.api.access import NUMBER, PORTAL, actor, guard
from service.web.api.effects import reads, sets_status
from service.web.api.fields import INSTANT, STORABLE, STRICT
from service.web.services import services
from service.workflows import Changes, Draft, Told, Workflows, describe
from service.workflows.changing import MOST_BY_HAND

ONE = f"/<{NUMBER}:workflow_id>"
NAME = ma.validate.Length(1, LONGEST_NAME)
FILTER = {"description": "As in HubSpot's search: filterGroups, or filters"}
EXPECTED = {"description": "`changes` of the preview; another number changes nothing and answers 409"}
EXISTING = {
    "description": "Whether contacts that match already are enrolled, too; then `expected` has to be said"
}
MARKETING = {"description": "true sets contacts as marketing, false as non-marketing from the update date on"}

blueprint = Blueprint(
    "workflows",
    __name__,
    url_prefix=f"{PORTAL}/workflows",
    description="Workflows that set the marketing status",
)
guard(blueprint, Scope.SETTINGS)


class WorkflowSchema(ma.Schema):
    """A workflow."""

    id = ma.fields.Integer(required=True)
    name = ma.fields.String(required=True)
    filter = ma.fields.Dict(required=True, metadata=FILTER)
    marketing = ma.fields.Boolean(required=True, metadata=MARKETING)
    re_enrols = ma.fields.Boolean(
        required=True, metadata={"description": "Whether a contact is enrolled again when it matches again"}
    )
    is_on = ma.fields.Boolean(required=True)
    enrols_existing = ma.fields.Boolean(
        required=True,
        metadata={"description": "Whether contacts that matched when it was switched on are enrolled"},
    )
    job = ma.fields.Integer(
        required=True,
        allow_none=True,
        metadata={"description": "The job that goes through the contacts that existed then"},
    )
    version = ma.fields.Integer(required=True)
    created_at = ma.fields.String(required=True, metadata=INSTANT)
    updated_at = ma.fields.String(required=True, metadata=INSTANT)


class OneWorkflowSchema(WorkflowSchema):
    """A workflow, and how many contacts it has enrolled."""

    enrolled = ma.fields.Integer(required=True)


class NewWorkflowSchema(ma.Schema):
    """A workflow to be made; it is off."""

    name = ma.fields.String(required=True, validate=NAME)
    filter = ma.fields.Dict(required=True, metadata=FILTER)
    marketing = ma.fields.Boolean(required=True, metadata=MARKETING, **STRICT)
    re_enrols = ma.fields.Boolean(load_default=False, **STRICT)


class DraftSchema(ma.Schema):
    """What a workflow is to do that is not kept."""

    filter = ma.fields.Dict(required=True, metadata=FILTER)
    marketing = ma.fields.Boolean(required=True, metadata=MARKETING, **STRICT)


class AlteredSchema(ma.Schema):
    """What to look at in place of what the workflow has; what is left out is as it has it."""

    filter = ma.fields.Dict(metadata=FILTER)
    marketing = ma.fields.Boolean(metadata=MARKETING, **STRICT)
    re_enrols = ma.fields.Boolean(**STRICT)


class WorkflowChangesSchema(AlteredSchema):
    """What to change; what is left out stays. Another filter or action of one that is on needs `enrol_existing`."""

    name = ma.fields.String(validate=NAME)
    enrol_existing = ma.fields.Boolean(metadata=EXISTING, **STRICT)
    expected = ma.fields.Integer(strict=True, validate=STORABLE, metadata=EXPECTED)


class SwitchOnSchema(ma.Schema):
    """What is to become of contacts that match already."""

    enrol_existing = ma.fields.Boolean(required=True, metadata=EXISTING, **STRICT)
    expected = ma.fields.Integer(strict=True, validate=STORABLE, metadata=EXPECTED)


class EnrolSchema(ma.Schema):
    """Whom to enrol now: some contacts, or all who match."""

    contact_ids = ma.fields.List(
        ma.fields.Integer(strict=True, validate=STORABLE), validate=ma.validate.Length(1, MOST_BY_HAND)
    )
    existing = ma.fields.Boolean(metadata={"description": "All who match now; then say `expected`"}, **STRICT)
    expected = ma.fields.Integer(strict=True, validate=STORABLE, metadata=EXPECTED)


class ForesightSchema(ma.Schema):
    """What enrolling all who match would do now, if no brake held any of it; numbers of contacts."""

    matching = ma.fields.Integer(required=True)
    left_out = ma.fields.Integer(
        required=True, metadata={"description": "Enrolled before, and not to be enrolled again"}
    )
    changes = ma.fields.Integer(required=True, metadata={"description": "Statuses that would change"})
    raised = ma.fields.Integer(
        required=True, metadata={"description": "They would become marketing contacts"}
    )
    cancelled = ma.fields.Integer(
        required=True, metadata={"description": "They are to leave at the update date, and would stay"}
    )
    lowered = ma.fields.Integer(
        required=True, metadata={"description": "They would leave at the update date"}
    )
    unchanged = ma.fields.Integer(required=True)
    count = ma.fields.Integer(required=True, metadata={"description": "Marketing contacts now"})
    count_after = ma.fields.Integer(required=True)
    leaving_after = ma.fields.Integer(
        required=True, metadata={"description": "Of `count_after`, those who leave at the update date"}
    )
    tier = ma.fields.Integer(required=True)
    tier_after = ma.fields.Integer(required=True)
    tier_steps = ma.fields.Boolean(required=True, metadata={"description": "Whether the tier would move up"})
    examples = ma.fields.List(
        ma.fields.Integer(),
        required=True,
        metadata={"description": "Contacts whose status would change, 20 at the most"},
    )


class EnrolledSchema(ma.Schema):
    """What became of one contact."""

    contact = ma.fields.Integer(required=True)
    outcome = ma.fields.String(
        required=True, metadata={"description": "A verdict, `does_not_match` or `not_found`"}
    )


class EnrolmentSchema(ma.Schema):
    """What became of the contacts, or the job that enrols all who match."""

    contacts = ma.fields.List(ma.fields.Nested(EnrolledSchema), required=True)
    job = ma.fields.Integer(required=True, allow_none=True)


@blueprint.route("")
class WorkflowsView(MethodView):
    """A portal's workflows."""

    @blueprint.response(200, WorkflowSchema(many=True))
    def get(self, portal_id: int) -> list[dict[str, Any]]:
        """Return the workflows by number."""
        return [describe(each) for each in _workflows().all(portal_id)]

    @sets_status()
    @blueprint.arguments(NewWorkflowSchema, error_status_code=400)
    @blueprint.response(201, WorkflowSchema)
    def post(self, told: dict[str, Any], portal_id: int) -> dict[str, Any]:
        """Make a workflow, which is off."""
        draft = Draft(
            filter=read_filter(told["filter"]), marketing=told["marketing"], re_enrols=told["re_enrols"]
        )
        return describe(_workflows().create(actor(), portal_id, told["name"], draft))


@blueprint.route("/preview")
class DraftPreviewView(MethodView):
    """What a workflow would do that is not kept."""

    @reads
    @blueprint.arguments(DraftSchema, error_status_code=400)
    @blueprint.response(200, ForesightSchema)
    def post(self, told: dict[str, Any], portal_id: int) -> dict[str, Any]:
        """Say what it would do with contacts that exist; nothing changes."""
        draft = Draft(filter=read_filter(told["filter"]), marketing=told["marketing"])
        return _workflows().preview_draft(portal_id, draft).document()


@blueprint.route(ONE)
class WorkflowView(MethodView):
    """One workflow."""

    @blueprint.response(200, OneWorkflowSchema)
    def get(self, portal_id: int, workflow_id: int) -> dict[str, Any]:
        """Return a workflow."""
        found = _workflows().get(portal_id, workflow_id)
        return describe(found) | {"enrolled": _workflows().count_enrolled(found)}

    @sets_status()
    @blueprint.arguments(WorkflowChangesSchema, error_status_code=400)
    @blueprint.response(200, WorkflowSchema)
    def patch(self, told: dict[str, Any], portal_id: int, workflow_id: int) -> dict[str, Any]:
        """Change a workflow."""
        confirmed = None if "enrol_existing" not in told else _told(told)
        return describe(_workflows().change(actor(), portal_id, workflow_id, _changes(told), confirmed))

    @sets_status()
    @blueprint.response(204)
    def delete(self, portal_id: int, workflow_id: int) -> None:
        """Delete a workflow; whom it has raised stays raised."""
        _workflows().delete(actor(), portal_id, workflow_id)


@blueprint.route(f"{ONE}/preview")
class PreviewView(MethodView):
    """What a workflow would do."""

    @reads
    @blueprint.arguments(AlteredSchema, error_status_code=400)
    @blueprint.response(200, ForesightSchema)
    def post(self, told: dict[str, Any], portal_id: int, workflow_id: int) -> dict[str, Any]:
        """Say what a workflow would do with contacts that exist, as it is or with changes; nothing changes."""
        return _workflows().preview(portal_id, workflow_id, _changes(told)).document()


@blueprint.route(f"{ONE}/switch-on")
class SwitchOnView(MethodView):
    """A workflow's start."""

    @sets_status()
    @blueprint.arguments(SwitchOnSchema, error_status_code=400)
    @blueprint.response(200, WorkflowSchema)
    def post(self, told: dict[str, Any], portal_id: int, workflow_id: int) -> dict[str, Any]:
        """Switch a workflow on; its job goes through the contacts that exist."""
        return describe(_workflows().switch_on(actor(), portal_id, workflow_id, _told(told)))


@blueprint.route(f"{ONE}/switch-off")
class SwitchOffView(MethodView):
    """A workflow's end."""

    @sets_status()
    @blueprint.response(200, WorkflowSchema)
    def post(self, portal_id: int, workflow_id: int) -> dict[str, Any]:
        """Switch a workflow off; whom it has raised stays raised."""
        return describe(_workflows().switch_off(actor(), portal_id, workflow_id))


@blueprint.route(f"{ONE}/enrol")
class EnrolView(MethodView):
    """Enrolment on demand."""

    @sets_status()
    @blueprint.arguments(EnrolSchema, error_status_code=400)
    @blueprint.response(200, EnrolmentSchema)
    def post(self, told: dict[str, Any], portal_id: int, workflow_id: int) -> dict[str, Any]:
        """Enrol contacts now that match, whether or not they were enrolled before; or all who match, by a job."""
        ids = told.get("contact_ids")
        if (ids is None) == (not told.get("existing")):
            mend = "send one of 'contact_ids' and 'existing'"
            raise InvalidInput("name whom to enrol in one way", field="contact_ids", mend=mend)
        if ids is None:
            begun = _workflows().enrol_existing(actor(), portal_id, workflow_id, told.get("expected"))
            return {"contacts": [], "job": begun.job_id}
        found = _workflows().enrol(actor(), portal_id, workflow_id, ids)
        return {"contacts": [{"contact": each, "outcome": outcome} for each, outcome in found], "job": None}


def _workflows() -> Workflows:
    current = services()
    return Workflows(current.database, current.now)


def _told(told: dict[str, Any]) -> Told:
    return Told(told["enrol_existing"], told.get("expected"))


def _changes(told: dict[str, Any]) -> Changes:
    return Changes(
        name=told.get("name"),
        filter=read_filter(told["filter"]) if "filter" in told else None,
        marketing=told.get("marketing"),
        re_enrols=told.get("re_enrols"),
    )
