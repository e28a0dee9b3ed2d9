"""Group commit: requests that arrive while a transaction runs are recorded together in the next one.

One writer thread for each process takes all that waits, in the order it came, and never lingers for more: at low
load a request is a transaction of its own, at high load hundreds share one. `record` returns after the commit.
"""

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import structlog

from service.domain.model import Fact, Recorded
from service.errors import Overloaded, Unavailable
from service.observe import BATCH_SIZE, COMMIT_SECONDS, SUBMISSIONS, WAITING

MOST_FACTS = 500
"""Facts of one batch."""
WATCH_STEP = 0.1
"""Seconds between looks for requests that have waited too long."""
REPEATED = "repeated"

log = structlog.get_logger()


class RecordsFacts(Protocol):
    """What the writer thread needs of an intake."""

    def record(self, facts: Sequence[Fact]) -> Iterator[tuple[Fact, Recorded | Exception]]:
        """See `service.intake.Intake.record`."""

    def close(self) -> None:
        """Give the connection back."""


class _Ticket:
    """One waiting request; its lock is released when the outcome is there."""

    __slots__ = ("_open", "deadline", "fact", "lock", "outcome")

    def __init__(self, fact: Fact, deadline: float) -> None:
        self.fact = fact
        self.deadline = deadline
        self.outcome: Recorded | Exception | None = None
        self.lock = threading.Lock()
        self.lock.acquire()
        self._open = [None]

    @property
    def is_settled(self) -> bool:
        return not self._open

    def settle(self, outcome: Recorded | Exception) -> None:
        """Give the outcome to whoever waits; of several the first one counts."""
        try:
            self._open.pop()
        except IndexError:
            return
        self.outcome = outcome
        self.lock.release()


class Committer:
    """Hands facts of many threads to one writer; made after the fork, started by its first fact."""

    def __init__(
        self, open_intake: Callable[[], RecordsFacts], *, timeout: float, waiting_limit: int
    ) -> None:
        self._open_intake = open_intake
        self._timeout = timeout
        self._waiting_limit = waiting_limit
        self._waiting: deque[_Ticket] = deque()
        self._handed_in: deque[_Ticket] = deque()
        """In the order of their deadlines, settled ones too, until the watch has passed them."""
        self._wake = threading.Event()
        self._idle = False
        self._closing = False
        self._closed_at = float("inf")
        self._writer: threading.Thread | None = None
        self._starting = threading.Lock()

    def record(self, fact: Fact) -> Recorded:
        """Return when the fact is durable.

        Raises ConflictingDelivery, Unavailable (nothing may be assumed, the same again is safe: it is recorded
        once), or what the database refused the fact with.
        """
        outcome = self._wait(self._queue([fact])[0])
        if isinstance(outcome, Recorded):
            return outcome
        raise outcome

    def record_all(self, facts: Sequence[Fact]) -> list[Recorded | Exception]:
        """Return when all facts of one delivery are durable or refused: an outcome for each, as `record` has it."""
        tickets = self._queue(facts)
        return [self._wait(ticket) for ticket in tickets]

    def _queue(self, facts: Sequence[Fact]) -> list[_Ticket]:
        if len(self._waiting) >= self._waiting_limit:
            raise Overloaded
        if self._closing:
            raise Unavailable("the writer has stopped")
        if self._writer is None:
            self._start()
        deadline = time.monotonic() + self._timeout
        tickets = [_Ticket(fact, deadline) for fact in facts]
        self._handed_in.extend(tickets)
        self._waiting.extend(tickets)
        if self._idle:
            self._wake.set()
        return tickets

    def _wait(self, ticket: _Ticket) -> Recorded | Exception:
        # Without a time limit of its own, which would cost a timer each: the watch ends the wait.
        ticket.lock.acquire()
        return ticket.outcome or Unavailable("the writer stopped")

    def close(self) -> None:
        """Record what waits, then stop the writer."""
        self._closing, self._closed_at = True, time.monotonic()
        self._wake.set()
        if self._writer is not None:
            self._writer.join(self._timeout)

    def _start(self) -> None:
        with self._starting:
            if self._writer is None:
                writer = threading.Thread(target=self._run, name="committer", daemon=True)
                writer.start()
                threading.Thread(target=self._watch, name="committer-watch", daemon=True).start()
                self._writer = writer

    def _watch(self) -> None:
        """Tell those that have waited too long; goes on for a while after the end, for one that came just then."""
        handed_in, step = self._handed_in, min(WATCH_STEP, self._timeout / 4)
        now = time.monotonic()
        while handed_in or now < self._closed_at + self._timeout:
            time.sleep(step)
            now = time.monotonic()
            while handed_in and (handed_in[0].is_settled or handed_in[0].deadline <= now):
                handed_in.popleft().settle(Unavailable(f"no commit within {self._timeout:g} s"))

    def _run(self) -> None:
        intake = self._open_intake()
        try:
            while True:
                # Requests that are ready get their turn first and come along; nobody waits for any that is not.
                time.sleep(0)
                batch = self._take()
                if batch:
                    self._write(intake, batch)
                elif self._closing:
                    return
                else:
                    self._rest()
        finally:
            intake.close()

    def _take(self) -> list[_Ticket]:
        waiting = self._waiting
        batch = [waiting.popleft() for _ in range(min(len(waiting), MOST_FACTS))]
        return [ticket for ticket in batch if not ticket.is_settled]

    def _rest(self) -> None:
        self._idle = True
        if not self._waiting and not self._closing:
            self._wake.wait()
        self._idle = False
        self._wake.clear()

    def _write(self, intake: RecordsFacts, batch: list[_Ticket]) -> None:
        began = time.perf_counter()
        tickets = {ticket.fact.submission_id: ticket for ticket in batch}
        verdicts: Counter[str] = Counter()
        try:
            for fact, outcome in intake.record([ticket.fact for ticket in batch]):
                ticket = tickets.pop(fact.submission_id)
                ticket.settle(outcome)
                if isinstance(outcome, Recorded):
                    verdicts[outcome.verdict.value if outcome.verdict else REPEATED] += 1
        except Exception as error:
            log.exception("batch_failed", facts=len(tickets))
            for ticket in tickets.values():
                ticket.settle(error)
        for verdict, number in verdicts.items():
            SUBMISSIONS.labels(verdict).inc(number)
        BATCH_SIZE.observe(len(batch))
        COMMIT_SECONDS.observe(time.perf_counter() - began)
        WAITING.set(len(self._waiting))
