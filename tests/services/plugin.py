"""The fixtures that give a test its database and its broker, and the hooks that clean up after the whole run.

In the order of time: the controller names the run and passes the name to its workers; the first test that
needs a service has it looked for or started, and what dead runs left behind removed; each test makes its own
databases and names and drops them; at the end the controller removes what is still there, also after Ctrl-C.
"""

import os
import shutil
import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn, Protocol, TypeVar

import psycopg
import pytest

from tests.services import postgres, rabbitmq
from tests.services.databases import Databases, Migration, drop_databases_of, drop_databases_of_dead_runs
from tests.services.ports import free_port as find_free_port
from tests.services.postgres import PrivatePostgres
from tests.services.processes import remove_folder, stop_recorded
from tests.services.rabbitmq import PrivateRabbitmq
from tests.services.run import Run, RunName, runs_home
from tests.services.server import (
    Origin,
    Places,
    Server,
    ServiceBrokenError,
    ServiceMissingError,
    missing_in,
    servers_of,
    shared,
)
from tests.services.topology import Topology, delete_topologies_of, new_topology

REQUIRE_VARIABLE = "MARKETABLE_TEST_REQUIRE_SERVICES"
RUN = pytest.StashKey[Run]()
Result = TypeVar("Result")


class PostgresDatabase(Protocol):
    """Makes a new database for one test and returns its SQLAlchemy URL."""

    def __call__(self, template: Migration | None = None) -> str: ...


@dataclass(frozen=True, slots=True)
class Stack:
    """A database, a broker and names on it: all that one test's processes need to know."""

    database_url: str
    broker_url: str
    topology: Topology

    def environment(self) -> dict[str, str]:
        return {
            "MARKETABLE_DATABASE_URL": self.database_url,
            "MARKETABLE_BROKER_URL": self.broker_url,
            "MARKETABLE_TOPOLOGY": self.topology.prefix,
        }


def pytest_configure(config: pytest.Config) -> None:
    given = getattr(config, "workerinput", None)
    if given is None:
        config.stash[RUN] = Run(str(RunName.of_this_process()), "main", runs_home())
        # Asked to end, as `timeout` and build servers do, a run cleans up as after Ctrl-C; and it hears Ctrl-C also
        # where a script has started it in the background, with the signal ignored.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.default_int_handler)
    else:
        config.stash[RUN] = Run(given["marketable_run"], given["workerid"], Path(given["marketable_home"]))


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: "WorkerController") -> None:
    run = node.config.stash[RUN]
    node.workerinput["marketable_run"] = run.name
    node.workerinput["marketable_home"] = str(run.home)


class WorkerController(Protocol):
    """What is used here of pytest-xdist's handle on a worker."""

    config: pytest.Config
    workerinput: dict[str, object]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    run = config.stash[RUN]
    services = [*map(str, servers_of(run)), *(f"{product} not available" for product in missing_in(run))]
    if services:
        terminalreporter.write_line(f"services: {', '.join(services)}")


def pytest_unconfigure(config: pytest.Config) -> None:
    run = config.stash.get(RUN, None)
    if run and run.worker == "main":
        clean_up(run)


def clean_up(run: Run) -> None:
    """Remove whatever the run has left: on the shared servers first, then its own servers and files.

    A server that does not answer now is left to a later run, which finds the databases by name.
    """
    delete_topologies_of(run)
    for server in servers_of(run):
        if server.product == postgres.PRODUCT and server.origin is not Origin.PRIVATE:
            with suppress(psycopg.Error):
                drop_databases_of(run.name, server)
    stop_recorded(run.folder)
    remove_folder(run.folder)


@pytest.fixture(scope="session")
def test_run(pytestconfig: pytest.Config) -> Run:
    """The run of the tests, as this worker sees it."""
    run = pytestconfig.stash[RUN]
    with run.dead_runs() as dead_runs:
        for dead in dead_runs:
            clean_up(dead)
    return run


@pytest.fixture(scope="session")
def free_port(test_run: Run) -> Callable[[], int]:
    """Each call gives a TCP port that is free and that no other worker gets."""
    return lambda: find_free_port(test_run.common_folder("ports"))


@pytest.fixture(scope="session")
def postgres_places() -> Places:
    """Where to look for PostgreSQL."""
    return postgres.usual_places(os.environ)


@pytest.fixture(scope="session")
def rabbitmq_places() -> Places:
    """Where to look for RabbitMQ."""
    return rabbitmq.usual_places(os.environ)


@pytest.fixture(scope="session")
def postgres_server(test_run: Run, postgres_places: Places) -> Server:
    """The PostgreSQL that all workers share, or a skip."""

    def obtain() -> Server:
        server = postgres.obtain(test_run, postgres_places)
        if server.origin is not Origin.PRIVATE:
            drop_databases_of_dead_runs(server)
        return server

    return or_skip(lambda: shared(test_run, postgres.PRODUCT, obtain))


@pytest.fixture(scope="session")
def rabbitmq_server(test_run: Run, rabbitmq_places: Places) -> Server:
    """The RabbitMQ that all workers share, or a skip."""

    def obtain() -> Server:
        return rabbitmq.obtain(test_run, rabbitmq_places)

    return or_skip(lambda: shared(test_run, rabbitmq.PRODUCT, obtain))


@pytest.fixture(scope="session")
def worker_databases(test_run: Run, postgres_server: Server) -> Iterator[Databases]:
    databases = Databases(postgres_server, test_run)
    yield databases
    databases.close()


@pytest.fixture
def postgres_database(worker_databases: Databases) -> Iterator[PostgresDatabase]:
    """Makes databases for this test, empty or cloned from a migrated template; they are dropped after it."""
    urls: list[str] = []

    def create(template: Migration | None = None) -> str:
        urls.append(worker_databases.create(template))
        return urls[-1]

    yield create
    for url in urls:
        worker_databases.drop(url)


@pytest.fixture
def postgres_url(postgres_database: PostgresDatabase) -> str:
    """The SQLAlchemy URL of an empty database of this test's own."""
    return postgres_database()


@pytest.fixture
def topology(test_run: Run, rabbitmq_server: Server) -> Iterator[Topology]:
    """Names on the shared RabbitMQ for this test; what it declares under them is deleted after it."""
    names = new_topology(test_run, rabbitmq_server.url, journaled=True)
    yield names
    names.delete()


@pytest.fixture(scope="session")
def database_migration() -> Migration | None:
    """What brings an empty database to the shape of `engine_urls`; a conftest says so by overriding this."""
    return None


@pytest.fixture
def sqlite_folder(tmp_path: Path) -> Path:
    """Where a test's SQLite file is."""
    return tmp_path


@pytest.fixture(params=["sqlite+memory", "postgresql+rabbitmq"])
def engine_urls(request: pytest.FixtureRequest, database_migration: Migration | None) -> Stack:
    """The same test on both engines: the embedded default and the grown-up pair."""
    if request.param == "sqlite+memory":
        return _embedded_stack(request, database_migration)
    database: PostgresDatabase = request.getfixturevalue("postgres_database")
    names: Topology = request.getfixturevalue("topology")
    return Stack(database(database_migration), names.broker_url, names)


def _embedded_stack(request: pytest.FixtureRequest, migration: Migration | None) -> Stack:
    folder: Path = request.getfixturevalue("sqlite_folder")
    path = folder / "marketable.db"
    if migration:
        shutil.copyfile(request.getfixturevalue("migrated_sqlite"), path)
    names = new_topology(request.getfixturevalue("test_run"), "memory://", journaled=False)
    return Stack(f"sqlite:///{path}", names.broker_url, names)


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory, database_migration: Migration | None) -> Path:
    """A migrated SQLite file to copy, with nothing left in a write-ahead log beside it."""
    path = tmp_path_factory.mktemp("template") / "marketable.db"
    if database_migration:
        database_migration(f"sqlite:///{path}")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("pragma wal_checkpoint(truncate)")
    return path


@pytest.fixture(scope="module")
def module_postgres(test_run: Run, postgres_places: Places) -> Iterator[PrivatePostgres]:
    server = or_skip(lambda: PrivatePostgres.create(test_run, postgres_places))
    yield server
    server.stop()
    remove_folder(server.folder)


@pytest.fixture
def private_postgres(module_postgres: PrivatePostgres) -> PrivatePostgres:
    """A PostgreSQL that a test may stop, kill and start. It runs now.

    The tests of one module use one server, one after the other; `url` names a new, empty database for each.
    """
    module_postgres.start()
    module_postgres.new_database()
    return module_postgres


@pytest.fixture(scope="module")
def module_rabbitmq(test_run: Run, rabbitmq_places: Places) -> Iterator[PrivateRabbitmq]:
    node = or_skip(lambda: PrivateRabbitmq.create(test_run, rabbitmq_places))
    yield node
    node.close()
    remove_folder(node.folder)


@pytest.fixture
def private_rabbitmq(module_rabbitmq: PrivateRabbitmq) -> PrivateRabbitmq:
    """A RabbitMQ that a test may stop, kill and start. It runs now.

    The tests of one module use one node, one after the other: take names from `private_topology`.
    """
    module_rabbitmq.start()
    return module_rabbitmq


@pytest.fixture
def private_topology(test_run: Run, private_rabbitmq: PrivateRabbitmq) -> Topology:
    """Names for this test on the private RabbitMQ; they go when it goes."""
    return new_topology(test_run, private_rabbitmq.url, journaled=False)


def or_skip(obtain: Callable[[], Result]) -> Result:
    try:
        return obtain()
    except ServiceMissingError as error:
        refuse(str(error))
    except ServiceBrokenError as error:
        pytest.fail(str(error), pytrace=False)


def refuse(line: str) -> NoReturn:
    """Skip the test, or fail it where the services are required."""
    if os.environ.get(REQUIRE_VARIABLE, "0") not in {"", "0"}:
        pytest.fail(line, pytrace=False)
    pytest.skip(line)
