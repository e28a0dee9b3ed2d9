"""The commands `view` and `property`, and `contact search`."""

from typing import Any

import click

from service.cli.filter_files import FILE, HELP, read_filter_file
from service.cli.opening import open_database
from service.cli.running import EXIT_FAILED, JSON, PORTAL
from service.cli.tables import show
from service.documents import dumps
from service.domain.actors import COMMAND
from service.domain.filters import Filter, dump_filter
from service.domain.views import View
from service.instants import utc_now
from service.store.property_indexes import Built
from service.views import Asked, Indexing, Page, SavedViews, Sort, search
from service.views.searching import MOST_CONTACTS, MOST_RESULTS

NAME = click.argument("name")
FILTER = click.option("--filter", "file", type=FILE, help=f"{HELP} Without it, everybody.")
SHOWN = click.option("--property", "names", multiple=True, help="A property to show; repeat for several.")
AFTER = click.option("--after", help="Go on where another page ended.")
ASCENDING = ":ascending"
PART = "the time was over before the page was full; nobody before --after was left out"


@click.group()
def view() -> None:
    """Save filters by name and look at who matches."""


@view.command(name="list")
@PORTAL
@JSON
def list_all(portal_id: int, *, as_json: bool) -> None:
    """List a portal's saved views."""
    rows = [
        {"id": each.id, "name": each.name, "asks_for": " ".join(_names(each)), "created_by": each.created_by}
        for each in _saved().every(portal_id)
    ]
    show(rows, as_json=as_json, nothing="there are no views: 'marketable view create' makes one")


@view.command()
@PORTAL
@NAME
@FILTER
def create(portal_id: int, name: str, file: str | None) -> None:
    """Save a view."""
    made = _saved().create(COMMAND, portal_id, name, _filter(file))
    click.echo(f"view {made.id} saved")


@view.command(name="show")
@PORTAL
@NAME
@click.option("--count", "counted", is_flag=True, help="Count its contacts as well.")
def show_one(portal_id: int, name: str, *, counted: bool) -> None:
    """Print a view's filter as JSON."""
    saved = _saved()
    found = saved.named(portal_id, name)
    document: dict[str, Any] = {"id": found.id, "name": found.name, **dump_filter(found.filter)}
    if counted:
        number = saved.count(found)
        document |= {"count": number.number, "count_is_exact": number.is_exact}
    click.echo(dumps(document))


@view.command()
@PORTAL
@NAME
def delete(portal_id: int, name: str) -> None:
    """Delete a view; its contacts stay as they are."""
    saved = _saved()
    found = saved.named(portal_id, name)
    saved.delete(COMMAND, portal_id, found.id)
    click.echo(f"view {found.id} deleted")


@view.command()
@PORTAL
@NAME
@SHOWN
@AFTER
@click.option("--limit", type=click.IntRange(1, MOST_CONTACTS), default=20, show_default=True)
@JSON
def contacts(
    portal_id: int, name: str, names: tuple[str, ...], after: str | None, limit: int, *, as_json: bool
) -> None:
    """List a view's contacts, the newest first."""
    saved = _saved()
    found = saved.named(portal_id, name)
    asked = Asked(after=after, limit=limit, properties=names)
    _print(saved.contacts(COMMAND, found, asked), names, as_json=as_json)


@click.command(name="search")
@PORTAL
@FILTER
@SHOWN
@click.option(
    "--sort",
    default="createdate",
    show_default=True,
    help="createdate, email, or a property that has an index; largest first, unless :ascending is behind it.",
)
@AFTER
@click.option("--limit", type=click.IntRange(1, MOST_RESULTS), default=20, show_default=True)
@JSON
def search_contacts(
    portal_id: int,
    file: str | None,
    names: tuple[str, ...],
    sort: str,
    after: str | None,
    limit: int,
    *,
    as_json: bool,
) -> None:
    """List contacts that match a filter, and say how many there are."""
    order = Sort(sort.removesuffix(ASCENDING), ascending=sort.endswith(ASCENDING))
    asked = Asked(_filter(file), order, after, limit, names)
    page, total = search(open_database(), portal_id, asked, utc_now())
    _print(page, names, as_json=as_json)
    click.echo(f"{total.number}{'' if total.is_exact else ' or more'} in all", err=True)


@click.group(name="property")
def property_() -> None:
    """Make and drop indexes of contact properties, by which filters are quick."""


@property_.command(name="list")
@JSON
def list_indexes(*, as_json: bool) -> None:
    """List the properties that have an index."""
    rows = [
        {
            "property": each.name,
            "index": each.index_name,
            "ready_at": each.ready_at.isoformat() if each.ready_at else None,
        }
        for each in _indexing().every()
    ]
    show(rows, as_json=as_json, nothing="no property has an index: 'marketable property index' makes one")


@property_.command()
@NAME
def index(name: str) -> int:
    """Make an index; on PostgreSQL beside all other work, on SQLite writers wait for it."""
    if _indexing().make(name) is Built.IN_WORK:
        click.echo(f"somebody else is making the index of {name}")
        return EXIT_FAILED
    click.echo(f"{name} has an index")
    return 0


@property_.command()
@NAME
def drop(name: str) -> None:
    """Drop an index; what asked for it goes on more slowly."""
    _indexing().drop(name)
    click.echo(f"{name} has no index any more")


def _print(page: Page, names: tuple[str, ...], *, as_json: bool) -> None:
    now = utc_now()
    rows = [
        {
            "id": each.subject.contact_id,
            "email": each.subject.email,
            "marketing": each.subject.standing.is_marketing(now),
            **{name: each.properties.get(name) for name in names},
            "created_at": each.subject.created_at.isoformat(timespec="seconds"),
        }
        for each in page.contacts
    ]
    show(rows, as_json=as_json, nothing="nobody")
    if not page.is_whole:
        click.echo(PART, err=True)
    if page.after is not None:
        click.echo(f"go on with --after {page.after}", err=True)


def _filter(file: str | None) -> Filter:
    return Filter() if file is None else read_filter_file(file)


def _names(view: View) -> list[str]:
    return sorted({condition.property_name for group in view.filter.groups for condition in group})


def _saved() -> SavedViews:
    return SavedViews(open_database(), utc_now)


def _indexing() -> Indexing:
    return Indexing(open_database(), utc_now)
