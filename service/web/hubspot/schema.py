"""The shape of a submission's body, before any form is asked.

`load` first tries the one straight way through a body that is as it should be; only a body that leaves that
way is loaded by marshmallow, which then finds all that is wrong. Both ways give the same for the same body.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypedDict

from marshmallow import EXCLUDE, Schema, ValidationError
from marshmallow.fields import Field
from marshmallow.types import StrSequenceOrSet, UnknownOption

from service.domain.fields import CONTACT, is_object_type_id
from service.web.hubspot.consent import Consent, problems_of_consent
from service.web.hubspot.metadata import read_metadata, read_quickly
from service.web.hubspot.problems import ErrorType, Problem, field_path
from service.web.hubspot.texts import LONGEST_TEXT, as_text, not_a_text

MOST_VALUES = 1_000
"""Values of one submission."""
LONGEST_NAME = 255
is_milliseconds = re.compile(r"[0-9]{1,16}").fullmatch


class Body(TypedDict):
    """A body of the right shape."""

    values: dict[str, str]
    """By field key, as `0-1/email`; several values of one field are joined by `;`."""
    context: dict[str, str] | None
    consent: Consent | None
    submitted_at: int | None
    """Milliseconds since 1970."""


class _Entry(NamedTuple):
    key: str
    value: str


class SubmittedValues(Field[dict[str, str]]):
    """`fields`: a list of objects with name, value and object type."""

    def _deserialize(self, value: object, *_: object, **__: object) -> dict[str, str]:
        if not isinstance(value, list):
            raise ValidationError([_misshapen("fields", "Send a list of objects")])
        if len(value) > MOST_VALUES:
            text = f"There are {len(value)} values. Send up to {MOST_VALUES}"
            error_type = ErrorType.MAX_NUMBER_OF_SUBMITTED_VALUES_EXCEEDED
            raise ValidationError([Problem(error_type, "fields", text)])
        parts: dict[str, list[str]] = {}
        problems: list[Problem] = []
        for number, entry in enumerate(value):
            found = _read_entry(entry, number)
            if isinstance(found, _Entry):
                parts.setdefault(found.key, []).append(found.value)
            else:
                problems.append(found)
        values = {key: _join(texts) for key, texts in parts.items()}
        problems += [_too_large(key) for key, text in values.items() if len(text) > LONGEST_TEXT]
        if problems:
            raise ValidationError(list(problems), valid_data=values)
        return values


class SubmittedContext(Field[dict[str, str]]):
    """`context`: what is known of the page and the visitor."""

    def _deserialize(self, value: object, *_: object, **__: object) -> dict[str, str]:
        values, problems = read_metadata(value)
        if problems:
            raise ValidationError(list(problems), valid_data=values)
        return values


class SubmittedConsent(Field[Consent]):
    """`legalConsentOptions`: kept as they were given."""

    def _deserialize(self, value: object, *_: object, **__: object) -> Consent:
        problems = problems_of_consent(value)
        if problems or not isinstance(value, dict):
            raise ValidationError(list(problems))
        return value


class SubmittedAt(Field[int]):
    """`submittedAt`: milliseconds, as a number or as its digits; an empty text is none."""

    def _deserialize(self, value: object, *_: object, **__: object) -> int | None:  # type: ignore[override]
        if isinstance(value, str) and not value.strip():
            return None
        if isinstance(value, str) and is_milliseconds(value):
            return int(value)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        text = "Send milliseconds since 1970, such as 1700000000000"
        raise ValidationError([Problem(ErrorType.INVALID_METADATA, "submittedAt", text)])


_MISSING: dict[str, str | list[Any] | dict[Any, Any]] = {
    "required": "It is missing. Send a list of objects",
    "null": "Send a list of objects",
}


class SubmissionSchema(Schema):
    """A body of `…/submit/<portalId>/<formGuid>`; keys that it does not know are let be."""

    class Meta:
        unknown = EXCLUDE

    values = SubmittedValues(data_key="fields", required=True, error_messages=_MISSING)
    context = SubmittedContext(load_default=None, allow_none=True)
    consent = SubmittedConsent(data_key="legalConsentOptions", load_default=None, allow_none=True)
    submitted_at = SubmittedAt(data_key="submittedAt", load_default=None, allow_none=True)

    def load(
        self,
        data: Mapping[str, object] | Sequence[Mapping[str, object]],
        *,
        many: bool | None = None,
        partial: bool | StrSequenceOrSet | None = None,
        unknown: UnknownOption | None = None,
    ) -> object:
        """Return a Body, or raise ValidationError whose messages are Problems."""
        if isinstance(data, dict) and not (many or partial or unknown):
            body = load_quickly(data)
            if body is not None:
                return body
        return super().load(data, many=many, partial=partial, unknown=unknown)


def problems_of(error: ValidationError) -> list[Problem]:
    """Return what the schema found."""
    return [
        found if isinstance(found, Problem) else _misshapen(key, str(found))
        for key, messages in error.messages_dict.items()
        for found in messages
    ]


def load_quickly(document: Mapping[str, object]) -> dict[str, object] | None:
    """Return the body if it is plainly right; None says nothing, the schema has to look."""
    get = document.get
    values = _values_quickly(get("fields"))
    context, consent, submitted_at = get("context"), get("legalConsentOptions"), get("submittedAt")
    if values is None or (consent is not None and problems_of_consent(consent)):
        return None
    if context is not None and not (type(context) is dict and read_quickly(context)):
        return None
    if type(submitted_at) is str and is_milliseconds(submitted_at):
        submitted_at = int(submitted_at)
    elif submitted_at is not None and type(submitted_at) is not int:
        return None
    return {"values": values, "context": context, "consent": consent, "submitted_at": submitted_at}


def _values_quickly(entries: object) -> dict[str, str] | None:
    if type(entries) is not list or len(entries) > MOST_VALUES:
        return None
    values: dict[str, str] = {}
    try:
        for entry in entries:
            name, value = entry["name"], entry["value"]
            if type(name) is not str or type(value) is not str or entry["objectTypeId"] != CONTACT:
                return None
            if len(value) > LONGEST_TEXT or not 0 < len(name) <= LONGEST_NAME:
                return None
            values[f"0-1/{name}"] = value
    except (KeyError, TypeError):
        return None
    return values if len(values) == len(entries) else None


def _read_entry(entry: object, number: int) -> _Entry | Problem:
    """Read one item of `fields`."""
    path = f"fields.{number}"
    if not isinstance(entry, dict):
        return _misshapen(path, "Send an object with 'objectTypeId', 'name' and 'value'")
    name, object_type_id = entry.get("name"), entry.get("objectTypeId")
    if not isinstance(name, str) or not 0 < len(name) <= LONGEST_NAME:
        return _misshapen(f"{path}.name", f"Send the field's name, a text of 1 to {LONGEST_NAME} characters")
    if object_type_id is None:
        object_type_id = CONTACT
    if not isinstance(object_type_id, str) or not is_object_type_id(object_type_id):
        return _misshapen(f"{path}.objectTypeId", "Send '0-1' for a contact's field, '0-2' for a company's")
    key = f"{object_type_id}/{name}"
    value = as_text(entry.get("value"))
    return not_a_text(field_path(key), entry["value"]) if value is None else _Entry(key, value)


def _join(texts: list[str]) -> str:
    """Join the values of one field; empty ones say nothing."""
    return texts[0] if len(texts) == 1 else ";".join(text for text in texts if text)


def _too_large(key: str) -> Problem:
    text = f"The value is too long. Send up to {LONGEST_TEXT} characters"
    return Problem(ErrorType.INPUT_TOO_LARGE, field_path(key), text)


def _misshapen(path: str, text: str) -> Problem:
    return Problem(ErrorType.INVALID_REQUEST, path, text)
