import uuid

import pytest
from flask import Blueprint, Flask, g
from structlog.testing import capture_logs
from werkzeug.exceptions import MethodNotAllowed, RequestEntityTooLarge
from werkzeug.test import TestResponse

from service.errors import (
    ConflictingDelivery,
    DatabaseAway,
    Forbidden,
    InvalidInput,
    NotFound,
    Overloaded,
    TooManyRequests,
    Unauthenticated,
)
from service.identifiers import as_correlation_id
from service.web.hubspot import errors
from service.web.hubspot.problems import ArchivedForm, ErrorType, InvalidSubmission, Problem

SUBMISSION_ID = "019a" * 8


def answer_to(error: Exception) -> TestResponse:
    """Return what a view that raises `error` makes the blueprint answer."""
    blueprint = Blueprint("raising", __name__)
    errors.install(blueprint, {"X-Shared": "yes"})

    @blueprint.post("/<portal_id>")
    def fail(portal_id: str) -> str:  # noqa: ARG001 - it is in the route
        raise error

    application = Flask("raising")
    application.register_blueprint(blueprint)
    return application.test_client().post("/7")


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        (InvalidInput("It is wrong", mend="mend it"), 400, "It is wrong. Mend it"),
        (InvalidInput("It is wrong"), 400, "It is wrong"),
        (Unauthenticated("Who is it?"), 401, "Who is it?"),
        (Forbidden("Not this"), 403, "Not this"),
        (NotFound("form", "x"), 404, "there is no form x"),
        (ArchivedForm("x"), 404, "the form x is archived and takes no submissions"),
        (ConflictingDelivery(), 409, errors.CONFLICT),
        (DatabaseAway("at 10.0.0.7"), 503, errors.UNAVAILABLE),
        (Overloaded(), 503, errors.UNAVAILABLE),
        (RequestEntityTooLarge("Too large"), 413, "Too large"),
    ],
)
def test_an_error_is_answered_in_hubspots_shape(error: Exception, status: int, message: str) -> None:
    answer = answer_to(error)
    assert answer.status_code == status
    assert answer.mimetype == "application/json"
    assert answer.headers["X-Shared"] == "yes"
    body = answer.get_json()
    assert str(uuid.UUID(body.pop("correlationId")))
    assert body == {"status": "error", "message": message}


def test_the_problems_of_a_submission_are_listed() -> None:
    problem = Problem(ErrorType.REQUIRED_FIELD, "fields.email", "Required field 'email' is missing")
    answer = answer_to(InvalidSubmission([problem]))
    assert answer.status_code == 400
    assert answer.get_json()["message"] == "The request is not valid"
    assert answer.get_json()["errors"] == [
        {
            "message": "Error in 'fields.email'. Required field 'email' is missing",
            "errorType": "REQUIRED_FIELD",
        }
    ]


def test_over_the_rate_limit_the_body_is_hubspots() -> None:
    answer = answer_to(TooManyRequests(4))
    body = answer.get_json()
    assert answer.status_code == 429
    assert answer.headers["Retry-After"] == "4"
    assert body.pop("correlationId") == body.pop("requestId")
    assert body == {
        "status": "error",
        "message": "You have reached your ten_secondly_rolling limit.",
        "errorType": "RATE_LIMIT",
        "policyName": "TEN_SECONDLY_ROLLING",
    }


def test_headers_say_how_to_go_on() -> None:
    assert answer_to(DatabaseAway()).headers["Retry-After"] == "2"
    assert answer_to(Unauthenticated()).headers["WWW-Authenticate"].startswith("Bearer")
    assert answer_to(MethodNotAllowed(["POST"])).headers["Allow"] == "POST"


def test_a_fault_of_ours_tells_nothing_and_is_logged_without_personal_data() -> None:
    with capture_logs() as lines:
        answer = answer_to(RuntimeError("ada@example.com"))
    body = answer.get_json()
    assert answer.status_code == 500
    assert body["message"] == "internal error"
    assert lines[0]["event"] == "submission_failed"
    assert lines[0]["correlation_id"] == body["correlationId"]
    assert "ada@example.com" not in answer.text + str(lines)


def test_a_refusal_is_logged_with_its_correlation_id() -> None:
    problem = Problem(ErrorType.INVALID_EMAIL, "fields.email", "ada@example")
    with capture_logs() as lines:
        answer = answer_to(InvalidSubmission([problem]))
    assert lines == [
        {
            "event": "submission_refused",
            "log_level": "info",
            "status": 400,
            "reason": "invalid_submission",
            "error_types": ["INVALID_EMAIL"],
            "portal_id": "7",
            "correlation_id": answer.get_json()["correlationId"],
        }
    ]


def test_the_correlation_id_is_the_submissions_once_it_has_one() -> None:
    application = Flask("correlated")
    with application.test_request_context():
        g.submission_id = SUBMISSION_ID
        answer = errors.answer_error(ConflictingDelivery(), {})
    assert answer.get_json()["correlationId"] == as_correlation_id(SUBMISSION_ID)
