"""From a delivery's bytes to the elements that events are read from: decode, unpack, root, each."""

from collections.abc import Callable
from typing import Any

from service.delivery import Delivery
from service.errors import Unreadable
from service.providers.bodies import check_depth, check_size, load_json, read_form, read_sniffed
from service.providers.cloudevents import read_cloudevents
from service.providers.description import BodyKind, DecodeRule, Description
from service.providers.events import UnreadableReason
from service.providers.limits import MOST_EVENTS
from service.providers.pointers import Pointer, children


def decode(description: Description, delivery: Delivery) -> Any:
    """Return the delivery's document with its packed texts unpacked; raises Unreadable."""
    rule = description.decode
    if rule.body is not BodyKind.CLOUDEVENTS:
        check_size(delivery.body, delivery.media_type)
    document = _DECODERS[rule.body](delivery)
    for pointer in rule.unpack:
        document = _unpack(document, pointer.tokens)
    if rule.unpack:
        check_depth(document)
    return document


def split(description: Description, document: Any) -> list[Any]:
    """Return the elements of a decoded document, each an object or a list; raises Unreadable."""
    elements = [_find_root(description.decode, document)]
    for pointer in description.events.each:
        elements = [inner for element in elements for inner in _multiply(element, pointer)]
        if len(elements) > MOST_EVENTS:
            raise Unreadable(UnreadableReason.TOO_MANY_EVENTS, f"the body has more than {MOST_EVENTS} events")
    for element in elements:
        if not isinstance(element, dict | list):
            message = "the body has a bare value where an object belongs"
            raise Unreadable(UnreadableReason.UNEXPECTED_SHAPE, message)
    return elements


_DECODERS: dict[BodyKind, Callable[[Delivery], Any]] = {
    BodyKind.JSON: lambda delivery: load_json(delivery.body),
    BodyKind.FORM: lambda delivery: read_form(delivery, nested=False),
    BodyKind.FORM_PHP: lambda delivery: read_form(delivery, nested=True),
    BodyKind.MULTIPART: lambda delivery: read_form(delivery, nested=False),
    BodyKind.AUTO: lambda delivery: read_sniffed(delivery, nested=False),
    BodyKind.AUTO_PHP: lambda delivery: read_sniffed(delivery, nested=True),
    BodyKind.CLOUDEVENTS: read_cloudevents,
}


def _unpack(value: Any, tokens: tuple[str, ...]) -> Any:
    """Replace the text at a place by what it says as JSON; an empty one and one that isn't there are let be."""
    if not tokens:
        return load_json(value) if isinstance(value, str) and value.strip() else value
    found = children(value, tokens[0])
    if not found:
        return value
    copy = value.copy()
    for key, child in found:
        copy[key] = _unpack(child, tokens[1:])
    return copy


def _find_root(rule: DecodeRule, document: Any) -> Any:
    for pointer in rule.root:
        found = pointer.find(document)
        if found is not None:
            return found
    raise Unreadable(UnreadableReason.UNEXPECTED_SHAPE, "the part of the body that counts is missing")


def _multiply(element: Any, pointer: Pointer) -> list[Any]:
    found = pointer.find(element)
    if isinstance(found, list):
        return found
    return [element if found is None else found]
