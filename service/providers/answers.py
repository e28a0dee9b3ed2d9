"""Collects the answers of one event: key, text, label and type of everything that its description calls a field."""

from collections.abc import Iterable, Sized
from dataclasses import dataclass
from itertools import islice
from typing import Any

from service.providers.bodies import load_json
from service.providers.description import (
    Description,
    LabelRule,
    LineRule,
    ListRule,
    MapRule,
    NameRule,
    PartRule,
)
from service.providers.events import Unreadable, UnreadableReason
from service.providers.limits import LONGEST_KEY, LONGEST_LABEL, LONGEST_VALUE, MOST_FIELDS
from service.providers.pointers import Pointer, Scope, Sources, first
from service.providers.values import expand, is_plain, join_texts, text_of

_LONGEST_LINE_NAME = 80
_NO_OPTIONS: frozenset[str] = frozenset()


@dataclass(slots=True)
class Answer:
    """One field of an event."""

    key: str
    value: Any
    """As it was sent, options in their texts: a list of chosen options is told from a text by it."""
    text: str
    label: str = ""
    type: str = ""
    options: frozenset[str] = _NO_OPTIONS
    """Texts that are choices; all that are known."""


@dataclass(slots=True)
class _Joined:
    """What was found about a field in another place of the document."""

    label: str = ""
    type: str = ""
    options: frozenset[str] = _NO_OPTIONS


_NOT_JOINED = _Joined()


def collect_answers(description: Description, scope: Scope) -> list[Answer]:
    """Return the answers in the order sent; of equal keys the later ones get `_2`, `_3`. Raises Unreadable."""
    answers = _all_answers(description, scope)
    check_number(answers)
    if len({answer.key for answer in answers}) < len(answers):
        _number_equal_keys(answers)
    return answers


def check_number(sized: Sized) -> None:
    if len(sized) > MOST_FIELDS:
        raise Unreadable(UnreadableReason.TOO_MANY_FIELDS, f"an event has more than {MOST_FIELDS} fields")


def is_trapped(description: Description, scope: Scope) -> bool:
    """Whether a field that people don't see is filled in."""
    rule = description.honeypot
    if any(_is_filled(pointer.find(scope.element)) for pointer in rule.pointers):
        return True
    if not rule.names:
        return False
    places = [scope.element, *(first(rule.at, scope) for rule in description.fields.maps)]
    return any(
        _is_filled(place.get(name)) for place in places if isinstance(place, dict) for name in rule.names
    )


def _is_filled(value: Any) -> bool:
    return bool((text_of(value) or "").strip()) or (isinstance(value, list | dict) and bool(value))


def _all_answers(description: Description, scope: Scope) -> list[Answer]:
    rules = description.fields
    answers: list[Answer] = []
    for map_rule in rules.maps:
        answers += _read_map(map_rule, scope, description.honeypot.names)
    for list_rule in rules.lists:
        answers += _read_list(list_rule, scope)
    for key, sources in rules.named:
        answers += _read_named(key, sources, scope)
    for line_rule in rules.lines:
        answers += _read_lines(line_rule, scope)
    return answers


def _number_equal_keys(answers: list[Answer]) -> None:
    taken: set[str] = set()
    used: dict[str, int] = {}
    for answer in answers:
        key = answer.key
        while answer.key in taken:
            used[key] = used.get(key, 1) + 1
            answer.key = f"{key}_{used[key]}"
        taken.add(answer.key)


def _read_map(rule: MapRule, scope: Scope, honeypot: frozenset[str]) -> list[Answer]:
    place = first(rule.at, scope)
    if not isinstance(place, dict):
        return []
    check_number(place)
    labels = _join(rule.labels, scope) if rule.labels is not None else {}
    answers: list[Answer] = []
    for name, value in place.items():
        key = None if name in honeypot else _field_key(rule.names, name)
        if key is not None:
            answers += _answers(key, _as_list(rule, value), labels.get(name, _NOT_JOINED))
    return answers


def _as_list(rule: MapRule, value: Any) -> Any:
    """Read a text that stands for a list, where the rule says so."""
    if not isinstance(value, str):
        return value
    if rule.split and rule.split in value:
        return [part.strip() for part in value.split(rule.split)]
    if rule.json_lists and value.startswith("["):
        try:
            found = load_json(value)
        except Unreadable:
            return value
        return found if isinstance(found, list) and all(map(is_plain, found)) else value
    return value


def _field_key(rule: NameRule, name: str) -> str | None:
    """Return the key of a field by its name, None when it is not to be read."""
    if name in rule.skip:
        return None
    key = name[:LONGEST_KEY]
    if rule.keep is not None and rule.keep.search(key) is None:
        return None
    if rule.strip is not None:
        key = rule.strip.sub("", key, count=1) or key
    return key or "_"


def _answers(key: str, value: Any, joined: _Joined) -> list[Answer]:
    label, kind, options = joined.label, joined.type, joined.options
    if isinstance(value, str):
        return [Answer(key, value, value[:LONGEST_VALUE], label, kind, options)]
    answers: list[Answer] = []
    for full_key, plain, text in expand(key, value):
        answers.append(Answer(full_key, plain, text, label, kind, options))
        check_number(answers)
    return answers


def _read_list(rule: ListRule, scope: Scope) -> list[Answer]:
    found = first(rule.at, scope)
    if not isinstance(found, dict | list):
        return []
    check_number(found)
    pairs: Iterable[tuple[Any, Any]] = (
        found.items() if isinstance(found, dict) else ((None, item) for item in found)
    )
    labels = _join(rule.labels, scope) if rule.labels is not None else {}
    answers: list[Answer] = []
    for number, (own_name, item) in enumerate(pairs, start=1):
        if isinstance(item, dict):
            answers += _read_item(rule, item, own_name or "", number, labels)
    return answers


def _read_item(
    rule: ListRule, item: dict[str, Any], own_name: str, number: int, labels: dict[str, _Joined]
) -> list[Answer]:
    name = _text_at(rule.key, item) or own_name
    joined = labels.get(name, _NOT_JOINED)
    label = _text_at(rule.label, item, LONGEST_LABEL) or joined.label
    key = _field_key(rule.names, name or label[:LONGEST_KEY] or f"field_{number}")
    if key is None:
        return []
    options = _options(rule.options, rule, item) if rule.options is not None else {}
    known = joined.options.union(options.values()) if options else joined.options
    kind = _text_at(rule.type, item) or joined.type
    return _answers(key, _item_value(rule, item, options), _Joined(label, kind, known))


def _item_value(rule: ListRule, item: dict[str, Any], options: dict[str, str]) -> Any:
    if rule.value:
        value = next((found for pointer in rule.value if (found := pointer.find(item)) is not None), None)
    else:
        value = item.get(_text_of_name(item.get("type")))
    if rule.item_text is not None and isinstance(value, list):
        value = [rule.item_text.find(inner) if isinstance(inner, dict) else inner for inner in value]
    return _chosen(value, options) if options else value


def _text_of_name(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _options(place: Pointer, rule: ListRule, item: dict[str, Any]) -> dict[str, str]:
    """Return texts of options by id."""
    found = place.find(item)
    if not isinstance(found, list):
        return {}
    pairs = ((rule.option_id.find(option), rule.option_text.find(option)) for option in found[:MOST_FIELDS])
    return {text_of(key) or "": text for key, value in pairs if (text := text_of(value))}


def _chosen(value: Any, options: dict[str, str]) -> Any:
    """Return a value with the texts of the options in place of their ids."""
    if isinstance(value, list):
        return [_chosen(inner, options) for inner in value]
    text = text_of(value)
    return options.get(text, value) if text is not None else value


def _read_named(key: str, sources: Sources, scope: Scope) -> list[Answer]:
    value = first(sources, scope)
    text = text_of(value)
    if text is None and isinstance(value, list) and all(map(is_plain, value)):
        text = join_texts(value)
    return [Answer(key, value, text)] if text else []


def _read_lines(rule: LineRule, scope: Scope) -> list[Answer]:
    text = text_of(first(rule.at, scope)) or ""
    answers: dict[str, Answer] = {}
    for line in text.splitlines():
        name, separator, value = line.partition(rule.separator)
        name, value = name.strip(), value.strip()
        if separator and 0 < len(name) <= _LONGEST_LINE_NAME:
            answers.setdefault(name, Answer(name, value, value))
    return list(answers.values())


def _text_at(pointers: tuple[Pointer, ...], item: Any, longest: int = LONGEST_KEY) -> str:
    """Return the first text that is there, cut to what a key or label may be."""
    for pointer in pointers:
        text = text_of(pointer.find(item))
        if text:
            return text[:longest]
    return ""


def _join(rule: LabelRule, scope: Scope) -> dict[str, _Joined]:
    """Return label and type of fields by their keys."""
    found = first(rule.at, scope)
    joined: dict[str, _Joined] = {}
    for item in _items(found):
        label, kind = _text_at(rule.label, item, LONGEST_LABEL), _text_at(rule.type, item)
        _enter(joined, rule.key, item, _Joined(label, kind))
        if rule.parts is not None:
            _join_parts(joined, rule.parts, item, label, kind)
    return joined


def _join_parts(joined: dict[str, _Joined], rule: PartRule, item: Any, label: str, kind: str) -> None:
    for part in _items(rule.at.find(item)):
        own = _text_at(rule.label, part, LONGEST_LABEL)
        full = f"{label} {own}".strip()[:LONGEST_LABEL]
        _enter(joined, rule.key, part, _Joined(full, kind, frozenset({own} if own else ())))


def _enter(joined: dict[str, _Joined], key: tuple[Pointer, ...], item: Any, found: _Joined) -> None:
    for pointer in key:
        name = text_of(pointer.find(item))
        if name:
            joined[name] = found


def _items(found: Any) -> list[dict[str, Any]]:
    candidates = found if isinstance(found, list) else found.values() if isinstance(found, dict) else ()
    return [item for item in islice(candidates, MOST_FIELDS) if isinstance(item, dict)]
