"""The command `billing`: the count, and why a contact counts."""

from datetime import UTC, datetime

import click

from service import billing as bills
from service.cli.running import open_database, utc_now
from service.documents import dumps

INSTANT = click.DateTime(["%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d"])


@click.command()
@click.option("--portal", "portal_id", type=int, required=True, help="The portal's id.")
@click.option("--at", type=INSTANT, help="An instant, in UTC; now if left out.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def billing(portal_id: int, at: datetime | None, *, as_json: bool) -> None:
    """Show how many marketing contacts count, against the tier, up to the update date."""
    instant = at.replace(tzinfo=UTC) if at else None
    bill = bills.bill(open_database(), portal_id, utc_now(), instant)
    if as_json:
        click.echo(dumps(bill.document()))
        return
    click.echo(f"{bill.count} of {bill.tier} marketing contacts count in portal {portal_id}")
    click.echo(f"{bill.leaving} leave and {bill.after_update} stay on {bill.update_date:%Y-%m-%d %H:%M} UTC")
