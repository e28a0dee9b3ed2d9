"""Nothing that a stranger sends may cost much: the largest bodies, made to be slow, are read or refused soon."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from service.documents import dumps
from service.errors import Unreadable
from service.providers.reader import read
from tests.provider_samples import FORM, deliver, describe

SECONDS = 10
"""Far above what each takes, and far below what it took if the work grew with the square of the body."""

EVERYTHING = describe(r"""
[decode]
body = "auto-php"
unpack = ["/packed/*"]
[events]
each = ["/all"]
[pick]
who = { at = "root:/list", where = { "/type" = "visitor" } }
[identity]
session = "pick:who/id"
[[fields.maps]]
at = ""
keep = '^[a-z@ 0-9\[\]]*$'
labels = { at = "root:/list", key = "/key", label = "/label" }
[[fields.lists]]
at = "/list"
key = "/key"
label = "/label"
options = "/options"
[[fields.lines]]
at = "root:/text"
[honeypot]
fields = ["_gotcha"]
[redact]
at = ["/list/*/key"]
""")
MILLION = 1_000_000


MADE: dict[str, Callable[[], Any]] = {
    "many keys": lambda: {f"email{number}": "a@b" for number in range(MILLION // 20)},
    "many addresses": lambda: {"all": [{f"email {n}": "a@localhost" for n in range(400)} for _ in range(99)]},
    "equal keys": lambda: {"list": [{"key": "k", "value": "v"}] * 999},
    "many labels": lambda: {
        "list": [{"key": str(n), "label": "Name"} for n in range(MILLION // 48)],
        "all": [{"1": "x"}] * 99,
    },
    "long label": lambda: {"list": [{"key": "k", "label": "news " * (MILLION // 6), "value": "yes"}]},
    "many options": lambda: {"list": [{"key": "k", "options": [{"id": 1}] * 50_000, "value": [1] * 50_000}]},
    "many lines": lambda: {"text": "a : b\n" * (MILLION // 7), "all": [{}] * 99},
    "different lines": lambda: {"text": "".join(f"{n} : b\n" for n in range(80_000)), "all": [{}] * 99},
    "many packed": lambda: {"packed": ["{}"] * (MILLION // 6)},
    "many items": lambda: {"a": [{}] * (MILLION // 4)},
    "wide": lambda: {"a": [[1] * 9] * (MILLION // 24)},
    "long yes": lambda: {"newsletter": "yes " * (MILLION // 4)},
    "long name": lambda: {"name": "Ada " * (MILLION // 4), "phone": "1" * 1000},
    "long words": lambda: {"x" * (MILLION // 2): "y" * (MILLION // 2)},
}


def read_soon(body: object, content_type: str = "application/json") -> None:
    delivery = deliver(body if isinstance(body, str) else dumps(body), content_type)
    assert len(delivery.body) <= 1024 * 1024
    began = time.process_time()
    try:
        read(EVERYTHING, delivery)
    except Unreadable as refusal:
        assert refusal.reason  # noqa: PT017 - that it is no other error is what is asserted
    assert time.process_time() - began < SECONDS


@pytest.mark.parametrize("kind", MADE)
def test_the_largest_documents_are_read_or_refused_soon(kind: str) -> None:
    read_soon(MADE[kind]())


@pytest.mark.parametrize(
    "body",
    [
        "a[" * (MILLION // 2) + "=1",
        "a" + "[b]" * (MILLION // 3) + "=1",
        "&".join(["a[]=1"] * 999),
        "%" * MILLION + "=",
        "a=" + "%41" * (MILLION // 3),
        "[" * MILLION,
        '{"a":' * (MILLION // 5),
        "&" * MILLION + "=",
    ],
    ids=lambda body: f"{body[:9]}…",
)
def test_the_largest_forms_are_read_or_refused_soon(body: str) -> None:
    read_soon(body, FORM)


@pytest.mark.parametrize(
    "body",
    [
        "--X\r\n" * (MILLION // 5),
        "--X\r\n" + "a: b\r\n" * (MILLION // 6),
        "\r\n" * (MILLION // 2),
        "--X\r\n\r\n" + "\r\n--" * 200_000,
    ],
    ids=["boundaries", "headers", "lines", "almost"],
)
def test_the_largest_multipart_bodies_are_read_or_refused_soon(body: str) -> None:
    read_soon(body, "multipart/form-data; boundary=X")
