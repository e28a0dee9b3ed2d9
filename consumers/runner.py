"""Runs a handler on a queue: takes batches, acts on each outcome, and acknowledges after the handler's commit.

At least once: a crash between commit and acknowledgement delivers again. A batch that must be tried again is kept
unacknowledged and tried in place, so an outage of the database uses up no delivery attempts. A connection that
only looks alive does not last: heartbeats, and a question to the broker after each `SILENCE`, end it.
"""

import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Protocol

import kombu
import structlog

from consumers.outcome import Handled, Outcome
from service.backoff import BackOff
from service.broker import TROUBLE, Topology, connect, declare
from service.errors import BrokerAway, Unavailable
from service.observe import DEAD_LETTERS, RETRIES
from service.store import dead_letters
from service.store.session import Database

IDLE_FLUSH = 0.02
"""Seconds without a further message after which a batch that is not full is handled."""
PREFETCH_BATCHES = 3
PAUSE_STEP = 0.25
"""Seconds between heartbeats while a batch waits for another try."""
SILENCE = 30.0
"""Seconds without a message after which the broker is asked whether it still knows this consumer."""

log = structlog.get_logger()


class Handler(Protocol):
    """What a consumer is made of."""

    def handle(self, bodies: Sequence[bytes]) -> list[Handled]:
        """Return one outcome for each body, in order; ACK only for what is durable."""


class Runner:
    """One consumer on one queue; for one thread."""

    def __init__(
        self,
        name: str,
        handler: Handler,
        database: Database,
        url: str,
        topology: Topology,
        now: Callable[[], datetime],
        *,
        batch: int = 500,
    ) -> None:
        self._name = name
        self._handler = handler
        self._database = database
        self._url = url
        self._topology = topology
        self._now = now
        self._batch = batch
        self._back_off = BackOff()
        self._received: list[Any] = []
        self._heard_at = 0.0
        self.is_connected = False
        """Whether the consumer is on its queue, for health."""

    def run(self, stop: threading.Event) -> None:
        """Consume until `stop` is set, connecting again whenever the broker goes away."""
        while not stop.is_set():
            try:
                self._consume(stop)
            except (*TROUBLE, BrokerAway) as error:
                pause = self._back_off.next_pause()
                log.warning(
                    "consumer_disconnected", consumer=self._name, cause=str(error), seconds=round(pause, 2)
                )
                stop.wait(pause)

    def _consume(self, stop: threading.Event) -> None:
        connection = connect(self._url)
        self._received.clear()
        try:
            declare(connection, self._topology, self._name)
            with connection.channel() as channel:
                channel.basic_qos(0, self._batch * PREFETCH_BATCHES, False)  # noqa: FBT003 - the client's signature
                queue = self._topology.queue(self._name)
                with kombu.Consumer(channel, [queue], on_message=self._received.append, auto_declare=False):
                    log.info("consumer_started", consumer=self._name, queue=queue.name)
                    self.is_connected, self._heard_at = True, time.monotonic()
                    self._back_off.reset()
                    self._loop(connection, channel, stop)
        finally:
            self.is_connected = False
            connection.collect(socket_timeout=0.5)

    def _loop(self, connection: kombu.Connection, channel: Any, stop: threading.Event) -> None:
        last_beat = time.monotonic()
        while not stop.is_set():
            is_idle = not self._drain(connection)
            if self._received and (is_idle or len(self._received) >= self._batch):
                self._handle(connection, channel, stop)
            now = time.monotonic()
            if connection.supports_heartbeats and now - last_beat > 1:
                connection.heartbeat_check()
                last_beat = now
            if connection.supports_heartbeats and now - self._heard_at > SILENCE:
                self._ask_broker(channel)

    def _drain(self, connection: kombu.Connection) -> bool:
        """Take in what has arrived; False when nothing has for a moment."""
        try:
            connection.drain_events(timeout=IDLE_FLUSH)
        except TimeoutError:
            return False
        self._heard_at = time.monotonic()
        return True

    def _ask_broker(self, channel: Any) -> None:
        """Make sure that the broker still has a consumer on the queue; raises BrokerAway when it has none."""
        found = self._topology.queue(self._name)(channel).queue_declare(passive=True)
        if not found.consumer_count:
            raise BrokerAway("the broker has forgotten this consumer")
        self._heard_at = time.monotonic()

    def _handle(self, connection: kombu.Connection, channel: Any, stop: threading.Event) -> None:
        while self._received and not stop.is_set():
            batch, self._received[:] = self._received[: self._batch], self._received[self._batch :]
            if not self._settle(connection, channel, batch, stop):
                return
            self._back_off.reset()

    def _settle(
        self, connection: kombu.Connection, channel: Any, batch: list[Any], stop: threading.Event
    ) -> bool:
        """Handle a batch until nothing of it needs another try, then acknowledge it; False at a stop."""
        waiting = batch
        while waiting:
            outcomes = self._handler.handle([_body(message) for message in waiting])
            retry = [
                m for m, handled in zip(waiting, outcomes, strict=True) if handled.outcome is Outcome.RETRY
            ]
            dead = [
                (m, handled)
                for m, handled in zip(waiting, outcomes, strict=True)
                if handled.outcome is Outcome.DEAD
            ]
            retry += self._bury(dead)
            waiting = retry
            if waiting and not self._pause(connection, outcomes, stop):
                return False
        _acknowledge(connection, channel, batch)
        return True

    def _bury(self, dead: list[tuple[Any, Handled]]) -> list[Any]:
        """Keep dead letters; returns the messages that could not even be kept."""
        if not dead:
            return []
        try:
            with self._database.writing() as connection:
                for message, handled in dead:
                    body = _body(message)
                    dead_letters.keep(
                        connection, self._name, handled.reason, handled.detail, body, self._now()
                    )
        except Unavailable:
            return [message for message, _ in dead]
        for _, handled in dead:
            DEAD_LETTERS.labels(handled.reason).inc()
            log.error("message_dead", consumer=self._name, reason=handled.reason, detail=handled.detail)
        return []

    def _pause(self, connection: kombu.Connection, outcomes: list[Handled], stop: threading.Event) -> bool:
        """Wait before another try, with heartbeats both ways; False at a stop."""
        reason = next(
            (handled.reason for handled in outcomes if handled.outcome is Outcome.RETRY), "dead_letters"
        )
        pause = self._back_off.next_pause()
        RETRIES.labels(reason).inc()
        log.warning("batch_retried", consumer=self._name, reason=reason, seconds=round(pause, 2))
        deadline = time.monotonic() + pause
        while (left := deadline - time.monotonic()) > 0:
            if stop.wait(min(left, PAUSE_STEP)):
                return False
            self._drain(connection)
            if connection.supports_heartbeats:
                connection.heartbeat_check()
        return True


def _acknowledge(connection: kombu.Connection, channel: Any, batch: list[Any]) -> None:
    """Acknowledge a batch: in one go where the transport can, each message where it cannot."""
    if connection.transport.driver_type == "amqp":
        channel.basic_ack(batch[-1].delivery_tag, multiple=True)
    else:
        for message in batch:
            message.ack()


def _body(message: Any) -> bytes:
    body = message.body
    return body if isinstance(body, bytes) else str(body).encode()
