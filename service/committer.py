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

    __slots__ = ("abandoned", "fact", "lock", "outcome")

    def __init__(self, fact: Fact) -> None:
        self.fact = fact
        self.outcome: Recorded | Exception | None = None
        self.abandoned = False
        self.lock = threading.Lock()
        self.lock.acquire()


class Committer:
    """Hands facts of many threads to one writer; made after the fork, started by its first fact."""

    def __init__(
        self, open_intake: Callable[[], RecordsFacts], *, timeout: float, waiting_limit: int
    ) -> None:
        self._open_intake = open_intake
        self._timeout = timeout
        self._waiting_limit = waiting_limit
        self._waiting: deque[_Ticket] = deque()
        self._wake = threading.Event()
        self._idle = False
        self._closing = False
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
        if self._writer is None:
            self._start()
        tickets = [_Ticket(fact) for fact in facts]
        self._waiting.extend(tickets)
        if self._idle:
            self._wake.set()
        return tickets

    def _wait(self, ticket: _Ticket) -> Recorded | Exception:
        if not ticket.lock.acquire(timeout=self._timeout):
            ticket.abandoned = True
            return Unavailable(f"no commit within {self._timeout:g} s")
        return ticket.outcome or Unavailable("the writer stopped")

    def close(self) -> None:
        """Record what waits, then stop the writer."""
        self._closing = True
        self._wake.set()
        if self._writer is not None:
            self._writer.join(self._timeout)

    def _start(self) -> None:
        with self._starting:
            if self._writer is None:
                writer = threading.Thread(target=self._run, name="committer", daemon=True)
                writer.start()
                self._writer = writer

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
        return [ticket for ticket in batch if not ticket.abandoned]

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
                ticket.outcome = outcome
                ticket.lock.release()
                if isinstance(outcome, Recorded):
                    verdicts[outcome.verdict.value if outcome.verdict else REPEATED] += 1
        except Exception as error:
            log.exception("batch_failed", facts=len(tickets))
            for ticket in tickets.values():
                ticket.outcome = error
                ticket.lock.release()
        for verdict, number in verdicts.items():
            SUBMISSIONS.labels(verdict).inc(number)
        BATCH_SIZE.observe(len(batch))
        COMMIT_SECONDS.observe(time.perf_counter() - began)
        WAITING.set(len(self._waiting))
