"""The two servers of a captured form: the site that the visitor is on, and the one that collects.

The collecting one stands in for the service: it serves the same script and keeps what it is sent, to the byte.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from typing import Any, ClassVar

import pytest

from service.delivery import Delivery

SCRIPT = Path(__file__).parents[2] / "service" / "web" / "static" / "collect.js"
PATIENCE = 15.0
"""In seconds; a browser on a busy machine may take some."""


@dataclass(frozen=True, slots=True)
class Page:
    html: str
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(slots=True)
class Site:
    """Pages by path; what is posted to them is counted and answered with a page of thanks."""

    url: str = ""
    pages: dict[str, Page] = field(default_factory=dict)
    posted: Queue[str] = field(default_factory=Queue)

    def serve(self, path: str, html: str, headers: tuple[tuple[str, str], ...] = ()) -> None:
        self.pages[path] = Page(html, headers)

    def answer(self, handler: BaseHTTPRequestHandler, body: bytes) -> None:
        path = handler.path.partition("?")[0]
        if handler.command == "POST":
            self.posted.put(body.decode())
        page = self.pages.get(path, Page("<title>Thanks</title><h1>Thanks</h1>"))
        _send(handler, 200, page.html.encode(), ("Content-Type", "text/html; charset=utf-8"), *page.headers)


@dataclass(slots=True)
class Collector:
    """Answers with `status`, and keeps every delivery, of whichever method."""

    url: str = ""
    status: int = 200
    deliveries: Queue[Delivery] = field(default_factory=Queue)

    def answer(self, handler: BaseHTTPRequestHandler, body: bytes) -> None:
        if handler.path == "/collect.js":
            _send(handler, 200, SCRIPT.read_bytes(), ("Content-Type", "text/javascript; charset=utf-8"))
            return
        origin = handler.headers.get("Origin", "")
        self.deliveries.put(
            Delivery(
                method=handler.command,
                url=self.url + handler.path,
                headers=tuple(handler.headers.items()),
                body=body,
                received_at=datetime.now(UTC),
            )
        )
        _send(handler, self.status, b"{}", ("Access-Control-Allow-Origin", origin))

    def next_delivery(self) -> Delivery:
        try:
            return self.deliveries.get(timeout=PATIENCE)
        except Empty:
            pytest.fail(f"nothing was sent within {PATIENCE:g} seconds")

    def next_payload(self) -> Any:
        return json.loads(self.next_delivery().body)


def _send(handler: BaseHTTPRequestHandler, status: int, body: bytes, *headers: tuple[str, str]) -> None:
    handler.send_response(status)
    for name, value in (*headers, ("Content-Length", str(len(body)))):
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(body)


class _Handler(BaseHTTPRequestHandler):
    owner: ClassVar[Site | Collector]

    def do_GET(self) -> None:
        self.owner.answer(self, b"")

    def do_POST(self) -> None:
        self.owner.answer(self, self.rfile.read(int(self.headers.get("Content-Length") or 0)))

    do_OPTIONS = do_GET  # noqa: N815 - the base class calls it by this name

    def log_message(self, *_: object) -> None:
        """Say nothing: what a test wants to know it asks."""


@contextmanager
def serving(owner: Site | Collector, host: str) -> Iterator[None]:
    """Serve on a free port of the loopback address under the name `host`, and tell the owner its URL."""
    handler = type("Handler", (_Handler,), {"owner": owner})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        owner.url = f"http://{host}:{server.server_port}"
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()
