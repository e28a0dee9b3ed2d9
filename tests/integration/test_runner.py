import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial

import pytest
from amqp.exceptions import AMQPError
from structlog.testing import capture_logs

from consumers.billing_count import BillingCount
from consumers.outcome import ACK, Handled, Outcome
from consumers.runner import PREFETCH_BATCHES, Handler, Runner
from service.broker import BILLING_COUNT, connect, declare
from service.messages import dump
from service.store.session import Database
from service.store.tables import dead_letter, ledger_line
from service.sweep import sweep
from tests.facts import make_fact
from tests.queues import channel_of, put, queue_name, take_all
from tests.world import World, on_postgresql, on_sqlite

PATIENCE = 40.0


@dataclass
class Trying:
    """Hands batches on to a handler after it has answered RETRY to some of them."""

    handler: Handler
    retries: int
    batches: list[int] = field(default_factory=list)

    def handle(self, bodies: Sequence[bytes]) -> list[Handled]:
        self.batches.append(len(bodies))
        if len(self.batches) <= self.retries:
            return [Handled(Outcome.RETRY, "not_now")] * len(bodies)
        return self.handler.handle(bodies)


@dataclass
class Failing:
    """Fails for a reason that nobody foresaw, after its batch has been counted."""

    handler: Handler

    def handle(self, bodies: Sequence[bytes]) -> list[Handled]:
        self.handler.handle(bodies)
        raise ZeroDivisionError


@dataclass
class Choosy:
    """Lets the message `late` come a second time."""

    batches: list[list[bytes]] = field(default_factory=list)

    def handle(self, bodies: Sequence[bytes]) -> list[Handled]:
        self.batches.append(list(bodies))
        is_first = len(self.batches) == 1
        return [Handled(Outcome.RETRY) if is_first and body == b"late" else ACK for body in bodies]


@dataclass
class Holding:
    """Holds its first batch until it is told to go on."""

    handler: Handler
    at_work: threading.Event = field(default_factory=threading.Event)
    go_on: threading.Event = field(default_factory=threading.Event)

    def handle(self, bodies: Sequence[bytes]) -> list[Handled]:
        self.at_work.set()
        assert self.go_on.wait(PATIENCE)
        return self.handler.handle(bodies)


def runner_of(world: World, handler: Handler | None = None, batch: int = 500) -> Runner:
    handler = handler or BillingCount(world.database, world.now)
    return Runner(
        BILLING_COUNT,
        handler,
        world.database,
        world.stack.broker_url,
        world.topology(),
        world.now,
        batch=batch,
    )


@contextmanager
def running(*runners: Runner) -> Iterator[threading.Event]:
    stop = threading.Event()
    threads = [threading.Thread(target=runner.run, args=(stop,)) for runner in runners]
    for thread in threads:
        thread.start()
    try:
        yield stop
    finally:
        stop.set()
        for thread in threads:
            thread.join(PATIENCE)
            assert not thread.is_alive()


def wait_until(is_so: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


def publish(world: World, number: int, first: int = 0) -> None:
    """Record contacts and publish what is to be said of them."""
    world.record(*[make_fact(f"{each}@example.com") for each in range(first, first + number)])
    relay = world.relay()
    while relay.step():
        pass


def has_counted(world: World, number: int) -> bool:
    return world.count() == number


def declare_queue(world: World) -> None:
    connection = connect(world.stack.broker_url)
    declare(connection, world.topology())
    connection.release()


@pytest.mark.parametrize("batch", [1, 7, 500])
def test_what_is_published_is_counted(world: World, batch: int) -> None:
    publish(world, 40)
    with running(runner_of(world, batch=batch)):
        wait_until(lambda: world.count() == 40)
    assert world.proof().difference == 0
    assert take_all(world.stack) == []


def test_what_is_published_while_it_runs_is_counted_too(world: World) -> None:
    with running(runner_of(world)):
        for so_far in (5, 10, 15):
            publish(world, 5, so_far - 5)
            wait_until(partial(has_counted, world, so_far))


def test_several_consumers_share_a_queue(world: World) -> None:
    publish(world, 100)
    with running(*[runner_of(world, batch=10) for _ in range(3)]):
        wait_until(lambda: world.count() == 100)
    assert world.proof().difference == 0


def test_dead_messages_are_kept_and_the_others_counted(world: World) -> None:
    declare_queue(world)
    put(world.stack, b"junk", b"{}")
    publish(world, 3)
    put(world.stack, b"\x00\xff")
    with running(runner_of(world)):
        wait_until(lambda: world.count() == 3 and world.number_of(dead_letter) == 3)
    letters = world.rows(dead_letter)
    assert {row.body for row in letters} == {b"junk", b"{}", b"\x00\xff"}
    assert {(row.consumer, row.reason) for row in letters} == {(BILLING_COUNT, "invalid_message")}
    assert take_all(world.stack) == []


def test_a_batch_that_must_wait_is_tried_again_in_place(world: World) -> None:
    publish(world, 5)
    trying = Trying(BillingCount(world.database, world.now), retries=2)
    with running(runner_of(world, trying)):
        wait_until(lambda: world.count() == 5)
    assert trying.batches[:3] == [5, 5, 5]
    assert take_all(world.stack) == []


def test_only_what_must_wait_is_tried_again(world: World) -> None:
    declare_queue(world)
    choosy = Choosy()
    put(world.stack, b"one", b"late", b"two")
    with running(runner_of(world, choosy)):
        wait_until(lambda: len(choosy.batches) == 2)
    assert choosy.batches == [[b"one", b"late", b"two"], [b"late"]]


def test_a_crash_between_commit_and_acknowledgement_delivers_again_and_counts_once(world: World) -> None:
    publish(world, 5)
    with suppress(ZeroDivisionError):
        runner_of(world, Failing(BillingCount(world.database, world.now))).run(threading.Event())
    assert world.count() == 5
    with running(runner_of(world)):
        wait_until(lambda: consumers_are_done(world))
    assert world.count() == 5
    assert world.number_of(ledger_line) == 5


def consumers_are_done(world: World) -> bool:
    """Whether the queue is empty and everything that was delivered is acknowledged."""
    with channel_of(world.stack) as channel:
        return bool(channel.queue_declare(queue_name(world.stack), passive=True).message_count == 0)


@on_postgresql
def test_what_was_delivered_to_a_connection_that_broke_comes_again(world: World) -> None:
    publish(world, 5)
    with channel_of(world.stack) as channel:
        delivered = [channel.basic_get(queue_name(world.stack)) for _ in range(5)]
        assert all(delivered)
    with running(runner_of(world)):
        wait_until(lambda: world.count() == 5)


def test_a_stop_finishes_the_batch_at_hand_and_leaves_the_rest_on_the_queue(world: World) -> None:
    publish(world, 30)
    holding = Holding(BillingCount(world.database, world.now))
    with running(runner_of(world, holding, batch=10)) as stop:
        assert holding.at_work.wait(PATIENCE)
        stop.set()
        holding.go_on.set()
    assert world.count() == 10
    with running(runner_of(world)):
        wait_until(lambda: world.count() == 30)
    assert world.proof().difference == 0


@on_postgresql
def test_it_takes_no_more_off_the_queue_than_it_can_handle_soon(world: World) -> None:
    publish(world, 30)
    holding = Holding(BillingCount(world.database, world.now))
    with running(runner_of(world, holding, batch=2)):
        assert holding.at_work.wait(PATIENCE)
        with channel_of(world.stack) as channel:
            waiting = channel.queue_declare(queue_name(world.stack), passive=True).message_count
        holding.go_on.set()
        wait_until(lambda: world.count() == 30)
    assert waiting >= 30 - 2 * PREFETCH_BATCHES


@on_postgresql
def test_a_stop_in_a_pause_between_two_tries_loses_nothing(world: World) -> None:
    publish(world, 5)
    trying = Trying(BillingCount(world.database, world.now), retries=1_000)
    with running(runner_of(world, trying)):
        wait_until(lambda: len(trying.batches) > 1)
    assert world.count() == 0
    with running(runner_of(world)):
        wait_until(lambda: world.count() == 5)


@on_sqlite
def test_what_the_embedded_broker_forgets_the_sweep_sends_again(world: World) -> None:
    publish(world, 5)
    trying = Trying(BillingCount(world.database, world.now), retries=1_000)
    with running(runner_of(world, trying)):
        wait_until(lambda: len(trying.batches) > 1)
    assert sweep(world.database, world.now()) == 5
    world.relay().step()
    with running(runner_of(world)):
        wait_until(lambda: world.count() == 5)


@on_postgresql
def test_an_outage_that_outlasts_the_heartbeats_uses_up_no_delivery_attempt(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.broker.HEARTBEAT", 1)
    publish(world, 3)
    trying = Trying(BillingCount(world.database, world.now), retries=5)
    with capture_logs() as logs, running(runner_of(world, trying)):
        wait_until(lambda: world.count() == 3)
    assert [each for each in logs if each["event"] == "consumer_disconnected"] == []


@on_postgresql
def test_a_queue_that_was_deleted_is_declared_anew(world: World) -> None:
    publish(world, 2)
    with running(runner_of(world)):
        wait_until(lambda: world.count() == 2)
        with channel_of(world.stack) as channel:
            channel.queue_delete(queue_name(world.stack))
        wait_until(lambda: queue_exists(world))
        publish(world, 2, first=2)
        wait_until(lambda: world.count() == 4)


def queue_exists(world: World) -> bool:
    with channel_of(world.stack) as channel, suppress(AMQPError):
        return bool(channel.queue_declare(queue_name(world.stack), passive=True))
    return False


@on_postgresql
def test_a_dead_letter_that_cannot_be_kept_stays_on_the_queue(world: World, database_away: Database) -> None:
    declare_queue(world)
    put(world.stack, b"junk")
    with running(runner_of(replace(world, database=database_away))), capture_logs() as logs:
        wait_until(lambda: [each for each in logs if each["event"] == "batch_retried"])
    with running(runner_of(world)):
        wait_until(lambda: world.number_of(dead_letter) == 1)


def test_a_consumer_says_whether_it_is_on_its_queue(world: World) -> None:
    runner = runner_of(world)
    assert not runner.is_connected
    with running(runner):
        wait_until(lambda: runner.is_connected)
    assert not runner.is_connected


def test_a_body_reaches_the_handler_as_it_was_sent(world: World) -> None:
    publish(world, 1)
    message = take_all(world.stack)[0]
    body = message.body if isinstance(message.body, bytes) else message.body.encode()
    world.record(make_fact("later@example.com"))
    (later,) = world.take_messages()
    put(world.stack, body, dump(later))
    with running(runner_of(world)):
        wait_until(lambda: world.count() == 2)
