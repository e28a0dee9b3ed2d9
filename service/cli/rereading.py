"""The command `external-form read-again`: what another mapping makes of earlier submissions."""

from datetime import datetime
from typing import Any

import click

from service.cli.opening import open_database
from service.cli.parts import changed_mapping, open_endpoints
from service.cli.running import INSTANT, JSON, NUMBER, PORTAL
from service.cli.tables import show
from service.documents import dumps
from service.instants import utc_now
from service.rereading import Asked, Rereading


@click.command(name="read-again")
@PORTAL
@click.argument("form_id", metavar="ID", type=NUMBER)
@click.option(
    "--map",
    "mapped",
    multiple=True,
    metavar="ROLE=FIELD",
    help="Read with this instead of the form's own; repeatable, an empty field takes the role away.",
)
@click.option(
    "--since",
    type=INSTANT,
    help="Leave out what came before; UTC if no zone is given.",
)
@click.option("--carry-out", is_flag=True, help="Record what changes; without it, only say so.")
@JSON
def read_again(
    portal_id: int,
    form_id: int,
    mapped: tuple[str, ...],
    since: datetime | None,
    *,
    carry_out: bool,
    as_json: bool,
) -> None:
    """Read a form's earlier submissions again, and say what that changes, or change it.

    The form keeps the mapping that it has: 'external-form set --map' changes it.
    """
    mapping = open_endpoints().form(portal_id, form_id).mapping
    asked = Asked(
        portal_id=portal_id,
        form_id=form_id,
        mapping=changed_mapping(mapping, mapped),
        since=since,
    )
    rereading = Rereading(open_database(), utc_now)
    work = rereading.carry_out if carry_out else rereading.preview
    document = work(asked, _tell).document()
    if as_json:
        click.echo(dumps(document))
    else:
        _print(document, carried_out=carry_out)


def _tell(number: int) -> None:
    click.echo(f"{number} submissions looked at", err=True)


def _print(document: dict[str, Any], *, carried_out: bool) -> None:
    for change, number in document["changes"].items():
        click.echo(f"{change.replace('_', ' ')}: {number}")
    click.echo(
        f"{document['contacts_made']} new contacts, {document['become_marketing']} become marketing: "
        f"count {document['count']} to {document['count_after']}, tier {document['tier']}"
    )
    rows = [each | {"properties": " ".join(each["properties"])} for each in document["examples"]]
    show(rows, as_json=False, nothing="nothing reads differently")
    if rows and not carried_out:
        click.echo("nothing has been changed: --carry-out does it")
