"""The command `audit`: who changed what."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import click

from service.cli.opening import open_database
from service.cli.running import INSTANT, JSON, PORTAL
from service.cli.tables import show
from service.documents import dumps
from service.store.audit import WINDOW, AuditKind
from service.store.session import Database
from service.web.documents.audit import LARGEST_PAGE, read_audit

LISTED = ("at", "actor", "action", "subject", "before", "after")


@click.command()
@PORTAL
@click.option("--subject", help="As user:7, token:3, contact:12, form:<guid>, endpoint:5.")
@click.option("--actor", help="As user:7, token:3, command.")
@click.option("--action", help="As created; of a change of status its verdict.")
@click.option("--since", type=INSTANT, help="In UTC, unless it says otherwise; inclusive.")
@click.option("--until", type=INSTANT, help="Exclusive.")
@click.option("--status", is_flag=True, help="Changes of status; needs --since and --until, or a contact.")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="The newest ones.")
@JSON
def audit(*, portal_id: int, status: bool, limit: int, as_json: bool, **told: Any) -> None:
    """List who changed what was set up, the newest first; of a contact, its changes of status too."""
    query = {name: value for name, value in told.items() if value is not None}
    query |= {"kind": AuditKind.STATUS.value} if status else {}
    found = list(_lines(open_database(), portal_id, query, limit))
    if as_json:
        show(found, as_json=True, nothing="")
        return
    show([_row(each) for each in found], as_json=False, nothing="there are no such entries")


def _lines(database: Database, portal_id: int, query: dict[str, Any], limit: int) -> Iterator[dict[str, Any]]:
    """Yield documents page by page; changes of status of all contacts hour by hour."""
    for part in _parts(query):
        before = None
        while limit > 0:
            here = part | ({} if before is None else {"before": before})
            page = read_audit(database, portal_id, here | {"limit": min(limit, LARGEST_PAGE)})
            yield from page
            limit -= len(page)
            if len(page) < LARGEST_PAGE:
                break
            before = page[-1]["id"]


def _parts(query: dict[str, Any]) -> Iterator[dict[str, Any]]:
    is_long = "kind" in query and {"since", "until"} <= set(query) and "subject" not in query
    if not is_long:
        yield query
        return
    since, until = query["since"], query["until"]
    while until > since:
        begin = max(since, until - WINDOW)
        yield query | {"since": begin, "until": until}
        until = begin


def _row(document: dict[str, Any]) -> dict[str, Any]:
    shown = {name: document[name] for name in LISTED}
    at = datetime.fromisoformat(document["at"])
    shown["at"] = (at - timedelta(microseconds=at.microsecond)).isoformat()
    return shown | {name: dumps(document[name]) for name in ("before", "after") if document[name] is not None}
