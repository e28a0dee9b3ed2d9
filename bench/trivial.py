"""A server that only answers, as cheaply as Python can: what the load generator is held against."""

import os
import selectors
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from bench.load import HOST

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
RECEIVE_BYTES = 65_536


@contextmanager
def trivial_server() -> Iterator[int]:
    """Run one in a process of its own; gives its port."""
    listener = socket.create_server((HOST, 0), backlog=256)
    parent = os.getpid()
    child = os.fork()
    if child == 0:
        try:
            _serve(listener, parent)
        finally:
            os._exit(0)
    port = int(listener.getsockname()[1])
    listener.close()
    try:
        yield port
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def _serve(listener: socket.socket, parent: int) -> None:
    """Answer each chunk that arrives: a request is always one, sent in one go over the loopback."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    selector = selectors.DefaultSelector()
    selector.register(listener, selectors.EVENT_READ)
    while os.getppid() == parent:
        for key, _ in selector.select(1.0):
            if key.fileobj is listener:
                connection, _address = listener.accept()
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                selector.register(connection, selectors.EVENT_READ, connection)
            elif key.data.recv(RECEIVE_BYTES):
                key.data.sendall(ANSWER)
            else:
                selector.unregister(key.data)
                key.data.close()
