"""The command `billing`: the count, what it is made of, what is to be expected, and who could be released."""

from datetime import datetime
from typing import Any

import click

from service import billing as bills
from service.billing import CANDIDATES, MOST_CANDIDATES, MOST_DAYS, SILENT_DAYS
from service.cli.opening import open_database
from service.cli.running import INSTANT, JSON, NUMBER, PORTAL
from service.cli.tables import show
from service.documents import dumps
from service.errors import InvalidInput
from service.instants import utc_now
from service.store.releases import Kind
from service.store.session import Database
from service.web.documents.billing import (
    describe_candidates,
    describe_forecast,
    describe_noticed,
    describe_split,
)


@click.command()
@PORTAL
@click.option("--at", type=INSTANT, help="The count at an instant, in UTC; now if left out.")
@click.option("--forecast", "wants_forecast", is_flag=True, help="What is to be expected up to the tier.")
@click.option("--by", "wants_split", is_flag=True, help="The count by source, reason and form.")
@click.option("--notices", "wants_notices", is_flag=True, help="Notices on the way to the tier, and spikes.")
@click.option(
    "--release",
    type=click.Choice([each.value for each in Kind]),
    help="Who could be set to non-marketing with the least loss.",
)
@click.option(
    "--days",
    type=click.IntRange(1, MOST_DAYS),
    default=SILENT_DAYS,
    show_default=True,
    help="With --release silent: for how long.",
)
@click.option("--after", type=NUMBER, default=0, help="With --release: go on after this contact.")
@click.option(
    "--limit",
    type=click.IntRange(1, MOST_CANDIDATES),
    default=CANDIDATES,
    show_default=True,
    help="With --release and --by: how many are listed.",
)
@JSON
def billing(portal_id: int, *, as_json: bool, **wanted: Any) -> None:
    """Show how many marketing contacts count, against the tier, up to the update date."""
    chosen = [name for name in (*SHOWN, "at") if wanted[name]]
    if len(chosen) > 1:
        raise InvalidInput("more than one thing is asked for", mend="give one of the options at a time")
    database, now = open_database(), utc_now()
    if chosen and chosen != ["at"]:
        document, tell = SHOWN[chosen[0]](database, portal_id, now, wanted)
    else:
        document, tell = _bill(database, portal_id, now, wanted)
    if as_json:
        click.echo(dumps(document))
    else:
        tell(document)


def _bill(database: Database, portal_id: int, now: datetime, wanted: dict[str, Any]) -> Any:
    instant = wanted["at"]
    bill = bills.bill(database, portal_id, now, instant)

    def tell(_: dict[str, Any]) -> None:
        click.echo(f"{bill.count} of {bill.tier} marketing contacts count in portal {portal_id}")
        click.echo(
            f"{bill.leaving} leave and {bill.after_update} stay on {bill.update_date:%Y-%m-%d %H:%M} UTC"
        )
        if instant is None:
            _tell_noticed(describe_noticed(bills.noticed_lately(database, portal_id, now)))

    return bill.document(), tell


def _forecast(database: Database, portal_id: int, now: datetime, _: dict[str, Any]) -> Any:
    return describe_forecast(portal_id, bills.forecast(database, portal_id, now)), _tell_forecast


def _tell_forecast(found: dict[str, Any]) -> None:
    on = f"{datetime.fromisoformat(found['update_date']):%Y-%m-%d %H:%M} UTC"
    click.echo(f"{found['count']} of {found['tier']} count now; {found['leaving']} leave on {on}")
    click.echo(
        f"{found['raised_per_day']} a day are raised and {found['leaving_per_day']} ask to leave:"
        f" expect {found['expected_before_update']} before that day and {found['expected_after_update']} after it"
    )
    if found["limit_reached_at"] is None:
        click.echo("at this pace the tier is not reached")
    else:
        click.echo(f"at this pace the tier is reached in {found['days_to_limit']} days")


def _split(database: Database, portal_id: int, now: datetime, wanted: dict[str, Any]) -> Any:
    return describe_split(portal_id, bills.count_by(database, portal_id, now, wanted["limit"])), _tell_split


def _tell_split(found: dict[str, Any]) -> None:
    click.echo(f"{found['count']} marketing contacts count in portal {found['portal']}")
    for name in ("by_source", "by_reason"):
        parts = ", ".join(f"{key} {number}" for key, number in found[name].items())
        click.echo(f"{name.replace('_', ' ')}: {parts or 'none'}")
    show(found["by_cause"], as_json=False, nothing="nothing counts yet")
    if found["others"]["causes"]:
        click.echo(f"and {found['others']['contacts']} by {found['others']['causes']} others")


def _notices(database: Database, portal_id: int, _now: datetime, _: dict[str, Any]) -> Any:
    return describe_noticed(bills.noticed(database, portal_id)), _tell_all_noticed


def _tell_all_noticed(found: dict[str, Any]) -> None:
    if not found["notices"] and not found["spikes"]:
        click.echo("nothing was noticed")
    _tell_noticed(found)


def _tell_noticed(found: dict[str, Any]) -> None:
    for each in found["notices"]:
        click.echo(
            f"{each['at'][:16]} UTC: {each['percentage']} % of {each['tier']} reached, count {each['count']}"
        )
    for each in found["spikes"]:
        click.echo(
            f"{each['hour'][:16]} UTC: spike, {each['raised']} raised in an hour, {each['usual']} are usual"
        )


def _release(database: Database, portal_id: int, now: datetime, wanted: dict[str, Any]) -> Any:
    options = {name: wanted[name] for name in ("days", "after", "limit")}
    found = bills.release_candidates(database, portal_id, Kind(wanted["release"]), now, **options)
    return describe_candidates(portal_id, found), _tell_release


def _tell_release(found: dict[str, Any]) -> None:
    more = " or more" if found["or_more"] else ""
    of = f", of the first {found['looked_at']} looked at" if found["or_more"] else ""
    click.echo(f"{found['number']}{more} {found['kind']} contacts count and could be released{of}")
    show(found["contacts"], as_json=False, nothing="none on this page")
    if found["next_after"] is not None:
        click.echo(f"go on with --after {found['next_after']}")


SHOWN = {"wants_forecast": _forecast, "wants_split": _split, "wants_notices": _notices, "release": _release}
