"""Each test here has a migrated database, and runs on both engines unless it is about one of them.

On PostgreSQL the tests of a worker use one database, one after the other, emptied in between: making and dropping
one costs more than most tests.
"""

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.engine import make_url

from service.store.session import Database
from service.store.tables import metadata
from tests.engines import Engines, kept_engines
from tests.services.databases import Databases, Migration
from tests.services.plugin import PostgresDatabase, Stack
from tests.services.postgres import libpq_url
from tests.world import END_OTHERS, World, migrate, opened, opened_database

TABLES = [table for table in reversed(metadata.sorted_tables) if table.name != "configuration"]
EMPTY = "; ".join(
    [
        END_OTHERS,
        *(f'DELETE FROM "{table.name}"' for table in TABLES),  # noqa: S608 - names of our own
        "UPDATE configuration SET version = 1",
    ]
)


def empty(url: str) -> None:
    """Leave the database as a migration leaves it, and nobody connected to it."""
    with psycopg.connect(libpq_url(url), autocommit=True) as connection:
        # One round trip: the tests of a worker do this thousands of times.
        connection.execute(EMPTY)


@pytest.fixture(scope="session")
def database_migration() -> Migration:
    return migrate


@pytest.fixture(scope="session", autouse=True)
def engines() -> Iterator[Engines]:
    """Engines outlast a test, as they outlast a request."""
    with kept_engines() as kept:
        yield kept


@pytest.fixture(scope="session")
def worker_folder(tmp_path_factory: pytest.TempPathFactory, engines: Engines) -> Path:
    folder = tmp_path_factory.mktemp("databases")
    engines.kept.add(f"sqlite:///{folder / 'marketable.db'}")
    return folder


@pytest.fixture
def sqlite_folder(worker_folder: Path) -> Path:
    """Where the SQLite file of every test is, one after the other."""
    for left in worker_folder.iterdir():
        left.unlink()
    return worker_folder


@pytest.fixture(scope="session")
def migrated_postgres(worker_databases: Databases, engines: Engines) -> Iterator[str]:
    url = worker_databases.create(migrate)
    engines.kept.add(url)
    yield url
    worker_databases.drop(url)


@pytest.fixture
def postgres_database(
    request: pytest.FixtureRequest, postgres_database: PostgresDatabase
) -> Iterator[PostgresDatabase]:
    """As the fixture that it replaces; the migrated database is this worker's own, and empty."""
    used: list[str] = []

    def create(template: Migration | None = None) -> str:
        if template is not migrate or used:
            return postgres_database(template)
        used.append(request.getfixturevalue("migrated_postgres"))
        return used[0]

    yield create
    for url in used:
        empty(url)


@pytest.fixture
def empty_world(engine_urls: Stack) -> Iterator[World]:
    """Tables, and nothing in them."""
    with opened(engine_urls) as world:
        yield world


@pytest.fixture
def world(empty_world: World) -> World:
    """A portal with a form that is on and one that is off."""
    empty_world.furnish()
    return empty_world


@pytest.fixture
def database_away(
    request: pytest.FixtureRequest, engine_urls: Stack, free_port: Callable[[], int]
) -> Iterator[Database]:
    """A database of the same kind that does not answer: nothing listens there, or its file is a folder."""
    if engine_urls.database_url.startswith("sqlite"):
        url = f"sqlite:///{request.getfixturevalue('tmp_path')}"
    else:
        url = make_url(engine_urls.database_url).set(port=free_port()).render_as_string(hide_password=False)
    with opened_database(url) as database:
        yield database


@pytest.fixture
def silent_address() -> Iterator[tuple[str, int]]:
    """An address that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        host, port = listener.getsockname()
        yield host, port
