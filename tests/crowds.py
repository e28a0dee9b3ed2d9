"""Many contacts at once, written past the service: counted by the database itself, so it takes moments."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from service.domain.billing import FOREVER
from service.store.session import Database
from service.store.tables import contact, ledger_line, status_change
from tests.facts import PORTAL

REASON = {"reason_type": "FORM_SUBMISSION", "reason_id": "form"}


def fill(database: Database, number: int, since: datetime) -> None:
    """Write contacts, their changes and lines, as if all had submitted a form at an instant and been counted.

    Their numbers are 1 to `number`; the counter has nothing of them.
    """
    status = {"stint": 1, "since": since, **REASON}
    person = {"portal_id": PORTAL, "version": 1, "properties": {}, "created_at": since, "updated_at": since}
    change = {
        "version": 1,
        "portal_id": PORTAL,
        "at": since,
        "before": False,
        "after": True,
        "verdict": "raised",
    }
    cause = {
        "source": "hubspot_form",
        "actor": "",
        "default_version": 1,
        "stint_reason_type": "FORM_SUBMISSION",
    }
    line = {"portal_id": PORTAL, "version": 1, "until": FOREVER}
    with database.writing() as connection:
        _insert(connection, number, contact, "id", person | status | {"status_version": 1})
        _insert(
            connection,
            number,
            status_change,
            "contact_id",
            change | cause | status | {"stint_reason_id": "form"},
        )
        _insert(connection, number, ledger_line, "contact_id", status | line)


def _insert(
    connection: sa.Connection, number: int, table: sa.Table, key: str, values: dict[str, Any]
) -> None:
    """Write rows that differ in one number only."""
    first = sa.select(sa.literal(1).label("number")).cte("numbers", recursive=True)
    numbers = first.union_all(sa.select(first.c.number + 1).where(first.c.number < number))
    constants = [sa.literal(value, table.c[name].type) for name, value in values.items()]
    rows = sa.select(numbers.c.number, *constants)
    connection.execute(sa.insert(table).from_select([key, *values], rows))
