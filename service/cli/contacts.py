"""The command `contact`."""

from typing import Any

import click

from service import billing as bills
from service import bulk
from service.addresses import normalise_email
from service.cli.filter_files import FILE, HELP, read_filter_file
from service.cli.following import FOLLOW, follow
from service.cli.opening import open_database
from service.cli.running import NUMBER, PORTAL
from service.cli.views import search_contacts
from service.contacts import Contacts
from service.documents import dumps
from service.domain.actors import COMMAND
from service.domain.model import Decision
from service.errors import InvalidInput, NotFound, UnexpectedNumber
from service.instants import utc_now
from service.store import contacts
from service.store.selections import Selection
from service.web.documents.billing import explain

EMAIL = click.option("--email", required=True, help="Whom it is about.")
STATUS = click.option("--marketing/--non-marketing", "marketing", required=True, help="The status to set.")


@click.group()
def contact() -> None:
    """Look at contacts, make and change them, and set their marketing status."""


@contact.command()
@PORTAL
@EMAIL
@click.option("--property", "told", multiple=True, help="NAME=VALUE; repeat for several.")
@click.option("--marketing", is_flag=True, help="Set as marketing contact.")
def create(portal_id: int, email: str, told: tuple[str, ...], *, marketing: bool) -> None:
    """Make a contact by hand."""
    made = _contacts().make(COMMAND, portal_id, email, _properties(told), marketing=marketing)
    click.echo(f"contact {made.contact_id}: {made.verdict}")


@contact.command()
@PORTAL
@EMAIL
@click.option("--property", "told", multiple=True, help="NAME=VALUE; an empty value clears it.")
@click.option("--new-email", help="Its address from now on.")
def change(portal_id: int, email: str, told: tuple[str, ...], new_email: str | None) -> None:
    """Change a contact's properties or address."""
    number = _find(portal_id, email)
    _contacts().change(COMMAND, portal_id, number, _properties(told), new_email)
    click.echo(f"contact {number} changed")


@contact.command(name="set")
@PORTAL
@EMAIL
@STATUS
def set_status(portal_id: int, email: str, *, marketing: bool) -> None:
    """Set a contact's marketing status by hand; non-marketing takes effect on the next update date."""
    number = _find(portal_id, email)
    _say(number, _contacts().set_status(COMMAND, portal_id, number, marketing=marketing))


@contact.command(name="set-many")
@PORTAL
@STATUS
@click.option("--filter", "file", type=FILE, help=HELP)
@click.option("--id", "ids", type=NUMBER, multiple=True, help="A contact's number; repeat for several.")
@click.option("--expected", type=NUMBER, help="How many that is; asked for if left out.")
@FOLLOW
def set_many(
    portal_id: int,
    file: str | None,
    ids: tuple[int, ...],
    expected: int | None,
    *,
    marketing: bool,
    following: bool,
) -> int:
    """Set the status of many contacts: by their numbers, or all who match a filter."""
    database = open_database()
    wanted = _selection(file, ids)

    def start(number: int) -> Any:
        return bulk.set_status(
            database, COMMAND, portal_id, wanted, utc_now(), marketing=marketing, expected=number
        )

    try:
        job = start(-1 if expected is None else expected)
    except UnexpectedNumber as error:
        if expected is not None:
            raise
        typed = click.prompt(f"{error.number} contacts. Type their number to set them", type=int)
        job = start(typed)
    click.echo(f"job {job.id}")
    return follow(database, portal_id, job.id) if following else 0


@contact.command()
@PORTAL
@EMAIL
def delete(portal_id: int, email: str) -> None:
    """Delete a contact; it counts until the update date, or not, as the portal has it."""
    number = _find(portal_id, email)
    _say(number, _contacts().delete(COMMAND, portal_id, number))


@contact.command()
@PORTAL
@EMAIL
@click.option("--other", required=True, help="Address of the contact that merges into it.")
def merge(portal_id: int, email: str, other: str) -> None:
    """Let one contact go on for two."""
    primary, merged = _find(portal_id, email), _find(portal_id, other)
    _say(merged, _contacts().merge(COMMAND, portal_id, primary, merged))


@contact.command()
@PORTAL
@click.option("--id", "number", type=NUMBER, required=True, help="The contact's number.")
@FOLLOW
def erase(portal_id: int, number: int, *, following: bool) -> int:
    """Forget a person (GDPR); what counts goes on under the number alone."""
    job = _contacts().erase(COMMAND, portal_id, number)
    click.echo(f"contact {number} erased; job {job.id} goes through what was submitted")
    return follow(open_database(), portal_id, job.id) if following else 0


@contact.command()
@PORTAL
@click.argument("file", type=click.File(encoding="utf-8"))
@click.option("--unsubscribed/--not-unsubscribed", default=None, help="They have unsubscribed, or not.")
@click.option("--bounced/--not-bounced", default=None, help="They have bounced, or not.")
def mailing(portal_id: int, file: Any, *, unsubscribed: bool | None, bounced: bool | None) -> None:
    """Note who has unsubscribed or bounced: a file with one address on each line, - for the standard input."""
    emails = [line.strip() for line in file if line.strip()]
    noted = _contacts().note_mailing(COMMAND, portal_id, emails, unsubscribed=unsubscribed, bounced=bounced)
    click.echo(f"{noted['contacts']} contacts noted, {noted['unknown_addresses']} addresses unknown")


@contact.command(name="why")
@PORTAL
@EMAIL
def why(portal_id: int, email: str) -> None:
    """Print why a contact counts or does not, as JSON."""
    database = open_database()
    found: dict[str, Any] = explain(bills.why(database, portal_id, _find(portal_id, email)), utc_now())
    click.echo(dumps(found))


def _contacts() -> Contacts:
    return Contacts(open_database(), utc_now)


def _say(number: int, decision: Decision) -> None:
    stint = decision.standing.stint
    until = (
        f", counts until {stint.until.isoformat()}"
        if stint and stint.until and stint.covers(utc_now())
        else ""
    )
    click.echo(f"contact {number}: {decision.verdict}{until}")


def _properties(told: tuple[str, ...]) -> dict[str, str]:
    pairs = [each.partition("=") for each in told]
    for name, separator, _ in pairs:
        if not separator:
            raise InvalidInput(f"--property {name!r} is not NAME=VALUE", mend="write it as company=Example")
    return {name: value for name, _, value in pairs}


def _selection(file: str | None, ids: tuple[int, ...]) -> Selection:
    if ids and file is None:
        return Selection(ids=ids)
    if file is not None and not ids:
        return Selection(filter=read_filter_file(file))
    raise InvalidInput("name whom to set in one way", mend="give --filter or --id")


def _find(portal_id: int, email: str) -> int:
    address = normalise_email(email)
    if address is None:
        raise InvalidInput(f"{email!r} is not an e-mail address", mend="give one, as ada@example.com")
    with open_database().reading() as connection:
        known = contacts.find_by_email(connection, portal_id, address)
    if known is None:
        raise NotFound("contact", email)
    return known.contact_id


contact.add_command(search_contacts)
