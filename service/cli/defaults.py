"""The command `defaults`: every default, its history, all of them as a file, and what others would come to."""

from pathlib import Path
from typing import IO, Any

import click

from service.cli.opening import open_database
from service.cli.running import JSON, NUMBER, PORTAL
from service.cli.tables import show as show_rows
from service.defaults.every import Defaults
from service.defaults.files import DefaultsFile, describe
from service.defaults.whatif import MOST_DAYS, Progress, WhatIf, read_changes
from service.documents import dumps
from service.domain.actors import COMMAND
from service.domain.defaults import DELETE_COUNTS, Subject, Value, read_subject, read_value
from service.errors import InvalidInput
from service.instants import utc_now
from service.web.documents.defaults import describe_default, describe_entry, describe_sources

SUBJECT = click.argument("subject")
OF_PORTAL = click.option("--of-portal", type=NUMBER, help="The file may be of this portal, too.")
FILE = click.argument("file", type=click.File("rb"))
ON, OFF, UNSET = "on", "off", "portal"
WORDS: dict[str, bool | None] = {ON: True, OFF: False, UNSET: None}
TOLD_EVERY = 10_000
LISTED = ("subject", "name", "default", "whose", "since", "by")


@click.group()
def defaults() -> None:
    """Look at default marketing statuses, set them, and ask what others would come to."""


@defaults.command(name="list")
@PORTAL
@JSON
def list_all(portal_id: int, *, as_json: bool) -> None:
    """List all defaults of a portal, with whose it is that is in effect, since when and by whom."""
    found = [describe_default(each) for each in _defaults().every(portal_id)]
    sources = describe_sources()
    if as_json:
        click.echo(dumps({"defaults": found, "sources": sources}))
        return
    show_rows([_row(each) for each in found], as_json=False, nothing="there are none")
    for source in (each for each in sources if each["fixed"]):
        click.echo(f"{source['source']}: {_word(source['marketing'])}, fixed")


@defaults.command(name="set")
@PORTAL
@SUBJECT
@click.argument("value")
def set_one(portal_id: int, subject: str, value: str) -> None:
    """Set a default: on, off, or portal for what stands without one; delete_counts has words of its own."""
    read = read_subject(subject)
    shown = _defaults().set(COMMAND, portal_id, read, _value(read, value))
    click.echo(f"{read} is {_value_word(describe_default(shown)['in_effect'])}, {shown.kept.whose}")


@defaults.command()
@PORTAL
@SUBJECT
@click.option("--limit", type=click.IntRange(1, 100_000), default=100, show_default=True)
@JSON
def history(portal_id: int, subject: str, limit: int, *, as_json: bool) -> None:
    """List a default's changes, the newest first: who, when, from what to what."""
    found = _defaults().history(portal_id, read_subject(subject), limit=limit)
    entries = [describe_entry(each) for each in found]
    rows = [
        {
            "entry": each["id"],
            "at": each["at"],
            "actor": each["actor"],
            "before": "" if each["before"] is None else _value_word(each["before"]),
            "after": _value_word(each["after"]),
        }
        for each in entries
    ]
    show_rows(entries if as_json else rows, as_json=as_json, nothing="nobody has set it yet")


@defaults.command(name="roll-back")
@PORTAL
@SUBJECT
@click.option("--entry", type=NUMBER, help="What stood before this entry is set; the latest if left out.")
def roll_back(portal_id: int, subject: str, entry: int | None) -> None:
    """Set again what stood before an entry of the history; that is a new change."""
    read = read_subject(subject)
    shown = _defaults().roll_back(COMMAND, portal_id, read, entry)
    click.echo(f"{read} is {_value_word(describe_default(shown)['in_effect'])}, {shown.kept.whose}")


@defaults.command()
@PORTAL
@click.option("--output", type=click.Path(path_type=Path), help="A file; standard output if left out.")
def export(portal_id: int, output: Path | None) -> None:
    """Write all defaults as a TOML file that people can edit."""
    text = _file().write(portal_id)
    if output is None:
        click.echo(text, nl=False)
    else:
        output.write_text(text, encoding="utf-8")


@defaults.command()
@PORTAL
@FILE
@OF_PORTAL
@JSON
def diff(portal_id: int, file: IO[bytes], of_portal: int | None, *, as_json: bool) -> None:
    """Say what setting a file would change."""
    found = _file().diff(portal_id, _text(file), of_portal=of_portal)
    _show_differences([describe(each) for each in found], as_json=as_json)


@defaults.command(name="import")
@PORTAL
@FILE
@OF_PORTAL
@click.option("--yes", is_flag=True, help="Don't ask.")
def set_file(portal_id: int, file: IO[bytes], of_portal: int | None, *, yes: bool) -> None:
    """Set what a file has otherwise, all of it or nothing; shows it first."""
    text, defaults_file = _text(file), _file()
    found = defaults_file.diff(portal_id, text, of_portal=of_portal)
    _show_differences([describe(each) for each in found], as_json=False)
    if not found:
        return
    if not yes:
        click.confirm(f"Set {len(found)} defaults of portal {portal_id}?", abort=True)
    defaults_file.set(COMMAND, portal_id, text, of_portal=of_portal, expected=found)
    click.echo(f"{len(found)} set")


@defaults.command(name="what-if")
@PORTAL
@click.option(
    "--set",
    "changes",
    multiple=True,
    required=True,
    metavar="SUBJECT=on|off|portal",
    help="As form:<guid>=off; repeatable.",
)
@click.option("--days", type=click.IntRange(1, MOST_DAYS), default=30, show_default=True)
@JSON
def what_if(portal_id: int, changes: tuple[str, ...], days: int, *, as_json: bool) -> None:
    """Say how many more or fewer would count, had defaults been others in the last days; changes nothing."""
    asked = read_changes(dict(map(_change, changes)))
    found = WhatIf(open_database(), utc_now).ask(portal_id, asked, days, None if as_json else _teller())
    if as_json:
        click.echo(dumps(found))
    else:
        _print(found)


def _teller() -> Progress:
    """Return what says now and then how many submissions were looked at."""
    counted = 0

    def tell(number: int) -> None:
        nonlocal counted
        before, counted = counted, counted + number
        if before // TOLD_EVERY != counted // TOLD_EVERY:
            click.echo(f"{counted} submissions looked at", err=True)

    return tell


def _print(found: dict[str, Any]) -> None:
    click.echo(f"{found['submissions']} submissions of the last {found['days']} days")
    for name, counts in (("now", found["now"]), (f"at {found['update_date']}", found["at_update_date"])):
        click.echo(
            f"{name}: {counts['count']} count, {counts['with_change']} would: "
            f"{counts['more']} more, {counts['fewer']} fewer"
        )
    tier = found["tier"]
    click.echo(
        f"tier: {tier['now']} would move to {tier['with_change']}"
        if tier["moves"]
        else f"tier: {tier['now']}"
    )
    for percentage in found["notices"]:
        click.echo(f"{percentage} % of the tier would be reached")
    show_rows(found["by_form"], as_json=False, nothing="nobody would stand otherwise now")
    if found["unexplained"]:
        click.echo(f"{found['unexplained']} submissions were decided otherwise than the rules say", err=True)


def _show_differences(found: list[dict[str, Any]], *, as_json: bool) -> None:
    rows = [
        each | {"before": _value_word(each["before"]), "after": _value_word(each["after"])} for each in found
    ]
    show_rows(found if as_json else rows, as_json=as_json, nothing="nothing differs")


def _change(text: str) -> tuple[str, bool | None]:
    subject, separator, word = text.rpartition("=")
    if not separator or word not in WORDS:
        raise InvalidInput(f"--set {text!r} is not SUBJECT=on|off|portal", mend="write it as form:<guid>=off")
    return subject, WORDS[word]


def _value(subject: Subject, word: str) -> Value:
    if subject == DELETE_COUNTS:
        return read_value(subject, word, "value")
    if word not in WORDS:
        raise InvalidInput(f"{word!r} is no default", mend=f"write {', '.join(WORDS)}")
    return read_value(subject, WORDS[word], "value")


def _row(document: dict[str, Any]) -> dict[str, Any]:
    shown = document | {"default": _value_word(document["in_effect"])}
    return {name: shown[name] for name in LISTED}


def _value_word(value: dict[str, Any]) -> str:
    """Return a value as people write it."""
    return str(value["delete_counts"]) if "delete_counts" in value else _word(value["marketing"])


def _word(value: bool | None) -> str:  # noqa: FBT001 - it is what is said, not how
    return next(word for word, each in WORDS.items() if each is value)


def _text(file: IO[bytes]) -> str:
    try:
        return file.read().decode()
    except UnicodeDecodeError:
        raise InvalidInput("the file is not UTF-8", mend="save it as UTF-8") from None


def _defaults() -> Defaults:
    return Defaults(open_database(), utc_now)


def _file() -> DefaultsFile:
    return DefaultsFile(open_database(), utc_now)
