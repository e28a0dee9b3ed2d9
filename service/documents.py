"""JSON documents as text, one way everywhere."""

from typing import Any

import orjson


def dumps(value: Any) -> str:
    """Return compact JSON text."""
    return orjson.dumps(value).decode()


def loads(text: str | bytes) -> Any:
    """Return what the JSON text says; raises ValueError."""
    return orjson.loads(text)
