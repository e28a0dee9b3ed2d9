"""gunicorn's gevent worker, with two changes.

It lets go of idle connections at a stop instead of waiting for them, and it sends the head and the body of an answer
in one go: gunicorn writes one after the other, two system calls and two packets to wake the client up for.
"""

from typing import Any, Self

import gevent
from gunicorn.workers.ggevent import GeventWorker

MOST_HELD = 65_536
"""Bytes of an answer that are held back at the most."""


class JoinedWrites:
    """A socket that holds what is sent until `flush`, or until it is a lot."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._held: list[bytes] = []
        self._size = 0

    def __getattr__(self, name: str) -> Any:
        """Leave all but `sendall` to the socket itself."""
        return getattr(self._connection, name)

    def sendall(self, data: bytes) -> None:
        """Take data to be sent."""
        self._held.append(data)
        self._size += len(data)
        if self._size > MOST_HELD:
            self.flush()

    def flush(self) -> None:
        """Send what is held."""
        if self._held:
            data = b"".join(self._held)
            self._held.clear()
            self._size = 0
            self._connection.sendall(data)


class Idle(gevent.Timeout):  # type: ignore[misc]
    """The wait of one kept-open connection for its next request, known to the worker while it lasts."""

    def __init__(self, worker: "Worker") -> None:
        super().__init__(worker.cfg.keepalive, False)  # noqa: FBT003 - gevent's signature
        self._worker = worker
        self.greenlet: Any = None

    def __enter__(self) -> Self:
        """Begin to wait."""
        self.greenlet = gevent.getcurrent()
        self._worker.idle.add(self)
        super().__enter__()
        return self

    def __exit__(self, *what: object) -> Any:
        """A request has come, or the wait is over."""
        self._worker.idle.discard(self)
        return super().__exit__(*what)


class Worker(GeventWorker):  # type: ignore[misc]
    """Ends idle connections once it is told to stop; requests at hand are answered as ever."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.idle: set[Idle] = set()

    def handle_request(self, listener_name: Any, req: Any, sock: Any, addr: Any) -> Any:
        """Answer one request; what is left to send goes out at its end."""
        joined = JoinedWrites(sock)
        try:
            return super().handle_request(listener_name, req, joined, addr)
        finally:
            joined.flush()

    def timeout_ctx(self) -> Idle:
        """Return what bounds the wait for a request."""
        return Idle(self)

    def notify(self) -> None:
        """Say that the worker lives, each second, also while it stops."""
        super().notify()
        if not self.alive:
            for idle in list(self.idle):
                idle.greenlet.kill(idle, block=False)
