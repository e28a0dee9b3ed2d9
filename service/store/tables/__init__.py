"""The tables; `migrations/` makes them, and a test holds the two against each other."""

from service.store.tables.billing import dead_letter, ledger_counter, ledger_line, notice, tier_change
from service.store.tables.columns import metadata
from service.store.tables.contacts import (
    conflicting_delivery,
    contact,
    ended_stint,
    outbox,
    status_change,
    submission,
    visitor,
)
from service.store.tables.endpoints import (
    delivery,
    endpoint,
    endpoint_activity,
    endpoint_token,
    external_form,
    look_up,
)
from service.store.tables.portals import access_token, configuration, form, portal

__all__ = [
    "access_token",
    "configuration",
    "conflicting_delivery",
    "contact",
    "dead_letter",
    "delivery",
    "ended_stint",
    "endpoint",
    "endpoint_activity",
    "endpoint_token",
    "external_form",
    "form",
    "ledger_counter",
    "ledger_line",
    "look_up",
    "metadata",
    "notice",
    "outbox",
    "portal",
    "status_change",
    "submission",
    "tier_change",
    "visitor",
]
