"""Runs a consumer: `python -m consumers billing-count`, `lookups`, or `worker`: all but the web in one process."""

import sys
from collections.abc import Callable

from config import logs
from config.settings import Settings, SettingsError
from consumers.asking import ask_vendor
from consumers.billing_count import BillingCount
from consumers.lookups import LookUps
from consumers.runner import Runner
from service import working
from service.broker import BILLING_COUNT, Publisher, Topology
from service.clock import Clock
from service.configuration import Configuration
from service.errors import MarketableError
from service.health import PASS, WARN, Check, Checks, Health, age_check
from service.instants import utc_now
from service.joining import Joiner
from service.process import HEALTH_PORTS, Job, Listening, run
from service.relay import Relay
from service.statements import StatementMaker, waiting_check
from service.store import look_ups
from service.store.session import Database
from service.sweep import Sweeper
from service.vault import vault_of

WORKER = "worker"
LOOKUPS = look_ups.CONSUMER
OLD_LOOK_UP = 300.0
"""Seconds that a look-up may be due before health warns."""


def main(arguments: list[str]) -> int:
    """Run the consumer that is named; returns the exit code."""
    programs: dict[str, Callable[[Settings], int]] = {
        BILLING_COUNT: _billing_count,
        LOOKUPS: _lookups,
        WORKER: _worker,
    }
    if len(arguments) != 1 or arguments[0] not in programs:
        sys.stderr.write(f"name one of: {', '.join(programs)}\n")
        return 2
    try:
        settings = Settings.from_environment()
        logs.configure(settings.log_level, settings.log_format, arguments[0])
        return programs[arguments[0]](settings)
    except (SettingsError, MarketableError) as error:
        sys.stderr.write(f"marketable: {error}\n")
        return 2


def _billing_count(settings: Settings) -> int:
    database = Database(settings.database)
    runner = _runner(settings, database)
    health = Health(BILLING_COUNT, database, utc_now, _checks(runner))
    listening = Listening(settings.host, settings.health_port or HEALTH_PORTS[BILLING_COUNT])
    return run(BILLING_COUNT, {BILLING_COUNT: runner.run}, health, listening)


def _lookups(settings: Settings) -> int:
    database = Database(settings.database)
    health = Health(LOOKUPS, database, utc_now, _look_up_checks(database))
    listening = Listening(settings.host, settings.health_port or HEALTH_PORTS[LOOKUPS])
    return run(LOOKUPS, {LOOKUPS: _look_ups(settings, database).run}, health, listening)


def _worker(settings: Settings) -> int:
    database = Database(settings.database)
    publisher = Publisher(settings.broker_url, Topology(settings.topology))
    relay = Relay(
        database, publisher, utc_now, batch=settings.relay_batch, poll_interval=settings.poll_interval
    )
    runner = _runner(settings, database)
    statements = StatementMaker(database, utc_now)
    jobs: dict[str, Job] = {
        BILLING_COUNT: runner.run,
        "relay": relay.run,
        "clock": Clock(database, utc_now, settings.clock_interval).run,
        "sweep": Sweeper(database, utc_now, settings.sweep_interval).run,
        "joining": Joiner(database, utc_now).run,
        "purge": working.open_purger(
            database, utc_now, settings.delivery_days, settings.import_file_days
        ).run,
        "statements": statements.run,
        LOOKUPS: _look_ups(settings, database, is_alone=settings.is_embedded_database).run,
        **working.open_threads(database, utc_now, settings.poll_interval),
    }
    port = settings.health_port or settings.port + 1
    listening = Listening(settings.host, port, must=bool(settings.health_port))
    checks = {
        **_checks(runner),
        **_look_up_checks(database),
        **waiting_check(statements),
        **working.due_check(database, utc_now),
    }
    return run(WORKER, jobs, Health(WORKER, database, utc_now, checks), listening)


def _checks(runner: Runner) -> Checks:
    def connection() -> Check:
        return {"componentType": "component", "status": PASS if runner.is_connected else WARN}

    return {f"{BILLING_COUNT}:connection": connection}


def _look_up_checks(database: Database) -> Checks:
    return {f"{LOOKUPS}:age": age_check(database, utc_now, look_ups.oldest_due, OLD_LOOK_UP)}


def _look_ups(settings: Settings, database: Database, *, is_alone: bool = False) -> LookUps:
    """The key is opened with the first look-up: who has none to make needs none."""
    configuration = Configuration(database, lambda: vault_of(settings))
    return LookUps(database, configuration, ask_vendor, utc_now, is_alone=is_alone)


def _runner(settings: Settings, database: Database) -> Runner:
    return Runner(
        BILLING_COUNT,
        BillingCount(database, utc_now),
        database,
        settings.broker_url,
        Topology(settings.topology),
        utc_now,
        batch=settings.consumer_batch,
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
