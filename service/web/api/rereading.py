"""`/api/v1/portals/<portalId>/external-forms/<formId>/read-again`: earlier submissions with another mapping."""

from datetime import UTC
from typing import Any

import marshmallow as ma
from flask.views import MethodView
from flask_smorest import Blueprint

from service.domain.portals import Scope
from service.endpoints import ROLES
from service.errors import InvalidInput
from service.rereading import Asked, Rereading
from service.web.api.access import NUMBER, PORTAL, guard
from service.web.api.effects import sets_status
from service.web.api.fields import STRICT
from service.web.services import let_others_work, services

MOST_SUBMISSIONS = 20_000
"""That one request reads again; the command reads any number."""

blueprint = Blueprint(
    "rereading",
    __name__,
    url_prefix=f"{PORTAL}/external-forms/<{NUMBER}:form_id>/read-again",
    description="Earlier submissions, read with another mapping",
)
guard(blueprint, Scope.ENDPOINTS)


class ReadAgainSchema(ma.Schema):
    """How to read, and whether to change anything."""

    mapping = ma.fields.Dict(
        keys=ma.fields.String(validate=ma.validate.OneOf(ROLES)),
        values=ma.fields.String(),
        metadata={"description": "Role to field; the form's own if left out"},
    )
    dry_run = ma.fields.Boolean(
        load_default=True,
        **STRICT,
        metadata={"description": "Say what would change, and change nothing"},
    )
    since = ma.fields.AwareDateTime(
        format="iso", default_timezone=UTC, metadata={"description": "Leave out what came before"}
    )


class ExampleSchema(ma.Schema):
    """One submission that reads differently."""

    submission = ma.fields.String(required=True)
    change = ma.fields.String(required=True)
    contact_before = ma.fields.Integer(required=True, allow_none=True)
    contact = ma.fields.Integer(required=True, allow_none=True)
    is_new_contact = ma.fields.Boolean(required=True)
    verdict = ma.fields.String(required=True, allow_none=True)
    properties = ma.fields.List(ma.fields.String(), required=True, metadata={"description": "Their names"})


class SummarySchema(ma.Schema):
    """What changes, or has changed."""

    form = ma.fields.Integer(required=True)
    mapping = ma.fields.Dict(keys=ma.fields.String(), values=ma.fields.String(), required=True)
    submissions = ma.fields.Integer(required=True, metadata={"description": "How many were looked at"})
    changes = ma.fields.Dict(keys=ma.fields.String(), values=ma.fields.Integer(), required=True)
    properties = ma.fields.Dict(keys=ma.fields.String(), values=ma.fields.Integer(), required=True)
    verdicts = ma.fields.Dict(keys=ma.fields.String(), values=ma.fields.Integer(), required=True)
    contacts_made = ma.fields.Integer(required=True)
    become_marketing = ma.fields.Integer(required=True)
    count = ma.fields.Integer(required=True, metadata={"description": "Marketing contacts before"})
    count_after = ma.fields.Integer(required=True)
    tier = ma.fields.Integer(required=True)
    examples = ma.fields.List(ma.fields.Nested(ExampleSchema), required=True)


@blueprint.route("")
class ReadAgainView(MethodView):
    """Earlier submissions of one form or chatflow."""

    @sets_status("dry_run=false")
    @blueprint.arguments(ReadAgainSchema, error_status_code=400)
    @blueprint.response(200, SummarySchema)
    def post(self, wanted: dict[str, Any], portal_id: int, form_id: int) -> dict[str, Any]:
        """Read earlier submissions again; unless `dry_run` is false, only say what would change."""
        current = services()
        asked = Asked(
            portal_id=portal_id,
            form_id=form_id,
            mapping=wanted.get("mapping"),
            since=wanted.get("since"),
        )
        rereading = Rereading(current.database, current.now)
        if rereading.number_of(asked, MOST_SUBMISSIONS + 1) > MOST_SUBMISSIONS:
            raise InvalidInput(
                f"the form has more than {MOST_SUBMISSIONS} submissions",
                field="since",
                mend="give 'since', or use 'marketable external-form read-again'",
            )
        work = rereading.preview if wanted["dry_run"] else rereading.carry_out
        return work(asked, let_others_work).document()
