"""All defaults of a portal as one TOML file: to be read, edited, compared and set again.

Guarantees: what was exported is read as it stands; mistakes are told all at once; setting a file sets all of it or
nothing, and only what differs; what the file doesn't name stays.
"""

import json
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from service.defaults.every import Shown, show_all
from service.domain.actors import Actor
from service.domain.defaults import (
    DELETE_COUNTS,
    MARKETING,
    SWITCHES,
    Kept,
    Subject,
    SubjectKind,
    Value,
    dump_value,
    is_same,
    read_subject,
    read_value,
)
from service.domain.reading import Reader
from service.errors import Conflict, InvalidInput
from service.store import defaults
from service.store.session import Database

PORTAL = "portal"
AS_THE_PORTAL = "portal"
"""The value of an external form that has no default of its own."""
SWITCHES_TABLE = "switches"
NUMBERED = frozenset({SubjectKind.EXTERNAL_FORM, SubjectKind.CHATFLOW, SubjectKind.TOKEN})
"""Their ids are one installation's; so the name beside one has to be right, too."""
HEAD = """\
# The defaults of portal {portal}, as they were at {at}.
# Change values here, and set them with 'marketable defaults import'; what is not named stays as it is.
{portal_key} = {portal}
"""
TABLES = {
    SubjectKind.FORM: "HubSpot forms, by GUID.",
    SubjectKind.EXTERNAL_FORM: 'Other forms, by id; "portal" goes by the switch external_forms.',
    SubjectKind.CHATFLOW: "Chatflows, by id. Their defaults speak of new contacts only.",
    SubjectKind.TOKEN: "Access tokens of integrations, by id, for contacts that they create.",
}
ABOUT = {
    "external_forms": "Forms that are not HubSpot's and have no default of their own.",
    "delete_counts": 'How long a deleted contact counts: "until_update_date" or "not".',
}


@dataclass(frozen=True, slots=True)
class Difference:
    """A default that the file has otherwise."""

    subject: Subject
    name: str
    before: Value
    after: Value


class DefaultsFile:
    """Writes and reads such files; `read` says what setting one would change."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now

    def write(self, portal_id: int) -> str:
        """Return a portal's defaults as a file; raises NotFound."""
        with self._database.reading() as connection:
            shown = show_all(connection, portal_id)
        return "\n".join(_lines(portal_id, shown, self._now()))

    def diff(self, portal_id: int, text: str, *, of_portal: int | None = None) -> list[Difference]:
        """Return what setting the file would change; raises NotFound, and InvalidInput with every mistake.

        A file of another portal is refused, unless `of_portal` says that it is meant.
        """
        with self._database.reading() as connection:
            return _diff(defaults.list_all(connection, portal_id), portal_id, text, of_portal)

    def set(
        self,
        actor: Actor,
        portal_id: int,
        text: str,
        *,
        of_portal: int | None = None,
        expected: Sequence[Difference] | None = None,
    ) -> list[Difference]:
        """Set all that the file has otherwise, in one transaction, and return it.

        Raises what `diff` raises; NoMarketingAccess and NotIncluded; Conflict when it is not what was `expected`.
        """
        with self._database.writing() as connection:
            differences = _diff(defaults.list_all(connection, portal_id), portal_id, text, of_portal)
            if expected is not None and list(expected) != differences:
                raise Conflict("the defaults have been changed meanwhile; nothing was set")
            values = {each.subject: each.after for each in differences}
            defaults.set_all(connection, portal_id, actor, values, self._now())
        return differences


def _lines(portal_id: int, shown: Sequence[Shown], now: datetime) -> Iterator[str]:
    yield HEAD.format(portal=portal_id, at=now.isoformat(timespec="seconds"), portal_key=PORTAL)
    yield f"[{SWITCHES_TABLE}]"
    for each in shown:
        if each.kept.subject in SWITCHES:
            name = each.kept.subject.id
            yield f"# {ABOUT[name]}{_history(each)}"
            yield f"{name} = {_plain(each.kept)}"
    for kind, about in TABLES.items():
        of_kind = [each for each in shown if each.kept.subject.kind is kind]
        yield from (("", f"# {about}") if of_kind else ())
        for each in of_kind:
            yield ""
            yield f'[{kind}."{each.kept.subject.id}"]{_history(each, before="#")}'
            yield f"name = {_quoted(each.kept.name)}"
            if each.kept.endpoint_id is not None:
                yield f"endpoint = {each.kept.endpoint_id}"
            yield f"{MARKETING} = {_plain(each.kept)}"
    yield ""


def _history(shown: Shown, before: str = "") -> str:
    """Say since when, and who has set it; nothing for what nobody has set."""
    if shown.by is None or shown.since is None:
        return ""
    lead = f"  {before} " if before else " "
    return f"{lead}Set {shown.since.isoformat(timespec='seconds')} by {shown.by}."


def _plain(kept: Kept) -> str:
    """Return a value as TOML writes it."""
    if kept.subject == DELETE_COUNTS:
        return _quoted(str(kept.own))
    if kept.own is None and kept.subject.kind is SubjectKind.EXTERNAL_FORM:
        return _quoted(AS_THE_PORTAL)
    return "true" if kept.own else "false"


def _quoted(text: str) -> str:
    """Return a TOML string: JSON's, but for one character."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _diff(kept: Sequence[Kept], portal_id: int, text: str, of_portal: int | None) -> list[Difference]:
    reader = Reader.of(_parse(text), "", [])
    for key in sorted(reader.document.keys() - {PORTAL, SWITCHES_TABLE, *TABLES}):
        reader.note(key, "is not known", f"write one of {', '.join([PORTAL, SWITCHES_TABLE, *TABLES])}")
    _check_portal(reader, portal_id, of_portal)
    known = {each.subject: each for each in kept}
    wanted = dict(_read_switches(reader.child(SWITCHES_TABLE)))
    for kind in TABLES:
        wanted |= dict(_read_table(reader.child(kind), kind, known))
    reader.raise_mistakes("the file")
    return [
        Difference(subject, each.name, each.own, wanted[subject])
        for subject, each in known.items()
        if subject in wanted and not is_same(subject, each.own, wanted[subject])
    ]


def _parse(text: str) -> Mapping[str, Any]:
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # one of them is an integer of thousands of digits
        message = f"the file is not TOML: {str(error)[:200]}"
        raise InvalidInput(message, field="file", mend="'marketable defaults export' writes one") from None


def _check_portal(reader: Reader, portal_id: int, of_portal: int | None) -> None:
    said = reader.whole(PORTAL)
    if said is None:
        if not reader.has(PORTAL):
            reader.note(PORTAL, "is missing", f"write portal = {portal_id}")
    elif said not in {portal_id, of_portal}:
        reader.note(
            PORTAL,
            f"is {said}, and the defaults are to be portal {portal_id}'s",
            f"say that the file is of portal {said} if it is meant",
        )


def _read_switches(reader: Reader) -> Iterator[tuple[Subject, Value]]:
    names = {subject.id: subject for subject in SWITCHES}
    for key, value in reader.document.items():
        if key not in names:
            reader.note(key, "is not known", f"write one of {', '.join(names)}")
            continue
        yield from _value(reader, key, names[key], value)


def _read_table(
    reader: Reader, kind: SubjectKind, known: Mapping[Subject, Kept]
) -> Iterator[tuple[Subject, Value]]:
    for key in reader.document:
        try:
            subject = read_subject(f"{kind}:{key}")
        except InvalidInput:
            reader.note(key, "is no id", f"write {'a GUID' if kind is SubjectKind.FORM else 'a number'}")
            continue
        entry = reader.child(key)
        kept = known.get(subject)
        if kept is None:
            reader.note(key, "is not there", "take it out; 'marketable defaults export' lists what there is")
        else:
            _check_entry(entry, kept)
        yield from _value(entry, MARKETING, subject, entry.document.get(MARKETING))


def _check_entry(entry: Reader, kept: Kept) -> None:
    for key in sorted(entry.document.keys() - {"name", "endpoint", MARKETING}):
        entry.note(key, "is not known", f"take it out; what is set is {MARKETING}")
    name = entry.text("name")
    if kept.subject.kind in NUMBERED and name and name != kept.name:
        entry.note(
            "name",
            f"is {name[:60]!r}, but {kept.subject} is {kept.name[:60]!r} here",
            "set the right one, or take the name out",
        )


def _value(reader: Reader, key: str, subject: Subject, value: object) -> Iterator[tuple[Subject, Value]]:
    """Yield what a default is to be, or note why it can't be that."""
    is_external = subject.kind is SubjectKind.EXTERNAL_FORM
    if is_external and value == AS_THE_PORTAL:
        yield subject, None
        return
    try:
        # TOML has no null: a value that is none of its own is no value here.
        yield subject, read_value(subject, "nothing" if value is None else value)
    except InvalidInput as error:
        said = "is missing" if value is None else f"is {value!a:.60}"
        mend = f'write true, false or "{AS_THE_PORTAL}"' if is_external else error.mend
        reader.note(key, said, mend.replace(", false or null", " or false"))


def describe(difference: Difference) -> dict[str, Any]:
    """Return a difference as the API shows it."""
    subject = difference.subject
    return {
        "subject": str(subject),
        "name": difference.name,
        "before": dump_value(subject, difference.before),
        "after": dump_value(subject, difference.after),
    }
