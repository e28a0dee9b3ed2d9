from dataclasses import replace

import pytest

from service.delivery import Delivery
from service.providers.handshakes import REFUSED, shake_hands
from tests.provider_samples import deliver, describe

HUB = describe('[handshake]\nkind = "hub-challenge"')
SIGNED = describe(
    '[handshake]\nkind = "challenge-hmac"\n[signature]\nkind = "hmac"\nheader = "X"\nencoding = "hex"'
)
HEAD = describe('[handshake]\nkind = "head"')
OPTIONS = describe('[handshake]\nkind = "options-webhook"')
ECHO = describe(
    '[handshake]\nkind = "echo-json"\nwhen = { "/type" = "check" }\nanswer = ["header:X-Challenge", "/challenge"]\n'
    'answer_key = "challenge"'
)


def asked(method: str, query: str = "", **headers: str) -> Delivery:
    return replace(deliver("", query=query, **headers), method=method)


def test_without_a_handshake_every_request_is_to_be_read() -> None:
    assert shake_hands(describe(""), asked("HEAD"), [], "token") is None


def test_a_hub_that_knows_the_token_gets_its_challenge() -> None:
    query = "?hub.mode=subscribe&hub.challenge=115&hub.verify_token=token"
    reply = shake_hands(HUB, asked("GET", query), [], "token")
    assert reply is not None
    assert (reply.status, reply.body, reply.content_type) == (200, "115", "text/plain")


@pytest.mark.parametrize(
    "query",
    [
        "?hub.mode=subscribe&hub.challenge=115&hub.verify_token=other",
        "?hub.mode=subscribe&hub.challenge=115",
        "?hub.mode=subscribe&hub.challenge=%3Cscript%3E&hub.verify_token=token",
        "?hub.mode=unsubscribe&hub.challenge=115&hub.verify_token=token",
    ],
)
def test_any_other_hub_is_refused(query: str) -> None:
    assert shake_hands(HUB, asked("GET", query), [], "token") == REFUSED


def test_a_challenge_is_signed_with_the_newest_secret() -> None:
    query = "?challengeCode=890e4665-4dfe-4ab1-b689-ed553bceeed0"
    reply = shake_hands(SIGNED, asked("GET", query), ["s3cret", "older"], "token")
    assert reply is not None
    assert "282e84d6c3fe9e152bf838a2c9ac5fabeace9e4bcc5a62d3eb0925f22f514d62" in reply.body
    assert reply.content_type == "application/json"


@pytest.mark.parametrize(
    ("query", "secrets"), [("?challengeCode=a", []), ("?challengeCode=%7B%7D", ["s3cret"])]
)
def test_a_challenge_that_cannot_be_signed_is_refused(query: str, secrets: list[str]) -> None:
    assert shake_hands(SIGNED, asked("GET", query), secrets, "token") == REFUSED


def test_a_look_whether_the_address_is_there_is_answered() -> None:
    reply = shake_hands(HEAD, asked("HEAD"), [], "token")
    assert reply is not None
    assert (reply.status, reply.body) == (200, "")


def test_an_origin_is_allowed_as_it_asks() -> None:
    reply = shake_hands(OPTIONS, asked("OPTIONS", WebHook_Request_Origin="events.example.com"), [], "token")
    assert reply is not None
    assert reply.headers["WebHook-Allowed-Origin"] == "events.example.com"
    assert shake_hands(OPTIONS, asked("OPTIONS", WebHook_Request_Origin="a b"), [], "token") == REFUSED


def test_a_challenge_in_the_body_is_echoed() -> None:
    reply = shake_hands(ECHO, deliver({"type": "check", "challenge": "c7"}), [], "token")
    assert reply is not None
    assert reply.body == '{"challenge":"c7"}'
    plain = replace(ECHO, handshake=replace(ECHO.handshake, content_type="text/plain"))  # type: ignore[type-var]
    reply = shake_hands(plain, deliver({"type": "check"}, X_Challenge="c8"), [], "token")
    assert reply is not None
    assert reply.body == "c8"


@pytest.mark.parametrize("body", [{"type": "check"}, {"type": "check", "challenge": "x" * 1001}])
def test_an_echo_of_nothing_or_too_much_is_refused(body: object) -> None:
    assert shake_hands(ECHO, deliver(body), [], "token") == REFUSED


@pytest.mark.parametrize("body", [{"type": "event"}, "no json", [], ""])
def test_other_deliveries_are_to_be_read(body: object) -> None:
    assert shake_hands(ECHO, deliver(body), [], "token") is None


@pytest.mark.parametrize("description", [HUB, SIGNED, OPTIONS, ECHO, HEAD])
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_a_bare_request_is_no_handshake(description: object, method: str) -> None:
    assert shake_hands(description, asked(method), ["s3cret"], "token") is None  # type: ignore[arg-type]
