"""The command `statement`: list, show, ids, verify."""

import click

from service import statements
from service.cli.opening import open_database
from service.cli.running import EXIT_FAILED, JSON, PORTAL
from service.cli.tables import show
from service.documents import dumps
from service.statements import Verification

PERIOD = click.option(
    "--period",
    required=True,
    help="The day that ends it, as 2026-02-01, where the portal is; or the instant.",
)
COLUMNS = ("begins_at", "ends_at", "contacts", "tier", "issued_at", "digest")


@click.group()
def statement() -> None:
    """Show and verify the statements of closed periods."""


@statement.command(name="list")
@PORTAL
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True, help="At the most.")
@JSON
def list_all(portal_id: int, limit: int, *, as_json: bool) -> None:
    """List a portal's statements, the newest first."""
    found = [statements.summary(row) for row in statements.listed(open_database(), portal_id, limit=limit)]
    rows = found if as_json else [{name: each[name] for name in COLUMNS} for each in found]
    show(rows, as_json=as_json, nothing="no period has been closed yet; the clock process does it")


@statement.command(name="show")
@PORTAL
@PERIOD
def show_one(portal_id: int, period: str) -> None:
    """Show a statement with its split, and with what has come late, as JSON."""
    click.echo(dumps(statements.show(open_database(), portal_id, period).document()))


@statement.command()
@PORTAL
@PERIOD
def ids(portal_id: int, period: str) -> None:
    """Print the contacts that a statement has counted, sorted, one to a line: its digest is their SHA-256."""
    for part in statements.all_contacts(open_database(), portal_id, period):
        click.echo(part, nl=False)


@statement.command()
@PORTAL
@PERIOD
def verify(portal_id: int, period: str) -> int:
    """Derive a statement again from ledger and contacts, and fail unless number and digest are the same."""
    found = statements.verify(open_database(), portal_id, period)
    row, late = found.statement.row, found.statement.late
    click.echo(f"statement: {row.contacts} contacts, digest {row.digest}")
    click.echo(f"ledger:    {found.lines.contacts} contacts, digest {found.lines.digest}")
    click.echo(f"contacts:  {found.stints.contacts} contacts, digest {found.stints.digest}")
    click.echo(f"late:      {late.number} adjustments, {late.sum:+d} contacts, undone in the two above")
    if found.is_ok:
        click.echo("ok")
        return 0
    _say_difference(found)
    return EXIT_FAILED


def _say_difference(found: Verification) -> None:
    if found.difference is None or not found.difference.number:
        click.echo("differs: ledger and contacts agree with each other, and not with the statement")
        return
    for contact_id in found.difference.only_in_lines:
        click.echo(f"only in the ledger: contact {contact_id}")
    for contact_id in found.difference.only_in_stints:
        click.echo(f"only by its stints: contact {contact_id}")
    click.echo(f"differs: {found.difference.number} contacts; 'marketable contact why' tells of one")
