"""What the schemas of several calls are made of."""

from typing import Any

import marshmallow as ma

from service.web.api.access import LARGEST

INSTANT = {"format": "date-time"}
STRICT: dict[str, Any] = {"truthy": {True}, "falsy": {False}}
"""Of a boolean: true and false, and no text or number that means the same."""
STORABLE = ma.validate.Range(0, LARGEST)
"""Of a number that the database can hold."""


def about(text: str) -> dict[str, str]:
    """Return a field's description."""
    return {"description": text}
