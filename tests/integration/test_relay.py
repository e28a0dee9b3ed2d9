import json
import statistics
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from service.broker import Publisher
from service.domain.model import Fact, Intent
from service.errors import BrokerAway
from service.relay import Relay
from service.store.tables import outbox
from tests.facts import make_fact
from tests.queues import channel_of, queue_name, take_all
from tests.world import World, on_postgresql

PATIENCE = 20.0


def fill(world: World, number: int) -> None:
    world.record(*[make_fact(f"{each}@example.com") for each in range(number)])


def ids(world: World) -> Counter[str]:
    """Take all messages out of the queue and count them by id."""
    return Counter(json.loads(bytes_of(message))["id"] for message in take_all(world.stack))


def bytes_of(message: object) -> bytes:
    body = message.body  # type: ignore[attr-defined]
    return body if isinstance(body, bytes) else str(body).encode()


def test_a_step_publishes_a_batch_and_the_entries_are_gone(world: World) -> None:
    fill(world, 5)
    relay = world.relay(batch=3)
    assert [relay.step(), relay.step(), relay.step()] == [3, 2, 0]
    assert world.number_of(outbox) == 0
    assert set(ids(world).values()) == {1}


def test_messages_arrive_as_cloud_events_with_routing_keys(world: World) -> None:
    fill(world, 1)
    world.relay().step()
    (message,) = take_all(world.stack)
    assert message.content_type == "application/cloudevents+json"
    assert message.delivery_info["routing_key"] == "1.marketing"
    assert message.delivery_info["exchange"] == f"{world.stack.topology.prefix}.status"
    event = json.loads(bytes_of(message))
    assert (event["specversion"], event["type"]) == ("1.0", "marketable.contact.status_changed.v1")


@on_postgresql
def test_messages_are_persistent_and_have_the_id_of_their_change(world: World) -> None:
    fill(world, 1)
    world.relay().step()
    (message,) = take_all(world.stack)
    assert message.properties["delivery_mode"] == 2
    assert message.properties["message_id"] == json.loads(bytes_of(message))["id"]


def test_the_end_of_a_stint_has_the_other_routing_key(world: World) -> None:
    fill(world, 1)
    world.set_status("0@example.com", Intent.LOWER)
    world.pass_by(days=40)
    world.announce_ends()
    world.relay().step()
    keys = [message.delivery_info["routing_key"] for message in take_all(world.stack)]
    assert sorted(keys) == ["1.marketing", "1.marketing", "1.non-marketing"]


def test_an_empty_outbox_is_no_reason_to_call_the_broker(world: World, free_port: Callable[[], int]) -> None:
    publisher = Publisher(f"amqp://guest@127.0.0.1:{free_port()}//", world.topology())
    assert Relay(world.database, publisher, world.now).step() == 0


@on_postgresql
def test_while_the_broker_is_away_the_entries_stay(world: World, free_port: Callable[[], int]) -> None:
    fill(world, 2)
    publisher = Publisher(f"amqp://guest@127.0.0.1:{free_port()}//", world.topology())
    with pytest.raises(BrokerAway):
        Relay(world.database, publisher, world.now).step()
    assert world.number_of(outbox) == 2
    assert world.relay().step() == 2


@on_postgresql
def test_a_message_that_no_queue_takes_stays_in_the_outbox(world: World) -> None:
    fill(world, 1)
    relay = world.relay()
    assert relay.step() == 1
    with channel_of(world.stack) as channel:
        channel.queue_delete(queue_name(world.stack))
    world.record(make_fact("late@example.com"))
    with pytest.raises(BrokerAway, match="no queue takes the message"):
        relay.step()
    assert world.number_of(outbox) == 1


@on_postgresql
def test_after_a_failure_the_relay_begins_with_a_new_connection_and_declares_anew(world: World) -> None:
    fill(world, 1)
    relay = world.relay()
    relay.step()
    with channel_of(world.stack) as channel:
        channel.queue_delete(queue_name(world.stack))
    world.record(make_fact("late@example.com"))
    with pytest.raises(BrokerAway):
        relay.step()
    assert relay.step() == 1
    assert len(take_all(world.stack)) == 1


def test_several_relays_share_the_outbox(world: World) -> None:
    fill(world, 400)

    def empty(_: int) -> int:
        relay, published = world.relay(batch=30), 0
        while world.number_of(outbox):
            published += relay.step()
        return published

    with ThreadPoolExecutor(3) as threads:
        assert sum(threads.map(empty, range(3))) == 400
    found = ids(world)
    assert len(found) == 400
    assert set(found.values()) == {1}


def test_a_publisher_that_was_idle_publishes_again(world: World) -> None:
    publisher = world.publisher()
    fill(world, 1)
    (message,) = world.take_messages()
    publisher.keep_alive()
    publisher.publish([message])
    publisher.keep_alive()
    publisher.publish([message, message])
    assert set(ids(world).values()) == {3}


@contextmanager
def running(relay: Relay) -> Iterator[threading.Thread]:
    stop = threading.Event()
    thread = threading.Thread(target=relay.run, args=(stop,))
    thread.start()
    try:
        yield thread
    finally:
        stop.set()
        thread.join(PATIENCE)
        assert not thread.is_alive()


@on_postgresql
def test_a_relay_without_anything_to_do_keeps_its_connection(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.broker.HEARTBEAT", 1)
    publisher, connected = world.publisher(), list[bool]()
    with running(Relay(world.database, publisher, world.now, poll_interval=0.1)):
        while not publisher.is_connected:
            time.sleep(0.01)
        for _ in range(40):
            time.sleep(0.1)
            connected.append(publisher.is_connected)
    assert all(connected)


def seconds_until_published(world: World, fact: Fact) -> float:
    began = time.monotonic()
    world.record(fact)
    while world.number_of(outbox):
        time.sleep(0.005)
    return time.monotonic() - began


def test_a_running_relay_is_woken_by_new_entries(world: World) -> None:
    """The first entry may come before the relay listens: the poll finds that one."""
    poll, times = 3.0, list[float]()
    with running(Relay(world.database, world.publisher(), world.now, poll_interval=poll)):
        for number in range(5):
            time.sleep(0.1)
            times.append(seconds_until_published(world, make_fact(f"{number}@example.com")))
    assert statistics.median(times) < poll / 2
    assert len(ids(world)) == 5


@on_postgresql
def test_a_running_relay_waits_out_a_broker_that_is_away(world: World, free_port: Callable[[], int]) -> None:
    fill(world, 1)
    publisher = Publisher(f"amqp://guest@127.0.0.1:{free_port()}//", world.topology())
    with running(Relay(world.database, publisher, world.now)) as thread:
        thread.join(0.5)
        assert thread.is_alive()
    assert world.number_of(outbox) == 1
