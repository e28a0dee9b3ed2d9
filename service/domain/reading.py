"""Reads documents that people write; raises all their mistakes at once, each with its place and mend."""

import enum
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TypeVar

from service.errors import InvalidInput

Choice = TypeVar("Choice", bound=enum.StrEnum)


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing wrong in a document: where, what, and what to do."""

    path: str
    message: str
    mend: str

    def __str__(self) -> str:
        return f"{self.path or 'the document'} {self.message}; {self.mend}"


@dataclass(frozen=True, slots=True)
class Reader:
    """One object of a document. Getters return a harmless value where they note a mistake; null is absent."""

    document: Mapping[str, object]
    path: str = ""
    mistakes: list[Mistake] = field(default_factory=list)

    @classmethod
    def of(cls, value: object, path: str, mistakes: list[Mistake]) -> "Reader":
        """Read `value` as an object; anything else is a mistake and reads as an empty one."""
        if not isinstance(value, Mapping):
            mistakes.append(Mistake(path, f"is {_kind(value)}", "make it an object {…}"))
            value = {}
        return cls(value, path, mistakes)

    def at(self, key: str) -> str:
        return f"{self.path}.{key}" if self.path else key

    def note(self, key: str, message: str, mend: str) -> None:
        self.mistakes.append(Mistake(self.at(key) if key else self.path, message, mend))

    def raise_mistakes(self, what: str) -> None:
        """Raise InvalidInput with all that was noted, if anything was."""
        if self.mistakes:
            lines = "".join(f"\n- {mistake}" for mistake in self.mistakes)
            raise InvalidInput(
                f"{what} has {len(self.mistakes)} mistake(s):{lines}", field=self.mistakes[0].path
            )

    def check_spelling(self, keys: frozenset[str]) -> None:
        """Note keys that nothing reads but that look like one that is read; other keys are let be."""
        for key in self.document:
            if key in keys:
                continue
            plain = {known.lower(): known for known in keys}
            matches = get_close_matches(key.replace("_", "").lower(), plain, n=1, cutoff=0.85)
            if matches:
                self.note(key, "is not known", f"write {plain[matches[0]]!r}")

    def has(self, key: str) -> bool:
        return self.document.get(key) is not None

    def text(self, key: str, default: str = "") -> str:
        value = self.document.get(key)
        if value is None:
            return default
        if not isinstance(value, str):
            self.note(key, f"is {_kind(value)}", "make it a text")
            return default
        if not is_storable(value):
            self.note(key, "holds a NUL character or half a character", "take it out")
            return default
        return value

    def flag(self, key: str, *, default: bool) -> bool:
        value = self.document.get(key)
        if value is None:
            return default
        if not isinstance(value, bool):
            self.note(key, f"is {_kind(value)}", "make it true or false, without quotes")
            return default
        return value

    def whole(self, key: str) -> int | None:
        value = self.document.get(key)
        if value is None:
            return None
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**63:
            self.note(key, f"is {_kind(value)}", "make it a whole number of 0 or more")
            return None
        return value

    def number(self, key: str) -> float | None:
        value = self.document.get(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e15:  # noqa: PLR2004
            self.note(key, f"is {_kind(value)}", "make it a number below 10^15")
            return None
        return float(value)

    def choice(self, key: str, choices: type[Choice], default: Choice) -> Choice:
        value = self.document.get(key)
        if value is None:
            return default
        if not isinstance(value, str) or value not in set(choices):
            shown = repr(value[:50]) if isinstance(value, str) else _kind(value)
            self.note(key, f"is {shown}", f"choose one of {', '.join(choices)}")
            return default
        return choices(value)

    def child(self, key: str) -> "Reader":
        value = self.document.get(key)
        return Reader.of({} if value is None else value, self.at(key), self.mistakes)

    def items(self, key: str) -> Iterator[tuple[str, object]]:
        """Yield path and value of each item of a list."""
        value = self.document.get(key)
        if value is None:
            return
        if not isinstance(value, list | tuple):
            self.note(key, f"is {_kind(value)}", "make it a list […]")
            return
        for number, item in enumerate(value):
            yield f"{self.at(key)}[{number}]", item

    def children(self, key: str) -> Iterator["Reader"]:
        """Yield each item of a list of objects."""
        for path, item in self.items(key):
            yield Reader.of(item, path, self.mistakes)

    def texts(self, key: str) -> Iterator[str]:
        """Yield each item of a list of texts."""
        for path, item in self.items(key):
            if isinstance(item, str) and is_storable(item):
                yield item
            else:
                self.mistakes.append(Mistake(path, f"is {_kind(item)}", "make it a text"))


def is_storable(text: str) -> bool:
    """Whether databases take the text: no NUL, and all of it can be written as UTF-8."""
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


def _kind(value: object) -> str:
    """Say what a value is, briefly, in JSON's words."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, str):
        return f"the text {value[:50]!r}" if value else "an empty text"
    if isinstance(value, int | float):
        return f"the number {value}" if abs(value) < 1e20 else "a huge number"  # noqa: PLR2004
    return (
        "a list"
        if isinstance(value, list | tuple)
        else "an object"
        if isinstance(value, Mapping)
        else "no JSON"
    )
