"""`/api/v1/portals/<portalId>/imports`: contacts out of files that were uploaded."""

from typing import Any, get_args

import marshmallow as ma
from flask import Response
from flask.views import MethodView
from flask_smorest import Blueprint

from service.domain.jobs import Job, JobState
from service.domain.portals import Scope
from service.imports.starting import Imports
from service.imports.wanted import ESTIMATE, LONGEST_IMPORT_NAME, MOST_FILES, Operation, Wanted, WantedFile
from service.spreadsheets import IdentifiedBy
from service.web.api.access import NUMBER, PORTAL, actor, guard
from service.web.api.effects import changes, sets_status
from service.web.api.fields import INSTANT, STORABLE, STRICT
from service.web.api.jobs import JobProblemQuerySchema, JobProblemSchema
from service.web.documents.imports import as_csv, describe_estimate, describe_import
from service.web.documents.jobs import describe_problem
from service.web.services import services

FOUND_BY = get_args(IdentifiedBy)
MOST = 200
CSV = "text/csv; charset=utf-8"

blueprint = Blueprint("imports", __name__, url_prefix=f"{PORTAL}/imports", description="Imports of contacts")
guard(blueprint, Scope.CONTACTS)


class WantedFileSchema(ma.Schema):
    """A file, and what its columns are."""

    id = ma.fields.Integer(required=True, strict=True, validate=STORABLE)
    mapping = ma.fields.Dict(
        keys=ma.fields.String(),
        values=ma.fields.String(),
        required=True,
        metadata={"description": "Column to property; columns that are not named are left out"},
    )
    other_objects = ma.fields.Dict(
        keys=ma.fields.String(),
        values=ma.fields.String(validate=ma.validate.Length(1, 100)),
        load_default=dict,
        metadata={
            "description": "Columns of companies and the like, each with HubSpot's type of object, as '0-2': "
            "they are left out, and such an import never sets contacts as marketing"
        },
    )


class WantedSchema(ma.Schema):
    """What is to be imported."""

    files = ma.fields.List(
        ma.fields.Nested(WantedFileSchema), required=True, validate=ma.validate.Length(1, MOST_FILES)
    )
    identified_by = ma.fields.String(load_default="email", validate=ma.validate.OneOf(FOUND_BY))
    operation = ma.fields.Enum(Operation, by_value=True, load_default=Operation.UPSERT)


class NewImportSchema(WantedSchema):
    """An import to be started."""

    name = ma.fields.String(
        load_default="",
        validate=ma.validate.Length(max=LONGEST_IMPORT_NAME),
        metadata={"description": "The first file's if left out"},
    )
    marketing = ma.fields.Boolean(
        load_default=False,
        **STRICT,
        metadata={
            "description": "Set the contacts of the file as marketing; without it new contacts are "
            "non-marketing, and others stay as they are"
        },
    )
    expected = ma.fields.Integer(
        strict=True,
        validate=STORABLE,
        metadata={"description": "With 'marketing': how many become marketing contacts, as an estimate says"},
    )


class EstimatedSchema(ma.Schema):
    """What an import would come to."""

    rows = ma.fields.Integer(required=True)
    created = ma.fields.Integer(required=True)
    restored = ma.fields.Integer(required=True, metadata={"description": "Deleted contacts that come back"})
    updated = ma.fields.Integer(required=True)
    unchanged = ma.fields.Integer(required=True)
    refused = ma.fields.Integer(required=True)
    marketing = ma.fields.Integer(
        required=True, metadata={"description": "Contacts that would become marketing contacts"}
    )
    reasons = ma.fields.Dict(
        keys=ma.fields.String(),
        values=ma.fields.Integer(),
        required=True,
        metadata={"description": "How many rows are refused, by reason"},
    )


class EstimateSchema(ma.Schema):
    """An estimate, or the job that makes it."""

    job = ma.fields.Integer(required=True, allow_none=True, metadata={"description": "null: made at once"})
    state = ma.fields.String(required=True, metadata={"enum": [each.value for each in JobState]})
    done = ma.fields.Integer(required=True, metadata={"description": "Rows that were gone through"})
    total = ma.fields.Integer(required=True)
    error = ma.fields.String(required=True)
    estimate = ma.fields.Nested(
        EstimatedSchema, required=True, allow_none=True, metadata={"description": "null until it is done"}
    )


class ImportedFileSchema(WantedFileSchema):
    """A file of an import."""

    name = ma.fields.String(required=True)
    rows = ma.fields.Integer(required=True)


class ImportSchema(ma.Schema):
    """An import and how far it is."""

    id = ma.fields.Integer(required=True)
    name = ma.fields.String(required=True)
    state = ma.fields.String(required=True, metadata={"enum": [each.value for each in JobState]})
    actor = ma.fields.String(required=True)
    files = ma.fields.List(ma.fields.Nested(ImportedFileSchema), required=True)
    identified_by = ma.fields.String(required=True, metadata={"enum": list(FOUND_BY)})
    operation = ma.fields.String(required=True, metadata={"enum": [each.value for each in Operation]})
    marketing = ma.fields.Boolean(required=True)
    expected = ma.fields.Integer(required=True, allow_none=True)
    total = ma.fields.Integer(required=True, metadata={"description": "Rows of all files"})
    done = ma.fields.Integer(required=True, metadata={"description": "Rows that were gone through"})
    progress = ma.fields.Float(required=True, metadata={"description": "From 0 to 1"})
    counts = ma.fields.Dict(
        keys=ma.fields.String(),
        values=ma.fields.Integer(),
        required=True,
        metadata={"description": "What rows came to, by our own names"},
    )
    counters = ma.fields.Dict(
        keys=ma.fields.String(),
        values=ma.fields.Integer(),
        required=True,
        metadata={"description": "The same by HubSpot's names"},
    )
    problems = ma.fields.Integer(
        required=True, metadata={"description": "That are kept; the counter ERRORS has all"}
    )
    error = ma.fields.String(required=True, metadata={"description": "Why it failed; empty otherwise"})
    created_at = ma.fields.String(required=True, metadata=INSTANT)
    started_at = ma.fields.String(required=True, allow_none=True, metadata=INSTANT)
    updated_at = ma.fields.String(required=True, metadata=INSTANT)
    finished_at = ma.fields.String(required=True, allow_none=True, metadata=INSTANT)


class ImportQuerySchema(ma.Schema):
    """Which imports are asked for."""

    before = ma.fields.Integer(validate=STORABLE)
    limit = ma.fields.Integer(load_default=50, validate=ma.validate.Range(1, MOST))


class ImportProblemQuerySchema(JobProblemQuerySchema):
    """Which problems are asked for, and how they are to look."""

    format = ma.fields.String(
        load_default="json",
        validate=ma.validate.OneOf(("json", "csv")),
        metadata={"description": "csv: all of them, as a file"},
    )


@blueprint.route("")
class ImportsView(MethodView):
    """A portal's imports."""

    @blueprint.arguments(ImportQuerySchema, location="query", error_status_code=400)
    @blueprint.response(200, ImportSchema(many=True))
    def get(self, query: dict[str, Any], portal_id: int) -> list[dict[str, Any]]:
        """Return imports, the newest first."""
        return [describe_import(job) for job in _imports().page(portal_id, **query)]

    @sets_status("expected")
    @blueprint.arguments(NewImportSchema, error_status_code=400)
    @blueprint.response(201, ImportSchema)
    @blueprint.alt_response(409, description="Another number of contacts would become marketing contacts")
    def post(self, told: dict[str, Any], portal_id: int) -> dict[str, Any]:
        """Start an import; its state tells how it goes."""
        job = _imports().start(actor(), portal_id, _wanted(told), expected=told.get("expected"))
        return describe_import(job)


@blueprint.route("/estimate")
class NewEstimateView(MethodView):
    """What an import would come to."""

    @changes
    @blueprint.arguments(WantedSchema, error_status_code=400)
    @blueprint.response(200, EstimateSchema)
    @blueprint.alt_response(
        202, schema=EstimateSchema, description="A job makes it, since the files are large"
    )
    def post(self, told: dict[str, Any], portal_id: int) -> tuple[dict[str, Any], int]:
        """Say what an import would come to, and change nothing."""
        found = _imports().estimate(actor(), portal_id, _wanted(told))
        if isinstance(found, Job):
            return describe_estimate(found), 202
        rows = found["rows"]
        state = JobState.DONE.value
        made = {"job": None, "state": state, "done": rows, "total": rows, "error": "", "estimate": found}
        return made, 200


@blueprint.route(f"/estimates/<{NUMBER}:job_id>")
class EstimateView(MethodView):
    """An estimate that a job makes."""

    @blueprint.response(200, EstimateSchema)
    def get(self, portal_id: int, job_id: int) -> dict[str, Any]:
        """Return an estimate, or how far it is."""
        return describe_estimate(_imports().find(portal_id, job_id, ESTIMATE))


@blueprint.route(f"/<{NUMBER}:job_id>")
class ImportView(MethodView):
    """One import."""

    @blueprint.response(200, ImportSchema)
    def get(self, portal_id: int, job_id: int) -> dict[str, Any]:
        """Return how far an import is."""
        return describe_import(_imports().find(portal_id, job_id))


@blueprint.route(f"/<{NUMBER}:job_id>/cancel")
class CancelImportView(MethodView):
    """The end of an import before its time."""

    @changes
    @blueprint.response(200, ImportSchema)
    def post(self, portal_id: int, job_id: int) -> dict[str, Any]:
        """Cancel an import before its next step; what it has done stays."""
        return describe_import(_imports().cancel(portal_id, job_id))


@blueprint.route(f"/<{NUMBER}:job_id>/problems")
class ImportProblemsView(MethodView):
    """What an import could not do."""

    @blueprint.arguments(ImportProblemQuerySchema, location="query", error_status_code=400)
    @blueprint.response(200, JobProblemSchema(many=True))
    def get(self, query: dict[str, Any], portal_id: int, job_id: int) -> Response | list[dict[str, Any]]:
        """Return problems in their order, each with its place and its mend."""
        imports = _imports()
        if query.pop("format") == "csv":
            imports.find(portal_id, job_id)
            name = f"import-{job_id}-problems.csv"
            headers = {"Content-Disposition": f'attachment; filename="{name}"'}
            return Response(
                as_csv(imports.all_problems(portal_id, job_id)), content_type=CSV, headers=headers
            )
        return [describe_problem(*each) for each in imports.problems(portal_id, job_id, **query)]


def _imports() -> Imports:
    current = services()
    return Imports(current.database, current.now)


def _wanted(told: dict[str, Any]) -> Wanted:
    files = tuple(
        WantedFile(id=file["id"], mapping=file["mapping"], other_objects=file["other_objects"])
        for file in told["files"]
    )
    return Wanted(
        files=files,
        identified_by=told["identified_by"],
        operation=told["operation"],
        marketing=told.get("marketing", False),
        name=told.get("name", ""),
    )
