"""The command `lookups`: persons whom vendors have to be asked for."""

import click

from service.cli.opening import open_database
from service.cli.running import JSON, NUMBER, PORTAL
from service.cli.tables import show
from service.instants import utc_now
from service.store import look_ups, portals

ENDPOINT = click.option(
    "--endpoint", "endpoint_id", type=NUMBER, help="One endpoint; all of them if left out."
)
FAILED, WAITING = "failed", "waiting"


@click.group()
def lookups() -> None:
    """List look-ups that wait or have failed, and try them again."""


@lookups.command(name="list")
@PORTAL
@ENDPOINT
@click.option(
    "--limit", type=click.IntRange(1, 10_000), default=100, show_default=True, help="At most so many."
)
@JSON
def list_all(portal_id: int, endpoint_id: int | None, limit: int, *, as_json: bool) -> None:
    """List a portal's look-ups that wait or have failed, the latest first."""
    with open_database().reading() as connection:
        portals.get_portal(connection, portal_id)
        found = look_ups.list_all(connection, portal_id, endpoint_id, limit)
    rows = [
        {
            "submission_id": each.submission_id,
            "endpoint": each.endpoint_id,
            "state": WAITING if each.not_before else FAILED,
            "reason": each.reason,
            "attempts": each.attempts,
            "next_at": each.not_before.isoformat(timespec="seconds") if each.not_before else None,
            "updated_at": each.updated_at.isoformat(timespec="seconds"),
        }
        for each in found
    ]
    show(rows, as_json=as_json, nothing="no look-up waits or has failed")


@lookups.command()
@PORTAL
@ENDPOINT
def retry(portal_id: int, endpoint_id: int | None) -> None:
    """Have a portal's look-ups that wait or have failed tried again, as soon as the consumer comes to them."""
    with open_database().writing() as connection:
        portals.get_portal(connection, portal_id)
        number = look_ups.retry(connection, portal_id, endpoint_id, utc_now())
    click.echo(f"{number} look-ups are tried again")
