"""gunicorn's gevent worker, which lets go of idle connections at a stop instead of waiting for them."""

from typing import Any, Self

import gevent
from gunicorn.workers.ggevent import GeventWorker


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
    """Ends idle connections once the worker is told to stop; requests at hand are answered as ever."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.idle: set[Idle] = set()

    def timeout_ctx(self) -> Idle:
        """Return what bounds the wait for a request."""
        return Idle(self)

    def notify(self) -> None:
        """Say that the worker lives, each second, also while it stops."""
        super().notify()
        if not self.alive:
            for idle in list(self.idle):
                idle.greenlet.kill(idle, block=False)
