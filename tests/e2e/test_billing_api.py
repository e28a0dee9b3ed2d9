"""Our own API over the wire: who may ask, what is answered, and that it describes itself."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.e2e.client import Answer, ask, submit
from tests.e2e.installation import Installation
from tests.e2e.waiting import eventually

BILLING = "/api/v1/portals/1/billing"
PROBLEM_JSON = "application/problem+json"


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


def why(running: Installation, email: str) -> Any:
    return running.read("contact", "why", "--portal", "1", "--email", email)


@pytest.fixture(scope="session")
def token(running: Installation) -> str:
    """The demo portal's token, from the file where `up` leaves it."""
    return (running.folder / "data" / "demo.token").read_text().strip()


@pytest.fixture(scope="session")
def forms_token(running: Installation) -> str:
    return running.say("token", "create", "--portal", "1", "--name", "forms only", "--scope", "forms").strip()


def assert_problem(answer: Answer, status: int, reason: str) -> None:
    assert answer.status == status
    assert answer.headers["content-type"] == PROBLEM_JSON
    problem = answer.json()
    assert (problem["status"], problem["reason"]) == (status, reason)


def test_the_token_file_is_readable_by_its_owner_only(running: Installation) -> None:
    assert (running.folder / "data" / "demo.token").stat().st_mode & 0o777 == 0o600


def test_the_bill_is_the_one_that_the_command_prints(running: Installation, token: str) -> None:
    answer = ask(running.port, BILLING, headers=bearer(token))
    printed = running.read("billing", "--portal", "1", "--json")
    assert answer.status == 200
    assert {**answer.json(), "at": None} == {**printed, "at": None}


def test_the_count_of_an_instant_before_the_first_contact_is_0(running: Installation, token: str) -> None:
    yesterday = (datetime.now(UTC) - timedelta(days=1)).isoformat().replace("+00:00", "Z")
    answer = ask(running.port, f"{BILLING}?at={yesterday}", headers=bearer(token))
    assert (answer.status, answer.json()["count"]) == (200, 0)


def test_a_contact_says_why_it_counts(running: Installation, token: str) -> None:
    assert submit(running.port, "why@example.com").status == 200
    eventually(lambda: why(running, "why@example.com")["ledger"] != [], "it is in the ledger")
    contact = why(running, "why@example.com")["contact"]
    found = ask(running.port, f"{BILLING}/contacts/{contact}", headers=bearer(token)).json()
    assert (found["counts"], found["status"]) == (True, "marketing")
    assert found["stint"]["reason_type"] == found["changes"][0]["reason_type"] == "FORM_SUBMISSION"
    assert found["changes"][0]["submission_id"]


@pytest.mark.parametrize("headers", [{}, bearer("mk_unknown"), {"Authorization": "Basic eDp5"}])
def test_without_a_known_token_it_answers_401(running: Installation, headers: dict[str, str]) -> None:
    answer = ask(running.port, BILLING, headers=headers)
    assert_problem(answer, 401, "unauthenticated")
    assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("path", [BILLING, f"{BILLING}/contacts/1"])
def test_a_token_without_the_scope_answers_403(running: Installation, forms_token: str, path: str) -> None:
    assert_problem(ask(running.port, path, headers=bearer(forms_token)), 403, "forbidden")


@pytest.mark.parametrize("portal", [2, 99])
def test_a_token_of_another_portal_answers_403_whether_the_portal_exists_or_not(
    running: Installation, token: str, portal: int
) -> None:
    running.run("portal", "create", "--id", "2", "--name", "Second")
    answer = ask(running.port, f"/api/v1/portals/{portal}/billing", headers=bearer(token))
    assert_problem(answer, 403, "forbidden")


def test_an_unknown_contact_answers_404(running: Installation, token: str) -> None:
    answer = ask(running.port, f"{BILLING}/contacts/987654321", headers=bearer(token))
    assert_problem(answer, 404, "not_found")


def test_an_instant_that_is_none_answers_400(running: Installation, token: str) -> None:
    assert_problem(ask(running.port, f"{BILLING}?at=noon", headers=bearer(token)), 400, "invalid_input")


@pytest.mark.parametrize(("path", "method", "status"), [("/nothing", "GET", 404), (BILLING, "DELETE", 405)])
def test_what_is_not_there_is_a_problem_too(
    running: Installation, path: str, method: str, status: int
) -> None:
    answer = ask(running.port, path, method=method)
    assert (answer.status, answer.headers["content-type"]) == (status, PROBLEM_JSON)


def test_the_api_describes_itself(running: Installation) -> None:
    description = ask(running.port, "/openapi.json").json()
    assert description["openapi"].startswith("3.1")
    assert "/api/v1/portals/{portal_id}/billing" in description["paths"]
