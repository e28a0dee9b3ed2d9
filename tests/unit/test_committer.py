import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest

from service.committer import Committer
from service.domain.model import Fact, Recorded, Verdict
from service.errors import ConflictingDelivery, Overloaded, Unavailable
from tests.facts import make_fact

PATIENCE = 20.0
SHORT = 0.05


@dataclass
class Notebook:
    """Records facts in memory; while `gate` is closed a batch stays under way."""

    batches: list[list[str]] = field(default_factory=list)
    refusals: dict[str, Exception] = field(default_factory=dict)
    """By address: what a fact is refused with."""
    breaks_at: str | None = None
    """The address at whose fact recording breaks off."""
    gate: threading.Event = field(default_factory=threading.Event)
    at_work: threading.Event = field(default_factory=threading.Event)
    closed: bool = False

    def record(self, facts: Sequence[Fact]) -> Iterator[tuple[Fact, Recorded | Exception]]:
        self.batches.append([fact.email or "" for fact in facts])
        self.at_work.set()
        assert self.gate.wait(PATIENCE)
        for fact in facts:
            if fact.email == self.breaks_at:
                raise OSError("no space left")
            yield fact, self.refusals.get(fact.email or "", Recorded(fact.submission_id, Verdict.RAISED))

    def close(self) -> None:
        self.closed = True


@dataclass
class Desk:
    """A committer over a notebook, and threads that wait at it."""

    notebook: Notebook
    committer: Committer
    threads: ThreadPoolExecutor

    def hand_in(self, *emails: str) -> list[Future[Recorded]]:
        """Hand facts in, each by a thread of its own, one after the other."""
        return [self._wait_for(email) for email in emails]

    def keep_busy(self) -> Future[Recorded]:
        """Hand in a fact whose batch lasts until the gate is opened."""
        first = self.threads.submit(self.committer.record, make_fact("first"))
        assert self.notebook.at_work.wait(PATIENCE)
        return first

    def _wait_for(self, email: str) -> Future[Recorded]:
        waiting = self.committer._waiting  # noqa: SLF001 - nothing else tells that a request waits
        number = len(waiting)
        future = self.threads.submit(self.committer.record, make_fact(email))
        deadline = time.monotonic() + PATIENCE
        while len(waiting) == number and not future.done() and time.monotonic() < deadline:
            time.sleep(0.0005)
        return future


def make_desk(notebook: Notebook, *, timeout: float = PATIENCE, waiting_limit: int = 100) -> Desk:
    committer = Committer(lambda: notebook, timeout=timeout, waiting_limit=waiting_limit)
    return Desk(notebook, committer, ThreadPoolExecutor(16))


@pytest.fixture
def notebook() -> Iterator[Notebook]:
    notebook = Notebook()
    yield notebook
    notebook.gate.set()


@pytest.fixture
def desk(notebook: Notebook) -> Iterator[Desk]:
    desk = make_desk(notebook)
    yield desk
    notebook.gate.set()
    desk.committer.close()
    desk.threads.shutdown()


def test_a_request_is_told_what_became_of_its_own_fact(desk: Desk) -> None:
    desk.notebook.gate.set()
    fact = make_fact()
    assert desk.committer.record(fact) == Recorded(fact.submission_id, Verdict.RAISED)


def test_at_low_load_a_request_is_a_batch_of_its_own(desk: Desk) -> None:
    desk.notebook.gate.set()
    for email in "abc":
        desk.committer.record(make_fact(email))
    assert desk.notebook.batches == [["a"], ["b"], ["c"]]


def test_requests_that_wait_share_the_next_batch_in_the_order_they_came(desk: Desk) -> None:
    first = desk.keep_busy()
    others = desk.hand_in("a", "b", "c", "d")
    desk.notebook.gate.set()
    assert all(future.result(PATIENCE).verdict for future in [first, *others])
    assert desk.notebook.batches == [["first"], ["a", "b", "c", "d"]]


def test_a_batch_has_a_limit_and_the_rest_goes_into_the_next(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.committer.MOST_FACTS", 2)
    desk.keep_busy()
    others = desk.hand_in("a", "b", "c")
    desk.notebook.gate.set()
    assert all(future.result(PATIENCE) for future in others)
    assert desk.notebook.batches == [["first"], ["a", "b"], ["c"]]


def test_one_fact_that_fails_does_not_fail_its_neighbours(desk: Desk) -> None:
    desk.notebook.refusals = {"b": ConflictingDelivery("another body")}
    desk.keep_busy()
    one, two, three = desk.hand_in("a", "b", "c")
    desk.notebook.gate.set()
    assert isinstance(two.exception(PATIENCE), ConflictingDelivery)
    assert one.result(PATIENCE).verdict is three.result(PATIENCE).verdict is Verdict.RAISED


def test_a_batch_that_breaks_off_fails_those_without_an_outcome_only(desk: Desk) -> None:
    desk.notebook.breaks_at = "b"
    desk.keep_busy()
    one, two, three = desk.hand_in("a", "b", "c")
    desk.notebook.gate.set()
    assert one.result(PATIENCE).verdict is Verdict.RAISED
    assert isinstance(two.exception(PATIENCE), OSError)
    assert isinstance(three.exception(PATIENCE), OSError)


def test_the_writer_goes_on_after_a_batch_that_broke_off(desk: Desk) -> None:
    desk.notebook.breaks_at = "broken"
    desk.notebook.gate.set()
    with pytest.raises(OSError, match="no space left"):
        desk.committer.record(make_fact("broken"))
    assert desk.committer.record(make_fact("whole")).verdict is Verdict.RAISED


def test_a_request_that_waits_too_long_is_told_so_and_never_recorded(notebook: Notebook) -> None:
    desk = make_desk(notebook, timeout=SHORT)
    desk.keep_busy()
    (late,) = desk.hand_in("late")
    assert isinstance(late.exception(PATIENCE), Unavailable)
    notebook.gate.set()
    while desk.committer._waiting:  # noqa: SLF001 - nothing else tells that the writer has looked
        time.sleep(0.0005)
    desk.committer.close()
    assert notebook.batches == [["first"]]


def test_a_request_too_many_is_refused_at_once(notebook: Notebook) -> None:
    desk = make_desk(notebook, waiting_limit=2)
    desk.keep_busy()
    waiting = desk.hand_in("a", "b")
    with pytest.raises(Overloaded):
        desk.committer.record(make_fact("c"))
    notebook.gate.set()
    assert all(future.result(PATIENCE) for future in waiting)
    desk.committer.close()


def test_closing_records_what_waits_and_gives_the_connection_back(desk: Desk) -> None:
    desk.keep_busy()
    others = desk.hand_in("a", "b")
    closing = desk.threads.submit(desk.committer.close)
    desk.notebook.gate.set()
    closing.result(PATIENCE)
    assert all(future.result(PATIENCE) for future in others)
    assert desk.notebook.closed


def test_nothing_is_taken_in_after_closing(desk: Desk) -> None:
    desk.notebook.gate.set()
    desk.committer.record(make_fact("a"))
    desk.committer.close()
    with pytest.raises(Unavailable):
        desk.committer.record(make_fact("b"))
    assert desk.notebook.batches == [["a"]]


def test_a_committer_that_was_never_used_closes_without_opening_anything() -> None:
    notebook = Notebook()
    make_desk(notebook).committer.close()
    assert not notebook.closed
    assert not notebook.batches


def test_no_request_is_forgotten_between_two_batches(desk: Desk) -> None:
    desk.notebook.gate.set()

    def post(sender: int) -> int:
        facts = [make_fact(f"{sender}-{number}") for number in range(300)]
        return sum(desk.committer.record(fact).submission_id == fact.submission_id for fact in facts)

    assert list(desk.threads.map(post, range(8))) == [300] * 8
    recorded = [email for batch in desk.notebook.batches for email in batch]
    assert len(recorded) == len(set(recorded)) == 2_400


def test_each_sender_finds_its_facts_in_the_order_it_sent_them(desk: Desk) -> None:
    desk.notebook.gate.set()

    def post(sender: int) -> None:
        for number in range(100):
            desk.committer.record(make_fact(f"{sender} {number}"))

    list(desk.threads.map(post, range(4)))
    recorded = [email.split() for batch in desk.notebook.batches for email in batch]
    for sender in "0123":
        assert [int(number) for who, number in recorded if who == sender] == list(range(100))
