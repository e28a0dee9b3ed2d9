"""Reads filters from the JSON of HubSpot's search, refusing what can't be meant; and writes them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from service.domain.filters.model import (
    OF_LISTS,
    OF_ORDER,
    OF_PRESENCE,
    OF_TOKENS,
    Condition,
    Filter,
    Operator,
    PropertyType,
)
from service.domain.filters.values import ANYTHING, READERS
from service.domain.reading import Mistake, Reader, is_storable

MOST_GROUPS = 5
MOST_IN_A_GROUP = 6
MOST_CONDITIONS = 18
MOST_VALUES = 100
LONGEST_VALUE = 1_000
LONGEST_NAME = 200
MOST_WILDCARDS = 10

_KEYS = frozenset({"filterGroups", "filters"})
_CONDITION_KEYS = frozenset({"propertyName", "operator", "value", "values", "highValue"})
_MENDS: Mapping[PropertyType, str] = MappingProxyType(
    {
        PropertyType.NUMBER: "write a number of at most 15 digits, such as 42 or -0.5",
        PropertyType.DATETIME: "write 2026-03-10, 2026-03-10T09:30:00Z or milliseconds since 1970",
        PropertyType.BOOL: "write true or false",
        PropertyType.ID: "write a whole number",
    }
)


def read_filter(document: object) -> Filter:
    """Read `filterGroups`, or `filters` as the one group; other keys of a search are not looked at.

    Raises InvalidInput with every mistake in the document.
    """
    reader = Reader.of(document, "", [])
    reader.check_spelling(_KEYS)
    if reader.has("filters") and reader.has("filterGroups"):
        reader.note("filters", "stands beside filterGroups", "write one of the two")
    groups = tuple(_read_groups(reader))
    _check_numbers(reader, groups)
    reader.raise_mistakes("the filter")
    return Filter(groups)


def dump_filter(wanted: Filter) -> dict[str, object]:
    """Return the document that reads as this filter."""
    return {"filterGroups": [{"filters": list(map(_dump_condition, group))} for group in wanted.groups]}


def _read_groups(reader: Reader) -> Iterator[tuple[Condition, ...]]:
    if reader.has("filters"):
        yield _read_group(reader)
    for group in reader.children("filterGroups"):
        group.check_spelling(frozenset({"filters"}))
        yield _read_group(group)


def _read_group(reader: Reader) -> tuple[Condition, ...]:
    group = tuple(map(_read_condition, reader.children("filters")))
    if not group and isinstance(reader.document.get("filters", []), list):
        reader.note("filters", "is empty", "write a filter, or leave the group out")
    if len(group) > MOST_IN_A_GROUP:
        reader.note("filters", f"has {len(group)} filters", f"write at most {MOST_IN_A_GROUP}")
    return group


def _check_numbers(reader: Reader, groups: tuple[tuple[Condition, ...], ...]) -> None:
    if len(groups) > MOST_GROUPS:
        reader.note("filterGroups", f"has {len(groups)} groups", f"write at most {MOST_GROUPS}")
    conditions = sum(map(len, groups))
    if conditions > MOST_CONDITIONS:
        reader.note("", f"has {conditions} filters in all", f"write at most {MOST_CONDITIONS}")


def _read_condition(reader: Reader) -> Condition:
    reader.check_spelling(_CONDITION_KEYS)
    known = len(reader.mistakes)
    name, operator = reader.text("propertyName"), reader.text("operator")
    if len(reader.mistakes) == known and not 0 < len(name) <= LONGEST_NAME:
        reader.note(
            "propertyName", "is missing or too long", f"name a property, in up to {LONGEST_NAME} characters"
        )
    if operator not in set(Operator):
        reader.note("operator", "is missing or unknown", f"choose one of {', '.join(Operator)}")
        return Condition(name, Operator.HAS_PROPERTY)
    return _ConditionReader(reader, Condition(name, Operator(operator))).read()


@dataclass(frozen=True, slots=True)
class _ConditionReader:
    """Reads the values that an operator takes, and notes those that it does not."""

    reader: Reader
    blank: Condition
    """The condition without its values."""

    def read(self) -> Condition:
        operator = self.blank.operator
        self._check_operator()
        wanted = self._wanted()
        for key in ("value", "values", "highValue"):
            if key not in wanted and self.reader.document.get(key) not in (None, "", []):
                self.reader.note(key, f"is nothing that {operator} takes", "leave it out")
        value = self._read_value("value") if "value" in wanted else ""
        high = self._read_value("highValue") if "highValue" in wanted else ""
        values = tuple(self._read_values()) if "values" in wanted else ()
        return Condition(self.blank.property_name, operator, value, values, high)

    def _wanted(self) -> tuple[str, ...]:
        operator = self.blank.operator
        if operator in OF_PRESENCE:
            return ()
        if operator in OF_LISTS:
            return ("values",)
        return ("value", "highValue") if operator is Operator.BETWEEN else ("value",)

    def _check_operator(self) -> None:
        operator, kind = self.blank.operator, self.blank.type
        if operator in OF_TOKENS and kind not in {PropertyType.TEXT, PropertyType.ENUMERATION}:
            self.reader.note("operator", f"does not go with a {kind}", f"use {Operator.EQ} or {Operator.IN}")
        if operator in OF_ORDER and kind is PropertyType.BOOL:
            self.reader.note("operator", f"does not go with a {kind}", f"use {Operator.EQ}")

    def _read_value(self, key: str) -> str:
        return self._check_value(self.reader.at(key), self.reader.document.get(key))

    def _read_values(self) -> Iterator[str]:
        items = list(self.reader.items("values"))
        if not items:
            self.reader.note("values", "is missing or empty", "write a list of values")
        if len(items) > MOST_VALUES:
            self.reader.note("values", f"has {len(items)} values", f"write at most {MOST_VALUES}")
        for path, item in items[:MOST_VALUES]:
            yield self._check_value(path, item)

    def _check_value(self, path: str, value: object) -> str:
        text = _written(value)
        if mistake := self._mistake_of(text):
            self.reader.mistakes.append(Mistake(path, *mistake))
            return ""
        return text or ""

    def _mistake_of(self, text: str | None) -> tuple[str, str] | None:
        """Return what is wrong with a value, and the mend."""
        kind = self.blank.type
        if text is None or not is_storable(text):
            return "is no text, number or truth value", "write it as a text"
        if not text:
            return "is missing or empty", f"to find contacts without one use {Operator.NOT_HAS_PROPERTY}"
        if len(text) > LONGEST_VALUE:
            return f"has {len(text)} characters", f"write at most {LONGEST_VALUE}"
        if self.blank.operator in OF_TOKENS and text.count(ANYTHING) > MOST_WILDCARDS:
            return f"has more than {MOST_WILDCARDS} wildcards", "take some out"
        if kind in READERS and READERS[kind](text) is None:
            return f"is no {kind}", _MENDS[kind]
        return None


def _written(value: object) -> str | None:
    """Return a value of JSON as text: `value` is a text with HubSpot, but programs send numbers as well."""
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value) if isinstance(value, int | float) and len(str(value)) <= LONGEST_VALUE else None


def _dump_condition(condition: Condition) -> dict[str, object]:
    document: dict[str, object] = {
        "propertyName": condition.property_name,
        "operator": condition.operator.value,
        "value": condition.value,
        "values": list(condition.values),
        "highValue": condition.high_value,
    }
    return {key: value for key, value in document.items() if value not in ("", [])}
