"""Makes bodies that no tool would send, out of those that tools do send: the same ones each time."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from random import Random
from typing import Any

from service.delivery import Delivery

_SEED = 20260302
_OFTEN = 0.2
"""A whole object or list is exchanged, not something in it."""
_VALUES: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    1e300,
    "",
    "x",
    "\x00",
    "@",
    "2026-13-45",
    [],
    {},
    [[]],
    {"": {}},
)


def mangled_deliveries(deliveries: Sequence[Delivery], rounds: int) -> Iterator[Delivery]:
    """Yield deliveries with random bytes, with a stretch exchanged, and with one value exchanged, by turns."""
    random = Random(_SEED)  # noqa: S311 - nothing is kept secret by it
    for number in range(rounds):
        delivery = deliveries[number % len(deliveries)]
        change = (_noise, _with_a_stretch_exchanged, _with_a_value_exchanged)[number % 3]
        yield replace(delivery, body=change(delivery.body, random))


def _noise(body: bytes, random: Random) -> bytes:
    del body
    return random.randbytes(random.randrange(200))


def _with_a_stretch_exchanged(body: bytes, random: Random) -> bytes:
    begin = random.randint(0, len(body))
    end = random.randint(begin, len(body))
    return body[:begin] + random.randbytes(random.randrange(20)) + body[end:]


def _with_a_value_exchanged(body: bytes, random: Random) -> bytes:
    """Go further: random bodies seldom get beyond the first pointer."""
    try:
        document = json.loads(body)
    except ValueError:
        return _with_a_stretch_exchanged(body, random)
    return json.dumps(_exchanged(document, random)).encode()


def _exchanged(document: Any, random: Random) -> Any:
    if not isinstance(document, dict | list) or not document or random.random() < _OFTEN:
        return random.choice(_VALUES)
    key: Any = random.choice(list(document if isinstance(document, dict) else range(len(document))))
    document[key] = _exchanged(document[key], random)
    return document
