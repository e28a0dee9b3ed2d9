"""Prints lists for people, or as JSON for programs."""

from collections.abc import Sequence
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from service.documents import dumps

WIDE = 1_000
"""Columns when no terminal is there to be filled: nothing is cut off for programs."""


def show(rows: Sequence[dict[str, Any]], *, as_json: bool, nothing: str) -> None:
    """Print rows that have the same keys; `nothing` is said when there are none."""
    if as_json:
        click.echo(dumps(rows))
        return
    if not rows:
        click.echo(nothing)
        return
    table = Table(
        *(name.replace("_", " ") for name in rows[0]), box=None, header_style="bold", pad_edge=False
    )
    for row in rows:
        table.add_row(*("" if value is None else str(value) for value in row.values()))
    console = Console()
    if not console.is_terminal:
        console.width = WIDE
    console.print(table)
