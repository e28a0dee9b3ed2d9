"""Installations to break: with the demo portal, a second form with its default off, and no rate limit."""

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from service import demo
from service.domain.forms import Form, read_definition
from service.store import portals
from tests.e2e.grown_up import GrownUp
from tests.e2e.installation import FreePort, Installation, installed
from tests.services.databases import Databases, Migration
from tests.services.plugin import PostgresDatabase
from tests.services.postgres import PrivatePostgres
from tests.services.rabbitmq import PrivateRabbitmq
from tests.services.run import Run
from tests.services.server import Server
from tests.services.topology import Topology, new_topology
from tests.world import migrate, opened_database

OFF_FORM = "22222222-2222-4222-8222-222222222222"


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "slow: takes many seconds; it is run all the same")


def furnish(url: str, folder: Path) -> None:
    """Do what the commands do at the first start of a migrated database, without the time that they take."""
    now = datetime.now(UTC)
    off = Form.of(
        read_definition({**demo.DEFINITION, "marketingDefault": False}),
        portal_id=demo.PORTAL_ID,
        guid=OFF_FORM,
    )
    with opened_database(url) as database:
        demo.make_demo(database, folder, now)
        with database.writing() as connection:
            portals.save_form(connection, off, now)


@pytest.fixture(scope="session")
def database_migration() -> Migration:
    """Databases on shared servers, and files, are copies of one that was migrated once."""
    return migrate


@pytest.fixture
def off_form() -> str:
    """The form whose default is off."""
    return OFF_FORM


@pytest.fixture
def embedded(
    tmp_path: Path, migrated_sqlite: Path, free_port: FreePort, test_run: Run
) -> Iterator[Installation]:
    """SQLite and the embedded broker; nothing runs yet."""
    with installed(tmp_path, free_port, test_run) as installation:
        installation.settings["MARKETABLE_RATE_LIMIT_PUBLIC"] = "0"
        data = installation.folder / "data"
        data.mkdir()
        shutil.copyfile(migrated_sqlite, data / "marketable.db")
        furnish(installation.sqlite_url, data)
        yield installation


@pytest.fixture
def grown_up(
    postgres_database: PostgresDatabase,
    topology: Topology,
    tmp_path: Path,
    free_port: FreePort,
    test_run: Run,
) -> Iterator[GrownUp]:
    """A stack on the shared servers, for faults of our own processes and of single connections."""
    with installed(tmp_path, free_port, test_run) as installation:
        yield _grown_up(installation, postgres_database(migrate), topology, free_port)


@pytest.fixture(scope="module")
def lasting(
    worker_databases: Databases,
    rabbitmq_server: Server,
    tmp_path_factory: pytest.TempPathFactory,
    free_port: FreePort,
    test_run: Run,
) -> Iterator[GrownUp]:
    """A stack on the shared servers for all tests of a module."""
    url = worker_databases.create(migrate)
    names = new_topology(test_run, rabbitmq_server.url, journaled=True)
    with installed(tmp_path_factory.mktemp("lasting"), free_port, test_run) as installation:
        yield _grown_up(installation, url, names, free_port)
    names.delete()
    worker_databases.drop(url)


@pytest.fixture(scope="module")
def breakable(
    module_postgres: PrivatePostgres,
    module_rabbitmq: PrivateRabbitmq,
    tmp_path_factory: pytest.TempPathFactory,
    free_port: FreePort,
    test_run: Run,
) -> Iterator[GrownUp]:
    """A stack for all tests of a module, on servers that they may stop and kill."""
    module_postgres.start()
    module_postgres.new_database()
    module_rabbitmq.start()
    names = new_topology(test_run, module_rabbitmq.url, journaled=False)
    migrate(module_postgres.url)
    with installed(tmp_path_factory.mktemp("breakable"), free_port, test_run) as installation:
        yield _grown_up(installation, module_postgres.url, names, free_port)


def _grown_up(
    installation: Installation, database_url: str, topology: Topology, free_port: FreePort
) -> GrownUp:
    installation.settings |= {
        "MARKETABLE_DATABASE_URL": database_url,
        "MARKETABLE_BROKER_URL": topology.broker_url,
        "MARKETABLE_TOPOLOGY": topology.prefix,
        "MARKETABLE_RATE_LIMIT_PUBLIC": "0",
        "MARKETABLE_WEB_WORKERS": "1",
    }
    furnish(database_url, installation.folder / "data")
    return GrownUp(installation, free_port)
