"""Errors as RFC 9457 has them, `application/problem+json`; the one place where our own API maps them."""

import traceback
from typing import Any

import structlog
from flask import Blueprint, Flask, Response, request
from werkzeug.exceptions import HTTPException

from service.documents import dumps
from service.errors import (
    Conflict,
    ConflictingDelivery,
    Forbidden,
    InvalidInput,
    InvalidSignature,
    MarketableError,
    NoMarketingAccess,
    NotFound,
    NotIncluded,
    TooManyRequests,
    Unauthenticated,
    Unavailable,
    UnexpectedNumber,
    Unreadable,
)
from service.observe import REFUSALS

FRAMES = 8
"""Of a traceback that is logged."""
PROBLEM_JSON = "application/problem+json"
STATUS: tuple[tuple[type[MarketableError], int, str], ...] = (
    (Unreadable, 422, "The delivery can't be read"),
    (InvalidInput, 400, "The request is not valid"),
    (Unauthenticated, 401, "An access token is needed"),
    (InvalidSignature, 401, "The delivery is not proved"),
    (NoMarketingAccess, 403, "The marketing contacts access is needed"),
    (Forbidden, 403, "The access token may not do this"),
    (NotIncluded, 403, "The portal's product does not include this"),
    (NotFound, 404, "Not found"),
    (ConflictingDelivery, 409, "This id was accepted before with another body"),
    (UnexpectedNumber, 409, "The number of contacts is another one"),
    (Conflict, 409, "It clashes with what is there"),
    (TooManyRequests, 429, "Too many requests"),
    (Unavailable, 503, "Not available now"),
)

log = structlog.get_logger()


def install(target: Flask | Blueprint) -> None:
    """Answer errors of an application or a blueprint as problems."""
    target.register_error_handler(MarketableError, answer_error)
    target.register_error_handler(HTTPException, answer_http_exception)
    target.register_error_handler(Exception, answer_unexpected)


def answer_error(error: MarketableError) -> Response:
    """Answer one of our own errors."""
    status, title = next(
        ((status, title) for kind, status, title in STATUS if isinstance(error, kind)), (500, "Error")
    )
    REFUSALS.labels(error.reason).inc()
    details: dict[str, Any] = {"reason": error.reason}
    detail = str(error)
    if isinstance(error, InvalidInput):
        details |= {"field": error.field, "mend": error.mend}
        detail = error.message
    if isinstance(error, UnexpectedNumber):
        details |= {"expected": error.expected, "number": error.number}
    answer = _problem(status, title, detail, **details)
    if isinstance(error, (TooManyRequests, Unavailable)):
        answer.headers["Retry-After"] = str(error.retry_after)
    if isinstance(error, Unauthenticated):
        answer.headers["WWW-Authenticate"] = 'Bearer realm="marketable"'
    return answer


def answer_http_exception(error: HTTPException) -> Response:
    """Answer what Flask refuses by itself: no such route, no such method."""
    answer = _problem(error.code or 500, error.name, error.description or "")
    for name, value in error.get_headers():
        if name.lower() not in {"content-type", "content-length"}:
            answer.headers[name] = value
    return answer


def answer_unexpected(error: Exception) -> Response:
    """Answer a fault of ours, without a word of its inside, which may hold personal data; log where it was."""
    rule = request.url_rule.rule if request.url_rule else None
    log.error("request_failed", rule=rule, error=type(error).__name__, where=where(error))
    return _problem(500, "Internal error", "The fault is on this side and has been logged.")


def where(error: Exception) -> list[str]:
    """Return where a fault was, without its words, which may hold personal data."""
    return traceback.format_tb(error.__traceback__)[-FRAMES:]


def _problem(status: int, title: str, detail: str, **members: Any) -> Response:
    document = {"type": "about:blank", "title": title, "status": status, "detail": detail, **members}
    return Response(dumps(document), status=status, content_type=PROBLEM_JSON)
