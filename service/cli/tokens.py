"""The command `token`: access tokens of users and of integrations."""

from typing import Any

import click

from service.cli.running import JSON, NUMBER, PORTAL
from service.cli.tables import show
from service.cli.users import ACCESS, open_people
from service.domain.people import BY_COMMAND
from service.domain.portals import Scope
from service.errors import InvalidInput
from service.people import NewToken
from service.web.documents.people import describe_token

TOKEN = click.argument("token_id", type=NUMBER)
DEFAULT = "--marketing-default/--no-marketing-default"
LISTED = ("id", "name", "user", "scopes", "marketing_access", "marketing_default", "created_at", "revoked_at")


@click.group()
def token() -> None:
    """Make, list, change and revoke access tokens."""


@token.command()
@PORTAL
@click.option("--name", default="token", show_default=True, help="What the token is for.")
@click.option("--user", "user_id", type=NUMBER, help="Who acts by it; an integration does if left out.")
@click.option(
    "--scope",
    "scopes",
    type=click.Choice([each.value for each in Scope]),
    multiple=True,
    help="Repeat for several; all, or all of the user's role, if left out.",
)
@click.option(ACCESS, "access", default=None, help="Of an integration: may set statuses and defaults.")
@click.option(DEFAULT, "default", default=False, help="Of contacts that an integration creates.")
def create(
    *,
    portal_id: int,
    name: str,
    user_id: int | None,
    scopes: tuple[str, ...],
    access: bool | None,
    default: bool,
) -> None:
    """Make an access token and print its secret, this once."""
    wanted = NewToken(
        name=name,
        scopes=scopes or None,
        user_id=user_id,
        marketing_access=access,
        marketing_default=default,
    )
    _, secret = open_people().create_token(BY_COMMAND, portal_id, wanted)
    click.echo(secret)


@token.command(name="list")
@PORTAL
@JSON
def list_all(portal_id: int, *, as_json: bool) -> None:
    """List a portal's access tokens, without their secrets."""
    found = [describe_token(each) for each in open_people().tokens(portal_id)]
    rows = [{**{name: each[name] for name in LISTED}, "scopes": " ".join(each["scopes"])} for each in found]
    show(rows, as_json=as_json, nothing="there are no tokens: 'marketable token create' makes one")


@token.command(name="set")
@PORTAL
@TOKEN
@click.option("--name", help="What the token is for.")
@click.option(ACCESS, "access", default=None, help="Of an integration: may set statuses and defaults.")
@click.option(DEFAULT, "default", default=None, help="Of contacts that an integration creates from now on.")
def set_one(
    portal_id: int, token_id: int, name: str | None, *, access: bool | None, default: bool | None
) -> None:
    """Rename a token; change an integration's access or default."""
    changes: dict[str, Any] = {} if name is None else {"name": name}
    changes |= {} if access is None else {"marketing_access": access}
    if not changes and default is None:
        raise InvalidInput(
            "nothing to change", mend="'marketable token set --help' lists what can be changed"
        )
    people = open_people()
    if changes:
        people.change_token(BY_COMMAND, portal_id, token_id, **changes)
    if default is not None:
        people.set_token_default(BY_COMMAND, portal_id, token_id, on=default)
    click.echo(f"token {token_id} is changed")


@token.command()
@PORTAL
@TOKEN
def revoke(portal_id: int, token_id: int) -> None:
    """Make an access token useless."""
    open_people().revoke_token(BY_COMMAND, portal_id, token_id)
    click.echo(f"token {token_id} revoked")
