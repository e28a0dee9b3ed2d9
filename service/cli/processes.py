"""Commands that run for long: up, web, relay, clock, jobs, consume."""

import os
import shlex
import sys
from pathlib import Path

import click

from config.settings import Settings
from service import demo, working
from service.broker import BILLING_COUNT, Publisher, Topology
from service.cli.running import read_settings
from service.clock import Clock
from service.errors import InvalidInput
from service.health import PASS, WARN, Check, Checks, Health
from service.instants import utc_now
from service.joining import Joiner
from service.process import Job, Listening, run
from service.providers.catalogue import load_catalogue
from service.relay import Relay
from service.statements import StatementMaker, waiting_check
from service.store import schema
from service.store.look_ups import CONSUMER as LOOKUPS
from service.store.session import Database
from service.supervisor import Child, answers, module, port_is_free, supervise
from service.sweep import Sweeper

HEALTH_PORTS = {"relay": 8001, "clock": 8002, working.NAME: 8005}
GUNICORN = ("gunicorn", "--config", "python:config.gunicorn")

BANNER = """
Marketable is ready on {url}

Send a submission:

  {curl}

See the count go up:

  {command} billing --portal {portal}
"""


@click.command()
@click.option(
    "--demo/--no-demo", "with_demo", default=True, help="Make the demo portal on an empty database."
)
def up(*, with_demo: bool) -> int:
    """Run everything: migrate, then web and worker, until stopped."""
    settings = read_settings("up")
    if not port_is_free(settings.host, settings.port):
        message = f"port {settings.port} on {settings.host} is taken"
        raise InvalidInput(message, mend="stop what listens there or choose another with PORT=…")
    load_catalogue(settings.own_providers)  # a mistake is said here, once, and not by every worker
    database = Database(settings.database)
    schema.migrate(database)
    if with_demo:
        demo.make_demo(database, settings.data_dir, utc_now())
    database.dispose()
    url = f"http://{settings.host}:{settings.port}"
    children = [
        Child("web", module(*GUNICORN), _web_environment(settings)),
        Child("worker", module("consumers", "worker"), {}),
    ]
    return supervise(children, lambda: _say_ready(url, settings), lambda: answers(f"{url}/health/ready"))


@click.command()
def web() -> None:
    """Serve HTTP with gunicorn."""
    settings = read_settings("web")
    Database(settings.database).dispose()
    load_catalogue(settings.own_providers)
    os.environ.update(_web_environment(settings))
    command = module(*GUNICORN)
    os.execv(command[0], command)  # noqa: S606 - our own interpreter; gunicorn takes over the process and its signals


@click.command()
def relay() -> int:
    """Move outbox entries to the broker."""
    settings = _separate("relay")
    database = Database(settings.database)
    publisher = Publisher(settings.broker_url, Topology(settings.topology))
    mover = Relay(
        database, publisher, utc_now, batch=settings.relay_batch, poll_interval=settings.poll_interval
    )
    return _run("relay", {"relay": mover.run}, settings, database, _broker_check(publisher))


@click.command()
def clock() -> int:
    """Do what time brings: end stints, issue statements, renew, join sessions, sweep, forget old deliveries."""
    settings = read_settings("clock")
    database = Database(settings.database)
    statements = StatementMaker(database, utc_now)
    jobs: dict[str, Job] = {
        "clock": Clock(database, utc_now, settings.clock_interval).run,
        "sweep": Sweeper(database, utc_now, settings.sweep_interval).run,
        "joining": Joiner(database, utc_now).run,
        "purge": working.open_purger(
            database, utc_now, settings.delivery_days, settings.import_file_days
        ).run,
        "statements": statements.run,
    }
    return _run("clock", jobs, settings, database, waiting_check(statements))


@click.command()
def jobs() -> int:
    """Do imports and other long work, and run workflows; any number of these may run."""
    settings = read_settings("jobs")
    database = Database(settings.database)
    threads = working.open_threads(database, utc_now, settings.poll_interval)
    return _run(working.NAME, threads, settings, database, working.due_check(database, utc_now))


@click.command()
@click.argument("consumer", type=click.Choice([BILLING_COUNT, LOOKUPS]))
def consume(consumer: str) -> None:
    """Run a consumer: of the broker's queue, or of the look-ups that wait in the database."""
    if consumer == LOOKUPS:
        read_settings(consumer)
    else:
        _separate(consumer)
    command = module("consumers", consumer)
    os.execv(command[0], command)  # noqa: S606 - our own interpreter and module


def _separate(process: str) -> Settings:
    """Read the settings of a process that needs a broker between processes."""
    settings = read_settings(process)
    if settings.is_embedded_broker:
        message = "MARKETABLE_BROKER_URL is memory://, a broker that lives inside one process"
        raise InvalidInput(message, mend="set it to amqp://…, or run 'marketable up'")
    return settings


def _run(
    process: str, jobs: dict[str, Job], settings: Settings, database: Database, checks: Checks | None = None
) -> int:
    listening = Listening(settings.host, settings.health_port or HEALTH_PORTS[process])
    return run(process, jobs, Health(process, database, utc_now, checks or {}), listening)


def _broker_check(publisher: Publisher) -> Checks:
    def connection() -> Check:
        return {"componentType": "component", "status": PASS if publisher.is_connected else WARN}

    return {"broker:connection": connection}


def _web_environment(settings: Settings) -> dict[str, str]:
    folder = settings.data_dir / "metrics"
    folder.mkdir(parents=True, exist_ok=True)
    return {"PROMETHEUS_MULTIPROC_DIR": str(folder.resolve())}


def _say_ready(url: str, settings: Settings) -> None:
    command = Path(sys.argv[0])
    shown = str(os.path.relpath(command) if command.is_absolute() else command)
    if settings.data_dir != Settings().data_dir:
        shown = f"DATA_DIR={shlex.quote(str(settings.data_dir))} {shown}"
    curl = demo.curl(url)
    click.echo(BANNER.format(url=url, curl=curl, command=shown, portal=demo.PORTAL_ID))
