"""The commands `key` and `reseal`: the key that stored secrets are sealed with."""

import click

from service.app import vault_of
from service.cli.parts import quiet_settings
from service.cli.running import open_database
from service.store import deliveries, endpoints
from service.vault import new_key


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
    click.echo(f"sealed with the newest key: {of_endpoints} endpoints, {of_deliveries} refused deliveries")
