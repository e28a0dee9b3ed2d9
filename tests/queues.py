"""Looks into a broker's queues as a program of somebody else's would: by kombu alone."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import kombu

from tests.services.plugin import Stack

CONSUMER = "billing-count"


@contextmanager
def channel_of(stack: Stack) -> Iterator[Any]:
    with kombu.Connection(stack.broker_url, connect_timeout=4) as connection:
        yield connection.channel()


def queue_name(stack: Stack, suffix: str = "") -> str:
    return f"{stack.topology.prefix}.{CONSUMER}{suffix}"


def take_all(stack: Stack, suffix: str = "") -> list[Any]:
    """Take all messages out of the consumer's queue."""
    found: list[Any] = []
    with channel_of(stack) as channel:
        while (message := channel.basic_get(queue_name(stack, suffix), no_ack=True)) is not None:
            found.append(message)
    return found


def put(stack: Stack, *bodies: bytes) -> None:
    """Publish bodies to the exchange of status changes, past the relay; they have arrived when it returns."""
    with channel_of(stack) as channel:
        publish = getattr(channel, "basic_publish_confirm", channel.basic_publish)
        for body in bodies:
            message = channel.prepare_message(
                body, content_type="application/cloudevents+json", content_encoding="utf-8"
            )
            publish(message, exchange=f"{stack.topology.prefix}.status", routing_key="1.marketing")
