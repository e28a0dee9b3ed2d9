"""The command `external-form`: what was seen at endpoints, and what it does to contacts."""

from typing import Any

import click

from service.cli.parts import changed_mapping, open_endpoints
from service.cli.rereading import read_again
from service.cli.running import JSON, NUMBER, PORTAL
from service.cli.tables import show as show_rows
from service.documents import dumps
from service.endpoints import ROLES, Endpoints
from service.errors import InvalidInput
from service.web.documents.endpoints import describe_forms

FORM = click.argument("form_id", metavar="ID", type=NUMBER)
LISTED = ("id", "endpoint", "kind", "key", "name", "default", "from", "submissions", "new", "last_seen_at")
OF_PORTAL = "portal"
MARKETING = {"marketing": True, "non-marketing": False, OF_PORTAL: None}


@click.group(name="external-form")
def external_form() -> None:
    """Look at forms and chatflows of other tools, and set them up."""


@external_form.command(name="list")
@PORTAL
@click.option("--endpoint", "endpoint_id", type=NUMBER, help="Of this endpoint only.")
@click.option("--new", "only_new", is_flag=True, help="Those that nobody has set up yet.")
@JSON
def list_all(portal_id: int, endpoint_id: int | None, *, only_new: bool, as_json: bool) -> None:
    """List the forms and chatflows that were seen, the newest first."""
    endpoints = open_endpoints()
    forms = endpoints.forms(portal_id, endpoint_id=endpoint_id, only_new=only_new)
    found = describe_forms(endpoints, portal_id, forms)
    rows = found if as_json else [_row(each) for each in found]
    show_rows(rows, as_json=as_json, nothing="nothing was seen yet: it is listed when it comes in")


@external_form.command(name="show")
@PORTAL
@FORM
def show_one(portal_id: int, form_id: int) -> None:
    """Print a form or chatflow, the fields that were seen and their mapping, as JSON."""
    endpoints = open_endpoints()
    _print(endpoints, portal_id, form_id)


@external_form.command()
@PORTAL
@click.option("--endpoint", "endpoint_id", type=NUMBER, required=True)
@click.option("--key", required=True, help="The provider's id of the form.")
def add(portal_id: int, endpoint_id: int, key: str) -> None:
    """Tell of a form before anything came from it, so that it can be set up."""
    found = open_endpoints().tell_of_form(portal_id, endpoint_id, key)
    click.echo(f"{found.kind} {found.id} is {key} of endpoint {endpoint_id}")


@external_form.command(name="set")
@PORTAL
@FORM
@click.option("--marketing", "default", flag_value="marketing", help="It makes marketing contacts.")
@click.option("--non-marketing", "default", flag_value="non-marketing", help="It doesn't.")
@click.option("--portal-default", "default", flag_value=OF_PORTAL, help="As the portal has it.")
@click.option(
    "--map",
    "mapped",
    multiple=True,
    metavar="ROLE=FIELD",
    help=f"Which field is what; repeatable, an empty field takes the role away. Roles: {', '.join(ROLES)}.",
)
@click.option("--name", help="A name of your own.")
def set_one(
    portal_id: int, form_id: int, default: str | None, mapped: tuple[str, ...], name: str | None
) -> None:
    """Choose a default marketing status, a mapping or a name; what is left out stays."""
    changes: dict[str, Any] = {}
    endpoints = open_endpoints()
    if default is not None:
        changes["marketing_default"] = MARKETING[default]
    if mapped:
        changes["mapping"] = changed_mapping(endpoints.form(portal_id, form_id).mapping, mapped)
    if name is not None:
        changes["name"] = name
    if not changes:
        raise InvalidInput(
            "nothing to change",
            mend="give --marketing, --non-marketing, --portal-default, --map or --name",
        )
    endpoints.choose(portal_id, form_id, **changes)
    _print(endpoints, portal_id, form_id)


def _print(endpoints: Endpoints, portal_id: int, form_id: int) -> None:
    (document,) = describe_forms(endpoints, portal_id, [endpoints.form(portal_id, form_id)])
    click.echo(dumps(document))


def _row(document: dict[str, Any]) -> dict[str, Any]:
    shown = document | {
        "default": "marketing" if document["default_in_effect"] else "non-marketing",
        "from": document["default_from"],
        "new": "new" if document["is_new"] else "",
    }
    return {name: shown[name] for name in LISTED}


external_form.add_command(read_again)
