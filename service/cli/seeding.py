"""The command `seed`."""

import sys
import time

import click

from service import seeding
from service.cli.opening import open_database
from service.cli.running import PORTAL
from service.instants import utc_now
from service.seeding import Wanted


@click.command()
@PORTAL
@click.option("--contacts", type=click.IntRange(1), required=True, help="How many to make.")
@click.option(
    "--marketing",
    type=click.FloatRange(0, 1),
    default=0.4,
    show_default=True,
    help="The share that counts now.",
)
@click.option(
    "--seed", "chance", type=int, default=1, show_default=True, help="The same makes the same people."
)
@click.option("--append", is_flag=True, help="Beside the contacts that the portal has.")
@click.option(
    "--yes", "among_others", is_flag=True, help="Although other portals have contacts in this database."
)
def seed(
    portal_id: int, contacts: int, marketing: float, chance: int, *, append: bool, among_others: bool
) -> None:
    """Make contacts up, with a past of two years, for trials and measurements."""
    wanted = Wanted(contacts, marketing, chance, append=append, among_others=among_others)
    began = time.monotonic()
    is_watched = sys.stderr.isatty()

    def tell(made: int) -> None:
        if is_watched:
            click.echo(f"\r{made:,} of {contacts:,}", err=True, nl=made == contacts)

    counted = seeding.seed(open_database(), portal_id, wanted, utc_now(), tell)
    seconds = time.monotonic() - began
    click.echo(f"{contacts} contacts made in {seconds:.0f} s; {counted} of them are marketing contacts")
