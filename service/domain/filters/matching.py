"""Says of one contact, in memory, whether it matches a filter."""

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from service.domain.filters import values
from service.domain.filters.model import Condition, Filter, Operator, PropertyType
from service.domain.model import NEVER_MARKETING, Standing

Value = str | int | datetime
COMPARE: Mapping[Operator, Callable[[Any, Any], Any]] = {
    Operator.EQ: operator.eq,
    Operator.IN: operator.eq,
    Operator.LT: operator.lt,
    Operator.LTE: operator.le,
    Operator.GT: operator.gt,
    Operator.GTE: operator.ge,
}


@dataclass(frozen=True, slots=True)
class Subject:
    """A contact as its row has it."""

    contact_id: int
    email: str | None
    """Normalised."""
    properties: Mapping[str, str]
    created_at: datetime
    updated_at: datetime
    standing: Standing = NEVER_MARKETING
    active_at: datetime | None = None
    unsubscribed_at: datetime | None = None
    bounced_at: datetime | None = None


def matches(wanted: Filter, subject: Subject, now: datetime) -> bool:
    """Whether the contact matches, its marketing status being as of `now`. The filter is one that was read."""
    return not wanted.groups or any(
        all(_holds(condition, value_of(subject, condition.property_name, now)) for condition in group)
        for group in wanted.groups
    )


def value_of(subject: Subject, name: str, now: datetime) -> Value | None:
    """Return what the contact has for a property; its own go before equal names in the document."""
    own = OWN.get(name)
    return (own(subject, now) if own else subject.properties.get(name)) or None


def holds_for_flag(condition: Condition, *, flag: bool) -> bool:
    """Whether a condition holds for a property that is always true or false."""
    return _holds(condition, _written(flag))


def _written(flag: bool) -> str:  # noqa: FBT001 - it is the value itself
    return "true" if flag else "false"


def _is_marketing(subject: Subject, now: datetime) -> bool:
    return subject.standing.is_marketing(now)


def _is_leaving(subject: Subject, now: datetime) -> bool:
    stint = subject.standing.stint
    return stint is not None and stint.covers(now) and stint.until is not None


def _reason_type(subject: Subject, now: datetime) -> str | None:
    stint = subject.standing.stint
    return stint.reason_type if stint is not None and stint.covers(now) else None


def _reason_id(subject: Subject, now: datetime) -> str | None:
    stint = subject.standing.stint
    return stint.reason_id if stint is not None and stint.covers(now) else None


def _email_domain(subject: Subject, _now: datetime) -> str | None:
    return None if subject.email is None else subject.email[subject.email.find("@") + 1 :]


OWN: Mapping[str, Callable[[Subject, datetime], Value | None]] = {
    "email": lambda subject, _: subject.email,
    "hs_email_domain": _email_domain,
    "active_at": lambda subject, _: subject.active_at,
    "unsubscribed_at": lambda subject, _: subject.unsubscribed_at,
    "bounced_at": lambda subject, _: subject.bounced_at,
    "hs_object_id": lambda subject, _: subject.contact_id,
    "createdate": lambda subject, _: subject.created_at,
    "lastmodifieddate": lambda subject, _: subject.updated_at,
    "hs_marketable_status": lambda subject, now: _written(_is_marketing(subject, now)),
    "hs_marketable_until_renewal": lambda subject, now: _written(_is_leaving(subject, now)),
    "hs_marketable_reason_type": _reason_type,
    "hs_marketable_reason_id": _reason_id,
}
"""Properties that are no entries of the document: `now` decides on the status, and why it counts while it does."""


def _holds(condition: Condition, value: Value | None) -> bool:
    if condition.operator is Operator.NOT_HAS_PROPERTY:
        return value is None
    if condition.operator is Operator.HAS_PROPERTY or value is None:
        return value is not None
    test = TESTS.get(condition.type, _test_text)
    found = test(condition.operator.positive, value, condition.operands)
    return found is not None and found is (condition.operator.positive is condition.operator)


def _compare(wanted: Operator, value: Any, operands: list[Any]) -> bool:
    if wanted is Operator.BETWEEN:
        low, high = operands
        return bool(low <= value <= high)
    return any(COMPARE[wanted](value, operand) for operand in operands)


def _test_text(wanted: Operator, value: Any, operands: tuple[str, ...]) -> bool:
    if wanted is Operator.CONTAINS_TOKEN:
        return values.contains(values.fold(value), values.Token.of(operands[0]))
    spell = values.fold if wanted in {Operator.EQ, Operator.IN} else values.fold_ascii
    return _compare(wanted, spell(value), [spell(operand) for operand in operands])


def _test_number(wanted: Operator, value: Any, operands: tuple[str, ...]) -> bool | None:
    number = values.read_number(value)
    return (
        None if number is None else _compare(wanted, number, [values.read_number(each) for each in operands])
    )


def _test_id(wanted: Operator, value: Any, operands: tuple[str, ...]) -> bool:
    return _compare(wanted, value, [values.read_id(operand) for operand in operands])


def _test_instant(wanted: Operator, value: Any, operands: tuple[str, ...]) -> bool | None:
    instants = [instant for instant in map(values.read_instant, operands) if instant is not None]
    if isinstance(value, datetime):
        return _compare(wanted, values.cut(value), instants)
    counted = values.read_milliseconds(value)
    if counted is not None:
        return _compare(wanted, counted, list(map(values.milliseconds, instants)))
    spelled = values.iso_of(value)
    return None if spelled is None else _compare(wanted, spelled, list(map(values.iso, instants)))


TESTS: Mapping[PropertyType, Callable[[Operator, Any, tuple[str, ...]], bool | None]] = {
    PropertyType.NUMBER: _test_number,
    PropertyType.ID: _test_id,
    PropertyType.DATETIME: _test_instant,
}
"""How a value of a type is tested; None when it is none of the type."""
