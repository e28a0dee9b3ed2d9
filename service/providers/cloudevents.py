"""Reads CloudEvents 1.0 over HTTP: structured, binary and batched, told apart by the media type first.

The document is always as in structured mode: attributes, and `data` with what the event carries.
"""

import binascii
import re
from base64 import b64decode
from typing import Any
from urllib.parse import unquote

from service.delivery import Delivery
from service.errors import Unreadable
from service.providers.bodies import check_size, clean, load_json, read_form
from service.providers.events import UnreadableReason

_STRUCTURED = "application/cloudevents+json"
_BATCH = "application/cloudevents-batch+json"
_is_json_type = re.compile(r"[^/]+/(?:[^/]+\+)?json").fullmatch


def read_cloudevents(delivery: Delivery) -> Any:
    """Return one event, or a list of them; raises Unreadable."""
    kind = delivery.media_type
    if kind not in {_STRUCTURED, _BATCH} and delivery.header("ce-specversion"):
        return _read_binary(delivery, kind)
    check_size(delivery.body)
    document = load_json(delivery.body)
    return [_complete(event) for event in document] if isinstance(document, list) else _complete(document)


def _complete(event: Any) -> dict[str, Any]:
    """Check a structured event and put `data` in the place of `data_base64`."""
    if not isinstance(event, dict) or not isinstance(event.get("specversion"), str):
        raise Unreadable(UnreadableReason.NOT_A_CLOUDEVENT, "the body has no specversion")
    encoded = event.get("data_base64")
    if not isinstance(encoded, str):
        return event
    try:
        data = b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise Unreadable(UnreadableReason.NOT_A_CLOUDEVENT, "data_base64 is not base64") from None
    content_type = event.get("datacontenttype")
    plain = content_type.partition(";")[0].strip().lower() if isinstance(content_type, str) else ""
    attributes = {name: value for name, value in event.items() if name != "data_base64"}
    return attributes | {"data": _read_data(data, plain)}


def _read_binary(delivery: Delivery, kind: str) -> dict[str, Any]:
    attributes = {
        name[3:].lower(): clean(unquote(value))
        for name, value in delivery.headers
        if name[:3].lower() == "ce-"
    }
    if kind in {"application/x-www-form-urlencoded", "multipart/form-data"}:
        check_size(delivery.body)
        return attributes | {"data": read_form(delivery, nested=False)}
    if not delivery.body.strip():
        return attributes
    check_size(delivery.body)
    return attributes | {"data": _read_data(delivery.body, kind)}


def _read_data(data: bytes, kind: str) -> Any:
    """Read JSON as such, when it is called so or nothing; anything else is text."""
    if not kind or _is_json_type(kind):
        return load_json(data)
    return clean(data.decode("utf-8", "replace"))
