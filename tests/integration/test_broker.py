import time
from collections.abc import Callable
from dataclasses import replace

import pytest
from amqp.exceptions import PreconditionFailed

from service.broker import BILLING_COUNT, Inspection, connect, declare, inspect
from service.errors import BrokerAway
from tests.facts import make_fact
from tests.queues import channel_of, put, queue_name, take_all
from tests.services.processes import wait_until
from tests.world import World, on_postgresql, on_sqlite

PATIENCE = 20.0


def prepare(world: World) -> None:
    connection = connect(world.stack.broker_url)
    declare(connection, world.topology())
    connection.release()


def test_declaring_twice_is_harmless(world: World) -> None:
    prepare(world)
    prepare(world)
    put(world.stack, b"{}")
    assert len(take_all(world.stack)) == 1


def quorum_arguments(world: World) -> dict[str, object]:
    """Return what keeps the messages of the queue: copies, a limit of tries, a place for what is given up."""
    return {
        "x-queue-type": "quorum",
        "x-delivery-limit": 100,
        "x-dead-letter-exchange": f"{world.stack.topology.prefix}.dead",
        "x-dead-letter-routing-key": BILLING_COUNT,
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
    }


@on_postgresql
def test_the_queue_is_a_durable_quorum_queue_that_gives_nothing_up(world: World) -> None:
    prepare(world)
    with channel_of(world.stack) as channel:
        arguments = quorum_arguments(world)
        channel.queue_declare(queue_name(world.stack), durable=True, auto_delete=False, arguments=arguments)


@on_postgresql
@pytest.mark.parametrize(
    "wrong",
    [
        {"x-queue-type": "classic"},
        {"x-delivery-limit": 7},
        {"x-dead-letter-exchange": "another"},
        {"x-dead-letter-routing-key": "another"},
        {"x-dead-letter-strategy": "at-most-once"},
        {"x-overflow": "drop-head"},
    ],
)
def test_the_broker_tells_a_queue_that_is_otherwise(world: World, wrong: dict[str, object]) -> None:
    prepare(world)
    arguments = quorum_arguments(world) | wrong
    with channel_of(world.stack) as channel, pytest.raises(PreconditionFailed):
        channel.queue_declare(queue_name(world.stack), durable=True, auto_delete=False, arguments=arguments)


@on_postgresql
@pytest.mark.parametrize("suffix", ["status", "dead"])
def test_the_exchanges_are_durable_topic_exchanges(world: World, suffix: str) -> None:
    prepare(world)
    name = f"{world.stack.topology.prefix}.{suffix}"
    with channel_of(world.stack) as channel:
        channel.exchange_declare(name, "topic", durable=True, auto_delete=False)
    with channel_of(world.stack) as channel, pytest.raises(PreconditionFailed):
        channel.exchange_declare(name, "topic", durable=False, auto_delete=False)


@on_postgresql
def test_what_a_consumer_rejects_goes_to_the_dead_queue(world: World) -> None:
    prepare(world)
    put(world.stack, b"{}")
    with channel_of(world.stack) as channel:
        message = channel.basic_get(queue_name(world.stack))
        channel.basic_reject(message.delivery_tag, requeue=False)
    deadline = time.monotonic() + 20
    dead: list[object] = []
    while not dead and time.monotonic() < deadline:
        dead = take_all(world.stack, ".dead")
        time.sleep(0.05)
    assert [found.body for found in dead] == ["{}"]  # type: ignore[attr-defined]
    assert take_all(world.stack) == []


@on_postgresql
def test_a_name_that_is_taken_otherwise_is_refused_with_the_reason(world: World) -> None:
    with channel_of(world.stack) as channel:
        channel.queue_declare(queue_name(world.stack), durable=True, auto_delete=False)
    connection = connect(world.stack.broker_url)
    with pytest.raises(BrokerAway, match="inequivalent arg"):
        declare(connection, world.topology())
    connection.release()


@on_postgresql
def test_a_relay_with_a_wrong_queue_keeps_its_entries(world: World) -> None:
    with channel_of(world.stack) as channel:
        channel.queue_declare(queue_name(world.stack), durable=True, auto_delete=False)
    world.record(make_fact())
    with pytest.raises(BrokerAway, match="inequivalent arg"):
        world.relay().step()
    assert len(world.take_messages()) == 1


def look(world: World) -> Inspection:
    return inspect(world.stack.broker_url, world.topology(), BILLING_COUNT)


@on_postgresql
def test_an_inspection_tells_what_the_broker_and_the_queue_are_like(world: World) -> None:
    prepare(world)
    put(world.stack, b"{}", b"{}")
    assert wait_until(lambda: look(world).messages == 2, PATIENCE)
    found = look(world)
    assert found.server.startswith("RabbitMQ ")
    assert (found.confirms, found.is_embedded, found.refusal) == (True, False, "")
    assert (found.messages, found.consumers, found.dead) == (2, 0, 0)


@on_postgresql
def test_an_inspection_tells_why_the_queue_cannot_be_declared(world: World) -> None:
    with channel_of(world.stack) as channel:
        channel.queue_declare(queue_name(world.stack), durable=True, auto_delete=False)
    found = inspect(world.stack.broker_url, world.topology(), BILLING_COUNT)
    assert "inequivalent arg" in found.refusal


@on_sqlite
def test_an_inspection_of_the_embedded_broker_says_so(world: World) -> None:
    assert inspect(world.stack.broker_url, world.topology(), BILLING_COUNT).is_embedded


@on_postgresql
def test_a_broker_that_is_away_is_said_so_within_five_seconds(
    world: World, free_port: Callable[[], int]
) -> None:
    stack = replace(world.stack, broker_url=f"amqp://guest@127.0.0.1:{free_port()}//")
    began = time.monotonic()
    with pytest.raises(BrokerAway):
        inspect(stack.broker_url, world.topology(), BILLING_COUNT)
    assert time.monotonic() - began < 5
