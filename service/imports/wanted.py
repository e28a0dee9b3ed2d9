"""What somebody wants imported: which files, how their columns fill properties, and what may become of contacts."""

import enum
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from service.domain.contacts import LONGEST_NAME, READ_ONLY
from service.errors import InvalidInput
from service.spreadsheets import IdentifiedBy
from service.spreadsheets.reading import RECORD_ID, find_columns
from service.store.import_files import ImportFile

IMPORT, ESTIMATE = "import", "import_estimate"
"""Kinds of jobs."""
MOST_FILES = 20
LONGEST_IMPORT_NAME = 200
CONTACTS = "0-1"
"""HubSpot's number for the type of object that contacts are."""


class Operation(enum.StrEnum):
    """What an import may do, as HubSpot has it."""

    CREATE = "create"
    UPDATE = "update"
    UPSERT = "upsert"


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedFile:
    """A file, and what its columns are."""

    id: int
    mapping: Mapping[str, str]
    """Column to property; columns that it doesn't name are left out."""
    other_objects: Mapping[str, str]
    """Columns that belong to companies and the like, by HubSpot's type of object: they are left out."""
    name: str = ""
    rows: int = 0
    parts: int = 0
    header: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """An import as somebody asks for it."""

    files: tuple[WantedFile, ...]
    identified_by: IdentifiedBy = "email"
    operation: Operation = Operation.UPSERT
    marketing: bool = False
    name: str = ""

    @property
    def rows(self) -> int:
        """How many rows all files have."""
        return sum(file.rows for file in self.files)

    @property
    def is_multi_object(self) -> bool:
        """Whether a column belongs to anything but contacts."""
        return any(kind != CONTACTS for file in self.files for kind in file.other_objects.values())

    def dump(self) -> dict[str, Any]:
        """Return it as a job keeps it."""
        return asdict(self)

    def asks_the_same(self, request: Mapping[str, Any]) -> bool:
        """Whether a job of this request reads the same and may do the same; name and marketing are left aside."""
        return replace(load(request), marketing=self.marketing, name=self.name) == self


def load(request: Mapping[str, Any]) -> Wanted:
    """Return what a job keeps."""
    files = tuple(WantedFile(**{**file, "header": tuple(file["header"])}) for file in request["files"])
    return Wanted(
        files=files,
        identified_by=request["identified_by"],
        operation=Operation(request["operation"]),
        marketing=request["marketing"],
        name=request["name"],
    )


def reads(request: Mapping[str, Any], file_id: int) -> bool:
    """Whether a job of this request is about a file."""
    return any(file["id"] == file_id for file in request["files"])


def check(wanted: Wanted, found: Sequence[ImportFile]) -> Wanted:
    """Return it with what is known of its files; raises InvalidInput where it can't be done."""
    _check_files(wanted)
    if wanted.operation is Operation.CREATE and wanted.identified_by == "record_id":
        raise InvalidInput(
            "new contacts have no Record ID",
            field="identified_by",
            mend="create by e-mail address, or update",
        )
    files = tuple(
        _check_file(place, file, known, wanted.identified_by)
        for place, (file, known) in enumerate(zip(wanted.files, found, strict=True))
    )
    name = (wanted.name or files[0].name)[:LONGEST_IMPORT_NAME]
    if not name.isprintable():
        raise InvalidInput("the name holds control characters", field="name", mend="write it without them")
    return replace(wanted, files=files, name=name)


def check_marketing(wanted: Wanted) -> None:
    """Raise InvalidInput for an import that can't set contacts as marketing (rule 5)."""
    if wanted.is_multi_object:
        raise InvalidInput(
            "a multi-object import never sets contacts as marketing",
            field="marketing",
            mend="import a file of contacts only, or leave 'marketing' off",
        )
    if len(wanted.files) > 1:
        raise InvalidInput(
            "an import of several files never sets contacts as marketing",
            field="marketing",
            mend="import the files one by one, or leave 'marketing' off",
        )


def _check_files(wanted: Wanted) -> None:
    if not 0 < len(wanted.files) <= MOST_FILES:
        raise InvalidInput(
            f"{len(wanted.files)} files",
            field="files",
            mend=f"name 1 to {MOST_FILES} files that were uploaded",
        )
    if len({file.id for file in wanted.files}) < len(wanted.files):
        raise InvalidInput("a file is named twice", field="files", mend="name each file once")


def _check_file(place: int, file: WantedFile, known: ImportFile, identified_by: IdentifiedBy) -> WantedFile:
    field = f"files.{place}.mapping"
    for column, target in file.mapping.items():
        _check_target(column, target, field)
    for column, kind in file.other_objects.items():
        if column not in known.header or column in file.mapping or not kind.isprintable():
            raise InvalidInput(
                f"the column {column!r} is not in the file, fills a property of contacts, or has an odd type",
                field=f"files.{place}.other_objects",
                mend="name columns of the file that belong to other objects, each with its type, such as '0-2'",
            )
    try:
        find_columns(known.header, file.mapping, identified_by)
    except InvalidInput as refusal:
        raise InvalidInput(refusal.message, field=field, mend=refusal.mend) from None
    return replace(file, name=known.name, rows=known.rows, parts=known.parts, header=known.header)


def _check_target(column: str, target: str, field: str) -> None:
    if target in READ_ONLY and target != RECORD_ID:
        raise InvalidInput(
            f"the column {column!r} fills {target}, which is read-only",
            field=field,
            mend="leave the column out; 'marketing' sets the status",
        )
    if not 0 < len(target) <= LONGEST_NAME or not target.isprintable():
        raise InvalidInput(
            f"the column {column!r} fills a property with an odd name",
            field=field,
            mend=f"use 1 to {LONGEST_NAME} characters",
        )
