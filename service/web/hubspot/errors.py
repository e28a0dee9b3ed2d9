"""Errors as HubSpot has them on its submission paths; the one place where those paths map them."""

import traceback
from collections.abc import Mapping, Sequence

import orjson
import structlog
from flask import Blueprint, Response, g, request
from werkzeug.exceptions import HTTPException

from service.errors import (
    ConflictingDelivery,
    Forbidden,
    InvalidInput,
    MarketableError,
    NotFound,
    TooManyRequests,
    Unauthenticated,
    Unavailable,
)
from service.identifiers import as_correlation_id, new_correlation_id
from service.observe import REFUSALS
from service.web.hubspot.problems import InvalidSubmission, Problem, shown

STATUS: tuple[tuple[type[MarketableError], int], ...] = (
    (InvalidInput, 400),
    (Unauthenticated, 401),
    (Forbidden, 403),
    (NotFound, 404),
    (ConflictingDelivery, 409),
    (TooManyRequests, 429),
    (Unavailable, 503),
)
UNAVAILABLE = "The submission cannot be kept at the moment. Send the same again later; it is kept once"
CONFLICT = (
    "This Idempotency-Key was accepted before with another submission. Send each submission with its own"
)
RATE_LIMITED = {
    "message": "You have reached your ten_secondly_rolling limit.",
    "errorType": "RATE_LIMIT",
    "policyName": "TEN_SECONDLY_ROLLING",
}
_FRAMES = 8

log = structlog.get_logger()


def install(blueprint: Blueprint) -> None:
    """Answer a blueprint's errors in HubSpot's shape."""
    blueprint.register_error_handler(MarketableError, answer_error)
    blueprint.register_error_handler(HTTPException, answer_http_exception)
    blueprint.register_error_handler(Exception, answer_unexpected)


def answer_error(error: MarketableError) -> Response:
    """Answer one of our own errors."""
    status = next((status for kind, status in STATUS if isinstance(error, kind)), 500)
    problems = error.problems if isinstance(error, InvalidSubmission) else ()
    correlation_id = _note_refusal(status, error.reason, problems)
    if isinstance(error, TooManyRequests):
        body = {
            "status": "error",
            **RATE_LIMITED,
            "correlationId": correlation_id,
            "requestId": correlation_id,
        }
        return _respond(status, body, {"Retry-After": str(error.retry_after)})
    headers = {}
    if isinstance(error, Unavailable):
        headers["Retry-After"] = str(error.retry_after)
    elif isinstance(error, Unauthenticated):
        headers["WWW-Authenticate"] = 'Bearer realm="marketable"'
    return _respond(status, _body(_message(error), correlation_id, problems), headers)


def answer_http_exception(error: HTTPException) -> Response:
    """Answer what is refused before a submission is looked at: its method, size, media type or end."""
    status = error.code or 500
    correlation_id = _note_refusal(status, error.name.lower().replace(" ", "_"), ())
    headers = {name: value for name, value in error.get_headers() if name == "Allow"}
    return _respond(status, _body(error.description or error.name, correlation_id, ()), headers)


def answer_unexpected(error: Exception) -> Response:
    """Answer a fault of ours without a word of its inside, which may hold personal data; log where it was."""
    correlation_id = _correlation_id()
    where = traceback.format_tb(error.__traceback__)[-_FRAMES:]
    log.error("submission_failed", error=type(error).__name__, where=where, correlation_id=correlation_id)
    return _respond(500, _body("internal error", correlation_id, ()), {})


def _message(error: MarketableError) -> str:
    if isinstance(error, Unavailable):
        return UNAVAILABLE
    if isinstance(error, ConflictingDelivery):
        return CONFLICT
    if isinstance(error, InvalidInput) and not isinstance(error, InvalidSubmission) and error.mend:
        return f"{error.message}. {error.mend[0].upper()}{error.mend[1:]}"
    return str(error)


def _body(message: str, correlation_id: str, problems: Sequence[Problem]) -> dict[str, object]:
    body: dict[str, object] = {"status": "error", "message": message, "correlationId": correlation_id}
    if problems:
        body["errors"] = [{"message": found.message, "errorType": found.type.value} for found in problems]
    return body


def _respond(status: int, body: Mapping[str, object], headers: Mapping[str, str]) -> Response:
    return Response(orjson.dumps(body), status, headers, content_type="application/json")


def _note_refusal(status: int, reason: str, problems: Sequence[Problem]) -> str:
    """Count and log a refusal; returns its correlation id."""
    correlation_id = _correlation_id()
    REFUSALS.labels(reason).inc()
    log.info(
        "submission_refused",
        status=status,
        reason=reason,
        error_types=sorted({problem.type.value for problem in problems}),
        portal_id=shown((request.view_args or {}).get("portal_id", "")),
        correlation_id=correlation_id,
    )
    return correlation_id


def _correlation_id() -> str:
    """Return the id of the submission that was to be kept, or a new one when it did not come to that."""
    submission_id = g.get("submission_id")
    return as_correlation_id(submission_id) if submission_id else new_correlation_id()
