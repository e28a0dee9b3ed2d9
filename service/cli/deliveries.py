"""The commands `delivery` and `replay`: what was refused, and its second chance."""

from collections.abc import Sequence

import click

from service.cli.opening import open_database
from service.cli.parts import opened_replay
from service.cli.running import EXIT_FAILED, JSON, NUMBER, PORTAL
from service.cli.tables import show as show_rows
from service.documents import dumps
from service.errors import InvalidInput
from service.replay import Replay, Replayed
from service.store import deliveries, portals
from service.web.documents.deliveries import describe_delivery, describe_replayed

LISTED = ("id", "endpoint", "reason", "times", "received_at", "size", "replayed_at")


@click.group()
def delivery() -> None:
    """Look at deliveries that were refused."""


@delivery.command(name="list")
@PORTAL
@click.option("--endpoint", "endpoint_id", type=NUMBER, help="Of this endpoint only.")
@click.option("--waiting", is_flag=True, help="Leave out those that were replayed.")
@click.option("--limit", type=click.IntRange(1, 1_000), default=100, show_default=True)
@JSON
def list_all(portal_id: int, endpoint_id: int | None, limit: int, *, waiting: bool, as_json: bool) -> None:
    """List refused deliveries, the latest first."""
    with open_database().reading() as connection:
        portals.get_portal(connection, portal_id)
        found = deliveries.list_all(
            connection, portal_id, endpoint_id=endpoint_id, waiting=waiting, limit=limit
        )
    documents = [describe_delivery(each) for each in found]
    rows = documents if as_json else [{name: each[name] for name in LISTED} for each in documents]
    show_rows(rows, as_json=as_json, nothing="no delivery was refused")


@delivery.command(name="show")
@PORTAL
@click.argument("delivery_id", metavar="ID")
def show_one(portal_id: int, delivery_id: str) -> None:
    """Print a refused delivery, without secrets, as JSON."""
    with opened_replay() as replay_:
        click.echo(dumps(describe_delivery(replay_.find(portal_id, delivery_id))))


@click.command()
@PORTAL
@click.argument("delivery_ids", metavar="[ID]...", nargs=-1)
@click.option("--all-waiting", is_flag=True, help="All that were not replayed yet, in the order of arrival.")
@click.option("--endpoint", "endpoint_id", type=NUMBER, help="With --all-waiting: of this endpoint only.")
@click.option("--trust", is_flag=True, help="Take them without a proof: you answer for the sender.")
@click.option("--dry-run", is_flag=True, help="Only say what would become of them.")
@JSON
def replay(
    *,
    portal_id: int,
    delivery_ids: tuple[str, ...],
    all_waiting: bool,
    endpoint_id: int | None,
    trust: bool,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Take refused deliveries in, after what was wrong is mended; again changes nothing."""
    if bool(delivery_ids) == all_waiting or (endpoint_id is not None and not all_waiting):
        raise InvalidInput(
            "it is not said what to replay", mend="give ids, or --all-waiting with or without --endpoint"
        )
    done: list[Replayed] = []
    with opened_replay() as replay_:
        for delivery_id in _wanted(replay_, portal_id, delivery_ids, endpoint_id, all_waiting=all_waiting):
            done.append(replay_.replay(portal_id, delivery_id, trust=trust, dry_run=dry_run))
            click.echo(dumps(describe_replayed(done[-1])) if as_json else _line(done[-1], dry_run=dry_run))
    if not as_json:
        click.echo(_summary(done, dry_run=dry_run))
    return 0 if all(each.is_kept for each in done) else EXIT_FAILED


def _wanted(
    replay_: Replay, portal_id: int, ids: Sequence[str], endpoint_id: int | None, *, all_waiting: bool
) -> list[str]:
    if all_waiting:
        return replay_.waiting(portal_id, endpoint_id)
    return [replay_.find(portal_id, each).id for each in ids]


def _line(replayed: Replayed, *, dry_run: bool) -> str:
    if not replayed.is_kept:
        return f"{replayed.id}  refused, {replayed.reason}: {replayed.detail}"
    if dry_run:
        return f"{replayed.id}  would be kept, events: {replayed.events}"
    return f"{replayed.id}  kept, events: {replayed.events}, of these kept before: {replayed.repeated}"


def _summary(done: Sequence[Replayed], *, dry_run: bool) -> str:
    kept = sum(each.is_kept for each in done)
    verb = "would be kept" if dry_run else "kept"
    return f"{kept} {verb}, {len(done) - kept} refused"
