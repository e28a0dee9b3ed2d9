"""The load generator: one process and one loop, raw sockets with keep-alive, requests built beforehand.

Closed loop: each connection sends its next request when the answer to the last one is complete. Of an answer only
the status and the Content-Length are read.
"""

import itertools
import re
import selectors
import socket
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

HOST = "127.0.0.1"
CONNECT_SECONDS = 5.0
SILENCE_SECONDS = 20.0
"""How long a run waits for answers that do not come."""
MOST_BROKEN = 100
"""Broken connections after which a run gives up."""
RECEIVE_BYTES = 65_536
HEAD_END = b"\r\n\r\n"

_length_of = re.compile(rb"\r\ncontent-length: *([0-9]+)", re.IGNORECASE).search


@dataclass(frozen=True, slots=True)
class LoadResult:
    """What one run came to. Rate and latencies are those of the time after the warm-up; the rest is of all of it."""

    rate: float
    """Answers per second."""
    p50: float
    """Seconds."""
    p99: float
    sent: int
    statuses: dict[int, int]
    broken: int
    """Requests whose connection broke, or that were never answered."""
    cpu: float
    """Seconds of processor time that the generator itself took per request."""

    @property
    def accepted(self) -> int:
        """Answers 200."""
        return self.statuses.get(200, 0)

    @property
    def is_clean(self) -> bool:
        """Whether every request was answered with 200."""
        return self.accepted == self.sent and not self.broken


class _Client:
    """One connection."""

    __slots__ = ("rest", "sent_at", "socket")

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection((HOST, port), CONNECT_SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.settimeout(0)
        self.sent_at = 0.0
        self.rest = b""


class _Run:
    def __init__(self, port: int, requests: Sequence[bytes], warm_up: float, seconds: float) -> None:
        self._port = port
        self._requests: Iterator[bytes] = iter(requests)
        self._selector = selectors.DefaultSelector()
        self._statuses: Counter[bytes] = Counter()
        self._latencies: list[float] = []
        self._in_flight = 0
        self._broken = 0
        self._sent = 0
        self._begin = time.perf_counter() + warm_up
        self._end = self._begin + seconds

    def result(self, connections: int) -> LoadResult:
        """Do it."""
        cpu = time.process_time()
        try:
            for _ in range(connections):
                self._open()
            self._loop()
        finally:
            for key in list((self._selector.get_map() or {}).values()):
                key.data.socket.close()
            self._selector.close()
        cpu = time.process_time() - cpu
        ordered = sorted(self._latencies)
        return LoadResult(
            rate=len(ordered) / max(self._end - self._begin, 1e-9),
            p50=_quantile(ordered, 0.50),
            p99=_quantile(ordered, 0.99),
            sent=self._sent,
            statuses={int(status): number for status, number in self._statuses.items()},
            broken=self._broken + self._in_flight,
            cpu=cpu / max(self._sent, 1),
        )

    def _loop(self) -> None:
        while self._in_flight:
            ready = self._selector.select(SILENCE_SECONDS)
            if not ready:
                return
            for key, _ in ready:
                self._read(key.data)

    def _read(self, client: _Client) -> None:
        try:
            data = client.socket.recv(RECEIVE_BYTES)
        except ConnectionError:
            data = b""
        if not data:
            self._reopen(client)
            return
        if client.rest:
            data = client.rest + data
        head = data.find(HEAD_END)
        length = _length_of(data, 0, head + 2) if head > 0 else None
        if length is None or len(data) < head + len(HEAD_END) + int(length[1]):
            client.rest = data
            return
        client.rest = b""
        self._in_flight -= 1
        self._statuses[data[9:12]] += 1
        now = time.perf_counter()
        if self._begin <= now < self._end:
            self._latencies.append(now - client.sent_at)
        self._send(client, now)

    def _send(self, client: _Client, now: float) -> None:
        """Send the next request, unless time or requests have run out."""
        request = next(self._requests, None) if now < self._end else None
        if request is None:
            self._end = min(self._end, now)
            return
        self._sent += 1
        self._in_flight += 1
        client.sent_at = now
        try:
            whole = client.socket.send(request) == len(request)
        except OSError:
            whole = False
        if not whole:
            self._reopen(client)

    def _open(self) -> None:
        client = _Client(self._port)
        self._selector.register(client.socket, selectors.EVENT_READ, client)
        self._send(client, time.perf_counter())

    def _reopen(self, client: _Client) -> None:
        """Count a connection that broke with a request under way, and begin another one."""
        self._selector.unregister(client.socket)
        client.socket.close()
        self._in_flight -= 1
        self._broken += 1
        if self._broken > MOST_BROKEN:
            self._end = min(self._end, time.perf_counter())
            return
        with suppress(OSError):
            self._open()


def run_load(
    port: int, requests: Sequence[bytes], *, connections: int, warm_up: float, seconds: float
) -> LoadResult:
    """Send requests over `connections` connections until the time is over or there are no more of them.

    Requests that are under way at the end are waited for, so that each one has an answer to be counted.
    """
    return _Run(port, requests, warm_up, seconds).result(connections)


def _quantile(ordered: Sequence[float], part: float) -> float:
    return ordered[min(int(len(ordered) * part), len(ordered) - 1)] if ordered else float("nan")


def median(values: Sequence[float]) -> float:
    """Return the middle value, or the mean of the two in the middle."""
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else sum(itertools.islice(ordered, middle - 1, middle + 1)) / 2
