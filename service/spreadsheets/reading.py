"""Rows of a sheet as what an import says of contacts. A row is taken whole or, with its problems told, not at all."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from service.addresses import normalise_email
from service.errors import InvalidInput
from service.spreadsheets.model import LONGEST_CELL, Fault, Problem, Row, Sheet, has_control_character

IdentifiedBy = Literal["email", "record_id"]

EMAIL = "email"
RECORD_ID = "hs_object_id"
_PROPERTY: dict[IdentifiedBy, str] = {"email": EMAIL, "record_id": RECORD_ID}
_LARGEST_RECORD_ID = (1 << 63) - 1
_MOST_DIGITS = 19


@dataclass(frozen=True, slots=True)
class ImportRow:
    """What one row says; blank cells say nothing and are left out."""

    line: int
    email: str | None
    """In the one spelling that contacts are found by; in `properties` as well."""
    record_id: int | None
    """Never in `properties`, for nobody can set it."""
    properties: Mapping[str, str]


def read_rows(
    sheet: Sheet, mapping: Mapping[str, str], identified_by: IdentifiedBy, after: int = 0
) -> Iterator[ImportRow | Problem]:
    """Give out each row below a line, or its problems, in the file's order. Two rows of one contact are both given.

    `mapping` says by a column's name which property it fills; columns that it doesn't name are left out. Raises
    InvalidInput at once when it doesn't fit the sheet, and later where the file can't be read on.
    """
    columns = find_columns(sheet.header, mapping, identified_by)
    reader = _Reader(sheet.header, columns, identified_by)
    return (found for row in sheet.rows(after) for found in reader.read(row))


def find_columns(
    header: tuple[str, ...], mapping: Mapping[str, str], identified_by: IdentifiedBy
) -> tuple[tuple[int, str], ...]:
    """Return which cell, from 0, fills which property; raises InvalidInput when the mapping doesn't fit."""
    columns: dict[str, int] = {}
    for name, target in mapping.items():
        if not name or name not in header:
            raise InvalidInput(
                f"the file has no column {name!r}", field=name, mend="name a column of its header line"
            )
        if target in columns:
            raise InvalidInput(
                f"two columns fill the property {target!r}",
                field=name,
                mend="let one column fill each property",
            )
        columns[target] = header.index(name)
    if _PROPERTY[identified_by] not in columns:
        raise InvalidInput(
            f"no column fills {_PROPERTY[identified_by]!r}, by which contacts are to be found",
            field="mapping",
            mend="map the column with " + ("e-mail addresses" if identified_by == "email" else "Record IDs"),
        )
    return tuple(sorted((column, target) for target, column in columns.items()))


@dataclass(slots=True)
class _Reader:
    header: tuple[str, ...]
    columns: tuple[tuple[int, str], ...]
    identified_by: IdentifiedBy
    problems: list[Problem] = field(default_factory=list)

    def read(self, row: Row) -> tuple[ImportRow | Problem, ...]:
        self.problems = []
        self._check_width(row)
        properties = {
            target: value
            for column, target in self.columns
            if column < len(row.cells) and (value := self._value(row, column))
        }
        email = self._email(row, properties)
        record_id = self._record_id(row, properties)
        if self.problems:
            return tuple(self.problems)
        return (ImportRow(row.line, email, record_id, properties),)

    def _check_width(self, row: Row) -> None:
        width = len(self.header)
        beyond = next((place for place, cell in enumerate(row.cells[width:], width) if cell.strip()), None)
        if beyond is not None:
            self._note(
                row,
                beyond,
                f"the row has more cells than the header has columns ({width})",
                "put a cell that holds the delimiter in quotes, or give the column a name",
                Fault.TOO_MANY_CELLS,
            )

    def _value(self, row: Row, column: int) -> str:
        value = row.cells[column].strip()
        if len(value) > LONGEST_CELL:
            self._note(
                row,
                column,
                f"the cell has {len(value)} characters",
                f"leave at most {LONGEST_CELL}",
                Fault.CELL_TOO_LONG,
            )
        elif has_control_character(value):
            self._note(
                row,
                column,
                "the cell holds a control character",
                "write it with ordinary characters",
                Fault.CONTROL_CHARACTER,
            )
        return value

    def _email(self, row: Row, properties: dict[str, str]) -> str | None:
        """Put the address in its one spelling; a missing one is a fault where contacts are found by it."""
        text = properties.get(EMAIL)
        if text is None:
            if self.identified_by == "email":
                self._note_missing(row, EMAIL, "e-mail address", Fault.MISSING_EMAIL)
            return None
        email = normalise_email(text)
        if email is None:
            self._note(
                row,
                self._column_of(EMAIL),
                "the cell is no e-mail address",
                "write one address, such as ada@example.com",
                Fault.INVALID_EMAIL,
            )
        else:
            properties[EMAIL] = email
        return email

    def _record_id(self, row: Row, properties: dict[str, str]) -> int | None:
        text = properties.pop(RECORD_ID, None)
        if text is None:
            if self.identified_by == "record_id":
                self._note_missing(row, RECORD_ID, "Record ID", Fault.MISSING_RECORD_ID)
            return None
        if text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS:
            number = int(text)
            if 0 < number <= _LARGEST_RECORD_ID:
                return number
        self._note(
            row,
            self._column_of(RECORD_ID),
            "the cell is no Record ID",
            "write the number of the contact, with digits only",
            Fault.INVALID_RECORD_ID,
        )
        return None

    def _note_missing(self, row: Row, target: str, what: str, fault: Fault) -> None:
        self._note(
            row, self._column_of(target), f"the row has no {what}", f"write the contact's {what}", fault
        )

    def _column_of(self, target: str) -> int:
        return next(column for column, other in self.columns if other == target)

    def _note(self, row: Row, column: int, message: str, mend: str, fault: Fault) -> None:
        name = self.header[column] if column < len(self.header) else ""
        self.problems.append(Problem(row.line, column + 1, name, message, mend, fault))
