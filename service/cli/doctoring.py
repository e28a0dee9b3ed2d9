"""The command `doctor`."""

import os

import click

from config.settings import unknown_variables
from service.broker import Topology
from service.cli.running import EXIT_FAILED, read_settings
from service.doctor import Finding, Level, examine
from service.instants import utc_now
from service.store.session import Database
from service.vault import Vault, open_vault

COLOURS = {Level.OK: "green", Level.WARN: "yellow", Level.FAIL: "red"}


@click.command()
def doctor() -> int:
    """Check settings, database, tables, broker and queue, and say how to mend what is wrong."""
    settings = read_settings(level="error")
    database = Database(settings.database)
    unknown = unknown_variables(os.environ)
    worst = Level.OK
    topology = Topology(settings.topology)

    def vault() -> Vault:
        return open_vault(settings.secret_key, settings.data_dir, may_make=False)

    for finding in examine(database, settings.broker_url, topology, unknown, utc_now(), vault):
        _print(finding)
        if finding.level is Level.FAIL:
            worst = Level.FAIL
    return EXIT_FAILED if worst is Level.FAIL else 0


def _print(finding: Finding) -> None:
    level = click.style(f"{finding.level:4}", fg=COLOURS[finding.level])
    click.echo(f"{level}  {finding.what}: {finding.detail}")
    if finding.mend:
        click.echo(f"      → {finding.mend}")
