"""`/api/v1/portals/<portalId>/jobs`: long work, how far it is, and what it could not do."""

from typing import Any

import marshmallow as ma
from flask.views import MethodView
from flask_smorest import Blueprint

from service.domain.jobs import JobState
from service.domain.portals import Scope
from service.jobs import asking
from service.store import jobs
from service.web.api.access import NUMBER, PORTAL, guard
from service.web.api.effects import changes
from service.web.api.fields import INSTANT, STORABLE
from service.web.documents.jobs import describe, describe_problem
from service.web.services import services

MOST = 1_000

blueprint = Blueprint("jobs", __name__, url_prefix=f"{PORTAL}/jobs", description="Long work")
guard(blueprint, Scope.CONTACTS)


class JobSchema(ma.Schema):
    """A job and how far it is."""

    id = ma.fields.Integer(required=True)
    kind = ma.fields.String(required=True)
    state = ma.fields.String(required=True, metadata={"enum": [each.value for each in JobState]})
    actor = ma.fields.String(required=True)
    total = ma.fields.Integer(
        required=True,
        allow_none=True,
        metadata={"description": "Contacts or rows to go through; null if not known yet"},
    )
    done = ma.fields.Integer(required=True)
    counts = ma.fields.Dict(
        keys=ma.fields.String(),
        values=ma.fields.Integer(),
        required=True,
        metadata={"description": "What they came to, by slug"},
    )
    problems = ma.fields.Integer(required=True, metadata={"description": "How many could not be done"})
    error = ma.fields.String(required=True, metadata={"description": "Why it failed; empty otherwise"})
    created_at = ma.fields.String(required=True, metadata=INSTANT)
    started_at = ma.fields.String(required=True, allow_none=True, metadata=INSTANT)
    updated_at = ma.fields.String(required=True, metadata=INSTANT)
    finished_at = ma.fields.String(required=True, allow_none=True, metadata=INSTANT)


class JobQuerySchema(ma.Schema):
    """Which jobs are asked for."""

    kind = ma.fields.String()
    before = ma.fields.Integer(validate=STORABLE, metadata={"description": "Only older ones"})
    limit = ma.fields.Integer(load_default=50, validate=ma.validate.Range(1, MOST))


class JobProblemSchema(ma.Schema):
    """One thing that a job could not do."""

    number = ma.fields.Integer(required=True)
    contact_id = ma.fields.Integer(required=True, allow_none=True)
    file = ma.fields.String(required=True, allow_none=True)
    line = ma.fields.Integer(required=True, allow_none=True)
    column = ma.fields.Integer(required=True, allow_none=True)
    column_name = ma.fields.String(required=True, allow_none=True)
    reason = ma.fields.String(required=True)
    message = ma.fields.String(required=True)
    mend = ma.fields.String(required=True)


class JobProblemQuerySchema(ma.Schema):
    """Which problems are asked for."""

    after = ma.fields.Integer(load_default=0, validate=STORABLE)
    limit = ma.fields.Integer(load_default=100, validate=ma.validate.Range(1, MOST))


@blueprint.route("")
class JobsView(MethodView):
    """A portal's jobs."""

    @blueprint.arguments(JobQuerySchema, location="query", error_status_code=400)
    @blueprint.response(200, JobSchema(many=True))
    def get(self, query: dict[str, Any], portal_id: int) -> list[dict[str, Any]]:
        """Return jobs, the newest first."""
        with services().database.reading() as connection:
            return [describe(job) for job in jobs.page(connection, portal_id, **query)]


@blueprint.route(f"/<{NUMBER}:job_id>")
class JobView(MethodView):
    """One job."""

    @blueprint.response(200, JobSchema)
    def get(self, portal_id: int, job_id: int) -> dict[str, Any]:
        """Return how far a job is."""
        return describe(asking.find(services().database, portal_id, job_id))


@blueprint.route(f"/<{NUMBER}:job_id>/cancel")
class CancelView(MethodView):
    """The end of a job before its time."""

    @changes
    @blueprint.response(200, JobSchema)
    def post(self, portal_id: int, job_id: int) -> dict[str, Any]:
        """Cancel a job before its next step; what it has done stays."""
        return describe(asking.cancel(services().database, portal_id, job_id))


@blueprint.route(f"/<{NUMBER}:job_id>/problems")
class ProblemsView(MethodView):
    """What a job could not do."""

    @blueprint.arguments(JobProblemQuerySchema, location="query", error_status_code=400)
    @blueprint.response(200, JobProblemSchema(many=True))
    def get(self, query: dict[str, Any], portal_id: int, job_id: int) -> list[dict[str, Any]]:
        """Return problems in their order."""
        asking.find(services().database, portal_id, job_id)
        with services().database.reading() as connection:
            found = jobs.problems(connection, job_id, **query)
        return [describe_problem(number, problem) for number, problem in found]
