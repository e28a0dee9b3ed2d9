"""The command that runs a consumer."""

import os
import sys

import click

from service.cli.running import read_separate, read_settings

BILLING_COUNT, LOOKUPS = "billing-count", "lookups"
"""As the consumers go by; loading them here, only to run them there, would take a second."""


@click.command()
@click.argument("consumer", type=click.Choice([BILLING_COUNT, LOOKUPS]))
def consume(consumer: str) -> None:
    """Run a consumer: of the broker's queue, or of the look-ups that wait in the database."""
    if consumer == LOOKUPS:
        read_settings(consumer)
    else:
        read_separate(consumer)
    command = [sys.executable, "-m", "consumers", consumer]
    os.execv(command[0], command)  # noqa: S606 - our own interpreter and module
