"""Answers to browsers: who submitted a form by hand gets a page or a redirect, a script gets JSON.

Spam is answered exactly as anything else, so that its sender learns nothing.
"""

import re
from typing import Any

import structlog
from flask import Response

from service.delivery import Delivery
from service.documents import dumps
from service.domain.endpoints import Captcha, Endpoint
from service.endpoints import COLLECTED
from service.providers.description import Description
from service.providers.visits import captcha_answer, next_wanted
from service.web import captchas
from service.web.pages import rendering
from service.web.urls import read_url, resolve
from service.web.visitors.origins import is_host_allowed, is_trusted, origin_headers, origin_of, page_of
from service.web.visitors.wishes import wants_page

__all__ = ["answer", "is_human", "is_trusted", "origin_headers", "preflight", "refuse"]

PREFLIGHT_SECONDS = "7200"
_PRIVATE = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
_are_header_names = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~, -]{1,1000}").fullmatch

log = structlog.get_logger()


def preflight(endpoint: Endpoint, delivery: Delivery) -> Response:
    """Tell a browser whether the page may submit with a script."""
    asked = delivery.header("Access-Control-Request-Headers") or ""
    more = f", {asked}" if _are_header_names(asked) else ""
    answered = Response(status=204, headers=dict(origin_headers(endpoint, delivery.header("Origin"))))
    answered.headers["Access-Control-Allow-Methods"] = "POST"
    answered.headers["Access-Control-Allow-Headers"] = f"content-type{more}"
    answered.headers["Access-Control-Max-Age"] = PREFLIGHT_SECONDS
    answered.vary.add("Access-Control-Request-Headers")
    return answered


def is_human(endpoint: Endpoint, description: Description, delivery: Delivery, document: Any = None) -> bool:
    """Whether the page may submit, and whoever did has solved the captcha that the endpoint asks for.

    May wait for the captcha's service, for `captchas.TIMEOUT` at the most. What a page's ordinary forms captured
    holds no answer to a captcha, and none is asked for.
    """
    if not is_trusted(endpoint, delivery):
        origin = origin_of(delivery)
        log.info("origin_refused", endpoint=endpoint.id, host=origin.host if origin else None)
        return False
    if endpoint.options.captcha is Captcha.NONE or endpoint.provider == COLLECTED:
        return True
    return captchas.is_solved(endpoint, captcha_answer(description, delivery, document), delivery)


def answer(
    endpoint: Endpoint, description: Description, delivery: Delivery, document: Any = None
) -> Response:
    """Answer a submission that was kept; `document` is the decoded delivery, where it is at hand."""
    going_to = _next_url(endpoint, description, delivery, document)
    if not wants_page(delivery):
        found = {"next": going_to} if going_to else {}
        answered = Response(dumps({"ok": True, **found}), content_type="application/json")
    elif going_to:
        answered = Response(status=303, headers={"Location": going_to})
    else:
        answered = rendering.thanks(delivery, endpoint.options.thanks_text, page_of(delivery))
    return _finished(answered, endpoint, delivery)


def refuse(endpoint: Endpoint | None, delivery: Delivery, problem: Response) -> Response:
    """Return the refusal in the shape that the sender reads; status and headers stay.

    `endpoint` is None when the address leads nowhere.
    """
    refused = rendering.refusal(delivery, problem, page_of(delivery)) if wants_page(delivery) else problem
    refused.headers["Access-Control-Expose-Headers"] = "Retry-After"
    return _finished(refused, endpoint, delivery)


def _finished(answered: Response, endpoint: Endpoint | None, delivery: Delivery) -> Response:
    answered.headers.update(_PRIVATE)
    answered.headers.update(origin_headers(endpoint, delivery.header("Origin")))
    return answered


def _next_url(endpoint: Endpoint, description: Description, delivery: Delivery, document: Any) -> str | None:
    """Return where the visitor goes: where the form says if that is allowed, else where the endpoint says."""
    wanted = next_wanted(description, delivery, document)
    if wanted:
        going_to = resolve(wanted.strip(" \t\r\n"), page_of(delivery))
        if going_to is not None and is_host_allowed(going_to.host, endpoint.options.allowed_hosts):
            return str(going_to)
        log.info("redirect_refused", endpoint=endpoint.id, host=going_to.host if going_to else None)
    usual = read_url(endpoint.options.thanks_url)
    return str(usual) if usual else None
