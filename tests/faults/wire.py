"""The wire between a process and a server: a test can swallow what goes over it, or cut it."""

import socket
import threading
from contextlib import suppress
from enum import Enum
from types import TracebackType
from typing import Self

from sqlalchemy.engine import make_url

from tests.e2e.client import HOST

PIECE = 65_536


class Way(Enum):
    TO_SERVER = "to the server"
    TO_CLIENT = "to the client"


class Wire:
    """Forwards connections to the server of a URL; use as a context, and give `url` to the client."""

    def __init__(self, url: str) -> None:
        server = make_url(url)
        self._server = (server.host or HOST, server.port or 0)
        self._listener = socket.create_server((HOST, 0))
        self._sockets: list[socket.socket] = []
        self._swallowing: set[Way] = set()
        self._forgotten: set[socket.socket] = set()
        self._lock = threading.Lock()
        self.url = server.set(host=HOST, port=self._listener.getsockname()[1]).render_as_string(
            hide_password=False
        )

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    def swallow(self, *ways: Way) -> None:
        """From now on nothing arrives that way; whoever sends does not notice."""
        self._swallowing.update(ways)

    def forget(self) -> None:
        """From now on nothing arrives over the connections that there are; new ones are let through."""
        with self._lock:
            self._forgotten.update(self._sockets)

    def mend(self) -> None:
        """Let new connections through again; the present ones have lost something and are cut."""
        self.cut()
        self._swallowing.clear()

    def cut(self) -> None:
        """End all connections."""
        with self._lock:
            ended, self._sockets[:] = self._sockets[:], []
        for each in ended:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self._connect(client)

    def _connect(self, client: socket.socket) -> None:
        try:
            server = socket.create_connection(self._server)
        except OSError:
            client.close()
            return
        with self._lock:
            self._sockets += [client, server]
        for source, target, way in ((client, server, Way.TO_SERVER), (server, client, Way.TO_CLIENT)):
            threading.Thread(target=self._forward, args=(source, target, way), daemon=True).start()

    def _forward(self, source: socket.socket, target: socket.socket, way: Way) -> None:
        with suppress(OSError):
            while piece := source.recv(PIECE):
                if way not in self._swallowing and source not in self._forgotten:
                    target.sendall(piece)
        with suppress(OSError):
            target.shutdown(socket.SHUT_WR)
