"""The engine of the vendors that stand in for the real ones: an HTTP server on this machine, in a thread.

Each of the vendors beside it answers one kind of question as the vendor's documentation says, and refuses a question
that the vendor would refuse. A mood makes it answer as no vendor should.
"""

import json
from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

from tests.vendors.listening import Listening

TOKEN = "vendor:token-0123456789"  # noqa: S105 - of no real vendor
"""Has a colon, so that it serves as user and password too."""
TOO_MUCH = 1024 * 1024 + 1
_BETWEEN_BYTES = 0.05


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as it arrived."""

    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Reply:
    """What goes back; a document is sent as JSON, bytes as they are."""

    document: Any
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def body(self) -> bytes:
        return self.document if isinstance(self.document, bytes) else json.dumps(self.document).encode()


MOODS: Mapping[str, Reply] = {
    "away": Reply({"message": "internal"}, 500),
    "being_mended": Reply(b"<h1>\xe4 moment</h1>", 503, {"Retry-After": "7"}),
    "rate_limited": Reply({"message": "slow down"}, 429, {"Retry-After": "17"}),
    "rate_limited_until": Reply(
        {},
        429,
        {"Date": "Mon, 02 Mar 2026 10:00:00 GMT", "Retry-After": "Mon, 02 Mar 2026 10:01:30 GMT"},
    ),
    "rate_limited_for_ever": Reply({}, 429, {"Retry-After": "99999999"}),
    "rate_limited_in_riddles": Reply({}, 429, {"Retry-After": "soon"}),
    "garbage": Reply(b"<html>\xff"),
    "no_object": Reply([1, 2]),
    "too_large": Reply(b'{"a": "' + b"x" * TOO_MUCH + b'"}'),
    "elsewhere": Reply({}, 302, {"Location": "http://127.0.0.1:1/stolen"}),
    "wrong_question": Reply({"message": "no such parameter"}, 400),
    "version_retired": Reply({"message": "not active"}, 426),
}


class Vendor(Listening):
    """Runs while its `with` block does. `asked` are all requests, in the order of arrival."""

    prefix: ClassVar[str] = ""
    """What stands between host and path in the vendor's own address."""

    def __init__(self, mood: str = "") -> None:
        super().__init__()
        self.mood = mood
        self.asked: list[Asked] = []
        self.twist: Callable[[Any], Any] = lambda document: document
        """What is done to each right answer before it goes out."""

    @property
    def url(self) -> str:
        return self.origin + self.prefix

    @abstractmethod
    def answer(self, asked: Asked) -> Reply:
        """Answer as the vendor does; `asked.path` is without the prefix."""

    def is_allowed(self, asked: Asked) -> bool:
        return asked.headers.get("authorization") == f"Bearer {TOKEN}"

    def not_allowed(self) -> Reply:
        return Reply({"message": "unauthorised"}, 401)

    def reply_to(self, asked: Asked) -> Reply:
        self.asked.append(asked)
        if self.mood in MOODS:
            return MOODS[self.mood]
        if not _is_proper(asked.headers):
            return Reply({"message": "who asks?"}, 400)
        reply = self.answer(asked) if self.is_allowed(asked) else self.not_allowed()
        return Reply(self.twist(reply.document)) if reply.status == HTTPStatus.OK else reply

    def handler(self) -> type[BaseHTTPRequestHandler]:
        return _handler(self)


def _is_proper(headers: Mapping[str, str]) -> bool:
    """Whether the asker tells its name, and wants what it can read: JSON, not compressed."""
    wanted = (headers.get("accept"), headers.get("accept-encoding"))
    return wanted == ("application/json", "identity") and headers["user-agent"].startswith("marketable/")


def _handler(vendor: Vendor) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if vendor.mood == "silent":
                vendor.done.wait(30)
                return
            url = urlsplit(self.path)
            headers = {name.lower(): value for name, value in self.headers.items()}
            path = url.path.removeprefix(vendor.prefix)
            reply = vendor.reply_to(Asked("GET", path, parse_qs(url.query), headers))
            if vendor.mood == "trickling":
                self._trickle()
                return
            self.send_response_only(reply.status)
            for name, value in {"Content-Length": str(len(reply.body)), **reply.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            _patiently(lambda: self.wfile.write(reply.body))

        def _trickle(self) -> None:
            self.send_response(200)
            self.end_headers()
            for _ in range(600):
                if vendor.done.wait(_BETWEEN_BYTES) or not _patiently(lambda: self.wfile.write(b" ")):
                    return

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it
            """Say nothing."""

    return Handler


def _patiently(write: Callable[[], object]) -> bool:
    """Return whether the asker still listens."""
    try:
        write()
    except OSError:
        return False
    return True
