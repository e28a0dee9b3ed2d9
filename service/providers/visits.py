"""What a browser's submission holds that is for the service and not of the person."""

from collections.abc import Mapping
from typing import Any

from service.delivery import Delivery
from service.errors import Unreadable
from service.providers.decode import decode, split
from service.providers.description import Description
from service.providers.pointers import Scope

CAPTCHA_FIELDS = ("cf-turnstile-response", "h-captcha-response", "g-recaptcha-response")
"""Names that the widgets of captchas give the fields with their answers; the last one both can be told to use."""


def next_wanted(description: Description, delivery: Delivery, document: Any = None) -> str | None:
    """Return where the form wants its visitor to be sent, as it stands there: nothing about it is checked.

    `document` is what `decode` returned, where somebody has decoded the delivery already.
    """
    if not description.reply.next:
        return None
    scope = _scope(description, delivery, document)
    if scope is None:
        return None
    found = (_first_text(source.find(scope)) for source in description.reply.next)
    return next((text for text in found if text), None)


def captcha_answer(description: Description, delivery: Delivery, document: Any = None) -> str | None:
    """Return what the captcha's widget put into the form; `document` as in `next_wanted`."""
    scope = _scope(description, delivery, document)
    fields: Mapping[str, Any] = scope.element if scope and isinstance(scope.element, dict) else {}
    found = (_first_text(fields.get(name)) for name in CAPTCHA_FIELDS)
    return next((text for text in found if text), None)


def _scope(description: Description, delivery: Delivery, document: Any) -> Scope | None:
    """Return the first event of a delivery; None for one that can't be read, or has none."""
    try:
        document = decode(description, delivery) if document is None else document
        elements = split(description, document)
    except Unreadable:
        return None
    return Scope(delivery, document, elements[0], description.picks) if elements else None


def _first_text(value: object) -> str | None:
    """Return a text, or the first one of a field that stands there several times."""
    first = value[0] if isinstance(value, list) and value else value
    return first if isinstance(first, str) else None
