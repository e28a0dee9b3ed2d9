"""Where a value is found in a delivery: JSON Pointers (RFC 6901), headers, the query, constants and picked elements.

All are taken apart once, when a description is read. Looking is total: what isn't there is None, as JSON's null is.
"""

import enum
from collections.abc import Callable, Mapping
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


Finder = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Pointer:
    """A place in a document."""

    text: str
    tokens: tuple[str, ...]
    find: Finder = field(init=False, repr=False, compare=False)
    """Returns what stands there in a document, None for nothing. Put together once: it runs for each field."""

    def __post_init__(self) -> None:
        if any(map(_is_index, self.tokens)):
            find = _way(tuple(map(_step, self.tokens)))
        else:
            find = _way_by_names(self.tokens)
        object.__setattr__(self, "find", find)


def _step(token: str) -> Finder:
    """Return what goes one level down."""
    index = int(token) if _is_index(token) else None

    def find(value: Any) -> Any:
        if type(value) is dict:  # what a decoder made is never of a subclass, and this is twice as quick
            return value.get(token)
        if index is not None and type(value) is list and index < len(value):
            return value[index]
        return None

    return find


def _way(steps: tuple[Finder, ...]) -> Finder:
    def find(value: Any) -> Any:
        for step in steps:
            value = step(value)
        return value

    return find


def _way_by_names(names: tuple[str, ...]) -> Finder:
    """Return what goes down by names alone, as nearly every pointer does: one call instead of one for each level."""
    if len(names) == 1:
        return _step(names[0])

    def find(value: Any) -> Any:
        for name in names:
            if type(value) is not dict:
                return None
            value = value.get(name)
        return value

    return find


def _is_index(token: str) -> bool:
    return len(token) <= _LONGEST_INDEX and token.isascii() and token.isdecimal()


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
    PATH = enum.auto()


_ELEMENT = Place.ELEMENT
"""Looking the member up in its class each time costs as much as looking into the element."""


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
        if self.place is _ELEMENT:
            return self.pointer.find(scope.element)
        return _FINDERS[self.place](self, scope)


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


def _count(source: Source, scope: Scope) -> int | None:
    counted = source.pointer.find(scope.element)
    return len(counted) if isinstance(counted, list) else None


def _picked(name: str, scope: Scope) -> Any:
    if name not in scope.picked:
        scope.picked[name] = scope.picks[name].find(scope)
    return scope.picked[name]


def storable(text: str | None) -> str | None:
    """Replace what databases don't take: NUL, and halves of characters."""
    if text is None:
        return None
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


_FINDERS: Mapping[Place, Callable[[Source, Scope], Any]] = {
    Place.ROOT: lambda source, scope: source.pointer.find(scope.root),
    Place.CONSTANT: lambda source, scope: source.name,  # noqa: ARG005 - all are called alike
    Place.PICK: lambda source, scope: source.pointer.find(_picked(source.name, scope)),
    Place.COUNT: _count,
    Place.PATH: lambda source, scope: storable(scope.delivery.url.partition("?")[0].rpartition("/")[2]),  # noqa: ARG005
    Place.HEADER: lambda source, scope: storable(scope.delivery.header(source.name)),
    Place.QUERY: lambda source, scope: storable(scope.delivery.query(source.name)),
}


def parse_source(text: str) -> Source:
    """Take a source apart; raises ValueError with what is wrong about it."""
    if text.startswith("="):
        return Source(Place.CONSTANT, name=text[1:])
    prefix, colon, rest = text.partition(":")
    if text.startswith("/") or not colon:
        return Source(Place.ELEMENT, parse_pointer(text))
    if prefix == "pick":
        name, slash, pointer = rest.partition("/")
        return Source(Place.PICK, parse_pointer(slash + pointer), name)
    if prefix in _POINTED:
        return Source(_POINTED[prefix], parse_pointer(rest))
    if prefix in _NAMED and rest and (prefix != "path" or rest == "last"):
        return Source(_NAMED[prefix], name=rest)
    raise ValueError("is neither a pointer ('/…') nor root:, header:, query:, path:last, pick:, count: or =")


_POINTED = {"root": Place.ROOT, "count": Place.COUNT}
_NAMED = {"header": Place.HEADER, "query": Place.QUERY, "path": Place.PATH}
