"""What `/openapi.json` says of all calls: the access token, and problems in the shape that they have."""

import marshmallow as ma
from flask_smorest import Api

from service.web.problems import PROBLEM_JSON

FOR_ALL = {
    "components": {"securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
    "security": [{"token": []}],
}


class ProblemSchema(ma.Schema):
    """A refusal, as RFC 9457 has it."""

    type = ma.fields.String(required=True)
    title = ma.fields.String(required=True)
    status = ma.fields.Integer(required=True)
    detail = ma.fields.String(required=True)
    reason = ma.fields.String(metadata={"description": "For programs: a slug that stays the same"})
    field = ma.fields.String(metadata={"description": "Which part of the request is wrong"})
    mend = ma.fields.String(metadata={"description": "What to do"})
    expected = ma.fields.Integer(metadata={"description": "How many contacts were said"})
    number = ma.fields.Integer(metadata={"description": "How many there are, where another number was said"})


class DescribedApi(Api):  # type: ignore[misc]
    """Our own API."""

    ERROR_SCHEMA = ProblemSchema

    def _register_responses(self) -> None:
        """Describe refusals with the content type of problems, and nothing else with it."""
        self.DEFAULT_RESPONSE_CONTENT_TYPE = PROBLEM_JSON
        super()._register_responses()
        del self.DEFAULT_RESPONSE_CONTENT_TYPE
