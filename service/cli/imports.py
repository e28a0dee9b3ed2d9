"""The command `import`: contacts out of a file, from the terminal to the end or in the background."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from service.cli.following import exit_code, open_bar, wait_for
from service.cli.opening import open_database
from service.cli.running import JSON, NUMBER, PORTAL
from service.cli.tables import show as show_rows
from service.documents import dumps
from service.domain.actors import COMMAND
from service.errors import InvalidInput
from service.imports.estimating import MARKETING, as_document
from service.imports.files import ImportFiles
from service.imports.starting import Imports
from service.imports.wanted import Operation, Wanted, WantedFile
from service.instants import utc_now
from service.store.import_files import ImportFile
from service.web.documents.imports import as_csv, describe_file, describe_import
from service.web.documents.jobs import describe_problem

LISTED = ("id", "name", "state", "done", "total", "problems", "marketing", "created_at")
IMPORT = click.argument("job_id", metavar="ID", type=NUMBER)


class Imported(click.Group):
    """A group whose command `start` may be left out: `import contacts.csv` is `import start contacts.csv`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] not in ctx.help_option_names:
            args.insert(0, "start")
        return super().parse_args(ctx, args)


@click.group(name="import", cls=Imported)
def imported() -> None:
    """Import contacts from CSV and XLSX files."""


@imported.command()
@click.argument(
    "paths",
    metavar="FILE…",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
)
@PORTAL
@click.option(
    "--map",
    "mapped",
    multiple=True,
    metavar="COLUMN=PROPERTY",
    help="What a column fills, instead of what is guessed; repeatable, an empty property leaves the column out.",
)
@click.option("--sheet", help="A workbook's sheet; the first visible one if left out.")
@click.option(
    "--identified-by", type=click.Choice(["email", "record_id"]), default="email", show_default=True
)
@click.option(
    "--operation",
    type=click.Choice([each.value for each in Operation]),
    default=Operation.UPSERT.value,
    show_default=True,
)
@click.option("--name", default="", help="The first file's if left out.")
@click.option("--marketing", is_flag=True, help="Set the contacts of the file as marketing.")
@click.option(
    "--yes-expected",
    "expected",
    type=NUMBER,
    help="Confirm how many contacts become marketing contacts; without it you are asked.",
)
@click.option(
    "--estimate", "only_estimate", is_flag=True, help="Say what it would come to, and import nothing."
)
@click.option("--follow", is_flag=True, help="Wait for the end, and show how far it is.")
@JSON
def start(
    paths: tuple[Path, ...],
    portal_id: int,
    mapped: tuple[str, ...],
    sheet: str | None,
    *,
    as_json: bool,
    **chosen: Any,
) -> int:
    """Import files; 'marketable jobs', or 'marketable up', does the work."""
    database = open_database()
    kept, files = ImportFiles(database, utc_now), list[ImportFile]()
    with _unread_files_deleted(kept, portal_id, files):
        for path in paths:
            files.append(kept.take(portal_id, path.name, path, sheet))
        documents = [describe_file(file) for file in files]
        mappings = _mappings(documents, mapped)
        if not as_json:
            for file, mapping in zip(documents, mappings, strict=True):
                _tell_mapping(file, mapping)
        wanted = Wanted(
            files=tuple(
                WantedFile(id=file.id, mapping=mapping, other_objects={})
                for file, mapping in zip(files, mappings, strict=True)
            ),
            identified_by=chosen["identified_by"],
            operation=Operation(chosen["operation"]),
            marketing=chosen["marketing"],
            name=chosen["name"],
        )
        return _begin(Imports(database, utc_now), portal_id, wanted, chosen, as_json=as_json)


@imported.command(name="list")
@PORTAL
@JSON
def list_all(portal_id: int, *, as_json: bool) -> None:
    """List a portal's imports, the newest first."""
    found = [describe_import(job) for job in _imports().page(portal_id)]
    rows = found if as_json else [{name: each[name] for name in LISTED} for each in found]
    show_rows(rows, as_json=as_json, nothing="there are no imports: 'marketable import start' begins one")


@imported.command()
@PORTAL
@IMPORT
@click.option("--follow", is_flag=True, help="Wait for the end, and show how far it is.")
def show(portal_id: int, job_id: int, *, follow: bool) -> int:
    """Print an import and how far it is, as JSON."""
    found = _imports().find(portal_id, job_id)
    if follow:
        return _follow(portal_id, job_id, as_json=True)
    click.echo(dumps(describe_import(found)))
    return 0


@imported.command()
@PORTAL
@IMPORT
def cancel(portal_id: int, job_id: int) -> None:
    """Cancel an import before its next step; what it has done stays."""
    _imports().cancel(portal_id, job_id)
    click.echo(f"import {job_id} ends before its next step")


@imported.command()
@PORTAL
@IMPORT
@click.option("--csv", "as_table", is_flag=True, help="Print all of them as CSV.")
@JSON
def problems(portal_id: int, job_id: int, *, as_table: bool, as_json: bool) -> None:
    """List what an import could not do, with line, column and what to do about it."""
    imports = _imports()
    if as_table:
        imports.find(portal_id, job_id)
        for line in as_csv(imports.all_problems(portal_id, job_id)):
            sys.stdout.write(line)
        return
    found = imports.problems(portal_id, job_id, limit=1_000)
    rows = [describe_problem(number, problem) for number, problem in found]
    show_rows(rows, as_json=as_json, nothing="there are no problems")


def _imports() -> Imports:
    return Imports(open_database(), utc_now)


def _begin(imports: Imports, portal_id: int, wanted: Wanted, chosen: dict[str, Any], *, as_json: bool) -> int:
    """Estimate where it is needed, start, and follow; returns the exit code."""
    expected, counted = chosen["expected"], None
    if chosen["only_estimate"] or wanted.marketing:
        found = _estimate(imports, portal_id, wanted)
        _tell_estimate(found, as_json=as_json and chosen["only_estimate"])
        if chosen["only_estimate"]:
            return 0
        counted = int(found[MARKETING])
        expected = _confirm(counted) if expected is None else expected
    job = imports.start(COMMAND, portal_id, wanted, expected=expected, counted=counted)
    if not as_json:
        click.echo(f"import {job.id} is started")
    if chosen["follow"]:
        return _follow(portal_id, job.id, as_json=as_json)
    if as_json:
        click.echo(dumps(describe_import(job)))
    return 0


@contextmanager
def _unread_files_deleted(kept: ImportFiles, portal_id: int, files: Sequence[ImportFile]) -> Iterator[None]:
    """Leave nothing of files that no import has begun to read."""
    try:
        yield
    finally:
        for file in files:
            if kept.find(portal_id, file.id).job_id is None:
                kept.delete(portal_id, file.id)


def _mappings(files: Sequence[dict[str, Any]], mapped: Sequence[str]) -> list[dict[str, str]]:
    """Return for each file what is guessed with the changes of `--map` that are about its columns."""
    changes = [_change(pair) for pair in mapped]
    names = {column["name"] for file in files for column in file["columns"]}
    for column, _ in changes:
        if column not in names:
            raise InvalidInput(f"there is no column {column!r}", mend="name a column of a header line")
    return [_mapping(file, changes) for file in files]


def _change(pair: str) -> tuple[str, str]:
    column, separator, target = pair.rpartition("=")
    if not separator:
        raise InvalidInput(f"--map {pair!r} is not COLUMN=PROPERTY", mend="write it as 'Work mail=email'")
    return column, target


def _mapping(file: dict[str, Any], changes: Sequence[tuple[str, str]]) -> dict[str, str]:
    mapping = dict(file["mapping"])
    names = {column["name"] for column in file["columns"]}
    for column, target in changes:
        if column in names:
            mapping = {name: other for name, other in mapping.items() if name != column and other != target}
            mapping |= {column: target} if target else {}
    return mapping


def _tell_mapping(file: dict[str, Any], mapping: dict[str, str]) -> None:
    click.echo(f"{file['name']}: {file['rows']} rows")
    for column in file["columns"]:
        target = mapping.get(column["name"])
        why = f"   ({column['why']})" if target == column["property"] else ""
        click.echo(f"  {column['name']}: {target or 'left out'}{why}")


def _estimate(imports: Imports, portal_id: int, wanted: Wanted) -> dict[str, Any]:
    with open_bar() as bar:
        task = bar.add_task("estimating", total=None)
        counted = imports.estimate_now(portal_id, wanted, lambda number: bar.advance(task, number))
    return as_document(counted)


def _tell_estimate(found: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        click.echo(dumps(found))
        return
    names = ("created", "restored", "updated", "unchanged", "refused")
    click.echo(", ".join(f"{found[name]} {name}" for name in names), err=True)
    for reason, number in found["reasons"].items():
        click.echo(f"  refused as {reason}: {number}", err=True)
    click.echo(f"{found[MARKETING]} contacts would become marketing contacts", err=True)


def _confirm(number: int) -> int:
    """Have the number typed, as in HubSpot: a yes is said too soon."""
    if not sys.stdin.isatty():
        raise InvalidInput(
            f"{number} contacts would become marketing contacts", mend=f"confirm with --yes-expected {number}"
        )
    return int(click.prompt("Type their number to set them as marketing", type=NUMBER))


def _follow(portal_id: int, job_id: int, *, as_json: bool) -> int:
    """Wait for an import's end; returns the exit code."""
    job = wait_for(open_database(), portal_id, job_id)
    _tell_end(describe_import(job), portal_id, as_json=as_json)
    return exit_code(job)


def _tell_end(document: dict[str, Any], portal_id: int, *, as_json: bool) -> None:
    if as_json:
        click.echo(dumps(document))
        return
    names = ("created", "restored", "updated", "unchanged", "refused", "raised", "held")
    counts = [f"{document['counts'][name]} {name}" for name in names if document["counts"].get(name)]
    click.echo(f"import {document['id']} is {document['state']}: {', '.join(counts) or 'nothing'}")
    if document["error"]:
        click.echo(document["error"], err=True)
    if document["problems"]:
        click.echo(f"'marketable import problems --portal {portal_id} {document['id']}' says what went wrong")
