"""Runs a consumer: `python -m consumers billing-count`, or `worker` for relay, consumer and clock in one process."""

import sys
from collections.abc import Callable

from config import logs
from config.settings import Settings, SettingsError
from consumers.billing_count import BillingCount
from consumers.runner import Runner
from service.broker import BILLING_COUNT, Publisher, Topology
from service.clock import Clock
from service.errors import MarketableError
from service.health import PASS, WARN, Check, Health
from service.process import Job, Listening, run, utc_now
from service.relay import Relay
from service.store.session import Database
from service.sweep import Sweeper

WORKER = "worker"
HEALTH_PORTS = {BILLING_COUNT: 8003}


def main(arguments: list[str]) -> int:
    """Run the consumer that is named; returns the exit code."""
    programs: dict[str, Callable[[Settings], int]] = {BILLING_COUNT: _billing_count, WORKER: _worker}
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


def _worker(settings: Settings) -> int:
    database = Database(settings.database)
    publisher = Publisher(settings.broker_url, Topology(settings.topology))
    relay = Relay(
        database, publisher, utc_now, batch=settings.relay_batch, poll_interval=settings.poll_interval
    )
    runner = _runner(settings, database)
    jobs: dict[str, Job] = {
        BILLING_COUNT: runner.run,
        "relay": relay.run,
        "clock": Clock(database, utc_now, settings.clock_interval).run,
        "sweep": Sweeper(database, utc_now, settings.sweep_interval).run,
    }
    port = settings.health_port or settings.port + 1
    listening = Listening(settings.host, port, must=bool(settings.health_port))
    return run(WORKER, jobs, Health(WORKER, database, utc_now, _checks(runner)), listening)


def _checks(runner: Runner) -> dict[str, Callable[[], Check]]:
    def connection() -> Check:
        return {"componentType": "component", "status": PASS if runner.is_connected else WARN}

    return {f"{BILLING_COUNT}:connection": connection}


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
