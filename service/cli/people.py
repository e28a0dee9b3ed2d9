"""The commands `token` and `contact`."""

from typing import Any

import click

from service import billing as bills
from service import demo
from service.addresses import normalise_email
from service.cli.running import open_database, utc_now
from service.cli.tables import show
from service.documents import dumps
from service.domain.billing import next_update_date
from service.domain.identity import Known
from service.domain.marketing import decide
from service.domain.model import Cause, Decision, Intent, ReasonType, Source, Standing
from service.domain.portals import Scope
from service.errors import InvalidInput, NotFound
from service.store import contacts, portals
from service.web.api.billing import explain

PORTAL = click.option("--portal", "portal_id", type=int, required=True, help="The portal's id.")


@click.group()
def token() -> None:
    """Make, list and revoke access tokens."""


@token.command()
@PORTAL
@click.option("--name", default="token", show_default=True, help="What the token is for.")
@click.option(
    "--scope",
    "scopes",
    type=click.Choice([each.value for each in Scope]),
    multiple=True,
    help="Repeat for several; all if left out.",
)
def create(portal_id: int, name: str, scopes: tuple[str, ...]) -> None:
    """Make an access token and print its secret, this once."""
    secret = demo.new_secret()
    with open_database().writing() as connection:
        if portals.find_portal(connection, portal_id) is None:
            raise NotFound("portal", portal_id)
        portals.add_token(connection, portal_id, name, secret, scopes or list(Scope), utc_now())
    click.echo(secret)


@token.command(name="list")
@PORTAL
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array.")
def list_all(portal_id: int, *, as_json: bool) -> None:
    """List a portal's access tokens, without their secrets."""
    with open_database().reading() as connection:
        if portals.find_portal(connection, portal_id) is None:
            raise NotFound("portal", portal_id)
        found = portals.list_tokens(connection, portal_id)
    rows = [
        {
            "id": each.id,
            "name": each.name,
            "scopes": " ".join(sorted(each.scopes)),
            "created_at": each.created_at.isoformat(),
            "revoked_at": each.revoked_at.isoformat() if each.revoked_at else None,
        }
        for each in found
    ]
    show(rows, as_json=as_json, nothing="there are no tokens: 'marketable token create' makes one")


@token.command()
@PORTAL
@click.argument("token_id", type=int)
def revoke(portal_id: int, token_id: int) -> None:
    """Make an access token useless."""
    with open_database().writing() as connection:
        if not portals.revoke_token(connection, portal_id, token_id, utc_now()):
            raise NotFound("token", token_id)
    click.echo(f"token {token_id} revoked")


@click.group()
def contact() -> None:
    """Look at one contact and set its marketing status."""


@contact.command(name="set")
@PORTAL
@click.option("--email", required=True)
@click.option("--marketing/--non-marketing", "marketing", required=True, help="The status to set.")
def set_status(portal_id: int, email: str, *, marketing: bool) -> None:
    """Set a contact's marketing status by hand; non-marketing takes effect on the next update date."""
    now = utc_now()
    intent = Intent.RAISE if marketing else Intent.LOWER
    cause = Cause(intent, Source.BY_HAND, ReasonType.USER_SET, "command", actor="command")
    with open_database().writing() as connection:
        portal = portals.find_portal(connection, portal_id)
        if portal is None:
            raise NotFound("portal", portal_id)
        update_date = next_update_date(portal.subscription, now)

        def decide_it(standing: Standing) -> Decision:
            return decide(standing, cause, is_new=False, now=now, update_date=update_date)

        known = _find(connection, portal_id, email)
        decision = contacts.change_status(connection, portal_id, known, decide_it, now)
    click.echo(f"contact {known.contact_id}: {decision.verdict}")


@contact.command(name="why")
@PORTAL
@click.option("--email", required=True)
def why(portal_id: int, email: str) -> None:
    """Print why a contact counts or does not, as JSON."""
    database = open_database()
    with database.reading() as connection:
        known = _find(connection, portal_id, email)
    found: dict[str, Any] = explain(bills.why(database, portal_id, known.contact_id), utc_now())
    click.echo(dumps(found))


def _find(connection: Any, portal_id: int, email: str) -> Known:
    address = normalise_email(email)
    if address is None:
        raise InvalidInput(f"{email!r} is not an e-mail address", mend="give one, as ada@example.com")
    known = contacts.find_by_email(connection, portal_id, address)
    if known is None:
        raise NotFound("contact", email)
    return known
