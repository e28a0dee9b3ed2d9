"""What the measurements stand on: the services that are found, databases, ports and folders; all of it goes again.

The tests' own search finds PostgreSQL and RabbitMQ, and its books tell a later run what a killed one has left.
"""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.machine import Watch
from bench.traffic import FIELD_NAMES, FORM_GUID, PORTAL_ID, QUIET_FORM_GUID
from service.domain.billing import TIER_STEPS, Commitment, Product, Subscription
from service.domain.forms import Form, read_definition
from service.domain.portals import Portal
from service.instants import utc_now
from service.process import PARENT_VARIABLE
from service.store import portals, schema
from service.store.session import Database
from tests.services import postgres, rabbitmq
from tests.services.databases import Databases
from tests.services.plugin import clean_up
from tests.services.ports import free_port
from tests.services.run import Run, RunName, runs_home
from tests.services.server import Server, ServiceBrokenError, ServiceMissingError, shared
from tests.services.topology import Topology, new_topology

PROJECT = Path(__file__).resolve().parent.parent
FOREIGN = (
    "MARKETABLE_",
    "DATA_DIR",
    "PORT",
    "GUNICORN_CMD_ARGS",
    "PROMETHEUS_",
    "PYTHONPATH",
    "WEB_CONCURRENCY",
)


@dataclass(slots=True)
class Stage:
    """One run's surroundings."""

    run: Run
    watch: Watch
    postgres: Server | None = None
    rabbitmq: Server | None = None
    missing: list[str] = field(default_factory=list)
    """One line for each service that is not there."""

    def port(self) -> int:
        """Return a free port."""
        return free_port(self.run.common_folder("ports"))

    def folder(self, name: str) -> Path:
        """Return a new folder."""
        return self.run.new_folder(name)

    def postgres_database(self) -> str:
        """Make an empty database on PostgreSQL; returns its SQLAlchemy URL."""
        if self.postgres is None:
            raise RuntimeError("PostgreSQL is missing")
        return Databases(self.postgres, self.run).create()

    def drop(self, url: str) -> None:
        """Drop a database of `postgres_database`."""
        if self.postgres is not None:
            Databases(self.postgres, self.run).drop(url)

    def sqlite_database(self) -> str:
        """Return the URL of a SQLite file that is not there yet."""
        return f"sqlite:///{self.folder('sqlite') / 'marketable.db'}"

    def topology(self) -> Topology:
        """Return names on RabbitMQ of this run's own."""
        if self.rabbitmq is None:
            raise RuntimeError("RabbitMQ is missing")
        return new_topology(self.run, self.rabbitmq.url, journaled=True)

    def environment(self, **settings: object) -> dict[str, str]:
        """Return the environment of a process: ours without settings of its own, and the settings given.

        Processes that know how to end with the one that started them are told to.
        """
        kept = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
        given = {name: str(value) for name, value in settings.items()}
        return kept | {"PYTHONPATH": str(PROJECT), PARENT_VARIABLE: str(os.getpid())} | given


@contextmanager
def open_stage(watch: Watch) -> Iterator[Stage]:
    """Find the services, and remove at the end, however it comes, all that was made on them."""
    run = Run(str(RunName.of_this_process()), "bench", runs_home())
    with run.dead_runs() as dead_runs:
        for dead in dead_runs:
            clean_up(dead)
    stage = Stage(run, watch)
    try:
        stage.postgres = _find(stage, postgres.PRODUCT, _obtain_postgres)
        stage.rabbitmq = _find(stage, rabbitmq.PRODUCT, _obtain_rabbitmq)
        yield stage
    finally:
        clean_up(run)


def _obtain_postgres(run: Run) -> Server:
    return postgres.obtain(run, postgres.usual_places(os.environ))


def _obtain_rabbitmq(run: Run) -> Server:
    return rabbitmq.obtain(run, rabbitmq.usual_places(os.environ))


def _find(stage: Stage, product: str, obtain: Callable[[Run], Server]) -> Server | None:
    try:
        server = shared(stage.run, product, lambda: obtain(stage.run))
    except (ServiceMissingError, ServiceBrokenError) as error:
        stage.missing.append(str(error))
        say(str(error))
        return None
    say(str(server))
    return server


def bench_form(guid: str = FORM_GUID, *, marketing_default: bool = True) -> Form:
    """Return the form that all submissions are made to."""
    text = {"objectTypeId": "0-1", "fieldType": "single_line_text"}
    fields = [{"objectTypeId": "0-1", "name": "email", "fieldType": "email", "required": True}]
    fields += [{**text, "name": name} for name in FIELD_NAMES]
    document = {"name": "Bench", "fields": fields, "marketingDefault": marketing_default}
    return Form.of(read_definition(document), portal_id=PORTAL_ID, guid=guid)


def furnish(url: str) -> Database:
    """Migrate an empty database and give it the portal and its two forms."""
    database = Database(url)
    schema.migrate(database)
    now, product = utc_now(), Product.ENTERPRISE
    subscription = Subscription(Commitment.MONTHLY, now.date())
    tier = TIER_STEPS[product].included
    with database.writing() as connection:
        portals.add_portal(connection, Portal(PORTAL_ID, "Bench", subscription, product, tier, now))
        portals.save_form(connection, bench_form(), now)
        portals.save_form(connection, bench_form(QUIET_FORM_GUID, marketing_default=False), now)
    return database


def say(line: str) -> None:
    """Tell how far the run is."""
    sys.stderr.write(f"bench: {line}\n")
    sys.stderr.flush()
