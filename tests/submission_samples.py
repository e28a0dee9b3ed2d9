"""Forms and bodies that tests of submissions start from."""

from collections.abc import Mapping
from datetime import UTC, datetime

import orjson

from service.domain.forms import Form, read_definition

NOW = datetime(2026, 3, 31, 12, 0, tzinfo=UTC)
GUID = "11111111-1111-4111-8111-111111111111"
COOKIE = "0123456789abcdef0123456789ABCDEF"

EMAIL = {"name": "email", "fieldType": "email", "required": True}
FIRSTNAME = {"name": "firstname", "fieldType": "single_line_text"}


def field(name: str, kind: str, **more: object) -> dict[str, object]:
    return {"name": name, "fieldType": kind, **more}


def choice(name: str, kind: str, *values: str) -> dict[str, object]:
    return field(name, kind, options=[{"label": value.title(), "value": value} for value in values])


def make_form(*fields: Mapping[str, object], **document: object) -> Form:
    """Return form GUID of portal 1 with these fields, or else an e-mail address and a first name."""
    whole = {"name": "Contact us", "fields": fields or (EMAIL, FIRSTNAME), **document}
    return Form.of(read_definition(whole), portal_id=1, guid=GUID)


def entry(name: object, value: object, object_type_id: object = "0-1") -> dict[str, object]:
    return {"objectTypeId": object_type_id, "name": name, "value": value}


def make_body(*entries: object, **more: object) -> bytes:
    """Return a body with these entries, or else one e-mail address."""
    return orjson.dumps({"fields": entries or (entry("email", "ada@example.com"),), **more})


def milliseconds(instant: datetime) -> int:
    return int(instant.timestamp() * 1_000)
