"""`/api/v1/portals/<portalId>/defaults`: every default, its history, all of them as a file, and what-if."""

from collections.abc import Mapping
from typing import Any

from flask import Response, request
from flask.views import MethodView
from flask_smorest import Blueprint

from service.defaults.every import Defaults, Shown
from service.defaults.files import DefaultsFile, describe
from service.defaults.whatif import WhatIf, read_changes
from service.domain.defaults import (
    DELETE_COUNTS,
    DELETE_COUNTS_KEY,
    EXTERNAL_FORMS,
    MARKETING,
    SWITCHES,
    read_subject,
    read_value,
)
from service.domain.jobs import JobState
from service.domain.portals import Scope
from service.errors import InvalidInput
from service.web.api.access import NUMBER, PORTAL, actor, guard
from service.web.api.default_schemas import (
    DefaultEntryQuerySchema,
    DefaultEntrySchema,
    DefaultRollBackSchema,
    DefaultSchema,
    DefaultsFileAnswerSchema,
    DefaultsFileQuerySchema,
    DefaultsOverviewSchema,
    DefaultSwitchesSchema,
    DefaultValueSchema,
    WhatIfAnswerSchema,
    WhatIfWantedSchema,
)
from service.web.api.effects import reads, sets_status
from service.web.documents.defaults import describe_default, describe_entry, describe_sources
from service.web.services import let_others_work, services

TOML = "application/toml"
FILE = {"description": "A file as GET returns it", "content": {TOML: {"schema": {"type": "string"}}}}

blueprint = Blueprint("defaults", __name__, url_prefix=f"{PORTAL}/defaults", description="Defaults")
guard(blueprint, Scope.SETTINGS)


@blueprint.route("")
class DefaultsView(MethodView):
    """A portal's defaults."""

    @blueprint.response(200, DefaultsOverviewSchema)
    def get(self, portal_id: int) -> dict[str, Any]:
        """Return all defaults of the portal: forms, chatflows, tokens, switches, and sources that are fixed."""
        shown = _defaults().every(portal_id)
        return {
            **_switches(shown),
            "defaults": [describe_default(each) for each in shown],
            "sources": describe_sources(),
        }

    @sets_status()
    @blueprint.arguments(DefaultSwitchesSchema, error_status_code=400)
    @blueprint.response(200, DefaultSwitchesSchema)
    def patch(self, wanted: dict[str, Any], portal_id: int) -> dict[str, Any]:
        """Set the portal's switches; what is left out stays."""
        values = {
            subject: read_value(subject, wanted[subject.id], subject.id)
            for subject in SWITCHES
            if subject.id in wanted
        }
        return _switches(_defaults().set_all(actor(), portal_id, values))


@blueprint.route("/<string:subject>")
class DefaultView(MethodView):
    """One default."""

    @blueprint.response(200, DefaultSchema)
    def get(self, portal_id: int, subject: str) -> dict[str, Any]:
        """Return one default."""
        return describe_default(_defaults().show(portal_id, read_subject(subject)))

    @sets_status()
    @blueprint.arguments(DefaultValueSchema, error_status_code=400)
    @blueprint.response(200, DefaultSchema)
    def patch(self, wanted: dict[str, Any], portal_id: int, subject: str) -> dict[str, Any]:
        """Set one default; what is so already is left alone."""
        read = read_subject(subject)
        key = DELETE_COUNTS_KEY if read == DELETE_COUNTS else MARKETING
        if set(wanted) != {key}:
            raise InvalidInput(f"{read} takes {key}", field=key, mend=f"send {key}, and nothing else")
        value = read_value(read, wanted[key], key)
        return describe_default(_defaults().set(actor(), portal_id, read, value))


@blueprint.route("/<string:subject>/history")
class HistoryView(MethodView):
    """What a default was."""

    @blueprint.arguments(DefaultEntryQuerySchema, location="query", error_status_code=400)
    @blueprint.response(200, DefaultEntrySchema(many=True))
    def get(self, query: dict[str, Any], portal_id: int, subject: str) -> list[dict[str, Any]]:
        """Return a default's changes, the newest first: who, when, from what to what."""
        found = _defaults().history(portal_id, read_subject(subject), **query)
        return [describe_entry(each) for each in found]


@blueprint.route("/<string:subject>/roll-back")
class RollBackView(MethodView):
    """A default as it was."""

    @sets_status()
    @blueprint.arguments(DefaultRollBackSchema, error_status_code=400)
    @blueprint.response(200, DefaultSchema)
    def post(self, wanted: dict[str, Any], portal_id: int, subject: str) -> dict[str, Any]:
        """Set again what stood before an entry; that is a new change."""
        entry = wanted.get("entry")
        return describe_default(_defaults().roll_back(actor(), portal_id, read_subject(subject), entry))


@blueprint.route("/file")
class FileView(MethodView):
    """All defaults as a file."""

    @blueprint.response(200, {"type": "string"}, content_type=TOML)
    def get(self, portal_id: int) -> Response:
        """Return all defaults as a TOML file that people can edit."""
        return Response(_file().write(portal_id), content_type=f"{TOML}; charset=utf-8")

    @sets_status()
    @blueprint.doc(requestBody=FILE)
    @blueprint.arguments(DefaultsFileQuerySchema, location="query", error_status_code=400)
    @blueprint.response(200, DefaultsFileAnswerSchema)
    def post(self, query: dict[str, Any], portal_id: int) -> dict[str, Any]:
        """Set what the file has otherwise, all of it or nothing; with `diff`, only say what that is."""
        of_portal, text = query.get("of_portal"), _text(request.get_data())
        if query["diff"]:
            found = _file().diff(portal_id, text, of_portal=of_portal)
        else:
            found = _file().set(actor(), portal_id, text, of_portal=of_portal)
        return {"changed": not query["diff"], "differences": [describe(each) for each in found]}


@blueprint.route("/what-if")
class WhatIfView(MethodView):
    """Other defaults over the submissions of the last days."""

    @reads
    @blueprint.arguments(WhatIfWantedSchema, error_status_code=400)
    @blueprint.response(200, WhatIfAnswerSchema)
    def post(self, wanted: dict[str, Any], portal_id: int) -> Any:
        """Say how many more or fewer would count; answers 202 and a job when there is much to look at."""
        changes, what_if = read_changes(wanted["changes"]), _what_if()
        job = what_if.start(actor(), portal_id, changes, wanted["days"])
        if job is not None:
            return describe_answer(job.id, job.state, job.done, None), 202
        result = what_if.ask(portal_id, changes, wanted["days"], let_others_work)
        return describe_answer(None, JobState.DONE, result["submissions"], result)


@blueprint.route(f"/what-if/<{NUMBER}:job_id>")
class WhatIfJobView(MethodView):
    """A job that finds out."""

    @blueprint.response(200, WhatIfAnswerSchema)
    def get(self, portal_id: int, job_id: int) -> dict[str, Any]:
        """Return what would count once the job is done."""
        job, result = _what_if().result(portal_id, job_id)
        return describe_answer(job.id, job.state, job.done, result, job.error)


def describe_answer(
    job_id: int | None, state: JobState, done: int, result: Mapping[str, Any] | None, error: str = ""
) -> dict[str, Any]:
    """Return what a what-if answers."""
    return {"job": job_id, "state": state.value, "done": done, "error": error, "result": result}


def _switches(shown: list[Shown]) -> dict[str, Any]:
    found = {each.kept.subject: each.in_effect for each in shown}
    return {
        EXTERNAL_FORMS.id: found[EXTERNAL_FORMS],
        DELETE_COUNTS.id: str(found[DELETE_COUNTS]),
    }


def _text(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise InvalidInput("the file is not UTF-8", field="file", mend="save it as UTF-8") from None


def _defaults() -> Defaults:
    return Defaults(services().database, services().now)


def _file() -> DefaultsFile:
    return DefaultsFile(services().database, services().now)


def _what_if() -> WhatIf:
    return WhatIf(services().database, services().now)
