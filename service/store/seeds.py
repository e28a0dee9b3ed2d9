"""Writes contacts that were made up, with all that belongs to them, as fast as either database takes them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from service.domain.spikes import hour_of
from service.messages import StatusMessage
from service.store import sums
from service.store.session import Database
from service.store.sqlite_rows import from_text
from service.store.tables import contact, ended_stint, ledger_line, portal, status_change

Row = tuple[Any, ...]
CONTACT = (
    "id", "portal_id", "email", "version", "properties", "created_at", "updated_at", "status_version", "stint",
    "since", "until", "reason_type", "reason_id", "end_announced", "active_at", "unsubscribed_at", "bounced_at",
)  # fmt: skip
ENDED = ("contact_id", "number", "portal_id", "version", "since", "until", "reason_type", "reason_id")
CHANGE = (
    "contact_id", "version", "portal_id", "at", "before", "after", "verdict", "stint", "since", "until",
    "stint_reason_type", "stint_reason_id", "source", "reason_type", "reason_id", "actor", "default_version",
)  # fmt: skip
LINE = ("contact_id", "stint", "portal_id", "version", "since", "until", "reason_type", "reason_id")


@dataclass(slots=True)
class Chunk:
    """Rows of one transaction: whole numbers, texts, and instants as SQLite has them."""

    contacts: list[Row] = field(default_factory=list)
    """In the order of `CONTACT`; so with the others."""
    ended: list[Row] = field(default_factory=list)
    changes: list[Row] = field(default_factory=list)
    lines: list[Row] = field(default_factory=list)
    counters: Counter[tuple[datetime, str, str]] = field(default_factory=Counter)
    """By end, reason type and reason id."""
    hours: Counter[datetime] = field(default_factory=Counter)

    def add_line(self, line: Row, hour: datetime, until: datetime) -> None:
        """Add a line of the ledger, and add it to its sums."""
        self.lines.append(line)
        self.counters[until, line[-2], line[-1]] += 1
        self.hours[hour] += 1

    def take_newest(self, portal_id: int) -> StatusMessage | None:
        """Take the newest line out, and return it as the message that brings it; None without lines."""
        if not self.lines:
            return None
        contact_id, stint, _, version, since, until, *_ = self.lines.pop()
        change = dict(zip(CHANGE, self.changes[-1], strict=True))
        end = from_text(change["until"]) if change["until"] else None
        begin = from_text(since)
        self.counters[from_text(until), change["stint_reason_type"], change["stint_reason_id"]] -= 1
        self.hours[hour_of(begin)] -= 1
        return StatusMessage(
            portal_id=portal_id,
            contact_id=contact_id,
            version=version,
            at=from_text(change["at"]),
            before=bool(change["before"]),
            after=bool(change["after"]),
            verdict=change["verdict"],
            stint=stint,
            since=begin,
            until=end,
            stint_reason_type=change["stint_reason_type"],
            stint_reason_id=change["stint_reason_id"],
            source=change["source"],
            reason_type=change["reason_type"],
            reason_id=change["reason_id"],
            actor=change["actor"],
            default_version=change["default_version"],
        )


def portals_with_contacts(connection: sa.Connection) -> list[int]:
    """Return the portals that have contacts, one look-up each."""
    has = sa.exists().where(contact.c.portal_id == portal.c.id)
    return list(connection.execute(sa.select(portal.c.id).where(has).order_by(portal.c.id)).scalars())


def reserve(connection: sa.Connection, number: int) -> list[int]:
    """Return so many numbers of new contacts, in order, which nobody else gets."""
    if connection.dialect.name == "sqlite":
        newest = connection.execute(sa.select(sa.func.coalesce(sa.func.max(contact.c.id), 0))).scalar_one()
        return list(range(newest + 1, newest + 1 + number))
    query = sa.text(
        "SELECT nextval(pg_get_serial_sequence('contact', 'id')) AS id FROM generate_series(1, :number)"
    )
    return sorted(connection.execute(query, {"number": number}).scalars())


def keep(connection: sa.Connection, portal_id: int, chunk: Chunk) -> None:
    """Write a chunk."""
    write = _insert if connection.dialect.name == "sqlite" else _copy
    write(connection, contact, CONTACT, chunk.contacts)
    write(connection, ended_stint, ENDED, chunk.ended)
    write(connection, status_change, CHANGE, chunk.changes)
    write(connection, ledger_line, LINE, chunk.lines)
    changes = {(portal_id, *key): number for key, number in sorted(chunk.counters.items()) if number}
    hours = {(portal_id, hour): number for hour, number in sorted(chunk.hours.items()) if number}
    sums.apply(connection, changes, hours)


def finish(database: Database) -> None:
    """Have PostgreSQL look at what there is now, as it would by itself in time."""
    if database.is_sqlite:
        return
    with database.engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT")
        connection.exec_driver_sql("SET statement_timeout = 0")
        driver: Any = connection.connection.driver_connection
        driver.patience = float("inf")
        connection.detach()
        for table in (contact, ledger_line, status_change, ended_stint):
            connection.exec_driver_sql(f"VACUUM (ANALYZE) {table.name}")


def _copy(connection: sa.Connection, table: sa.Table, names: Sequence[str], rows: Sequence[Row]) -> None:
    """Copy rows whose texts hold no tab, line break or backslash."""
    driver: Any = connection.connection.driver_connection
    columns = ", ".join(f'"{name}"' for name in names)
    with driver.cursor() as cursor:
        cursor.execute("SET LOCAL timezone = 'UTC'")
        with cursor.copy(f"COPY {table.name} ({columns}) FROM STDIN") as copy:
            lines = ["\t".join(["\\N" if value is None else str(value) for value in row]) for row in rows]
            copy.write("\n".join([*lines, ""]))


def _insert(connection: sa.Connection, table: sa.Table, names: Sequence[str], rows: Sequence[Row]) -> None:
    columns = ", ".join(f'"{name}"' for name in names)
    places = ", ".join("?" for _ in names)
    driver: Any = connection.connection.driver_connection
    driver.executemany(f"INSERT INTO {table.name} ({columns}) VALUES ({places})", rows)  # noqa: S608 - names of ours
