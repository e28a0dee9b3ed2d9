"""Where a value is found in a delivery: JSON Pointers (RFC 6901), headers, the query, constants and picked elements.

All are taken apart once, when a description is read. Looking is total: what isn't there is None, as JSON's null is.
"""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from service.delivery import Delivery
from service.providers.values import text_of

LONGEST_POINTER = 500
MOST_TOKENS = 20
MOST_TRIED = 1000
"""Elements of a list that a pick looks at."""
_LONGEST_INDEX = 6
_EVERY = "*"


@dataclass(frozen=True, slots=True)
class Pointer:
    """A place in a document."""

    text: str
    tokens: tuple[str, ...]

    def find(self, document: Any) -> Any:
        """Return what stands there, None for nothing."""
        value = document
        for token in self.tokens:
            if type(value) is dict:  # what a decoder made is never of a subclass, and this is twice as quick
                value = value.get(token)
            elif type(value) is list:
                value = value[int(token)] if _is_index(token) and int(token) < len(value) else None
            else:
                return None
        return value


WHOLE = Pointer("", ())


def parse_pointer(text: str) -> Pointer:
    """Take a pointer apart; raises ValueError with what is wrong about it."""
    if text and not text.startswith("/"):
        raise ValueError("begins without '/'")
    if len(text) > LONGEST_POINTER:
        raise ValueError(f"is longer than {LONGEST_POINTER} characters")
    tokens = tuple(_unescape(token) for token in text.split("/")[1:])
    if len(tokens) > MOST_TOKENS:
        raise ValueError(f"goes deeper than {MOST_TOKENS}")
    return Pointer(text, tokens)


def _unescape(token: str) -> str:
    if "~" in token.replace("~0", "").replace("~1", ""):
        raise ValueError("has a '~' that is neither '~0' nor '~1'")
    return token.replace("~1", "/").replace("~0", "~")


def _is_index(token: str) -> bool:
    return len(token) <= _LONGEST_INDEX and token.isascii() and token.isdecimal()


def children(parent: Any, token: str) -> list[tuple[Any, Any]]:
    """Return key and value of what a token leads to, of those that exist; `*` leads to every item."""
    if isinstance(parent, dict):
        if token == _EVERY:
            return list(parent.items())
        return [(token, parent[token])] if token in parent else []
    if isinstance(parent, list):
        if token == _EVERY:
            return list(enumerate(parent))
        return [(int(token), parent[int(token)])] if _is_index(token) and int(token) < len(parent) else []
    return []


class Place(enum.Enum):
    """What a source looks into."""

    ELEMENT = enum.auto()
    ROOT = enum.auto()
    HEADER = enum.auto()
    QUERY = enum.auto()
    CONSTANT = enum.auto()
    PICK = enum.auto()
    COUNT = enum.auto()


@dataclass(slots=True)
class Scope:
    """What the sources of one event look into."""

    delivery: Delivery
    root: Any
    """The whole document, after unpacking."""
    element: Any
    picks: Mapping[str, "Pick"] = field(default_factory=dict)
    picked: dict[str, Any] = field(default_factory=dict)
    """What picks have found; they are looked for once."""


@dataclass(frozen=True, slots=True)
class Source:
    """One place where a value may be."""

    place: Place
    pointer: Pointer = WHOLE
    name: str = ""
    """Of the header, query parameter or pick; the text of a constant."""

    def find(self, scope: Scope) -> Any:
        """Return what stands there, None for nothing."""
        if self.place is Place.ELEMENT:
            return self.pointer.find(scope.element)
        return _find_elsewhere(self, scope)


Sources = tuple[Source, ...]


@dataclass(frozen=True, slots=True)
class Pick:
    """The first element of a list whose values are among those wanted; a single object is tried as well."""

    at: Sources
    where: tuple[tuple[Pointer, frozenset[str]], ...]

    def find(self, scope: Scope) -> Any:
        found = first(self.at, scope)
        for candidate in found[:MOST_TRIED] if isinstance(found, list) else [found]:
            if all(text_of(pointer.find(candidate)) in wanted for pointer, wanted in self.where):
                return candidate
        return None


def first(sources: Sources, scope: Scope) -> Any:
    """Return the first value that is there and no empty text, else None."""
    for source in sources:
        value = source.find(scope)
        if value is not None and value != "":
            return value
    return None


def _find_elsewhere(source: Source, scope: Scope) -> Any:
    match source.place:
        case Place.ROOT:
            return source.pointer.find(scope.root)
        case Place.CONSTANT:
            return source.name
        case Place.PICK:
            return source.pointer.find(_picked(source.name, scope))
        case Place.COUNT:
            counted = source.pointer.find(scope.element)
            return len(counted) if isinstance(counted, list) else None
        case Place.HEADER:
            return storable(scope.delivery.header(source.name))
        case _:
            return storable(scope.delivery.query(source.name))


def _picked(name: str, scope: Scope) -> Any:
    if name not in scope.picked:
        scope.picked[name] = scope.picks[name].find(scope)
    return scope.picked[name]


def storable(text: str | None) -> str | None:
    """Replace what databases don't take: NUL, and halves of characters."""
    if text is None:
        return None
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def parse_source(text: str) -> Source:
    """Take a source apart; raises ValueError with what is wrong about it."""
    if text.startswith("="):
        return Source(Place.CONSTANT, name=text[1:])
    prefix, colon, rest = text.partition(":")
    if text.startswith("/") or not colon:
        return Source(Place.ELEMENT, parse_pointer(text))
    match prefix:
        case "root":
            return Source(Place.ROOT, parse_pointer(rest))
        case "count":
            return Source(Place.COUNT, parse_pointer(rest))
        case "header" | "query" if rest:
            return Source(Place.HEADER if prefix == "header" else Place.QUERY, name=rest)
        case "pick":
            name, slash, pointer = rest.partition("/")
            return Source(Place.PICK, parse_pointer(slash + pointer), name)
    raise ValueError("is neither a pointer ('/…') nor root:, header:, query:, pick:, count: or =")
