"""Finds out which answers are the contact's e-mail address, name, phone, company and consent.

In this order: fixed places of the description, the provider's own field types, words in the key, words in the label;
and a value must always fit. A mapping that a person made for a form is stronger than all of it.
"""

import re
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import replace
from functools import lru_cache
from typing import TypedDict

from service.addresses import normalise_email
from service.providers.answers import Answer
from service.providers.consent import Consent, evidence, find_consent, judge_value
from service.providers.description import Description, Role, RoleGroup, RoleRule
from service.providers.events import Event
from service.providers.meanings import BY_GROUP, NO_ROLES, OF_PERSONS, meaning_of_field
from service.providers.names import complete
from service.providers.pointers import Scope, Source
from service.providers.values import is_true_like, text_of
from service.providers.vocabulary import PERSON_ROLES

LONGEST_NAME = 200
_is_phone = re.compile(r"\+?[0-9 ()./\u00a0-]{4,40}(?: ?(?:x|ext\.?) ?[0-9]{1,6})?", re.IGNORECASE).fullmatch
_FEWEST_DIGITS = 5
_MOST_DIGITS = 20
MOST_TRIES = 20
"""Answers that are tried for one role: looking whether a text is an address costs time."""
_LONGEST_TRIED = 1000
_MOST_REMEMBERED = 4096


class Person(TypedDict):
    """Who an event is about, as far as it tells; the names are those of an event."""

    email: str | None
    first_name: str | None
    last_name: str | None
    phone: str | None
    company: str | None
    consent: bool | None
    consent_text: str | None


def find_person(description: Description, scope: Scope, event_type: str, answers: list[Answer]) -> Person:
    """Return what the event tells about its person."""
    rule = description.roles
    found = {role: value for role in rule.fixed if role in FITS and (value := _fixed(rule, role, scope))}
    labelled = answers
    if rule.detect and answers:
        grouped = _grouped(rule.groups, answers)
        found |= _detect(rule, answers, grouped, found.keys())
        labelled = _with_group_labels(answers, grouped)
    first, last = complete(found.get(Role.NAME), found.get(Role.FIRST_NAME), found.get(Role.LAST_NAME))
    consent = _find_consent(rule, scope, event_type, labelled)
    return {
        "email": found.get(Role.EMAIL),
        "first_name": first,
        "last_name": last,
        "phone": found.get(Role.PHONE),
        "company": found.get(Role.COMPANY),
        "consent": consent.wanted if consent is not None else None,
        "consent_text": (consent.text or None) if consent is not None else None,
    }


def only_address(answers: list[Answer]) -> str | None:
    """Return the address when exactly one answer is one: it is the submitter's, whatever the field is called."""
    candidates = [answer.text for answer in answers if "@" in answer.text and not _is_of_others(answer)]
    found = {address for text in candidates[:MOST_TRIES] if (address := fit_email(text))}
    return found.pop() if len(found) == 1 else None


def _is_of_others(answer: Answer) -> bool:
    return meaning_of_field(answer.key, answer.label, NO_ROLES).of_others


def remap(event: Event, mapping: Mapping[str, str]) -> Event:
    """Return the event with the roles that a person gave to fields: role to key, an empty key for no field.

    A role in the mapping is never detected, even when its field is missing or its value doesn't fit.
    """
    if not mapping:
        return event
    named = {role: event.fields.get(mapping[role]) for role in PERSON_ROLES if role in mapping}
    values = {role: FITS[role](text) if text is not None else None for role, text in named.items()}
    if Role.NAME in values:
        first, last = complete(values.pop(Role.NAME), values.get(Role.FIRST_NAME), values.get(Role.LAST_NAME))
        values |= {Role.FIRST_NAME: first, Role.LAST_NAME: last}
    changed = replace(event, **{role.value: value for role, value in values.items()})  # type: ignore[arg-type]
    return _remap_consent(changed, mapping) if Role.CONSENT in mapping else changed


def _remap_consent(event: Event, mapping: Mapping[str, str]) -> Event:
    key = mapping[Role.CONSENT]
    text = event.fields.get(key)
    wanted = judge_value(text, is_box=True)
    if text is None or wanted is None:
        return replace(event, consent=None, consent_text=None)
    said = event.fields.get(mapping.get(Role.CONSENT_TEXT, ""))
    answer = Answer(key, text, text, event.labels.get(key, ""))
    return replace(event, consent=wanted, consent_text=said or evidence(answer, wanted=wanted))


def fit_email(text: str) -> str | None:
    return normalise_email(text) if "@" in text else None


def fit_phone(text: str) -> str | None:
    number = text.strip()
    digits = sum(map(str.isdecimal, number))
    return number if _FEWEST_DIGITS <= digits <= _MOST_DIGITS and _is_phone(number) else None


def fit_name(text: str) -> str | None:
    """A name has a letter and is no address, neither of mail nor of the web."""
    name = " ".join(text.split())
    fits = 0 < len(name) <= LONGEST_NAME and "@" not in name and "://" not in name
    return name if fits and any(map(str.isalpha, name)) else None


def fit_company(text: str) -> str | None:
    name = " ".join(text.split())
    return name if 0 < len(name) <= LONGEST_NAME and fit_email(name) is None else None


FITS: Mapping[Role, Callable[[str], str | None]] = {
    Role.EMAIL: fit_email,
    Role.FIRST_NAME: fit_name,
    Role.LAST_NAME: fit_name,
    Role.NAME: fit_name,
    Role.PHONE: fit_phone,
    Role.COMPANY: fit_company,
}


def _fit(rule: RoleRule, role: Role, text: str) -> str | None:
    """Return the value as it is kept; None when it doesn't fit or is to be ignored."""
    text = text[:_LONGEST_TRIED]
    if role in rule.strip:
        text = rule.strip[role].sub("", text, count=1)
    if role in rule.ignore and rule.ignore[role].search(text) is not None:
        return None
    return FITS[role](text)


def _fixed(rule: RoleRule, role: Role, scope: Scope) -> str | None:
    for source in rule.fixed.get(role, ()):
        text = text_of(source.find(scope))
        value = _fit(rule, role, text) if text else None
        if value is not None:
            return value
    return None


def _detect(
    rule: RoleRule, answers: list[Answer], grouped: Mapping[str, Role], settled: AbstractSet[Role]
) -> dict[Role, str]:
    """Return the best answer for each role that isn't settled; of equally good ones the first."""
    best: dict[Role, tuple[int, str]] = {}
    tries: dict[Role, int] = {}
    for answer in answers:
        for rank, role in _candidates(rule, answer, grouped) if answer.text else ():
            if role in settled or (role in best and best[role][0] <= rank):
                continue
            tries[role] = tries.get(role, 0) + 1
            value = _fit(rule, role, answer.text) if tries[role] <= MOST_TRIES else None
            if value is not None:
                best[role] = (rank, value)
    return {role: value for role, (_, value) in best.items()}


def _candidates(rule: RoleRule, answer: Answer, grouped: Mapping[str, Role]) -> tuple[tuple[int, Role], ...]:
    """Return the roles that an answer may have: by group, by type, by key, by label; the best reason first."""
    roles = meaning_of_field(answer.key, answer.label, rule.types.get(answer.type, NO_ROLES)).roles
    if grouped and grouped.get(answer.key) in OF_PERSONS:
        return ((BY_GROUP, grouped[answer.key]), *roles)
    return roles


def _grouped(groups: tuple[RoleGroup, ...], answers: list[Answer]) -> dict[str, Role]:
    """Return the roles of answers that are numbered parts of one question, by key."""
    found: dict[str, Role] = {}
    for group in groups:
        questions: dict[str, dict[str, Answer]] = {}
        for answer in answers:
            found_at = _question_and_part(group.key, answer.key)
            if found_at is not None:
                question, part = found_at
                questions.setdefault(question, {})[part] = answer
        for parts in questions.values():
            if _is_of(group, parts):
                found |= {parts[part].key: role for part, role in group.roles.items()}
    return found


@lru_cache(maxsize=_MOST_REMEMBERED)
def _question_and_part(pattern: re.Pattern[str], key: str) -> tuple[str, str] | None:
    match = pattern.fullmatch(key)
    return None if match is None else (match[1] or "", match[2] or "")


def _is_of(group: RoleGroup, parts: Mapping[str, Answer]) -> bool:
    return (
        parts.keys() <= group.parts
        and group.roles.keys() <= parts.keys()
        and all(
            pattern.fullmatch(parts[part].text) for part, pattern in group.values.items() if part in parts
        )
    )


def _with_group_labels(answers: list[Answer], grouped: Mapping[str, Role]) -> list[Answer]:
    """Let a group's consent have the text beside it as its label."""
    if not grouped or Role.CONSENT not in grouped.values():
        return answers
    text = next((answer.text for answer in answers if grouped.get(answer.key) is Role.CONSENT_TEXT), "")
    return [
        replace(answer, label=answer.label or text) if grouped.get(answer.key) is Role.CONSENT else answer
        for answer in answers
    ]


def _find_consent(rule: RoleRule, scope: Scope, event_type: str, answers: list[Answer]) -> Consent | None:
    """What the provider says outright counts before detection, and a no before a yes."""
    for source in rule.refused:
        if is_true_like(source.find(scope)):
            return Consent(wanted=False, text=_name_of(source))
    if event_type in rule.consent_by_type:
        found: Consent | None = Consent(wanted=rule.consent_by_type[event_type], text=event_type)
    else:
        found = _fixed_consent(rule, scope)
        if found is None and rule.detect:
            found = find_consent(answers, rule.types)
    for source in rule.fixed.get(Role.CONSENT_TEXT, ()) if found is not None else ():
        said = text_of(source.find(scope))
        if found is not None and said:
            return replace(found, text=said)
    return found


def _fixed_consent(rule: RoleRule, scope: Scope) -> Consent | None:
    for source in rule.fixed.get(Role.CONSENT, ()):
        wanted = judge_value(source.find(scope), is_box=False)
        if wanted is not None:
            return Consent(wanted=wanted, text=_name_of(source))
    return None


def _name_of(source: Source) -> str:
    """Return what the place is called: the evidence where no person read a label."""
    return source.pointer.tokens[-1] if source.pointer.tokens else source.name
