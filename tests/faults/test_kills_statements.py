"""Kill -9 of the clock process while it makes a statement: what it leaves is made anew, and nothing is lost."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from service import statements
from service.store import ledger
from service.store.session import Database
from service.store.tables import ledger_line, portal, statement
from tests.closing import raised
from tests.crowds import fill
from tests.e2e.grown_up import GrownUp
from tests.e2e.installation import Installation, Running
from tests.e2e.waiting import eventually
from tests.facts import PORTAL

pytestmark = pytest.mark.slow

MANY = 100_000
"""Contacts: enough for a statement to take so long that it can be killed in the middle."""
KILLS = 2


def rows(database: Database, table: sa.Table) -> list[Any]:
    with database.reading() as connection:
        return list(connection.execute(sa.select(table)))


def prepare(database: Database, now: datetime) -> None:
    """Let one period have ended five days ago, with many contacts in it."""
    ended = now - timedelta(days=5)
    values = {"created_at": now - timedelta(days=20), "renews_on": ended.date(), "commitment": "monthly"}
    with database.writing() as connection:
        connection.execute(sa.update(portal).values(**values))
    fill(database, MANY, now - timedelta(days=10))


def is_being_made(database: Database, cuts: int) -> bool:
    return any(row.cuts > cuts and row.issued_at is None for row in rows(database, statement))


def kill_in_the_middle(database: Database, start: Callable[[], Running]) -> None:
    """Start the clock, and kill it when it has closed the period and not yet written its numbers."""
    cuts = max((row.cuts for row in rows(database, statement)), default=0)
    clock = start()
    eventually(lambda: is_being_made(database, cuts), "a statement is being made", within=60, pause=0.01)
    clock.kill()


def assert_survived(database: Database, start: Callable[[], Running]) -> None:
    now = datetime.now(UTC)
    prepare(database, now)
    for number in range(KILLS):
        kill_in_the_middle(database, start)
        late = raised([MANY + 1 + number], now - timedelta(days=8))
        ledger.apply(database, late, now)
    start()
    eventually(
        lambda: [row.issued_at is None for row in rows(database, statement)] == [False], "issued", within=60
    )
    ledger.apply(database, raised([MANY + 100], now - timedelta(days=8)), now)
    (row,) = rows(database, statement)
    found = statements.verify(database, PORTAL, row.ends_at.isoformat())
    assert row.cuts == KILLS + 1
    assert row.contacts == MANY + KILLS
    assert found.statement.late.sum == 1
    assert (found.lines.contacts, found.lines.digest) == (row.contacts, row.digest)
    assert len(rows(database, ledger_line)) == MANY + KILLS + 1


def test_a_clock_that_is_killed_while_it_makes_a_statement_on_sqlite(embedded: Installation) -> None:
    database = Database(embedded.sqlite_url)
    port = str(embedded.port)
    assert_survived(database, lambda: embedded.start("clock", MARKETABLE_HEALTH_PORT=port))
    database.dispose()


def test_a_clock_that_is_killed_while_it_makes_a_statement_on_postgresql(grown_up: GrownUp) -> None:
    database = Database(grown_up.database_url)

    def start() -> Running:
        grown_up.launch("clock")
        return grown_up.running["clock"]

    assert_survived(database, start)
    database.dispose()
