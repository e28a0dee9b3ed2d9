"""The command `form`: create, list, show, set the marketing default, archive."""

import uuid
from dataclasses import replace
from datetime import datetime
from typing import IO, Any

import click

from config.settings import source_defaults
from service.cli.opening import open_database
from service.cli.running import JSON, PORTAL
from service.cli.tables import show
from service.documents import dumps, loads
from service.domain.actors import COMMAND
from service.domain.defaults import Subject, SubjectKind
from service.domain.forms import Form, dump_definition, read_definition
from service.domain.model import Source
from service.errors import InvalidInput, NotFound
from service.instants import utc_now
from service.store import audit, defaults, portals
from service.store.audit import Entry

SIMPLE_FIELDS = (
    {"objectTypeId": "0-1", "name": "email", "label": "E-mail", "fieldType": "email", "required": True},
    {"objectTypeId": "0-1", "name": "firstname", "label": "First name", "fieldType": "single_line_text"},
    {"objectTypeId": "0-1", "name": "lastname", "label": "Last name", "fieldType": "single_line_text"},
)
MARKETING = click.option(
    "--marketing/--non-marketing", "marketing", default=None, help="The form's default marketing status."
)


@click.group()
def form() -> None:
    """Make, list and change forms."""


@form.command()
@PORTAL
@click.option("--guid", help="The form's GUID; a new one if left out.")
@click.option("--name", help="The form's name; the definition's if left out.")
@click.option(
    "--definition",
    type=click.File("rb"),
    help="The form as HubSpot's forms API writes it; '-' is standard input.",
)
@MARKETING
def create(
    portal_id: int,
    guid: str | None,
    name: str | None,
    definition: IO[bytes] | None,
    *,
    marketing: bool | None,
) -> None:
    """Make a form; without a definition it has e-mail (required), first name and last name."""
    document = _read(definition) if definition else {"name": "Form", "fields": list(SIMPLE_FIELDS)}
    if not isinstance(document, dict):
        raise InvalidInput("the definition is not a JSON object", mend="give an object with 'fields'")
    document.setdefault("marketingDefault", source_defaults()[Source.HUBSPOT_FORM])
    document |= {"name": name} if name else {}
    document |= {} if marketing is None else {"marketingDefault": marketing}
    new = Form.of(read_definition(document), portal_id=portal_id, guid=_guid(guid))
    with open_database().writing() as connection:
        portals.get_portal(connection, portal_id)
        if portals.find_form(connection, portal_id, new.guid) is not None:
            raise InvalidInput(f"form {new.guid} exists already", mend="choose another --guid")
        now = utc_now()
        with defaults.noted(connection, portal_id, COMMAND, _subject(new.guid), now):
            portals.save_form(connection, new, now)
        _note(connection, new, "created", now)
    click.echo(f"form {new.guid} made, marketing default {_on(new)}")


@form.command(name="list")
@PORTAL
@JSON
def list_all(portal_id: int, *, as_json: bool) -> None:
    """List a portal's forms."""
    with open_database().reading() as connection:
        portals.get_portal(connection, portal_id)
        found = portals.list_forms(connection, portal_id)
    rows = [
        {
            "guid": each.guid,
            "name": each.name,
            "marketing_default": _on(each),
            "fields": len(each.fields),
            "version": each.version,
            "archived": each.archived,
        }
        for each in found
    ]
    show(rows, as_json=as_json, nothing="there are no forms: 'marketable form create' makes one")


@form.command(name="show")
@PORTAL
@click.argument("guid")
def show_one(portal_id: int, guid: str) -> None:
    """Print a form's definition as JSON."""
    with open_database().reading() as connection:
        found = portals.find_form(connection, portal_id, _guid(guid))
    if found is None:
        raise NotFound("form", guid)
    click.echo(dumps(dump_definition(found)))


@form.command(name="set")
@PORTAL
@click.argument("guid")
@MARKETING
@click.option("--archived/--active", default=None, help="Archived forms take no submissions.")
def set_one(portal_id: int, guid: str, *, marketing: bool | None, archived: bool | None) -> None:
    """Change a form's default marketing status, archive it or take it back."""
    changes: dict[str, Any] = {}
    changes |= {} if marketing is None else {"marketing_default": marketing}
    changes |= {} if archived is None else {"archived": archived}
    if not changes:
        raise InvalidInput(
            "nothing to change", mend="give --marketing, --non-marketing, --archived or --active"
        )
    with open_database().writing() as connection:
        found = portals.find_form(connection, portal_id, _guid(guid))
        if found is None:
            raise NotFound("form", guid)
        changed, now = replace(found, version=found.version + 1, **changes), utc_now()
        with defaults.noted(connection, portal_id, COMMAND, _subject(found.guid), now):
            portals.save_form(connection, changed, now)
        if changed.archived != found.archived:
            _note(connection, changed, "archived" if changed.archived else "activated", now)
    state = ", archived" if changed.archived else ""
    click.echo(
        f"form {changed.guid} is at version {changed.version}, marketing default {_on(changed)}{state}"
    )


def _note(connection: Any, of: Form, action: str, now: datetime) -> None:
    document = {"name": of.name, "version": of.version, "archived": of.archived}
    entry = Entry(str(COMMAND), action, str(_subject(of.guid)), after=document)
    audit.note(connection, of.portal_id, entry, now)


def _read(definition: IO[bytes]) -> Any:
    try:
        return loads(definition.read())
    except ValueError as error:
        raise InvalidInput(f"the definition is not JSON: {error}", mend="see docs/submissions.md") from None


def _guid(text: str | None) -> str:
    if text is None:
        return str(uuid.uuid4())
    try:
        return str(uuid.UUID(text))
    except ValueError:
        raise InvalidInput(f"{text!r} is not a GUID", mend="give 32 hex digits, as 1111…-1111") from None


def _subject(guid: str) -> Subject:
    return Subject(SubjectKind.FORM, guid)


def _on(form: Form) -> str:
    return "on" if form.marketing_default else "off"
