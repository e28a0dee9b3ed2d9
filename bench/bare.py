"""kombu's own rates: what relay and consumer are held against. Same kind of queue, same bodies, no database."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import kombu

from service.broker import BILLING_COUNT, PERSISTENT, Topology
from service.messages import CONTENT_TYPE

BATCH = 500
PREFETCH = 3 * BATCH
PATIENCE = 20.0
"""Seconds without any news from the broker."""
ROUTING_KEY = "1.marketing"


@contextmanager
def _connected(url: str, **transport_options: object) -> Iterator[kombu.Connection]:
    with kombu.Connection(url, connect_timeout=5, transport_options=transport_options) as connection:
        connection.connect()
        yield connection


class _Confirms:
    """The confirms of one channel, in batches or one by one, in whatever order they come."""

    def __init__(self, channel: Any) -> None:
        self._published = 0
        self._settled = 1
        """Every tag below it is confirmed."""
        self.pending: set[int] = set()
        channel.confirm_select()
        channel.events["basic_ack"].add(self._on_ack)

    def expect(self, number: int) -> None:
        """Expect confirms of so many further messages."""
        first = self._published + 1
        self._published += number
        self.pending.update(range(first, self._published + 1))

    def _on_ack(self, delivery_tag: int, multiple: bool) -> None:  # noqa: FBT001 - py-amqp's signature
        if multiple:
            self.pending.difference_update(range(self._settled, delivery_tag + 1))
            self._settled = delivery_tag + 1
        else:
            self.pending.discard(delivery_tag)


def publish_in_batches(url: str, topology: Topology, bodies: Sequence[bytes]) -> float:
    """Publish 500, wait for their 500 confirms, and so on; returns messages per second."""
    with _connected(url) as connection, connection.channel() as channel:
        confirms = _Confirms(channel)
        producer = kombu.Producer(channel, topology.exchange, auto_declare=False)
        began = time.perf_counter()
        for first in range(0, len(bodies), BATCH):
            batch = bodies[first : first + BATCH]
            confirms.expect(len(batch))
            for body in batch:
                _publish(producer, body)
            while confirms.pending:
                connection.drain_events(timeout=PATIENCE)
        return len(bodies) / (time.perf_counter() - began)


def publish_singly(url: str, topology: Topology, bodies: Sequence[bytes]) -> float:
    """Publish with kombu's own switch for confirms, which waits for each one; returns messages per second."""
    with _connected(url, confirm_publish=True) as connection, connection.channel() as channel:
        producer = kombu.Producer(channel, topology.exchange, auto_declare=False)
        began = time.perf_counter()
        for body in bodies:
            _publish(producer, body)
        return len(bodies) / (time.perf_counter() - began)


def consume(url: str, topology: Topology, number: int) -> float:
    """Consume so many messages, acknowledging 500 at a time, and nothing else; returns messages per second."""
    received = 0
    began = time.perf_counter()
    with _connected(url) as connection, connection.channel() as channel:

        def on_message(message: Any) -> None:
            nonlocal received
            received += 1
            if received % BATCH == 0 or received == number:
                channel.basic_ack(message.delivery_tag, multiple=True)

        channel.basic_qos(0, PREFETCH, False)  # noqa: FBT003 - the client's signature
        queue = topology.queue(BILLING_COUNT)
        with kombu.Consumer(channel, [queue], on_message=on_message, auto_declare=False):
            while received < number:
                connection.drain_events(timeout=PATIENCE)
        return number / (time.perf_counter() - began)


def _publish(producer: kombu.Producer, body: bytes) -> None:
    producer.publish(
        body,
        routing_key=ROUTING_KEY,
        content_type=CONTENT_TYPE,
        content_encoding="utf-8",
        delivery_mode=PERSISTENT,
    )
