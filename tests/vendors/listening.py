"""An HTTP server on this machine, in a thread, that is there for as long as its `with` block."""

import threading
from abc import ABC, abstractmethod
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

_BETWEEN_LOOKS = 0.005
"""Seconds until a server that is told to stop does."""


class Listening(ABC):
    """What a stand-in for somebody else's service is made of."""

    def __init__(self) -> None:
        self.done = threading.Event()
        """Set when the block ends: who keeps an asker waiting stops then."""

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    @abstractmethod
    def handler(self) -> type[BaseHTTPRequestHandler]:
        """Return what answers requests."""

    def __enter__(self) -> Self:
        self._server = _Server(("127.0.0.1", 0), self.handler())
        self._thread = threading.Thread(target=self._server.serve_forever, args=(_BETWEEN_LOOKS,))
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.done.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    request_queue_size = 64
