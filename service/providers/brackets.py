"""Puts names and values of a form together: repeated names into lists, PHP's bracket names into each other."""

import re
from typing import Any

from service.errors import Unreadable
from service.providers.events import UnreadableReason
from service.providers.limits import DEEPEST

Pairs = list[tuple[str, str]]
_bracketed = re.compile(r"([^\[]+)((?:\[[^\]]*\])+)").fullmatch


def gather(pairs: Pairs) -> dict[str, Any]:
    """Return a flat document; a repeated name is a list, and so is one that ends with `[]`."""
    document: dict[str, Any] = {}
    for name, value in pairs:
        plain = name.removesuffix("[]")
        if plain in document:
            _add(document, plain, value)
        else:
            document[plain] = [value] if plain != name else value
    return document


def nest(pairs: Pairs) -> dict[str, Any]:
    """Return a document in which `a[b][]` nests, as PHP reads it; keys that count from 0 make a list."""
    document: dict[str, Any] = {}
    for name, value in pairs:
        keys = _split(name)
        container = document
        for key in keys[:-1]:
            container = _step(container, key)
        _add(container, _free_key(container) if not keys[-1] else keys[-1], value)
    return {name: _with_lists(value) for name, value in document.items()}


def _split(name: str) -> list[str]:
    found = _bracketed(name) if "[" in name else None
    if found is None:
        return [name or "_"]
    keys = [found[1], *found[2][1:-1].split("][")]
    if len(keys) > DEEPEST:
        raise Unreadable(UnreadableReason.TOO_DEEP, f"the body nests more than {DEEPEST} deep")
    return keys


def _step(container: dict[str, Any], key: str) -> dict[str, Any]:
    inner = container.get(key or _free_key(container))
    if not isinstance(inner, dict):
        inner = container[key or _free_key(container)] = {}
    return inner


def _free_key(container: dict[str, Any]) -> str:
    number = len(container)
    while str(number) in container:
        number += 1
    return str(number)


def _add(container: dict[str, Any], key: str, value: str) -> None:
    present = container.get(key)
    if isinstance(present, list):
        present.append(value)
    elif isinstance(present, str):
        container[key] = [present, value]
    else:
        container[key] = value


def _with_lists(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    inner = {key: _with_lists(item) for key, item in value.items()}
    if inner and "0" not in inner:
        return inner
    counts = all(key == str(number) for number, key in enumerate(inner))
    return list(inner.values()) if counts else inner
