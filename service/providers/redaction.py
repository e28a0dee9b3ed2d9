"""Takes secrets out of a decoded document before it is stored or shown."""

from typing import Any

from service.providers.description import Description
from service.providers.pointers import children

REDACTED = "[redacted]"


def redact(description: Description, document: Any) -> Any:
    """Return the document with what the description lists blanked; the given one is not changed."""
    for pointer in description.redact:
        document = _blank(document, pointer.tokens)
    return document


def _blank(value: Any, tokens: tuple[str, ...]) -> Any:
    """Copy only the ways that lead to a blanked place."""
    if not tokens:
        return REDACTED
    found = children(value, tokens[0])
    if not found:
        return value
    copy = value.copy()
    for key, child in found:
        copy[key] = _blank(child, tokens[1:])
    return copy
