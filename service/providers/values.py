"""What JSON values are as text, and the shapes that tools give to one answer of several parts."""

from collections.abc import Iterator, Mapping
from typing import Any

from service.providers.limits import LONGEST_KEY, LONGEST_VALUE

_EXACT_WHOLE_NUMBERS = 1e15
TRUE_LIKE = frozenset(
    {"1", "true", "on", "yes", "y", "checked", "accepted", "accept", "agreed", "agree", "subscribed"}
    | {"opt_in", "opted_in", "opt-in", "opted-in"}
)
FALSE_LIKE = frozenset(
    {"0", "false", "off", "no", "n", "unchecked", "declined", "denied", "rejected", "unsubscribed"}
    | {"opt_out", "opted_out", "opt-out", "opted-out"}
)


def text_of(value: Any) -> str | None:
    """Return a plain value as text; None for null, lists and objects."""
    if value is None or isinstance(value, str):
        return value[:LONGEST_VALUE] if value else value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        whole = value.is_integer() and abs(value) < _EXACT_WHOLE_NUMBERS
        return str(int(value)) if whole else repr(value)
    return str(value) if isinstance(value, int) else None


def is_plain(value: Any) -> bool:
    return value is None or isinstance(value, str | int | float)


def join_texts(values: list[Any]) -> str:
    """Return a list of plain values as one text."""
    return ";".join(text for text in map(text_of, values) if text is not None)[:LONGEST_VALUE]


def is_true_like(value: Any) -> bool:
    """Whether a flag is set; what is no flag at all is not."""
    text = text_of(value)
    return text is not None and text.strip().lower() in TRUE_LIKE


def expand(key: str, value: Any) -> Iterator[tuple[str, Any, str]]:
    """Yield key, value and text of each answer that a value holds: one, or one for each part of an object."""
    text = text_of(value)
    if text is not None:
        yield key, value, text
    elif isinstance(value, list):
        yield from _expand_list(key, value)
    elif isinstance(value, dict):
        shape = _known_shape(value)
        if shape is not None:
            yield from expand(key, shape)
            return
        for name, part in value.items():
            yield from expand(_under(key, name), part)


def _expand_list(key: str, values: list[Any]) -> Iterator[tuple[str, Any, str]]:
    if all(map(is_plain, values)):
        yield key, values, join_texts(values)
        return
    for number, part in enumerate(values):
        yield from expand(_under(key, str(number)), part)


def _under(key: str, name: str) -> str:
    return f"{key}.{name}"[:LONGEST_KEY] if key else name[:LONGEST_KEY]


def _known_shape(value: Mapping[str, Any]) -> Any:
    """Return the one value that an object stands for; None when it is no known shape."""
    names = value.keys()
    if names in ({"full"}, {"value"}, {"value", "unix"}):
        return value.get("full") or value.get("value")
    if names in ({"area", "phone"}, {"country", "area", "phone"}):
        return _joined(value, ("country", "area", "phone"))
    if {"year", "month", "day"} <= names <= _DATE_PARTS:
        return _date(value)
    if isinstance(value.get("labels"), list):
        other = value.get("other")
        return [*value["labels"], other] if other else value["labels"]
    if names <= _CHOICE_PARTS and (value.get("label") or value.get("other")):
        return value.get("label") or value.get("other")
    return None


_DATE_PARTS = frozenset({"year", "month", "day", "hour", "min"})
_CHOICE_PARTS = frozenset({"id", "ref", "label", "other"})


def _joined(value: Mapping[str, Any], names: tuple[str, ...]) -> str:
    return " ".join(filter(None, (text_of(value.get(name)) for name in names)))


def _date(value: Mapping[str, Any]) -> str | None:
    """Return `2026-03-02` or `2026-03-02 10:00`, an empty text when all parts are; None when a part is no number."""
    parts = {name: text_of(part) or "" for name, part in value.items()}
    if not any(parts.values()):
        return ""
    if not all(part.isdecimal() for part in parts.values()):
        return None
    date = f"{parts['year']:0>4}-{parts['month']:0>2}-{parts['day']:0>2}"
    return f"{date} {parts.get('hour', '0'):0>2}:{parts.get('min', '0'):0>2}" if "hour" in parts else date
