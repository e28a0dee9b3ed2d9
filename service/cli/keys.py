"""The commands `key` and `reseal`: the key that stored secrets are sealed with."""

import click

from service.cli.opening import open_database
from service.cli.parts import quiet_settings
from service.domain.actors import COMMAND
from service.instants import utc_now
from service.store import audit, deliveries, endpoints, portals
from service.store.audit import Entry
from service.vault import new_key, vault_of


@click.command()
def key() -> None:
    """Print a new key for MARKETABLE_SECRET_KEY; nothing is stored."""
    click.echo(new_key())


@click.command()
def reseal() -> None:
    """Seal all stored secrets and kept deliveries with the newest key."""
    vault = vault_of(quiet_settings())
    with open_database().writing() as connection:
        of_endpoints = endpoints.reseal(connection, vault)
        of_deliveries = deliveries.reseal(connection, vault)
        for each in portals.list_portals(connection):
            entry = Entry(str(COMMAND), "resealed", f"portal:{each.id}")
            audit.note(connection, each.id, entry, utc_now())
    click.echo(f"sealed with the newest key: {of_endpoints} endpoints, {of_deliveries} refused deliveries")
