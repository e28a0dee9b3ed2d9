"""Reads TOML tables strictly: every mistake is noted with its key, none is passed over in silence."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TypeVar

from service.domain.reading import Mistake, Reader
from service.providers.pointers import Place, Pointer, Sources, parse_pointer, parse_source

Parsed = TypeVar("Parsed")
LONGEST_PATTERN = 200
_POINTER = "write a JSON Pointer such as '/data/email'"
_SOURCE = "write a pointer such as '/data/email', or header:, query:, path:last, root:, pick:, count: or ="
_PATTERN = "write a regular expression"


@dataclass(frozen=True, slots=True)
class Table(Reader):
    """One table of a description. Getters return a harmless value where they note a mistake."""

    picks: set[str] = field(default_factory=set)
    """Names that `pick:` may use, filled while the file is read."""

    def expect(self, *keys: str) -> None:
        """Note every key that is not among these."""
        for key in self.document:
            if key not in keys:
                close = get_close_matches(key, keys, n=1, cutoff=0.6)
                mend = f"did you mean '{close[0]}'?" if close else f"known are {', '.join(keys)}"
                self.note(key, "is not known", mend)

    def require(self, *keys: str) -> None:
        for key in keys:
            if key not in self.document:
                self.note(key, "is missing", "write it")

    def table(self, key: str) -> "Table":
        value = self.document.get(key)
        return self._of({} if value is None else value, self.at(key))

    def tables(self, key: str) -> Iterator["Table"]:
        for path, item in self.items(key):
            yield self._of(item, path)

    def _of(self, value: object, path: str) -> "Table":
        if not isinstance(value, Mapping):
            self.mistakes.append(Mistake(path, "is no table", "write { … }"))
            value = {}
        return Table(value, path, self.mistakes, self.picks)

    def texts_of(self, key: str) -> tuple[str, ...]:
        """Read one text or a list of texts."""
        value = self.document.get(key)
        return (self.text(key),) if isinstance(value, str) else tuple(self.texts(key))

    def names(self, key: str) -> frozenset[str]:
        return frozenset(self.texts_of(key))

    def pattern(self, key: str) -> re.Pattern[str] | None:
        return self._parsed(key, self.text(key), _parse_pattern, _PATTERN) if self.has(key) else None

    def patterns(self, key: str) -> dict[str, re.Pattern[str]]:
        table = self.table(key)
        found = {name: table.pattern(name) for name in table.document}
        return {name: pattern for name, pattern in found.items() if pattern is not None}

    def pointer(self, key: str) -> Pointer | None:
        return self._parsed(key, self.text(key), parse_pointer, _POINTER) if self.has(key) else None

    def pointers(self, key: str) -> tuple[Pointer, ...]:
        parsed = (self._parsed(key, text, parse_pointer, _POINTER) for text in self.texts_of(key))
        return tuple(pointer for pointer in parsed if pointer is not None)

    def sources(self, key: str) -> Sources:
        return self._sources(key, self.texts_of(key))

    def alternatives(self, key: str, *, flat_is_one: bool) -> tuple[Sources, ...]:
        """Read a list of lists of sources; a flat list is one alternative, or each of its items is."""
        value = self.document.get(key)
        if not isinstance(value, list) or not any(isinstance(item, list) for item in value):
            found = self.sources(key)
            return ((found,) if found else ()) if flat_is_one else tuple((source,) for source in found)
        alternatives = []
        for path, item in self.items(key):
            inner = Table({path: item}, "", self.mistakes, self.picks)
            alternatives.append(inner.sources(path))
        return tuple(alternatives)

    def _sources(self, key: str, texts: tuple[str, ...]) -> Sources:
        parsed = (self._parsed(key, text, parse_source, _SOURCE) for text in texts)
        found = tuple(source for source in parsed if source is not None)
        for source in found:
            if source.place is Place.PICK and source.name not in self.picks:
                self.note(key, f"uses pick:{source.name}, which [pick] doesn't name before", "name it there")
        return found

    def _parsed(self, key: str, text: str, parse: Callable[[str], Parsed], mend: str) -> Parsed | None:
        try:
            return parse(text)
        except ValueError as problem:
            self.note(key, f"is {text[:60]!r} and {problem}", mend)
            return None


def _parse_pattern(text: str) -> re.Pattern[str]:
    if len(text) > LONGEST_PATTERN:
        raise ValueError(f"is longer than {LONGEST_PATTERN} characters")
    try:
        return re.compile(text)
    except (re.error, OverflowError, RecursionError) as problem:
        raise ValueError(f"is no pattern ({problem})") from None
