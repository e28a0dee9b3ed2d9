"""What a filter is made of, and which properties are more than text."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


class Operator(enum.StrEnum):
    """How a condition compares, named as HubSpot names it."""

    EQ = "EQ"
    NEQ = "NEQ"
    LT = "LT"
    LTE = "LTE"
    GT = "GT"
    GTE = "GTE"
    BETWEEN = "BETWEEN"
    IN = "IN"
    NOT_IN = "NOT_IN"
    HAS_PROPERTY = "HAS_PROPERTY"
    NOT_HAS_PROPERTY = "NOT_HAS_PROPERTY"
    CONTAINS_TOKEN = "CONTAINS_TOKEN"  # noqa: S105 - the name of an operator, not a secret
    NOT_CONTAINS_TOKEN = "NOT_CONTAINS_TOKEN"  # noqa: S105 - the same

    @property
    def positive(self) -> "Operator":
        """What a negation negates; any other operator is its own."""
        return POSITIVES.get(self, self)


POSITIVES = {
    Operator.NEQ: Operator.EQ,
    Operator.NOT_IN: Operator.IN,
    Operator.NOT_CONTAINS_TOKEN: Operator.CONTAINS_TOKEN,
}
OF_PRESENCE = frozenset({Operator.HAS_PROPERTY, Operator.NOT_HAS_PROPERTY})
OF_LISTS = frozenset({Operator.IN, Operator.NOT_IN})
OF_TOKENS = frozenset({Operator.CONTAINS_TOKEN, Operator.NOT_CONTAINS_TOKEN})
OF_ORDER = frozenset({Operator.LT, Operator.LTE, Operator.GT, Operator.GTE, Operator.BETWEEN})


class PropertyType(enum.StrEnum):
    """What a property's values are."""

    TEXT = "text"
    NUMBER = "number"
    DATETIME = "datetime"
    """An instant, or a day."""
    BOOL = "bool"
    ENUMERATION = "enumeration"
    ID = "id"
    """A whole number that we gave."""


KNOWN: Mapping[str, PropertyType] = MappingProxyType(
    {
        "hs_object_id": PropertyType.ID,
        "createdate": PropertyType.DATETIME,
        "lastmodifieddate": PropertyType.DATETIME,
        "active_at": PropertyType.DATETIME,
        "unsubscribed_at": PropertyType.DATETIME,
        "bounced_at": PropertyType.DATETIME,
        "hs_marketable_status": PropertyType.BOOL,
        "hs_marketable_until_renewal": PropertyType.BOOL,
        "hs_marketable_reason_type": PropertyType.ENUMERATION,
        "hs_email_optout": PropertyType.BOOL,
        "hs_lead_status": PropertyType.ENUMERATION,
        "lifecyclestage": PropertyType.ENUMERATION,
        "closedate": PropertyType.DATETIME,
        "first_conversion_date": PropertyType.DATETIME,
        "hs_email_last_click_date": PropertyType.DATETIME,
        "hs_email_last_open_date": PropertyType.DATETIME,
        "hs_email_last_send_date": PropertyType.DATETIME,
        "notes_last_contacted": PropertyType.DATETIME,
        "notes_last_updated": PropertyType.DATETIME,
        "recent_conversion_date": PropertyType.DATETIME,
        "days_to_close": PropertyType.NUMBER,
        "hs_analytics_num_page_views": PropertyType.NUMBER,
        "hs_analytics_num_visits": PropertyType.NUMBER,
        "hs_email_bounce": PropertyType.NUMBER,
        "hs_email_click": PropertyType.NUMBER,
        "hs_email_open": PropertyType.NUMBER,
        "hubspotscore": PropertyType.NUMBER,
        "num_associated_deals": PropertyType.NUMBER,
        "num_conversion_events": PropertyType.NUMBER,
        "recent_deal_amount": PropertyType.NUMBER,
        "total_revenue": PropertyType.NUMBER,
    }
)
"""Properties that are not just text; all others are."""


def type_of(name: str) -> PropertyType:
    """Return what the property's values are."""
    return KNOWN.get(name, PropertyType.TEXT)


@dataclass(frozen=True, slots=True)
class Condition:
    """What one property has to be. Values are kept as they were written."""

    property_name: str
    operator: Operator
    value: str = ""
    values: tuple[str, ...] = ()
    """Of IN and NOT_IN."""
    high_value: str = ""
    """Of BETWEEN, whose low end is `value`."""

    @property
    def type(self) -> PropertyType:
        """What the property's values are."""
        return type_of(self.property_name)

    @property
    def operands(self) -> tuple[str, ...]:
        """What the property is compared with."""
        if self.operator in OF_PRESENCE:
            return ()
        if self.operator in OF_LISTS:
            return self.values
        return (self.value, self.high_value) if self.operator is Operator.BETWEEN else (self.value,)


@dataclass(frozen=True, slots=True)
class Filter:
    """Groups of which one has to hold, of conditions that all have to hold; none at all takes every contact."""

    groups: tuple[tuple[Condition, ...], ...] = ()
