"""Commands that work for long beside the web: clock and jobs."""

import click

from service import working
from service.cli.running import read_settings
from service.clock import Clock
from service.health import Health
from service.instants import utc_now
from service.joining import Joiner
from service.process import HEALTH_PORTS, Job, Listening, run
from service.statements import StatementMaker, waiting_check
from service.store.session import Database
from service.sweep import Sweeper

CLOCK = "clock"


@click.command()
def clock() -> int:
    """Do what time brings: end stints, issue statements, renew, join sessions, sweep, forget old deliveries."""
    settings = read_settings(CLOCK)
    database = Database(settings.database)
    statements = StatementMaker(database, utc_now)
    jobs: dict[str, Job] = {
        CLOCK: Clock(database, utc_now, settings.clock_interval).run,
        "sweep": Sweeper(database, utc_now, settings.sweep_interval).run,
        "joining": Joiner(database, utc_now).run,
        "purge": working.open_purger(
            database, utc_now, settings.delivery_days, settings.import_file_days
        ).run,
        "statements": statements.run,
    }
    listening = Listening(settings.host, settings.health_port or HEALTH_PORTS[CLOCK])
    health = Health(CLOCK, database, utc_now, waiting_check(statements))
    return run(CLOCK, jobs, health, listening)


@click.command()
def jobs() -> int:
    """Do imports and other long work, and run workflows; any number of these may run."""
    settings = read_settings("jobs")
    database = Database(settings.database)
    threads = working.open_threads(database, utc_now, settings.poll_interval)
    listening = Listening(settings.host, settings.health_port or HEALTH_PORTS[working.NAME])
    health = Health(working.NAME, database, utc_now, working.due_check(database, utc_now))
    return run(working.NAME, threads, health, listening)
