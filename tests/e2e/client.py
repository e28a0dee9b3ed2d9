"""A plain HTTP client: one request, one answer, and submissions as senders post them."""

import http.client
import json
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from service import demo

HOST = "127.0.0.1"
JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def text(self) -> str:
        return self.body.decode()


def ask(
    port: int,
    path: str,
    *,
    method: str = "GET",
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    timeout: float = 15.0,
) -> Answer:
    """One request on a connection of its own; raises OSError or HTTPException when nobody answers."""
    with closing(http.client.HTTPConnection(HOST, port, timeout=timeout)) as connection:
        return ask_on(connection, path, method=method, body=body, headers=headers)


def ask_on(
    connection: http.client.HTTPConnection,
    path: str,
    *,
    method: str = "GET",
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """One request on a connection that stays open."""
    connection.request(method, path, body, dict(headers or {}))
    answer = connection.getresponse()
    named = {name.lower(): value for name, value in answer.getheaders()}
    return Answer(answer.status, named, answer.read())


def answers(port: int, path: str) -> bool:
    """Whether the server answers this path with 200."""
    try:
        return ask(port, path, timeout=2).status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False


def path_of(guid: str = demo.FORM_GUID, *, portal: int = demo.PORTAL_ID, secure: bool = False) -> str:
    return f"/submissions/v3/integration/{'secure/' if secure else ''}submit/{portal}/{guid}"


def body_of(email: str, **further: str) -> bytes:
    """A v3 submission with an e-mail address and further fields."""
    values = {"email": email, **further}
    fields = [{"objectTypeId": "0-1", "name": name, "value": value} for name, value in values.items()]
    return json.dumps({"fields": fields}).encode()


def submit(port: int, email: str, guid: str = demo.FORM_GUID, *, token: str = "", **further: str) -> Answer:
    """Post a submission to the demo portal, by the secure address when there is a token."""
    headers = {"Content-Type": JSON} | ({"Authorization": f"Bearer {token}"} if token else {})
    path = path_of(guid, secure=bool(token))
    return ask(port, path, method="POST", body=body_of(email, **further), headers=headers)


def sample(metrics: str, name: str) -> float:
    """The sum of a metric's samples in Prometheus's text format, of one sample if its labels are named; else 0."""
    beginnings = (f"{name} ", f"{name}{{")
    lines = [line for line in metrics.splitlines() if line.startswith(beginnings)]
    return sum(float(line.rpartition(" ")[2]) for line in lines)
