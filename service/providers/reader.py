"""Reads a delivery by its provider's description. Bounded and total: it returns events or raises Unreadable."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, TypedDict

from service.delivery import Delivery
from service.providers.answers import Answer, collect_answers, is_trapped
from service.providers.decode import decode, split
from service.providers.description import Condition, Description, EventRule, FetchRule, IdentityRule
from service.providers.events import Event, EventKind, KeptReason
from service.providers.limits import LONGEST_ID, LONGEST_LABEL
from service.providers.pointers import Scope, Sources, first
from service.providers.roles import find_person, only_address, remap
from service.providers.times import read_time
from service.providers.values import is_true_like, text_of

ANY_TYPE = "*"
NO_MAPPINGS: Mapping[str, Mapping[str, str]] = {}
_NAMELESS = frozenset({KeptReason.AGENT, KeptReason.PING, KeptReason.DELETED, KeptReason.OTHER_EVENT})
"""Of these nothing is read but what they are: what stands in them is not the contact's."""


def read(
    description: Description, delivery: Delivery, mappings: Mapping[str, Mapping[str, str]] = NO_MAPPINGS
) -> list[Event]:
    """Return the delivery's events; raises Unreadable.

    `mappings` has, by form id ("" for a form without), role to field key as a person chose them; they always win.
    """
    return read_document(description, delivery, decode(description, delivery), mappings)


def read_document(
    description: Description,
    delivery: Delivery,
    document: Any,
    mappings: Mapping[str, Mapping[str, str]] = NO_MAPPINGS,
) -> list[Event]:
    """Do what `read` does with a document that `decode` returned."""
    return [
        _read_event(description, Scope(delivery, document, element, description.picks), mappings)
        for element in split(description, document)
    ]


def _read_event(description: Description, scope: Scope, mappings: Mapping[str, Mapping[str, str]]) -> Event:
    rule = description.events
    event_type = _short_text(rule.type, scope) or "" if rule.type else ""
    kind, kept = _classify(rule, event_type)
    kept = kept or _broken_condition(rule, event_type, scope)
    identity = _identify(description.identity, scope)
    if kept in _NAMELESS:
        return Event(kind=kind, kept=kept, **identity)
    if kept is None and rule.test and any(is_true_like(source.find(scope)) for source in rule.test):
        kept = KeptReason.TEST
    if kept is None and is_trapped(description, scope):
        kept = KeptReason.SPAM
    answers = collect_answers(description, scope)
    person = find_person(description, scope, event_type, answers)
    if person["email"] is None and kind is EventKind.SUBMISSION and description.roles.detect:
        person["email"] = only_address(answers)
    event = Event(kind=kind, kept=kept, **identity, **_fields(answers), **person)
    mapping = mappings.get(event.form_id or "")
    if mapping:
        event = remap(event, mapping)
    fetch = _fetch(description.fetch, event_type, event)
    return event if fetch is None else replace(event, fetch=fetch)


def _classify(rule: EventRule, event_type: str) -> tuple[EventKind, KeptReason | None]:
    """Return what an event of this type is, and why it is only kept, if it is."""
    if not rule.type:
        return rule.default_kind, None
    for wanted in (event_type, ANY_TYPE):
        if wanted in rule.submission:
            return EventKind.SUBMISSION, None
        if wanted in rule.chat:
            return EventKind.CHAT, None
        if wanted in rule.kept:
            return rule.default_kind, rule.kept[wanted]
    return rule.default_kind, KeptReason.OTHER_EVENT


def _broken_condition(rule: EventRule, event_type: str, scope: Scope) -> KeptReason | None:
    for condition in rule.conditions:
        asked = condition.types is None or event_type in condition.types
        if asked and not _holds(condition, scope):
            return condition.otherwise
    return None


def _holds(condition: Condition, scope: Scope) -> bool:
    value = first(condition.at, scope)
    if condition.absent:
        return value is None
    text = text_of(value) or ""
    if condition.wanted is not None:
        return text in condition.wanted
    if condition.unwanted is not None:
        return text not in condition.unwanted
    return condition.like is None or condition.like.search(text[:LONGEST_LABEL]) is not None


class _Identity(TypedDict):
    form_id: str | None
    form_name: str | None
    event_id: str | None
    session: str | None
    occurred_at: datetime | None


def _identify(rule: IdentityRule, scope: Scope) -> _Identity:
    return {
        "form_id": _first_complete(rule.forms, scope),
        "form_name": _title(rule.form_name, scope) if rule.form_name else None,
        "event_id": _first_complete(rule.ids, scope),
        "session": _short_text(rule.session, scope) if rule.session else None,
        "occurred_at": read_time(first(rule.at, scope), rule.at_formats) if rule.at else None,
    }


def _first_complete(alternatives: tuple[Sources, ...], scope: Scope) -> str | None:
    """Return the joined parts of the first alternative that lacks none: half an id would make two events one."""
    for sources in alternatives:
        parts = []
        for source in sources:
            text = text_of(source.find(scope))
            if not text:
                break
            parts.append(text)
        else:
            return _bounded("/".join(parts)) if parts else None
    return None


def _bounded(text: str) -> str:
    if len(text) <= LONGEST_ID:
        return text
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def _title(sources: Sources, scope: Scope) -> str | None:
    return (text_of(first(sources, scope)) or "")[:LONGEST_LABEL] or None


def _short_text(sources: Sources, scope: Scope) -> str | None:
    text = text_of(first(sources, scope))
    return _bounded(text) if text else None


class _Fields(TypedDict):
    fields: dict[str, str]
    labels: dict[str, str]
    types: dict[str, str]


def _fields(answers: list[Answer]) -> _Fields:
    return {
        "fields": {answer.key: answer.text for answer in answers},
        "labels": {answer.key: answer.label for answer in answers if answer.label},
        "types": {answer.key: answer.type for answer in answers if answer.type},
    }


def _fetch(rule: FetchRule | None, event_type: str, event: Event) -> str | None:
    if rule is None or event.kept is not None or (rule.unless_email and event.email is not None):
        return None
    return rule.plugin if rule.types is None or event_type in rule.types else None
