"""What `/openapi.json` says of all calls: the access token, and problems in the shape that they have."""

from threading import Lock
from typing import Any

import marshmallow as ma
from flask import Flask
from flask_smorest import Api, Blueprint

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
    """Our own API, described at the first request for the description: it would take half of the time of a start."""

    ERROR_SCHEMA = ProblemSchema

    def __init__(self, application: Flask) -> None:
        self._parts: list[Blueprint] = []
        self._describing = Lock()
        super().__init__(application)

    def register_blueprint(self, blp: Blueprint) -> None:
        """Serve a part of the API."""
        self._app.register_blueprint(blp)
        self._app.extensions["flask-smorest"]["blp_name_to_api"][blp.name] = self
        self._parts.append(blp)

    def _openapi_json(self) -> Any:
        with self._describing:
            while self._parts:
                part = self._parts.pop(0)
                part.register_views_in_doc(self, self._app, self.spec, name=part.name, parameters=None)
                self.spec.tag({"name": part.name, "description": part.description})
        return super()._openapi_json()

    def _register_responses(self) -> None:
        """Describe refusals with the content type of problems, and nothing else with it."""
        self.DEFAULT_RESPONSE_CONTENT_TYPE = PROBLEM_JSON
        super()._register_responses()
        del self.DEFAULT_RESPONSE_CONTENT_TYPE
