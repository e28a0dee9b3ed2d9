"""Commands about what is kept: migrate, verify, sweep."""

import time

import click

from service.cli.opening import open_database
from service.cli.running import EXIT_FAILED, NUMBER, read_settings
from service.instants import utc_now
from service.store import outbox, proof, schema
from service.store.session import Database
from service.sweep import sweep as send_again

SETTLE_STEP = 0.25


@click.command()
def migrate() -> None:
    """Bring the database's tables up to date."""
    database = Database(read_settings(level="warning").database)
    before, after = schema.migrate(database)
    click.echo(
        f"already at {after}" if before == after else f"migrated from {before or 'nothing'} to {after}"
    )


@click.command()
@click.option("--portal", "portal_id", type=NUMBER, help="One portal; all of them if left out.")
@click.option("--wait", type=float, default=5.0, show_default=True, help="Seconds to let messages arrive.")
def verify(portal_id: int | None, wait: float) -> int:
    """Count three ways - contacts, ledger lines, counter - and fail unless they agree."""
    database = open_database()
    deadline = time.monotonic() + wait
    while True:
        proofs = proof.prove(database, utc_now(), portal_id)
        difference = sum(each.difference for each in proofs)
        if difference == 0 or time.monotonic() >= deadline:
            break
        time.sleep(SETTLE_STEP)
    for each in proofs:
        click.echo(
            f"portal {each.portal_id}: contacts {each.by_contacts}, lines {each.by_lines}, "
            f"counter {each.by_counter}, unequal stints {each.unequal_stints}, unequal sums {each.unequal_sums}"
        )
    if difference:
        _say_what_waits(database)
    click.echo(f"difference: {difference}")
    return EXIT_FAILED if difference else 0


@click.command()
def sweep() -> None:
    """Queue again every status change that the ledger lacks."""
    database = open_database()
    swept = send_again(
        database, utc_now(), progress=lambda number: click.echo(f"queued {number} …", err=True)
    )
    click.echo(f"queued {swept} status changes again")


def _say_what_waits(database: Database) -> None:
    with database.reading() as connection:
        depth = outbox.depth(connection)
    if depth.entries:
        click.echo(
            f"{depth.entries} status changes wait in the outbox: are relay and consumer running?", err=True
        )
    else:
        click.echo(
            "nothing waits in the outbox: 'marketable sweep' sends again what the ledger lacks", err=True
        )
