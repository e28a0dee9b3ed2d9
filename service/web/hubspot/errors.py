"""Errors as HubSpot has them on its submission paths; the one place where those paths map them."""

from collections.abc import Mapping, Sequence
from functools import partial
from http import HTTPStatus

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
from service.web import problems
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

log = structlog.get_logger()


Headers = Mapping[str, str]


def install(blueprint: Blueprint, headers: Headers) -> None:
    """Answer a blueprint's errors in HubSpot's shape, with these headers on each answer."""
    blueprint.register_error_handler(MarketableError, partial(answer_error, headers=headers))
    blueprint.register_error_handler(HTTPException, partial(answer_http_exception, headers=headers))
    blueprint.register_error_handler(Exception, partial(answer_unexpected, headers=headers))


def answer_error(error: MarketableError, headers: Headers) -> Response:
    """Answer one of our own errors."""
    status = next((status for kind, status in STATUS if isinstance(error, kind)), 500)
    problems = error.problems if isinstance(error, InvalidSubmission) else ()
    correlation_id = _note_refusal(status, error.reason, problems)
    body = _body(_message(error), correlation_id, problems)
    if isinstance(error, TooManyRequests):
        body |= {**RATE_LIMITED, "requestId": correlation_id}
    if isinstance(error, (TooManyRequests, Unavailable)):
        headers = {**headers, "Retry-After": str(error.retry_after)}
    elif isinstance(error, Unauthenticated):
        headers = {**headers, "WWW-Authenticate": 'Bearer realm="marketable"'}
    return _respond(status, body, headers)


def answer_http_exception(error: HTTPException, headers: Headers) -> Response:
    """Answer what is refused before a submission is looked at: its method, size, media type or end."""
    status = error.code or 500
    correlation_id = _note_refusal(status, error.name.lower().replace(" ", "_"), ())
    allowed = {name: value for name, value in error.get_headers() if name == "Allow"}
    body = _body(error.description or error.name, correlation_id, ())
    return _respond(status, body, {**headers, **allowed})


def answer_unexpected(error: Exception, headers: Headers) -> Response:
    """Answer a fault of ours without a word of its inside, which may hold personal data; log where it was."""
    correlation_id = _correlation_id()
    where = problems.where(error)
    log.error("submission_failed", error=type(error).__name__, where=where, correlation_id=correlation_id)
    return _respond(500, _body("internal error", correlation_id, ()), headers)


def _message(error: MarketableError) -> str:
    if isinstance(error, Unavailable):
        return UNAVAILABLE
    if isinstance(error, ConflictingDelivery):
        return CONFLICT
    if isinstance(error, InvalidInput):
        return f"{error.message}. {error.mend[0].upper()}{error.mend[1:]}" if error.mend else error.message
    return str(error)


def _body(message: str, correlation_id: str, problems: Sequence[Problem]) -> dict[str, object]:
    body: dict[str, object] = {"status": "error", "message": message, "correlationId": correlation_id}
    if problems:
        body["errors"] = [{"message": found.message, "errorType": found.type.value} for found in problems]
    return body


def _respond(status: int, body: Mapping[str, object], headers: Headers) -> Response:
    return Response(orjson.dumps(body), status, headers, content_type="application/json")


def _note_refusal(status: int, reason: str, problems: Sequence[Problem]) -> str:
    """Count and log a refusal; returns its correlation id. Floods are not worth a line for each request."""
    correlation_id = _correlation_id()
    REFUSALS.labels(reason).inc()
    note = log.debug if status == HTTPStatus.TOO_MANY_REQUESTS else log.info
    note(
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
