"""What an index knows of a filter's conditions: ways to find few contacts among which all that match are."""

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from service.domain.filters import Condition, Filter, Operator, PropertyType, values
from service.domain.filters.indexing import (
    EMAIL_DOMAIN,
    LAST_MODIFIED,
    STATUS,
    domain_of,
    is_number,
)
from service.domain.filters.matching import holds_for_flag
from service.domain.filters.model import OF_ORDER
from service.store.filters import compile_filter
from service.store.property_indexes import PREFIX, key_of
from service.store.tables import contact

Truth = sa.ColumnElement[bool]
IS_LEAVING = sa.text("until IS NOT NULL AND NOT end_announced")
"""As the index has it, word for word; nobody whose end has been announced is leaving still."""
EQUAL = frozenset({Operator.EQ, Operator.IN})
MOST_SPELLINGS = 16
LAST_CHARACTER = "\U0010ffff"


@dataclass(frozen=True, slots=True)
class Branch:
    """Contacts that one index gives in the order of their numbers."""

    condition: Truth
    has_key: bool = True
    """Whether the index is of a key, between portal and number; otherwise it is of some contacts only, or of all."""


EVERYBODY = Branch(sa.true(), has_key=False)
LEAVING = Branch(sa.and_(IS_LEAVING), has_key=False)


@dataclass(frozen=True, slots=True)
class Source:
    """Contacts for which one condition of a group can hold: what is not among them does not match the group."""

    name: str
    branches: tuple[Branch, ...] = ()
    """Together they are the source; no contact is in two of them."""
    listed: tuple[Truth, ...] = ()
    """Instead of branches: the same of an index that is in another order."""
    order: tuple[sa.ColumnElement[Any], ...] = ()
    """This order."""


@dataclass(frozen=True, slots=True)
class Created:
    """When a contact that matches a group can have been made; None is no bound. The end is exclusive."""

    since: datetime | None = None
    before: datetime | None = None


def sources_of(group: tuple[Condition, ...], now: datetime, indexed: frozenset[str]) -> Iterator[Source]:
    """Yield the sources that indexes serve, `indexed` being the properties that have one of their own."""
    for condition in group:
        name, operator = condition.property_name, condition.operator
        if name in {"email", "hs_object_id"} and operator in EQUAL:
            yield _among_few(condition, now)
        domain = domain_of(condition)
        if domain is not None and domain.isascii() and EMAIL_DOMAIN in indexed:
            yield _beginning_with(values.fold(domain))
        special = SPECIAL.get(name, _of_property)
        yield from special(condition, indexed)


def created_within(group: tuple[Condition, ...]) -> Created:
    """Return when contacts that match a group were made."""
    since, before = [], []
    for condition in group:
        operator = condition.operator
        if condition.property_name != "createdate" or operator not in EQUAL | OF_ORDER:
            continue
        instants = [each for each in map(values.read_instant, condition.operands) if each is not None]
        if operator not in {Operator.LT, Operator.LTE}:
            since.append(min(instants))
        if operator not in {Operator.GT, Operator.GTE}:
            before.append(max(instants) + timedelta(milliseconds=1))
    return Created(max(since, default=None), min(before, default=None))


def _among_few(condition: Condition, now: datetime) -> Source:
    """Return contacts by their addresses or numbers."""
    if condition.property_name == "hs_object_id":
        return Source(
            "hs_object_id", listed=(compile_filter(Filter(((condition,),)), now),), order=(contact.c.id,)
        )
    # Not as equal: of what is equal PostgreSQL knows that it is in order already, by whichever index.
    ends = sorted({values.fold(operand) for operand in condition.operands})
    email = contact.c.email
    return Source(
        "email", listed=tuple(sa.and_(email >= each, email <= each) for each in ends), order=(email,)
    )


def _of_property(condition: Condition, indexed: frozenset[str]) -> Iterator[Source]:
    name, operator = condition.property_name, condition.operator
    if name not in indexed:
        return
    key = key_of(name)
    known = key.is_not(None)
    if operator in EQUAL:
        found = _equals(condition)
        if found:
            yield Source(name, tuple(Branch(sa.and_(known, key == each)) for each in found))
    elif operator in OF_ORDER:
        within = sa.and_(known, _in_order(condition, key))
        yield Source(name, listed=(within,), order=(key, contact.c.id))


def _of_status(condition: Condition, indexed: frozenset[str]) -> Iterator[Source]:
    if condition.property_name not in indexed:
        return
    answers = {each: holds_for_flag(condition, flag=each) for each in (True, False)}
    if answers[True] is not answers[False]:
        key = key_of(STATUS)
        known = key.is_not(None)
        stays, others = (Branch(sa.and_(known, key == sa.literal_column(each))) for each in ("1", "0"))
        # Who leaves is marketing still, and among the others by the key. No stint begins in the future.
        yield Source(STATUS, (stays, LEAVING) if answers[True] else (others,))


def _of_leaving(condition: Condition, _indexed: frozenset[str]) -> Iterator[Source]:
    if holds_for_flag(condition, flag=True) and not holds_for_flag(condition, flag=False):
        yield Source(condition.property_name, (LEAVING,))


def _of_noted(condition: Condition, _indexed: frozenset[str]) -> Iterator[Source]:
    """Yield those who have unsubscribed, or bounced: an index holds nobody else."""
    if condition.operator is not Operator.NOT_HAS_PROPERTY:
        noted = contact.c[condition.property_name].is_not(None)
        yield Source(condition.property_name, (Branch(noted, has_key=False),))


def _of_updates(condition: Condition, indexed: frozenset[str]) -> Iterator[Source]:
    if condition.property_name in indexed and condition.operator in OF_ORDER:
        when = compile_filter(Filter(((condition,),)), datetime.min)  # noqa: DTZ901 - no status is asked for
        yield Source(LAST_MODIFIED, listed=(when,), order=(contact.c.updated_at, contact.c.id))


SPECIAL: Mapping[str, Callable[[Condition, frozenset[str]], Iterator[Source]]] = {
    STATUS: _of_status,
    "hs_marketable_until_renewal": _of_leaving,
    "unsubscribed_at": _of_noted,
    "bounced_at": _of_noted,
    LAST_MODIFIED: _of_updates,
}


def _beginning_with(domain: str) -> Source:
    key = key_of(EMAIL_DOMAIN)
    first = domain[:PREFIX]
    within = sa.and_(key.is_not(None), key >= _text(first), key < _text(first + LAST_CHARACTER))
    return Source(EMAIL_DOMAIN, listed=(within,), order=(key, contact.c.id))


def _equals(condition: Condition) -> list[Any]:
    """Return all values of the key that a contact can have that matches, none when they are too many."""
    if is_number(condition.property_name):
        numbers = {values.read_number(operand) for operand in condition.operands}
        return [
            sa.literal(number, sa.Double) for number in sorted(each for each in numbers if each is not None)
        ]
    found: set[str] = set()
    for operand in condition.operands:
        spellings = _spellings(values.fold(operand)[:PREFIX])
        if spellings is None:
            return []
        found |= spellings
    return [_text(each) for each in sorted(found)]


def _spellings(folded: str) -> set[str] | None:
    """Return how a stored text that is equal can stand in the index, where only ASCII letters are small."""
    either = [(each,) if each.isascii() else (each, values.capital_of(each) or each) for each in folded]
    number = 1
    for each in either:
        number *= len(set(each))
    return {"".join(each) for each in itertools.product(*either)} if number <= MOST_SPELLINGS else None


def _in_order(condition: Condition, key: sa.ColumnElement[Any]) -> Truth:
    """Return what holds for the key when the condition holds for the whole value."""
    operator = condition.operator
    if condition.type is PropertyType.NUMBER:
        ends: list[Any] = [sa.literal(values.read_number(each), sa.Double) for each in condition.operands]
    else:
        ends = [_text(values.fold_ascii(each)[:PREFIX]) for each in condition.operands]
    if operator is Operator.BETWEEN:
        return sa.and_(key >= ends[0], key <= ends[1])
    bound: Truth = key <= ends[0] if operator in {Operator.LT, Operator.LTE} else key >= ends[0]
    return bound


def _text(value: str) -> sa.BindParameter[str]:
    return sa.literal(value, sa.Text)
