"""Which properties an index can serve, and which of a filter's properties are worth one."""

import re
from collections.abc import Iterator

from service.domain.filters.model import (
    OF_ORDER,
    OF_PRESENCE,
    OF_TOKENS,
    Condition,
    Filter,
    Operator,
    PropertyType,
    type_of,
)
from service.errors import InvalidInput

STATUS, LAST_MODIFIED, EMAIL_DOMAIN = "hs_marketable_status", "lastmodifieddate", "hs_email_domain"
REASONS = ("hs_marketable_reason_type", "hs_marketable_reason_id")
BUILT_IN = frozenset(
    {
        *("email", "hs_object_id", "createdate", "active_at", "unsubscribed_at", "bounced_at"),
        "hs_marketable_until_renewal",
    }
)
"""Ours, and served without an index of their own, or not at all."""
OWN = frozenset({STATUS, LAST_MODIFIED, EMAIL_DOMAIN, *REASONS})
"""Ours, and served by an index of their own once it is made."""
PLAIN_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_ .:-]{0,99}")
"""Names that may stand in an index's definition."""
AT_DOMAIN = re.compile(r"\*?@([^*@]+)\*?")


def is_number(name: str) -> bool:
    """Whether the property's values are numbers."""
    return type_of(name) is PropertyType.NUMBER


def check_indexable(name: str) -> None:
    """Raise InvalidInput for a property that can have no index."""
    if name in OWN:
        return
    if name in BUILT_IN:
        raise InvalidInput(f"{name} has no need of an index", field="name", mend="choose another property")
    if type_of(name) is PropertyType.DATETIME:
        mend = "a filter on createdate is quick without one; other dates are looked through"
        raise InvalidInput(f"{name} is a date, which is kept in several spellings", field="name", mend=mend)
    if not PLAIN_NAME.fullmatch(name):
        raise InvalidInput(
            f"{name[:100]!r} is no plain name", field="name", mend="use up to 100 letters, digits, _ or -"
        )


def is_indexable(name: str) -> bool:
    """Whether the property can have an index."""
    try:
        check_indexable(name)
    except InvalidInput:
        return False
    return True


def domain_of(condition: Condition) -> str | None:
    """Return what an address's domain begins with when the condition is that it contains `@domain`."""
    if condition.property_name != "email" or condition.operator is not Operator.CONTAINS_TOKEN:
        return None
    found = AT_DOMAIN.fullmatch(condition.value)
    return found[1] if found else None


def worth_an_index(wanted: Filter) -> list[str]:
    """Return, for each group, the property whose index would serve it best; nothing for those that need none."""
    found = (_best(group) for group in wanted.groups)
    return list(dict.fromkeys(name for name in found if name is not None))


def _best(group: tuple[Condition, ...]) -> str | None:
    if any(_is_served(condition) for condition in group):
        return None
    ranked = sorted((rank, name) for condition in group for rank, name in _ranks(condition))
    return ranked[0][1] if ranked else None


def _is_served(condition: Condition) -> bool:
    """Whether what is there anyway finds the few contacts that this can hold for."""
    name, operator = condition.property_name, condition.operator
    if operator.positive is not operator or operator is Operator.NOT_HAS_PROPERTY:
        return False
    if name in {"unsubscribed_at", "bounced_at"}:
        return True
    if name == "hs_marketable_until_renewal":
        return operator in {Operator.EQ, Operator.IN} and "true" in map(str.lower, condition.operands)
    return name in {"email", "hs_object_id"} and operator in {Operator.EQ, Operator.IN}


def _ranks(condition: Condition) -> Iterator[tuple[int, str]]:
    """Yield what may serve the condition, the best of all conditions having the lowest number."""
    name, operator = condition.property_name, condition.operator
    if domain_of(condition) is not None:
        yield 3, EMAIL_DOMAIN
    elif name == STATUS:
        yield 5, name
    elif operator.positive is not operator or operator in OF_PRESENCE | OF_TOKENS or not is_indexable(name):
        return
    elif name == LAST_MODIFIED:
        yield 6, name
    else:
        yield (2 if operator in OF_ORDER else 4 if name == REASONS[0] else 1), name
