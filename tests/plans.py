"""Which indexes statements use: the plan of each is taken as it is run, with its values and in its transaction."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from service.store.session import Database

READING = ("SELECT", "WITH")
LARGE = frozenset({"contact", "ledger_line", "status_change", "ended_stint", "submission"})
"""Tables that nobody may go through."""


@dataclass(slots=True)
class Plans:
    """What was run while somebody watched."""

    indexes: list[str] = field(default_factory=list)
    """Names of indexes of large tables, each time that one is used."""
    scans: list[str] = field(default_factory=list)
    """Large tables that were gone through, or by an index without a condition, each with its statement."""
    statements: int = 0


@contextmanager
def watched(database: Database) -> Iterator[Plans]:
    """Take the plans of all that reads on a database meanwhile."""
    plans = Plans()
    explain = _explain_on_sqlite if database.is_sqlite else _explain_on_postgresql

    def look(connection: sa.Connection, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.lstrip().upper().startswith(READING) and "set_config" not in statement:
            plans.statements += 1
            driver: Any = connection.connection.driver_connection
            explain(driver.cursor(), statement, parameters, plans)

    sa.event.listen(database.engine, "before_cursor_execute", look)
    try:
        yield plans
    finally:
        sa.event.remove(database.engine, "before_cursor_execute", look)


def _explain_on_postgresql(cursor: Any, statement: str, parameters: Any, plans: Plans) -> None:
    cursor.execute(f"EXPLAIN (FORMAT JSON) {statement}", parameters)
    (found,) = cursor.fetchone()
    for node in _nodes(found if isinstance(found, list) else json.loads(found)):
        if node.get("Relation Name") not in LARGE:
            continue
        if "Index Cond" in node:
            plans.indexes.append(node["Index Name"])
        else:
            plans.scans.append(
                f"{node['Node Type']} of {node['Relation Name']}: {' '.join(statement.split())}"
            )
    cursor.close()


def _nodes(found: Sequence[Any]) -> Iterator[Any]:
    for each in found:
        node = each.get("Plan", each)
        yield node
        yield from _nodes(node.get("Plans", []))


def _explain_on_sqlite(cursor: Any, statement: str, parameters: Any, plans: Plans) -> None:
    for *_, detail in cursor.execute(f"EXPLAIN QUERY PLAN {statement}", parameters).fetchall():
        how, _, rest = detail.partition(" ")
        table, _, index = rest.partition(" USING ")
        if table not in LARGE or how not in {"SEARCH", "SCAN"}:
            continue
        if how == "SCAN":
            plans.scans.append(f"{detail}: {' '.join(statement.split())}")
        else:
            plans.indexes.append(index.removeprefix("COVERING ").removeprefix("INDEX ").partition(" (")[0])
    cursor.close()
