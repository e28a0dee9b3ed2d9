"""The command `user`: who works with a portal, and what they may do."""

from typing import Any

import click

from service.cli.opening import open_database
from service.cli.running import JSON, NUMBER, PORTAL
from service.cli.tables import show
from service.domain.people import BY_COMMAND, ROLES, Role, User
from service.errors import InvalidInput
from service.instants import utc_now
from service.people import NewUser, People
from service.web.documents.people import describe_user

USER = click.argument("user_id", metavar="ID", type=NUMBER)
ROLE_TYPE = click.Choice([each.value for each in Role])
ROLE_HELP = " ".join(f"{role.value}: {powers.about}" for role, powers in ROLES.items())
ACCESS = "--marketing-access/--no-marketing-access"
LISTED = ("id", "email", "name", "role", "marketing_access", "deactivated_at")


@click.group()
def user() -> None:
    """Make, list and change a portal's users."""


@user.command(name="list")
@PORTAL
@JSON
def list_all(portal_id: int, *, as_json: bool) -> None:
    """List a portal's users."""
    found = [describe_user(each) for each in open_people().users(portal_id)]
    rows = found if as_json else [{name: each[name] for name in LISTED} for each in found]
    show(rows, as_json=as_json, nothing="there are no users: 'marketable user create' makes one")


@user.command()
@PORTAL
@click.option("--email", required=True, help="Of one user of the portal only.")
@click.option("--name", default="", help="The e-mail address if left out.")
@click.option("--role", type=ROLE_TYPE, required=True, help=ROLE_HELP)
@click.option(ACCESS, "access", default=True, show_default=True, help="May set statuses and defaults.")
def create(portal_id: int, email: str, name: str, role: str, *, access: bool) -> None:
    """Make a user; 'marketable token create --user' then makes a token to act by."""
    wanted = NewUser(email=email, name=name, role=Role(role), marketing_access=access)
    made = open_people().create_user(BY_COMMAND, portal_id, wanted)
    click.echo(f"user {made.id} made: {_described(made)}")


@user.command()
@PORTAL
@USER
@click.option("--name")
@click.option("--role", type=ROLE_TYPE, help=ROLE_HELP)
@click.option(ACCESS, "access", default=None, help="May set statuses and defaults.")
def change(portal_id: int, user_id: int, name: str | None, role: str | None, *, access: bool | None) -> None:
    """Change a user's name or role, give or take the marketing contacts access."""
    changes: dict[str, Any] = {} if name is None else {"name": name}
    changes |= {} if role is None else {"role": Role(role)}
    changes |= {} if access is None else {"marketing_access": access}
    if not changes:
        raise InvalidInput(
            "nothing to change", mend="give --name, --role, --marketing-access or --no-marketing-access"
        )
    changed = open_people().change_user(BY_COMMAND, portal_id, user_id, **changes)
    click.echo(f"user {changed.id}: {_described(changed)}")


@user.command()
@PORTAL
@USER
def deactivate(portal_id: int, user_id: int) -> None:
    """Have a user do nothing any more; all tokens of the user are revoked."""
    open_people().deactivate(BY_COMMAND, portal_id, user_id)
    click.echo(f"user {user_id} is deactivated, and all tokens of the user are revoked")


@user.command()
@PORTAL
@USER
def activate(portal_id: int, user_id: int) -> None:
    """Take a deactivated user back; the user needs a new token."""
    open_people().activate(BY_COMMAND, portal_id, user_id)
    click.echo(f"user {user_id} is active; 'marketable token create --user {user_id}' makes a token")


def open_people() -> People:
    """Return what makes and changes users and tokens."""
    return People(open_database(), utc_now)


def _described(of: User) -> str:
    access = "with" if of.marketing_access else "without"
    return f"{of.role}, {access} marketing contacts access"
