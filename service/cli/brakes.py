"""The commands `brake` and `held`."""

from collections.abc import Callable
from typing import Any

import click

from service.brakes.holding import Holding, Settled
from service.brakes.limits import Brakes
from service.cli.following import FOLLOW, follow
from service.cli.opening import open_database
from service.cli.running import JSON, NUMBER, PORTAL
from service.cli.tables import show as show_rows
from service.documents import dumps
from service.domain.actors import COMMAND
from service.domain.brake import WHOLE_PORTAL, HeldState, Limits, Target
from service.domain.model import Source
from service.errors import InvalidInput
from service.instants import utc_now
from service.store.held import Wanted
from service.web.documents.brakes import ANY, MOST, describe_brake, describe_held, describe_settled

Command = Callable[..., Any]


def of_form(about: str) -> Callable[[Command], Command]:
    """Add the options that name a form or chatflow."""

    def add(command: Command) -> Command:
        for name, kind, help_text in (
            ("--chatflow", NUMBER, f"{about} this chatflow."),
            ("--external-form", NUMBER, f"{about} this form of another tool, by its number."),
            ("--form", str, f"{about} this HubSpot form, by its GUID."),
        ):
            command = click.option(name, type=kind, help=help_text)(command)
        return command

    return add


@click.group()
def brake() -> None:
    """Set limits beyond which raises are held, and see what is used."""


@brake.command(name="set")
@PORTAL
@of_form("Limit")
@click.option("--at-tier", is_flag=True, help="Hold what would go over the tier; of the portal only.")
@click.option("--most", type=NUMBER, help="Contacts that may count at a time; raises, for a form.")
@click.option("--rate", type=click.IntRange(1), help="Raises within any so many hours.")
@click.option("--hours", type=click.IntRange(1), help="The hours of --rate; 24 if left out.")
def set_limits(
    portal_id: int,
    *,
    at_tier: bool,
    most: int | None,
    rate: int | None,
    hours: int | None,
    **form: Any,
) -> None:
    """Set the limits of a portal, or of one form; those that it had are replaced."""
    limits = Limits(at_tier=at_tier, most=most, rate=rate, rate_hours=hours)
    found = _brakes().set_limits(COMMAND, portal_id, _target(**form), limits)
    click.echo(dumps(describe_brake(found)))


@brake.command()
@PORTAL
@JSON
def show(portal_id: int, *, as_json: bool) -> None:
    """List a portal's brakes and how much of them is used."""
    rows = [describe_brake(each) for each in _brakes().show(portal_id)]
    show_rows(rows, as_json=as_json, nothing="there is no brake: 'marketable brake set' sets one")


@brake.command()
@PORTAL
@of_form("That of")
def remove(portal_id: int, **form: Any) -> None:
    """Take a brake away; what is held stays held."""
    _brakes().remove(COMMAND, portal_id, _target(**form))
    click.echo("the brake has been taken away; 'marketable held list' tells what is held")


@click.group()
def held() -> None:
    """Look at raises that a brake holds, release or refuse them."""


@held.command(name="list")
@PORTAL
@of_form("Of")
@click.option(
    "--state",
    type=click.Choice([*[each.value for each in HeldState], ANY]),
    default=HeldState.HELD.value,
    show_default=True,
)
@click.option("--after", type=NUMBER, default=0, help="Only later ones than this number.")
@click.option("--limit", type=click.IntRange(1, MOST), default=100, show_default=True)
@JSON
def list_all(portal_id: int, *, state: str, after: int, limit: int, as_json: bool, **form: Any) -> None:
    """List raises that are or were held, the oldest first."""
    wanted = None if state == ANY else HeldState(state)
    found = _holding().page(portal_id, _wanted((), **form), state=wanted, after=after, limit=limit)
    rows = [describe_held(each) for each in found]
    shown = rows if as_json else [_row(each) for each in rows]
    show_rows(shown, as_json=as_json, nothing="nothing is held")


def how_many(command: Command) -> Command:
    """Add the options that say which raises, and how many."""
    for option in (
        FOLLOW,
        click.option("--expected", type=NUMBER, help="How many that is; another number changes nothing."),
        click.option("--most", type=click.IntRange(1), help="Only so many, the oldest first."),
        click.option("--id", "ids", type=NUMBER, multiple=True, help="A raise's number; repeat for several."),
    ):
        command = option(command)
    return PORTAL(of_form("Of")(command))


@held.command()
@how_many
def release(portal_id: int, most: int | None, expected: int | None, *, following: bool, **which: Any) -> int:
    """Raise contacts whose raise is held, above the limits, the oldest first."""
    settled = _holding().release(COMMAND, portal_id, _wanted(**which), most=most, expected=expected)
    return _say(portal_id, settled, following=following)


@held.command()
@how_many
def refuse(portal_id: int, most: int | None, expected: int | None, *, following: bool, **which: Any) -> int:
    """Leave contacts as they are whose raise is held."""
    settled = _holding().refuse(COMMAND, portal_id, _wanted(**which), most=most, expected=expected)
    return _say(portal_id, settled, following=following)


def _say(portal_id: int, settled: Settled, *, following: bool) -> int:
    if settled.job is not None and following:
        return follow(open_database(), portal_id, settled.job.id)
    click.echo(dumps(describe_settled(settled)))
    return 0


def _target(form: str | None, external_form: int | None, chatflow: int | None) -> Target:
    named = {Source.HUBSPOT_FORM: form, Source.EXTERNAL_FORM: external_form, Source.CHATFLOW: chatflow}
    found = [(source.value, str(number)) for source, number in named.items() if number is not None]
    if len(found) > 1:
        raise InvalidInput("more than one form", mend="give one of --form, --external-form and --chatflow")
    return found[0] if found else WHOLE_PORTAL


def _wanted(ids: tuple[int, ...], **form: Any) -> Wanted:
    source, source_id = _target(**form)
    if ids and source:
        raise InvalidInput("numbers and a form", mend="give one of both")
    if not source:
        return Wanted(ids=ids or None)
    return Wanted(source=source, source_id=source_id)


def _row(document: dict[str, Any]) -> dict[str, Any]:
    names = (
        "id",
        "contact",
        "at",
        "source",
        "source_id",
        "source_name",
        "limit_reached",
        "state",
        "settled_by",
    )
    return {name: document[name] for name in names}


def _brakes() -> Brakes:
    return Brakes(open_database(), utc_now)


def _holding() -> Holding:
    return Holding(open_database(), utc_now)
