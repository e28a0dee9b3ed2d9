"""The tables; `migrations/` makes them, and a test holds the two against each other."""

from service.store.tables.billing import (
    adjustment,
    dead_letter,
    ledger_counter,
    ledger_hour,
    ledger_line,
    notice,
    spike,
    statement,
    tier_change,
)
from service.store.tables.brakes import brake, brake_count, held
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
from service.store.tables.jobs import import_file, import_file_part, import_seen, job, job_problem
from service.store.tables.portals import access_token, audit, configuration, form, portal, portal_user
from service.store.tables.segments import enrolment, indexed_property, view, workflow, workflow_due

__all__ = [
    "access_token",
    "adjustment",
    "audit",
    "brake",
    "brake_count",
    "configuration",
    "conflicting_delivery",
    "contact",
    "dead_letter",
    "delivery",
    "ended_stint",
    "endpoint",
    "endpoint_activity",
    "endpoint_token",
    "enrolment",
    "external_form",
    "form",
    "held",
    "import_file",
    "import_file_part",
    "import_seen",
    "indexed_property",
    "job",
    "job_problem",
    "ledger_counter",
    "ledger_hour",
    "ledger_line",
    "look_up",
    "metadata",
    "notice",
    "outbox",
    "portal",
    "portal_user",
    "spike",
    "statement",
    "status_change",
    "submission",
    "tier_change",
    "view",
    "visitor",
    "workflow",
    "workflow_due",
]
