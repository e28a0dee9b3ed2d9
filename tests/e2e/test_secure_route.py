"""Access tokens: made by the command, good for the secure address, useless soon after they are revoked."""

import pytest

from service import demo
from tests.e2e.client import ask, body_of, path_of, submit
from tests.e2e.installation import Installation
from tests.e2e.waiting import eventually


@pytest.fixture(scope="session")
def token(running: Installation) -> str:
    return running.say("token", "create", "--portal", "1", "--name", "secure").strip()


def test_a_token_made_by_the_command_opens_the_secure_address(running: Installation, token: str) -> None:
    assert submit(running.port, "secure@example.com", token=token).status == 200


def test_the_secure_address_answers_401_without_a_token(running: Installation) -> None:
    headers = {"Content-Type": "application/json"}
    body = body_of("insecure@example.com")
    answer = ask(running.port, path_of(secure=True), method="POST", body=body, headers=headers)
    assert (answer.status, answer.json()["status"]) == (401, "error")


def test_a_token_without_the_scope_for_forms_is_refused(running: Installation) -> None:
    secret = running.say("token", "create", "--portal", "1", "--scope", "billing").strip()
    assert submit(running.port, "scope@example.com", token=secret).status == 403


def test_a_revoked_token_is_refused_within_two_seconds(running: Installation) -> None:
    secret = running.say("token", "create", "--portal", "1", "--name", "short-lived").strip()
    assert submit(running.port, "before@example.com", token=secret).status == 200
    tokens = running.read("token", "list", "--portal", "1", "--json")
    made = next(each for each in tokens if each["name"] == "short-lived")
    running.say("token", "revoke", "--portal", "1", str(made["id"]))
    eventually(
        lambda: (
            [submit(running.port, "after@example.com", token=secret).status for _ in range(4)] == [401] * 4
        ),
        "every worker answers 401",
        within=2.0,
    )


def test_the_command_send_posts_by_the_secure_address_when_it_has_a_token(
    running: Installation, token: str
) -> None:
    sent = running.say("send", "--token", token, "--email", "sent@example.com", "--field", "firstname=Ada")
    assert sent.startswith("200 ")
    refused = running.run("send", "--token", "mk_wrong")
    assert (refused.returncode, "401" in refused.stderr) == (2, True)


def test_an_archived_form_takes_nothing_until_it_is_active_again(running: Installation) -> None:
    guid = running.say("form", "create", "--portal", "1", "--name", "Archived").split()[1]
    running.say("form", "set", "--portal", "1", guid, "--archived")
    assert submit(running.port, "archived@example.com", guid).status != 200
    running.say("form", "set", "--portal", "1", guid, "--active")
    eventually(
        lambda: submit(running.port, "active@example.com", guid).status == 200, "it is taken", within=3.0
    )
    assert submit(running.port, "active@example.com", demo.FORM_GUID).status == 200
