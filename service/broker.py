"""The broker: names, declarations and publishing with confirms; kombu is used here and in `consumers.runner`.

Guarantee: `Publisher.publish` returns when the broker has confirmed every message of the batch and returned none.
After any failure the channel and its connection are thrown away, since a late confirm would be credited to the
next message. The in-memory transport has no confirms: it is safe only together with the sweep.
"""

import contextlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import kombu
from amqp.exceptions import AMQPError
from kombu.exceptions import KombuError

from service.errors import BrokerAway
from service.messages import CONTENT_TYPE, STATUS_CHANGED, StatusMessage, dump

CONNECT_TIMEOUT = 4
HEARTBEAT = 30
SOCKET_TIMEOUT = 10
CONFIRM_TIMEOUT = 10.0
POLLING_INTERVAL = 0.01
DELIVERY_LIMIT = 100
PERSISTENT = 2

TROUBLE = (OSError, AMQPError, KombuError)
"""What kombu and py-amqp raise when a connection, a channel or the broker fails."""


@dataclass(frozen=True, slots=True)
class Topology:
    """Names of the exchanges and queues, all of them durable."""

    prefix: str

    @property
    def exchange(self) -> kombu.Exchange:
        """Where status changes are published: a topic exchange."""
        return kombu.Exchange(f"{self.prefix}.status", type="topic", durable=True)

    @property
    def dead_exchange(self) -> kombu.Exchange:
        """Where the broker puts what it cannot deliver."""
        return kombu.Exchange(f"{self.prefix}.dead", type="topic", durable=True)

    def queue(self, consumer: str, binding: str = "#") -> kombu.Queue:
        """Return the quorum queue of one consumer."""
        return kombu.Queue(
            f"{self.prefix}.{consumer}",
            exchange=self.exchange,
            routing_key=binding,
            durable=True,
            queue_arguments={
                "x-queue-type": "quorum",
                "x-delivery-limit": DELIVERY_LIMIT,
                "x-dead-letter-exchange": self.dead_exchange.name,
                "x-dead-letter-routing-key": consumer,
                "x-dead-letter-strategy": "at-least-once",
                "x-overflow": "reject-publish",
            },
        )

    def dead_queue(self, consumer: str) -> kombu.Queue:
        """Return the queue of what the broker could not deliver to a consumer."""
        return kombu.Queue(
            f"{self.prefix}.{consumer}.dead",
            exchange=self.dead_exchange,
            routing_key=consumer,
            durable=True,
            queue_arguments={"x-queue-type": "quorum"},
        )


BILLING_COUNT = "billing-count"


def connect(url: str) -> kombu.Connection:
    """Open a connection; raises BrokerAway."""
    connection = kombu.Connection(
        url,
        connect_timeout=CONNECT_TIMEOUT,
        heartbeat=0 if is_embedded(url) else HEARTBEAT,
        transport_options=_transport_options(url),
    )
    try:
        connection.connect()
    except TROUBLE as error:
        connection.release()
        raise BrokerAway(type(error).__name__) from error
    return connection


def is_embedded(url: str) -> bool:
    """Whether the broker lives inside the process."""
    return url.startswith("memory")


def _transport_options(url: str) -> dict[str, Any]:
    if is_embedded(url):
        return {"polling_interval": POLLING_INTERVAL}
    return {"read_timeout": SOCKET_TIMEOUT, "write_timeout": SOCKET_TIMEOUT}


def declare(connection: kombu.Connection, topology: Topology, consumer: str = BILLING_COUNT) -> None:
    """Declare all that one consumer needs; raises BrokerAway, with the reason when names are taken otherwise."""
    try:
        with connection.channel() as channel:
            topology.exchange(channel).declare()
            if connection.transport.driver_type == "amqp":
                topology.dead_exchange(channel).declare()
                topology.dead_queue(consumer)(channel).declare()
            topology.queue(consumer)(channel).declare()
    except TROUBLE as error:
        raise BrokerAway(str(error)) from error


class Publisher:
    """Publishes batches; for one thread."""

    def __init__(self, url: str, topology: Topology) -> None:
        self._url = url
        self._topology = topology
        self._exchange = topology.exchange.name
        self._connection: kombu.Connection | None = None
        self._channel: Any = None
        self._published = 0
        self._pending: set[int] = set()
        self._refusal = ""

    def open(self) -> Any:
        """Return the channel, connected and with all declared that it publishes to; raises BrokerAway."""
        if self._channel is None:
            with self._discarding():
                self._channel = self._connect()
        return self._channel

    @property
    def is_connected(self) -> bool:
        """Whether there is a channel, for health."""
        return self._channel is not None

    def publish(self, messages: Sequence[StatusMessage]) -> None:
        """Publish all and wait for all confirms; raises BrokerAway when one is missing, refused or unroutable."""
        channel = self.open()
        with self._discarding():
            for message in messages:
                self._send(channel, message)
            self._await_confirms()

    @contextlib.contextmanager
    def _discarding(self) -> Iterator[None]:
        """Throw channel and connection away at any failure, and say it as BrokerAway."""
        try:
            yield
        except BrokerAway:
            self.close()
            raise
        except TROUBLE as error:
            self.close()
            raise BrokerAway(f"{type(error).__name__}: {error}") from error

    def _connect(self) -> Any:
        self._connection = connection = connect(self._url)
        declare(connection, self._topology)
        channel: Any = connection.channel()
        self._published, self._refusal = 0, ""
        if connection.transport.driver_type == "amqp":
            channel.confirm_select()
            channel.events["basic_ack"].add(self._on_ack)
            channel.events["basic_nack"].add(self._on_nack)
            channel.events["basic_return"].add(self._on_return)
            self._published = 1
        return channel

    def keep_alive(self) -> None:
        """Exchange heartbeats; to be called now and then while there is nothing to publish."""
        if self._connection is None or not self._connection.supports_heartbeats:
            return
        try:
            with contextlib.suppress(TimeoutError):
                self._connection.drain_events(timeout=0.001)
            self._connection.heartbeat_check()
        except TROUBLE:
            self.close()

    def close(self) -> None:
        """Throw the channel and its connection away."""
        connection, self._connection, self._channel = self._connection, None, None
        self._pending.clear()
        if connection is not None:
            with contextlib.suppress(*TROUBLE):
                connection.collect(socket_timeout=0.5)

    def _send(self, channel: Any, message: StatusMessage) -> None:
        prepared = channel.prepare_message(
            dump(message),
            content_type=CONTENT_TYPE,
            content_encoding="utf-8",
            properties={
                "delivery_mode": PERSISTENT,
                "message_id": message.message_id,
                "type": STATUS_CHANGED,
            },
        )
        if self._published:
            self._pending.add(self._published)
            self._published += 1
        channel.basic_publish(
            prepared,
            exchange=self._exchange,
            routing_key=message.routing_key,
            mandatory=True,
        )

    def _await_confirms(self) -> None:
        deadline = time.monotonic() + CONFIRM_TIMEOUT
        while self._pending and not self._refusal:
            left = deadline - time.monotonic()
            if left <= 0 or self._connection is None:
                raise BrokerAway(f"no confirm for {len(self._pending)} messages within {CONFIRM_TIMEOUT:g} s")
            with contextlib.suppress(TimeoutError):
                self._connection.drain_events(timeout=left)
        if self._refusal:
            raise BrokerAway(self._refusal)

    def _on_ack(self, delivery_tag: int, multiple: bool) -> None:  # noqa: FBT001 - py-amqp's signature
        if multiple:
            self._pending = {tag for tag in self._pending if tag > delivery_tag}
        else:
            self._pending.discard(delivery_tag)

    def _on_nack(self, delivery_tag: int, multiple: bool) -> None:  # noqa: ARG002, FBT001 - py-amqp's signature
        self._refusal = "the broker refused a message"

    def _on_return(self, error: Exception, *_: Any) -> None:
        self._refusal = f"no queue takes the message: {error}"


@dataclass(frozen=True, slots=True)
class Inspection:
    """What a broker and the queue of one consumer look like from outside."""

    server: str
    is_embedded: bool
    confirms: bool = False
    refusal: str = ""
    """Why the queue could not be declared as it should be."""
    messages: int = 0
    consumers: int = 0
    dead: int = 0


def inspect(url: str, topology: Topology, consumer: str) -> Inspection:
    """Look at the broker, declaring what is missing; raises BrokerAway when it does not answer."""
    connection = connect(url)
    try:
        if connection.transport.driver_type != "amqp":
            return Inspection("in-memory, embedded", is_embedded=True)
        properties: dict[str, Any] = connection.connection.server_properties
        server = f"{properties.get('product', 'AMQP')} {properties.get('version', '')} answers"
        confirms = bool(properties.get("capabilities", {}).get("publisher_confirms"))
        try:
            declare(connection, topology, consumer)
        except BrokerAway as error:
            return Inspection(server, is_embedded=False, confirms=confirms, refusal=str(error))
        with connection.channel() as channel:
            state = topology.queue(consumer)(channel).queue_declare(passive=True)
            dead = topology.dead_queue(consumer)(channel).queue_declare(passive=True)
        return Inspection(
            server,
            is_embedded=False,
            confirms=confirms,
            messages=state.message_count,
            consumers=state.consumer_count,
            dead=dead.message_count,
        )
    except TROUBLE as error:
        raise BrokerAway(f"{type(error).__name__}: {error}") from error
    finally:
        connection.release()
