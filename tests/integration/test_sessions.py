import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path

import pytest
import sqlalchemy as sa

from service.domain.model import Recorded
from service.errors import DatabaseAway, InvalidInput
from service.store import portals
from service.store.session import Database
from service.store.tables import dead_letter, portal
from tests.facts import NOW, PORTAL, make_fact, make_portal
from tests.world import World, break_connections, on_postgresql, on_sqlite, opened_database

WRITES = 60
WRITER = f"""
import sys
from datetime import datetime, UTC
from service.store import dead_letters
from service.store.session import Database
database = Database(sys.argv[1])
sys.stdin.readline()
for number in range({WRITES}):
    with database.writing() as connection:
        dead_letters.count(connection)
        dead_letters.keep(connection, "writer", "some", "", b"", datetime.now(UTC))
"""


def write_letter(world: World) -> None:
    values = {"consumer": "me", "reason": "some", "detail": "", "body": b"", "at": NOW}
    world.write(sa.insert(dead_letter).values(**values))


def test_a_reading_transaction_sees_one_state_of_the_database(world: World) -> None:
    with world.database.reading() as connection:
        before = portals.list_portals(connection)
        with world.database.writing() as other:
            portals.add_portal(other, make_portal(2))
        assert portals.list_portals(connection) == before
    with world.database.reading() as connection:
        assert len(portals.list_portals(connection)) == 2


@on_postgresql
def test_a_reading_transaction_cannot_write(world: World) -> None:
    with pytest.raises(DatabaseAway), world.database.reading() as connection:
        connection.execute(sa.delete(dead_letter))


def test_a_writing_transaction_is_committed_at_its_end(world: World) -> None:
    with world.database.writing() as connection:
        portals.add_portal(connection, make_portal(2))
    with world.database.reading() as connection:
        assert portals.find_portal(connection, 2) is not None


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_writing_transaction_that_fails_leaves_nothing(world: World, error: type[BaseException]) -> None:
    with suppress(error), world.database.writing() as connection:
        portals.add_portal(connection, make_portal(2))
        portals.add_portal(connection, make_portal(3))
        raise error
    with world.database.reading() as connection:
        assert [found.id for found in portals.list_portals(connection)] == [PORTAL]


def test_after_a_failure_the_next_transaction_works(world: World) -> None:
    with pytest.raises(sa.exc.DBAPIError), world.database.writing() as connection:
        connection.execute(sa.insert(portal).values(id=PORTAL))
    write_letter(world)
    assert world.number_of(dead_letter) == 1


def test_writers_in_threads_wait_for_one_another(world: World) -> None:
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: write_letter(world), range(100)))
    assert world.number_of(dead_letter) == 100


@on_sqlite
def test_a_writing_transaction_takes_the_lock_at_its_beginning(world: World) -> None:
    with (
        world.database.writing(),
        closing(sqlite3.connect(str(world.database.url.database), timeout=0)) as stranger,
        pytest.raises(sqlite3.OperationalError, match="locked"),
    ):
        stranger.execute("BEGIN IMMEDIATE")


@on_sqlite
def test_a_lock_that_is_never_given_back_is_a_database_that_is_away(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.store.session.LOCK_PATIENCE", 0.2)
    with (
        opened_database(world.stack.database_url) as other,
        world.database.writing(),
        pytest.raises(DatabaseAway),
        other.writing(),
    ):
        pass
    write_letter(world)


@on_sqlite
def test_a_stranger_who_writes_is_waited_for_and_no_longer_than_that(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.store.session.LOCK_PATIENCE", 0.2)
    with closing(sqlite3.connect(str(world.database.url.database))) as stranger:
        stranger.execute("BEGIN IMMEDIATE")
        with pytest.raises(DatabaseAway), world.database.writing():
            pass
        (outcome,) = world.record(make_fact())
    assert isinstance(outcome, DatabaseAway)
    assert isinstance(world.record(make_fact())[0], Recorded)


@on_sqlite
def test_writers_in_processes_never_find_the_database_locked(world: World) -> None:
    command = [sys.executable, "-W", "error", "-c", WRITER, world.stack.database_url]
    writers = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(3)
    ]
    for writer in writers:
        assert writer.stdin
        writer.stdin.write("go\n")
        writer.stdin.flush()
    assert [(writer.communicate(timeout=60)[1], writer.returncode) for writer in writers] == [("", 0)] * 3
    assert world.number_of(dead_letter) == 3 * WRITES


def test_a_database_that_is_not_there_is_said_to_be_away_within_four_seconds(
    database_away: Database,
) -> None:
    for transaction in (database_away.reading, database_away.writing):
        began = time.monotonic()
        with pytest.raises(DatabaseAway), transaction():
            pass
        assert time.monotonic() - began < 4


def test_a_server_that_says_nothing_is_away_within_four_seconds(silent_address: tuple[str, int]) -> None:
    host, port = silent_address
    began = time.monotonic()
    with (
        opened_database(f"postgresql://me@{host}:{port}/marketable") as database,
        pytest.raises(DatabaseAway),
        database.reading(),
    ):
        pass
    assert time.monotonic() - began < 4


@on_postgresql
def test_connections_that_broke_while_nobody_used_them_are_replaced(world: World) -> None:
    write_letter(world)
    break_connections(world.database)
    write_letter(world)
    assert world.number_of(dead_letter) == 2


@on_postgresql
def test_a_connection_that_breaks_in_a_transaction_is_a_database_that_is_away(world: World) -> None:
    with pytest.raises(DatabaseAway), world.database.reading() as connection:
        break_and_read(world, connection)


def break_and_read(world: World, connection: sa.Connection) -> None:
    break_connections(world.database)
    portals.version(connection)


@on_postgresql
def test_a_statement_that_lasts_too_long_is_broken_off(world: World) -> None:
    with (
        opened_database(world.stack.database_url, statement_timeout=1) as database,
        pytest.raises(DatabaseAway),
        database.reading() as connection,
    ):
        connection.execute(sa.text("SELECT pg_sleep(20)"))


def test_commits_are_durable(world: World) -> None:
    found = world.database.durability()
    assert found.is_durable, found.detail


@on_sqlite
def test_the_database_file_is_written_ahead_and_in_full(world: World) -> None:
    with world.database.engine.connect() as connection:
        modes = [
            connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        ]
    assert modes == ["wal", 2, 1, 50]


def test_a_server_says_what_it_is(world: World) -> None:
    with world.database.reading() as connection:
        assert world.database.server_version(connection).startswith(("PostgreSQL 1", "SQLite 3."))


@pytest.mark.parametrize("url", ["", "nonsense", "postgresql:/missing", "://"])
def test_a_url_that_cannot_be_read_is_refused_with_the_mend(url: str) -> None:
    with pytest.raises(InvalidInput, match="cannot be read") as refusal:
        Database(url)
    assert "postgresql://" in refusal.value.mend


def test_a_password_stays_out_of_what_is_shown() -> None:
    database = Database("postgresql://me:geheim@127.0.0.1:1/marketable")
    assert "geheim" not in str(database.url)
    assert database.url.drivername == "postgresql+psycopg"


def test_the_folder_of_the_database_is_made(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "folder"
    with (
        opened_database(f"sqlite:///{folder / 'marketable.db'}") as database,
        database.reading() as connection,
    ):
        assert connection.execute(sa.text("SELECT 1")).scalar_one() == 1
    assert folder.is_dir()
