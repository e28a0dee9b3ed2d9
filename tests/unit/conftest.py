"""Unit tests have no network: what they find must not depend on anything outside the process."""

import socket
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest


@dataclass
class _Network:
    closed: bool = False
    threads_before: set[int] = field(default_factory=set)
    """Threads that other tests' servers left running in this process; they go on undisturbed."""

    def refuse(self, event: str, arguments: tuple[object, ...]) -> None:
        """An audit hook: Python calls it before each such step, whichever library takes it."""
        if not self.closed or not event.startswith("socket.") or threading.get_ident() in self.threads_before:
            return
        if event in {"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"}:
            pytest.fail(f"a unit test asked for the address of {arguments[0]!r}")
        if event in {"socket.connect", "socket.bind", "socket.sendto", "socket.sendmsg"}:
            end, address = arguments
            if isinstance(end, socket.SocketType) and end.family != socket.AF_UNIX:
                pytest.fail(f"a unit test used the network: {event} {address!r}")


_network = _Network()
# An audit hook stays for as long as the process lives, and so there is one, which the fixture switches on.
sys.addaudithook(_network.refuse)


@pytest.fixture(autouse=True)
def _closed_network() -> Iterator[None]:
    _network.threads_before = {
        thread.ident for thread in threading.enumerate() if thread.ident is not None
    } - {threading.get_ident()}
    _network.closed = True
    yield
    _network.closed = False
