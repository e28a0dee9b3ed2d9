"""Every call that the application has, found in itself, and requests as its own description describes them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import Flask
from werkzeug.routing import Rule

from service.domain.portals import Scope
from service.web.api.access import SCOPE
from service.web.api.effects import SAFE_METHODS, Effect, Marker, marker_of

ORDER = ("GET", "PATCH", "PUT", "POST", "DELETE")
SECURE = "/submissions/v3/integration/secure/"
"""Answers as HubSpot does; its methods but POST are refused before anything is looked at."""
VARIABLE = re.compile(r"<(?:(\w+)(?:\([^)]*\))?:)?(\w+)>")
ALL_PROPERTIES = "all properties"
ONLY_REQUIRED = "only what is required"


@dataclass(frozen=True)
class Call:
    """One method of one route."""

    method: str
    rule: Rule
    marker: Marker | None
    scope: Scope | None
    """What a token needs for it; None for any token, or for none."""

    def __str__(self) -> str:
        return f"{self.method} {self.rule.rule}"

    @property
    def is_safe(self) -> bool:
        return self.method in SAFE_METHODS

    @property
    def is_reading(self) -> bool:
        return self.marker is not None and self.marker.effect is Effect.READS

    @property
    def is_of_portal(self) -> bool:
        return "portal_id" in self.rule.arguments

    @property
    def variables(self) -> list[tuple[str, str]]:
        """Return kind and name of each variable of the path but the portal's."""
        found = [(kind, name) for kind, name in VARIABLE.findall(self.rule.rule) if name != "portal_id"]
        return [(kind or "default", name) for kind, name in found]

    def path(self, portal_id: int, values: Mapping[str, Any]) -> str:
        """Return the path with what stands for its variables."""
        named = {"portal_id": portal_id, **values}
        return VARIABLE.sub(lambda found: str(named[found[2]]), self.rule.rule)


def calls(application: Flask) -> list[Call]:
    """Return every call of the application, those that only read first and those that delete last."""
    found = [
        Call(
            method,
            rule,
            marker_of(application.view_functions[rule.endpoint], method),
            _scope(application, rule),
        )
        for rule in application.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if method in ORDER
    ]
    return sorted(found, key=lambda call: (ORDER.index(call.method), call.rule.rule))


def _scope(application: Flask, rule: Rule) -> Scope | None:
    if rule.rule.startswith(SECURE):
        return Scope.FORMS
    blueprint = application.blueprints.get(rule.endpoint.rpartition(".")[0])
    return getattr(blueprint, SCOPE, None)


class Description:
    """What `/openapi.json` says of requests."""

    def __init__(self, document: Mapping[str, Any], uuid: str, hints: Mapping[str, Any]) -> None:
        """`uuid` stands wherever one is asked for, `hints` for fields by name, as far as a schema can't tell."""
        self._document = document
        self._uuid = uuid
        self._hints = hints

    def bodies(self, call: Call, number: int) -> list[Any]:
        """Return bodies with this number wherever there is one: the least, the most, and the least and one more.

        None stands for no body.
        """
        content = self._operation(call).get("requestBody", {}).get("content", {})
        if "application/json" not in content:
            return [None]
        schema = content["application/json"]["schema"]
        found = [self._example(schema, number, fill) for fill in (ONLY_REQUIRED, ALL_PROPERTIES)]
        whole = found[-1]
        if isinstance(whole, dict):
            required = set(self._resolved(schema).get("required", []))
            found += [
                {key: value for key, value in whole.items() if key in required or key == one}
                for one in whole.keys() - required
            ]
        return found

    def query(self, call: Call, number: int) -> dict[str, Any]:
        """Return what a query needs, and this number for whatever it takes a number for."""
        found = {}
        for parameter in self._operation(call).get("parameters", []):
            described = self._resolved(parameter)
            is_number = self._resolved(described.get("schema", {})).get("type") == "integer"
            if described.get("in") == "query" and (is_number or described.get("required")):
                found[described["name"]] = self._example(described["schema"], number, ONLY_REQUIRED)
        return found

    def _operation(self, call: Call) -> Mapping[str, Any]:
        path = VARIABLE.sub(lambda found: f"{{{found[2]}}}", call.rule.rule)
        described: Mapping[str, Any] = self._document["paths"].get(path, {})
        operation = dict(described.get(call.method.lower(), {}))
        operation["parameters"] = [*described.get("parameters", []), *operation.get("parameters", [])]
        return operation

    def _resolved(self, schema: Any) -> Any:
        while "$ref" in schema:
            found = self._document
            for part in schema["$ref"].removeprefix("#/").split("/"):
                found = found[part]
            schema = found
        return schema

    def _example(self, schema: Any, number: int, fill: str) -> Any:
        """Return a value that a schema takes."""
        schema = self._resolved(schema)
        for choice in ("anyOf", "oneOf", "allOf"):
            schema = self._resolved(schema[choice][0]) if choice in schema else schema
        if "enum" in schema:
            return next(each for each in schema["enum"] if each is not None)
        kinds = schema.get("type", "object")
        kind = kinds if isinstance(kinds, str) else next(each for each in kinds if each != "null")
        if kind in {"integer", "number"}:
            return max(schema.get("minimum", 0), min(schema.get("maximum", number), number))
        if kind == "array":
            return [self._example(schema.get("items", {"type": "string"}), number, fill)]
        return {"boolean": True, "string": self._text(schema)}.get(kind, self._object(schema, number, fill))

    def _object(self, schema: Any, number: int, fill: str) -> Any:
        required = set(schema.get("required", []))
        return {
            name: self._hints.get(name, self._example(inner, number, fill))
            for name, inner in schema.get("properties", {}).items()
            if fill == ALL_PROPERTIES or name in required
        }

    def _text(self, schema: Any) -> str:
        texts = {
            "date-time": "2026-03-10T12:00:00+00:00",
            "date": "2026-03-10",
            "uuid": self._uuid,
            "email": "somebody@example.com",
        }
        return texts.get(schema.get("format", ""), "somebody@example.com"[: schema.get("maxLength", 99)])
