"""Finds and sets one text in a decoded body, by JSON Pointer (RFC 6901)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import parse_qs, parse_qsl, urlencode

from service.delivery import Delivery
from service.documents import dumps, loads

FORM = "application/x-www-form-urlencoded"
MOST_FIELDS = 1_000

_is_pointer = re.compile(r"(?:/(?:[^~/]|~[01])*)+").fullmatch
_is_index = re.compile(r"0|[1-9][0-9]{0,5}").fullmatch


@dataclass(frozen=True, slots=True)
class Pointer:
    """A place in a JSON document, or a form's field when it has one step."""

    steps: tuple[str, ...]

    def find(self, delivery: Delivery) -> object:
        """Return what stands there, or None; a form's field that is there several times is a list.

        Raises ValueError for a body that can't be decoded.
        """
        value = _decode(delivery)
        for step in self.steps:
            value = _step_into(value, step)
        return value

    def put(self, delivery: Delivery, text: str) -> Delivery:
        """Return the delivery with this text in the place; raises ValueError where there can't be such a place."""
        if delivery.media_type == FORM:
            return replace(delivery, body=self._put_into_form(delivery.body, text))
        document = loads(delivery.body)
        inner = document
        for step in self.steps[:-1]:
            inner = inner.setdefault(step, {}) if isinstance(inner, dict) else _step_into(inner, step)
        if not isinstance(inner, dict):
            raise ValueError("the body has no such place")  # noqa: TRY004 - it is the body's value that is wrong
        inner[self.steps[-1]] = text
        return replace(delivery, body=dumps(document).encode())

    def _put_into_form(self, body: bytes, text: str) -> bytes:
        kept = [pair for pair in parse_qsl(body.decode(), keep_blank_values=True) if pair[0] != self.steps[0]]
        return urlencode([*kept, (self.steps[0], text)]).encode()


def parse_pointer(text: str) -> Pointer:
    """Read a pointer; raises ValueError."""
    if not _is_pointer(text):
        raise ValueError(f"is {text[:50]!r}")
    return Pointer(tuple(step.replace("~1", "/").replace("~0", "~") for step in text[1:].split("/")))


def _decode(delivery: Delivery) -> object:
    if delivery.media_type != FORM:
        return loads(delivery.body)
    fields = parse_qs(
        delivery.body.decode(), keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS
    )
    return {name: values if len(values) > 1 else values[0] for name, values in fields.items()}


def _step_into(value: object, step: str) -> object:
    if isinstance(value, Mapping):
        return value.get(step)
    if isinstance(value, list) and _is_index(step) and int(step) < len(value):
        return value[int(step)]
    return None
