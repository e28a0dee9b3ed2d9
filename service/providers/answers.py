"""Collects the answers of one event: key, text, label and type of everything that its description calls a field."""

from collections.abc import Iterable, Sized
from dataclasses import dataclass
from itertools import islice
from typing import Any

from service.errors import Unreadable
from service.providers.bodies import load_json
from service.providers.description import (
    Description,
    LabelRule,
    LineRule,
    ListRule,
    MapRule,
    NameRule,
)
from service.providers.events import UnreadableReason
from service.providers.limits import LONGEST_KEY, LONGEST_LABEL, MOST_FIELDS
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
    """What was found about a field in another place of the document; it is taken apart when it is asked for."""

    rule: LabelRule
    item: Any
    part: Any = None

    def label(self) -> str:
        label = _text_at(self.rule.label, self.item, LONGEST_LABEL)
        return f"{label} {self._own_label()}".strip()[:LONGEST_LABEL] if self.part is not None else label

    def type(self) -> str:
        return _text_at(self.rule.type, self.item)

    def options(self) -> frozenset[str]:
        """A part's own label is a choice."""
        own = self._own_label() if self.part is not None else ""
        return frozenset({own}) if own else _NO_OPTIONS

    def _own_label(self) -> str:
        parts = self.rule.parts
        return _text_at(parts.label, self.part, LONGEST_LABEL) if parts is not None else ""


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
    if rule.pointers and any(_is_filled(pointer.find(scope.element)) for pointer in rule.pointers):
        return True
    if not rule.names:
        return False
    places = [scope.element, *[first(map_rule.at, scope) for map_rule in description.fields.maps]]
    return any(
        _is_filled(place[name])
        for place in places
        if isinstance(place, dict) and not rule.names.isdisjoint(place)
        for name in rule.names & place.keys()
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
            joined = labels.get(name) if labels else None
            if joined is None:
                answers += _answers(key, _as_list(rule, value))
            else:
                known = (joined.label(), joined.type(), joined.options())
                answers += _answers(key, _as_list(rule, value), *known)
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


def _answers(
    key: str, value: Any, label: str = "", kind: str = "", options: frozenset[str] = _NO_OPTIONS
) -> list[Answer]:
    text = text_of(value)
    if text is not None and value is not None:
        return [Answer(key, value, text, label, kind, options)]
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
    joined = labels.get(name) if labels else None
    label = _text_at(rule.label, item, LONGEST_LABEL) or (joined.label() if joined is not None else "")
    key = _field_key(rule.names, name or label[:LONGEST_KEY] or f"field_{number}")
    if key is None:
        return []
    kind = _text_at(rule.type, item) or (joined.type() if joined is not None else "")
    known = joined.options() if joined is not None else _NO_OPTIONS
    options = _options(rule.options, rule, item) if rule.options is not None else None
    if options:
        known = known.union(options.values())
    return _answers(key, _item_value(rule, item, options), label, kind, known)


def _item_value(rule: ListRule, item: dict[str, Any], options: dict[str, str] | None) -> Any:
    value = None
    for pointer in rule.value:
        value = pointer.find(item)
        if value is not None:
            break
    if not rule.value:
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
        value = pointer.find(item)
        text = value if type(value) is str else text_of(value)
        if text:
            return text[:longest]
    return ""


def _join(rule: LabelRule, scope: Scope) -> dict[str, _Joined]:
    """Return what tells label and type of fields, by their keys."""
    joined: dict[str, _Joined] = {}
    for item in _items(first(rule.at, scope)):
        _enter(joined, rule.key, item, _Joined(rule, item))
        for part in _items(rule.parts.at.find(item)) if rule.parts is not None else ():
            _enter(joined, rule.key, part, _Joined(rule, item, part))
    return joined


def _enter(joined: dict[str, _Joined], key: tuple[Pointer, ...], item: Any, found: _Joined) -> None:
    for pointer in key:
        value = pointer.find(item)
        name = value if type(value) is str else text_of(value)
        if name:
            joined[name] = found


def _items(found: Any) -> list[dict[str, Any]]:
    candidates = found if isinstance(found, list) else found.values() if isinstance(found, dict) else ()
    return [item for item in islice(candidates, MOST_FIELDS) if isinstance(item, dict)]
