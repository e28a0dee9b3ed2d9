"""Each test here has a migrated database, and runs on both engines unless it is about one of them.

On PostgreSQL the tests of a worker use one database, one after the other, emptied in between: making and dropping
one costs more than most tests.
"""

from collections.abc import Callable, Iterator

import psycopg
import pytest
from sqlalchemy.engine import make_url

from service.store import schema
from service.store.session import Database
from service.store.tables import metadata
from tests.services.databases import Databases, Migration
from tests.services.plugin import PostgresDatabase, Stack
from tests.services.postgres import libpq_url
from tests.world import World, opened

TABLES = [table.name for table in reversed(metadata.sorted_tables) if table.name != "configuration"]
EMPTY = "; ".join(
    [
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()",
        *(f'DELETE FROM "{name}"' for name in TABLES),
        "UPDATE configuration SET version = 1",
    ]
)


def migrate(url: str) -> None:
    database = Database(url)
    schema.migrate(database)
    database.dispose()


@pytest.fixture(scope="session")
def database_migration() -> Migration:
    return migrate


@pytest.fixture(scope="session")
def migrated_postgres(worker_databases: Databases) -> Iterator[str]:
    url = worker_databases.create(migrate)
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
        with psycopg.connect(libpq_url(url), autocommit=True) as connection:
            connection.execute(EMPTY)


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
    database = Database(url)
    yield database
    database.dispose()
