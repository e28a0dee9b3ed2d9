"""Stands in for Turnstile and hCaptcha: says once of each answer that it is right, as their documentation has it."""

import json
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qsl

from tests.vendors.listening import Listening

SECRET = "captcha-secret-0123"  # noqa: S105 - of no real service
PATHS = {"/turnstile/v0/siteverify", "/siteverify"}
_BETWEEN_BYTES = 0.05


class CaptchaService(Listening):
    """Runs while its `with` block does. `asked` are all questions; `mood` makes it answer as none should."""

    def __init__(self, mood: str = "") -> None:
        super().__init__()
        self.mood = mood
        self.asked: list[Mapping[str, str]] = []
        self._spent: set[str] = set()

    @property
    def url(self) -> str:
        return self.origin

    def reply_to(self, path: str, asked: Mapping[str, str]) -> tuple[int, Any]:
        self.asked.append(asked)
        answer = asked.get("response", "")
        if path not in PATHS or asked.get("secret") != SECRET:
            return 200, refusal("invalid-input-secret")
        if answer in self._spent:
            return 200, refusal("timeout-or-duplicate")
        self._spent.add(answer)
        right = {"success": True, "hostname": "www.example.com", "error-codes": []}
        return 200, right if answer.startswith("solved") else refusal("invalid-input-response")

    def handler(self) -> type[BaseHTTPRequestHandler]:
        return _handler(self)


def refusal(code: str) -> Mapping[str, Any]:
    return {"success": False, "error-codes": [code]}


MOODS: Mapping[str, tuple[int, Any]] = {
    "broken": (500, {}),
    "no_object": (200, [1]),
    "faulty_inside": (200, refusal("internal-error")),
    "too_large": (200, {"success": False, "noise": "x" * 70_000}),
}


def _handler(service: CaptchaService) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            status, document = service.reply_to(self.path, dict(parse_qsl(body)))
            status, document = MOODS.get(service.mood, (status, document))
            if service.mood == "silent":
                service.done.wait(30)
                return
            if service.mood == "trickling":
                self._trickle()
                return
            text = b"<html>" if service.mood == "garbage" else json.dumps(document).encode()
            self.send_response_only(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def _trickle(self) -> None:
            self.send_response_only(200)
            self.end_headers()
            while not service.done.wait(_BETWEEN_BYTES):
                try:
                    self.wfile.write(b" ")
                except OSError:
                    return

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it
            """Say nothing."""

    return Handler
