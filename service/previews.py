"""Shows a delivery to people: what is secret is blanked, and what is long is cut."""

import re
from typing import Any

from service.delivery import Delivery
from service.documents import dumps, loads
from service.domain.endpoints import Endpoint
from service.domain.reading import is_storable
from service.errors import InvalidInput
from service.providers.decode import decode
from service.providers.description import Description
from service.providers.redaction import REDACTED, redact

LARGEST_PREVIEW = 16_384
"""Characters of a document as JSON; of a longer one the beginning is shown as text."""
LONGEST_TEXT = 2_000
_SHOWN_HEADERS = frozenset({"content-type", "content-length", "user-agent", "accept"})
_SHORTEST_SECRET = 4
_unprintable = re.compile(r"[^\x20-\x7e\n\t]")


def preview(endpoint: Endpoint, description: Description, delivery: Delivery) -> dict[str, Any]:
    """Return a delivery as it may be shown: method, names of headers, and the document without secrets."""
    shown: dict[str, Any] = {
        "method": delivery.method,
        "received_at": delivery.received_at.isoformat(),
        "headers": {name: _header(name, value) for name, value in delivery.headers[:100]},
    }
    try:
        document = redact(description, decode(description, delivery))
    except InvalidInput as problem:
        return shown | {"unreadable": problem.message, "text": _as_text(endpoint, description, delivery)}
    return shown | {"document": _bounded(_without_secrets(endpoint, dumps(document)))}


def _header(name: str, value: str) -> str:
    return value[:LONGEST_TEXT] if name.lower() in _SHOWN_HEADERS else REDACTED


def _as_text(endpoint: Endpoint, description: Description, delivery: Delivery) -> str:
    """Return the beginning of a body that can't be read; nothing where secrets stand in bodies, who knows where."""
    if description.redact:
        return REDACTED
    text = delivery.body[:LONGEST_TEXT].decode("utf-8", "replace")
    return _without_secrets(endpoint, _unprintable.sub("\N{REPLACEMENT CHARACTER}", text))


def _without_secrets(endpoint: Endpoint, text: str) -> str:
    for secret in (*endpoint.tokens, *endpoint.secrets, endpoint.access_token, endpoint.captcha_secret):
        if len(secret) >= _SHORTEST_SECRET:
            text = text.replace(dumps(secret)[1:-1], REDACTED)
    return text


def _bounded(text: str) -> Any:
    if len(text) > LARGEST_PREVIEW or not is_storable(text) or "\\u0000" in text:
        return _unprintable.sub("\N{REPLACEMENT CHARACTER}", text[:LARGEST_PREVIEW]) + "…"
    return loads(text)
