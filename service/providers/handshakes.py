"""Answers the requests by which tools ask whether an address is ours, before they send anything to it."""

import hmac
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from service import documents
from service.delivery import Delivery
from service.errors import InvalidInput, Unreadable
from service.providers.decode import decode
from service.providers.description import Description, Handshake, HandshakeKind
from service.providers.pointers import Scope, first
from service.providers.values import text_of
from service.signatures import sign_challenge

LONGEST_CHALLENGE = 1000
_is_plain = re.compile(r"[0-9A-Za-z_.:-]{1,200}").fullmatch


@dataclass(frozen=True, slots=True, kw_only=True)
class HandshakeReply:
    """What the tool gets; 403 when it asks wrongly."""

    status: int = 200
    body: str = ""
    content_type: str = "text/plain"
    headers: Mapping[str, str] = field(default_factory=dict)


REFUSED = HandshakeReply(status=403)


@dataclass(frozen=True, slots=True)
class _Asked:
    description: Description
    handshake: Handshake
    delivery: Delivery
    secrets: Sequence[str]
    token: str
    document: Any


def shake_hands(
    description: Description, delivery: Delivery, secrets: Sequence[str], token: str, document: Any = None
) -> HandshakeReply | None:
    """Return the answer to a handshake; None when the request is none, and so is to be read.

    `token` is the unguessable end of the endpoint's address. `echo-json` comes as a delivery does: verify it before,
    and give the `document` that `decode` returned where it is at hand.
    """
    handshake = description.handshake
    if handshake is None:
        return None
    return _ANSWERS[handshake.kind](_Asked(description, handshake, delivery, secrets, token, document))


def _hub_challenge(asked: _Asked) -> HandshakeReply | None:
    """Echo a challenge to whoever knows the endpoint's token."""
    delivery = asked.delivery
    if delivery.method != "GET" or delivery.query("hub.mode") is None:
        return None
    challenge = delivery.query("hub.challenge") or ""
    given = (delivery.query("hub.verify_token") or "").encode("utf-8", "replace")
    right = delivery.query("hub.mode") == "subscribe" and hmac.compare_digest(given, asked.token.encode())
    return HandshakeReply(body=challenge) if right and _is_plain(challenge) else REFUSED


def _challenge_hmac(asked: _Asked) -> HandshakeReply | None:
    """Sign a challenge with the first secret, which is the newest."""
    challenge = asked.delivery.query("challengeCode")
    if asked.delivery.method != "GET" or challenge is None:
        return None
    if not asked.secrets:
        return REFUSED
    try:
        response = sign_challenge(asked.description.signature, challenge, asked.secrets[0])
    except InvalidInput:
        return REFUSED
    return _json({"challengeCode": challenge, "challengeResponse": response})


def _head(asked: _Asked) -> HandshakeReply | None:
    return HandshakeReply() if asked.delivery.method == "HEAD" else None


def _echo_json(asked: _Asked) -> HandshakeReply | None:
    """Send a part of the delivery back."""
    description, handshake, delivery = asked.description, asked.handshake, asked.delivery
    if delivery.method != "POST":
        return None
    try:
        document = decode(description, delivery) if asked.document is None else asked.document
    except Unreadable:
        return None
    if not all(text_of(pointer.find(document)) == wanted for pointer, wanted in handshake.when):
        return None
    answer = text_of(first(handshake.answer, Scope(delivery, document, document, description.picks)))
    if not answer or len(answer) > LONGEST_CHALLENGE:
        return REFUSED
    if handshake.content_type == "text/plain":
        return HandshakeReply(body=answer)
    return _json({handshake.answer_key: answer})


def _options_webhook(asked: _Asked) -> HandshakeReply | None:
    """Allow the asking origin any rate (HTTP 1.1 Web Hooks for Event Delivery, 4.2)."""
    origin = asked.delivery.header("WebHook-Request-Origin")
    if asked.delivery.method != "OPTIONS" or origin is None:
        return None
    if not _is_plain(origin):
        return REFUSED
    allowed = {"Allow": "POST", "WebHook-Allowed-Origin": origin, "WebHook-Allowed-Rate": "*"}
    return HandshakeReply(headers=allowed)


_ANSWERS: Mapping[HandshakeKind, Callable[[_Asked], HandshakeReply | None]] = {
    HandshakeKind.HUB_CHALLENGE: _hub_challenge,
    HandshakeKind.CHALLENGE_HMAC: _challenge_hmac,
    HandshakeKind.HEAD: _head,
    HandshakeKind.ECHO_JSON: _echo_json,
    HandshakeKind.OPTIONS_WEBHOOK: _options_webhook,
}


def _json(document: Mapping[str, str]) -> HandshakeReply:
    return HandshakeReply(body=documents.dumps(document), content_type="application/json")
