"""The command `workflow`."""

from typing import Any

import click

from service.cli.filter_files import FILE, HELP, read_filter_file
from service.cli.following import FOLLOW, follow
from service.cli.opening import open_database
from service.cli.running import JSON, NUMBER, PORTAL
from service.cli.tables import show as show_rows
from service.documents import dumps
from service.domain.actors import COMMAND
from service.domain.workflows import Workflow
from service.errors import InvalidInput
from service.instants import utc_now
from service.workflows import Changes, Draft, Foresight, Told, Workflows, describe

WORKFLOW = click.argument("workflow_id", metavar="ID", type=NUMBER)
FILTER = click.option("--filter", "file", type=FILE, help=HELP)
STATUS = click.option(
    "--marketing/--non-marketing", "marketing", default=None, help="The status that it sets."
)
AGAIN = click.option(
    "--re-enrols/--enrols-once", default=None, help="Enrol a contact again when it matches again."
)
EXISTING = click.option(
    "--enrol-existing/--new-only",
    "existing",
    default=None,
    help="Enrol contacts that match already, too, or only those that come to match.",
)
EXPECTED = click.option(
    "--expected", type=NUMBER, help="How many statuses that changes; asked for if left out."
)
LISTED = ("id", "name", "sets", "again", "is_on", "job", "version", "updated_at")


@click.group()
def workflow() -> None:
    """Set the status of contacts that come to match a filter (Professional and Enterprise)."""


@workflow.command(name="list")
@PORTAL
@JSON
def list_all(portal_id: int, *, as_json: bool) -> None:
    """List a portal's workflows."""
    found = [describe(each) for each in _workflows().all(portal_id)]
    rows = found if as_json else [_row(each) for each in found]
    show_rows(rows, as_json=as_json, nothing="there are no workflows: 'marketable workflow create' makes one")


@workflow.command()
@PORTAL
@click.option("--name", required=True)
@click.option("--filter", "file", type=FILE, required=True, help=HELP)
@click.option("--marketing/--non-marketing", "marketing", required=True, help="The status that it sets.")
@AGAIN
def create(portal_id: int, name: str, file: str, *, marketing: bool, re_enrols: bool | None) -> None:
    """Make a workflow, which is off."""
    draft = Draft(filter=read_filter_file(file), marketing=marketing, re_enrols=bool(re_enrols))
    made = _workflows().create(COMMAND, portal_id, name, draft)
    click.echo(f"workflow {made.id} is made, and off")
    _print(_workflows().preview(portal_id, made.id, Changes()))


@workflow.command()
@PORTAL
@WORKFLOW
def show(portal_id: int, workflow_id: int) -> None:
    """Print a workflow, and how many contacts it has enrolled, as JSON."""
    found = _workflows().get(portal_id, workflow_id)
    click.echo(dumps(describe(found) | {"enrolled": _workflows().count_enrolled(found)}))


@workflow.command(name="set")
@PORTAL
@WORKFLOW
@click.option("--name", help="What it is called.")
@FILTER
@STATUS
@AGAIN
@EXISTING
@EXPECTED
@FOLLOW
def set_one(
    portal_id: int,
    workflow_id: int,
    expected: int | None,
    *,
    existing: bool | None,
    following: bool,
    **wanted: Any,
) -> int:
    """Change a workflow; another filter or status of one that is on asks about those who match already."""
    file = wanted["file"]
    changes = Changes(
        wanted["name"], read_filter_file(file) if file else None, wanted["marketing"], wanted["re_enrols"]
    )
    if changes == Changes():
        mend = "give --name, --filter, --marketing, --non-marketing, --re-enrols or --enrols-once"
        raise InvalidInput("nothing to change", mend=mend)
    told = None
    if existing is not None:
        told = _told(portal_id, workflow_id, changes, existing=existing, expected=expected)
    before = _workflows().get(portal_id, workflow_id)
    after = _workflows().change(COMMAND, portal_id, workflow_id, changes, told)
    click.echo(dumps(describe(after)))
    return _follow(after, following=following and after.job_id != before.job_id)


@workflow.command()
@PORTAL
@WORKFLOW
@FILTER
@STATUS
@JSON
def preview(
    portal_id: int, workflow_id: int, file: str | None, *, marketing: bool | None, as_json: bool
) -> None:
    """Say what a workflow would do with contacts that exist, as it is or with changes; nothing changes."""
    changes = Changes(filter=read_filter_file(file) if file else None, marketing=marketing)
    found = _workflows().preview(portal_id, workflow_id, changes)
    if as_json:
        click.echo(dumps(found.document()))
    else:
        _print(found)


@workflow.command(name="on")
@PORTAL
@WORKFLOW
@click.option(
    "--enrol-existing/--new-only",
    "existing",
    required=True,
    help="Enrol contacts that match already, too, or only those that come to match.",
)
@EXPECTED
@FOLLOW
def switch_on(
    portal_id: int, workflow_id: int, expected: int | None, *, existing: bool, following: bool
) -> int:
    """Switch a workflow on."""
    told = _told(portal_id, workflow_id, Changes(), existing=existing, expected=expected)
    found = _workflows().switch_on(COMMAND, portal_id, workflow_id, told)
    click.echo(f"workflow {workflow_id} is on; job {found.job_id} goes through the contacts that exist")
    return _follow(found, following=following)


@workflow.command(name="off")
@PORTAL
@WORKFLOW
def switch_off(portal_id: int, workflow_id: int) -> None:
    """Switch a workflow off; whom it has raised stays raised."""
    _workflows().switch_off(COMMAND, portal_id, workflow_id)
    click.echo(f"workflow {workflow_id} is off")


@workflow.command()
@PORTAL
@WORKFLOW
def delete(portal_id: int, workflow_id: int) -> None:
    """Delete a workflow; whom it has raised stays raised."""
    _workflows().delete(COMMAND, portal_id, workflow_id)
    click.echo(f"workflow {workflow_id} is deleted")


@workflow.command()
@PORTAL
@WORKFLOW
@click.option("--id", "ids", type=NUMBER, multiple=True, help="A contact's number; repeat for several.")
@click.option("--existing", is_flag=True, help="All who match now.")
@EXPECTED
@FOLLOW
def enrol(
    portal_id: int,
    workflow_id: int,
    ids: tuple[int, ...],
    expected: int | None,
    *,
    existing: bool,
    following: bool,
) -> int:
    """Enrol contacts now that match, whether or not they were enrolled before; or all who match."""
    if bool(ids) == existing:
        raise InvalidInput("name whom to enrol in one way", mend="give --id or --existing")
    if existing:
        told = _told(portal_id, workflow_id, Changes(), existing=True, expected=expected)
        found = _workflows().enrol_existing(COMMAND, portal_id, workflow_id, told.expected)
        click.echo(f"job {found.job_id}")
        return _follow(found, following=following)
    for number, outcome in _workflows().enrol(COMMAND, portal_id, workflow_id, ids):
        click.echo(f"contact {number}: {outcome}")
    return 0


def _workflows() -> Workflows:
    return Workflows(open_database(), utc_now)


def _told(
    portal_id: int, workflow_id: int, changes: Changes, *, existing: bool, expected: int | None
) -> Told:
    """Return what is to become of those who match already, their number being typed if it was not given."""
    if existing and expected is None:
        found = _workflows().preview(portal_id, workflow_id, changes)
        _print(found)
        expected = click.prompt(f"{found.changes} statuses change. Type this number to go on", type=int)
    return Told(existing, expected)


def _follow(found: Workflow, *, following: bool) -> int:
    if not following or found.job_id is None:
        return 0
    return follow(open_database(), found.portal_id, found.job_id)


def _print(found: Foresight) -> None:
    click.echo(
        f"{found.matching} contacts match: {found.raised} would be raised, {found.cancelled} would stay, "
        f"{found.lowered} would leave at the update date, {found.left_out} were enrolled before"
    )
    step = f", which steps the tier to {found.tier_after}" if found.tier_after > found.tier else ""
    click.echo(f"count {found.count} to {found.count_after}, tier {found.tier}{step}")
    if found.examples:
        click.echo(f"such as contacts {', '.join(map(str, found.examples))}")


def _row(document: dict[str, Any]) -> dict[str, Any]:
    shown = document | {
        "sets": "marketing" if document["marketing"] else "non-marketing",
        "again": "again" if document["re_enrols"] else "once",
        "is_on": "on" if document["is_on"] else "off",
    }
    return {name: shown[name] for name in LISTED}
