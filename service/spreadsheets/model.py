"""What a sheet, a row and a problem are, and the bounds that every file is held to."""

import enum
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass

from service.addresses import normalise_email
from service.errors import InvalidInput

LARGEST_FILE = 512 * 1024 * 1024
"""In bytes: HubSpot's own limit for an import file."""
MOST_COLUMNS = 1_000
LONGEST_CELL = 65_536
"""In characters."""


class Fault(enum.StrEnum):
    """What is wrong with a row."""

    TOO_MANY_CELLS = "too_many_cells"
    CELL_TOO_LONG = "cell_too_long"
    CONTROL_CHARACTER = "control_character"
    MISSING_EMAIL = "missing_email"
    INVALID_EMAIL = "invalid_email"
    MISSING_RECORD_ID = "missing_record_id"
    INVALID_RECORD_ID = "invalid_record_id"


@dataclass(frozen=True, slots=True)
class Row:
    """One record; `line` is where it begins, as an editor or a spreadsheet program counts."""

    line: int
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a row was not given out. No value of the row is told."""

    line: int
    column: int
    """From 1."""
    header: str
    message: str
    mend: str
    fault: Fault


class Sheet(ABC):
    """A table with a header line."""

    header: tuple[str, ...]
    """Trimmed. Columns without a name are empty texts, but for those at the end, which are left out."""
    fingerprint: str
    """SHA-256 of the file in hex: a job that goes on after a break knows by it that the file is the same."""

    _header_line: int

    def rows(self, after: int = 0) -> Iterator[Row]:
        """Give out the rows below the header that begin after a line, in order; blank ones are left out.

        Raises InvalidInput where the rest of the file can't be read.
        """
        begin = max(after, self._header_line)
        return (row for row in self._records() if row.line > begin)

    def _begin(self) -> None:
        """Read the header; raises InvalidInput when there is none."""
        header = next(self._records(), None)
        self.header = read_header(header)
        self._header_line = header.line if header else 0

    @abstractmethod
    def _records(self) -> Iterator[Row]:
        """Give out all rows from the first on, the header too; blank ones are left out."""


def refuse(message: str, mend: str, *, line: int = 0, column: int = 0) -> InvalidInput:
    """Return the error of a whole file; line and column count from 1, and 0 is nowhere."""
    places = [f"line {line}"] if line else []
    places += [f"column {column}"] if column else []
    place = ", ".join(places)
    return InvalidInput(f"{place}: {message}" if place else message, field=place or "file", mend=mend)


def is_blank(cells: tuple[str, ...]) -> bool:
    return not any(cell.strip() for cell in cells)


def read_header(row: Row | None) -> tuple[str, ...]:
    """Return the names of the columns; raises InvalidInput when the line can't be a header."""
    if row is None:
        raise refuse("the file is empty", "give a file with a header line and a line for each contact")
    names = [cell.strip() for cell in row.cells]
    while not names[-1]:
        names.pop()
    _check_names(names, row.line)
    return tuple(names)


def _check_names(names: list[str], line: int) -> None:
    if len(names) > MOST_COLUMNS:
        raise refuse(
            f"there are {len(names)} columns",
            f"leave at most {MOST_COLUMNS}",
            line=line,
            column=MOST_COLUMNS + 1,
        )
    seen: dict[str, int] = {}
    for column, name in enumerate(names, start=1):
        _check_name(name, line, column)
        before = seen.setdefault(name.casefold(), column) if name else column
        if before != column:
            raise refuse(
                f"the column has the same name as column {before}",
                "give each column a name of its own",
                line=line,
                column=column,
            )
    if all(name.replace(".", "").isdecimal() for name in names if name):
        raise refuse("there is no header, for all cells are numbers", _ADD_HEADER, line=line)


def _check_name(name: str, line: int, column: int) -> None:
    if "@" in name and normalise_email(name) is not None:
        raise refuse(
            "there is no header, for a cell is an e-mail address", _ADD_HEADER, line=line, column=column
        )
    if len(name) > _LONGEST_NAME or has_control_character(name):
        raise refuse(
            "the column's name is too long or holds control characters",
            f"write a name of at most {_LONGEST_NAME} ordinary characters",
            line=line,
            column=column,
        )


def has_control_character(text: str) -> bool:
    """Whether a text holds what is neither printed nor a tab or line break, and what no database takes."""
    return not text.isprintable() and not _no_control.isdisjoint(text)


_ADD_HEADER = "put a line with the names of the columns above the first contact"
_LONGEST_NAME = 500
_no_control = frozenset(map(chr, range(32))) - {"\t", "\n", "\r"} | {"\x7f"}
