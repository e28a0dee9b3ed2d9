"""Defaults: what each of them is called, what it can be, and whose it is that is in effect (rules 5 and 6)."""

import enum
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from service.domain.portals import DeleteCounts
from service.errors import InvalidInput

Value = bool | DeleteCounts | None
"""Marketing or not; None goes by what stands when nobody has chosen; `delete_counts` has words of its own."""
MARKETING, DELETE_COUNTS_KEY, VERSION = "marketing", "delete_counts", "version"
"""What the audit, the API and the file call a value, and the version of what carries it."""

is_number = re.compile("0|[1-9][0-9]{0,17}").fullmatch


class SubjectKind(enum.StrEnum):
    """What can carry a default."""

    FORM = "form"
    EXTERNAL_FORM = "external_form"
    CHATFLOW = "chatflow"
    TOKEN = "token"  # noqa: S105 - what carries a default, not a secret
    PORTAL = "portal"


class Whose(enum.StrEnum):
    """Whose default it is that is in effect."""

    OWN = "own"
    PORTAL = "portal"
    """The portal's switch for forms that are not HubSpot's."""
    SOURCE = "source"
    """Nobody has chosen: what the table of sources says."""


@dataclass(frozen=True, slots=True, order=True)
class Subject:
    """What a default belongs to; `str` of it stands in the audit, in paths and in files."""

    kind: SubjectKind
    id: str
    """The form's GUID, the number of the others, or the name of the portal's switch."""

    def __str__(self) -> str:
        return f"{self.kind}:{self.id}"

    @property
    def number(self) -> int:
        """The id of what the database numbers."""
        return int(self.id)


EXTERNAL_FORMS = Subject(SubjectKind.PORTAL, "external_forms")
"""The portal's switch for forms that are not HubSpot's and have no default of their own."""
DELETE_COUNTS = Subject(SubjectKind.PORTAL, "delete_counts")
"""How long a deleted contact counts (rule 13)."""
SWITCHES = (EXTERNAL_FORMS, DELETE_COUNTS)
INHERITING = frozenset({SubjectKind.EXTERNAL_FORM, SubjectKind.CHATFLOW})
"""What need not have a default of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A default as it is kept."""

    subject: Subject
    name: str
    """For people."""
    own: Value
    version: int | None
    """Of what carries it; the portal has none."""
    made_at: datetime | None
    endpoint_id: int | None = None
    is_archived: bool = False

    def in_effect(self, *, of_portal: bool) -> bool | DeleteCounts:
        """Return what decides; `of_portal` is the portal's switch."""
        if self.own is not None:
            return self.own
        return self.subject.kind is SubjectKind.EXTERNAL_FORM and of_portal

    @property
    def whose(self) -> Whose:
        """Whose default is in effect."""
        if self.own is not None:
            return Whose.OWN
        return Whose.PORTAL if self.subject.kind is SubjectKind.EXTERNAL_FORM else Whose.SOURCE

    def record(self) -> dict[str, object]:
        """Return it as the audit has it."""
        return dump_value(self.subject, self.own) | ({} if self.version is None else {VERSION: self.version})


def read_subject(text: str) -> Subject:
    """Read what `str` of a subject has written; raises InvalidInput."""
    kind, _, identity = text.strip().partition(":")
    if kind not in set(SubjectKind):
        raise _unknown_subject(text)
    subject = Subject(SubjectKind(kind), identity)
    if subject.kind is SubjectKind.FORM:
        return Subject(subject.kind, _guid(identity, text))
    if subject.kind is SubjectKind.PORTAL:
        if subject not in SWITCHES:
            raise _unknown_subject(text)
    elif not is_number(identity):
        raise _unknown_subject(text)
    return subject


def read_value(subject: Subject, value: object, field: str = MARKETING) -> Value:
    """Return what a default is to be; raises InvalidInput for what this subject's can't be."""
    if subject == DELETE_COUNTS:
        if isinstance(value, str) and value in set(DeleteCounts):
            return DeleteCounts(value)
        raise _wrong_value(subject, value, field, f"write {' or '.join(map(repr, map(str, DeleteCounts)))}")
    if isinstance(value, bool) or (value is None and subject.kind in INHERITING):
        return value
    mend = "write true, false or null" if subject.kind in INHERITING else "write true or false"
    raise _wrong_value(subject, value, field, mend)


def dump_value(subject: Subject, value: Value) -> dict[str, object]:
    """Return a value under its key, as JSON."""
    if subject == DELETE_COUNTS:
        return {DELETE_COUNTS_KEY: str(value)}
    return {MARKETING: value}


def load_value(subject: Subject, record: Mapping[str, Any]) -> Value:
    """Read what `dump_value` has written, as the audit keeps it."""
    if subject == DELETE_COUNTS:
        return DeleteCounts(record[DELETE_COUNTS_KEY])
    value: bool | None = record[MARKETING]
    return value


def is_same(subject: Subject, one: Value, other: Value) -> bool:
    """Whether two values of a subject decide alike: a chatflow is off when nobody has chosen."""
    if subject.kind is SubjectKind.CHATFLOW:
        return bool(one) == bool(other)
    return one == other


def _guid(identity: str, text: str) -> str:
    try:
        return str(uuid.UUID(identity))
    except ValueError:
        raise _unknown_subject(text) from None


def _unknown_subject(text: str) -> InvalidInput:
    return InvalidInput(
        f"{text[:80]!a} names no default",
        field="subject",
        mend="write form:<guid>, external_form:<id>, chatflow:<id>, token:<id>, "
        + " or ".join(map(str, SWITCHES)),
    )


def _wrong_value(subject: Subject, value: object, field: str, mend: str) -> InvalidInput:
    return InvalidInput(f"{subject} can't be {ascii(value)[:60]}", field=field, mend=mend)
