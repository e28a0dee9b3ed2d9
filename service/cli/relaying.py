"""The command that moves outbox entries to the broker."""

import click

from service.broker import Publisher, Topology
from service.cli.running import read_separate
from service.health import PASS, WARN, Check, Checks, Health
from service.instants import utc_now
from service.process import HEALTH_PORTS, Listening, run
from service.relay import Relay
from service.store.session import Database

NAME = "relay"


@click.command()
def relay() -> int:
    """Move outbox entries to the broker."""
    settings = read_separate(NAME)
    database = Database(settings.database)
    publisher = Publisher(settings.broker_url, Topology(settings.topology))
    mover = Relay(
        database, publisher, utc_now, batch=settings.relay_batch, poll_interval=settings.poll_interval
    )
    listening = Listening(settings.host, settings.health_port or HEALTH_PORTS[NAME])
    health = Health(NAME, database, utc_now, _broker_check(publisher))
    return run(NAME, {NAME: mover.run}, health, listening)


def _broker_check(publisher: Publisher) -> Checks:
    def connection() -> Check:
        return {"componentType": "component", "status": PASS if publisher.is_connected else WARN}

    return {"broker:connection": connection}
