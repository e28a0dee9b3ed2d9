"""Reads an uploaded file once, into parts of rows that a job can go on from anywhere.

A part is a compressed JSON list of `[line, [cell, …]]`. Nothing here knows a database: the whole is a function from a
file to a file, so that a large or odd one is read in a process of its own, where it holds up and harms nobody else.
"""

import struct
import sys
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from service.documents import dumps, loads
from service.errors import InvalidInput
from service.spreadsheets import Row, open_sheet
from service.spreadsheets.model import LONGEST_CELL, refuse

MOST_ROWS = 1_048_576
"""Of one file: HubSpot's own limit, and a sheet's."""
PART_CHARACTERS = 512 * 1024
"""About what a part holds, before it is compressed."""
LONGEST_ROW = 2 * 1024 * 1024
"""In characters, all cells together."""
SAMPLE_ROWS = 20
SAMPLE_CELL = 200
"""Characters of a cell that are shown."""
SAMPLE_CHARACTERS = 32_768
REFUSED = 3
"""The exit code of a process that has refused the file; it prints why."""
_LENGTH = struct.Struct(">I")
_QUOTES = 3
"""Characters around a cell in JSON."""


@dataclass(slots=True)
class Content:
    """What a file holds; its rows are in the parts."""

    digest: str
    """SHA-256 of the file as it came, in hex."""
    header: tuple[str, ...]
    sample: list[list[Any]] = field(default_factory=list)
    """The first rows as `[line, [cell, …]]`, with long cells cut."""
    rows: int = 0
    parts: int = 0


def read_file(path: Path, parts: Path, sheet: str | None = None) -> Content:
    """Read a file and write its parts to another; raises InvalidInput with what, where and the mend."""
    table = open_sheet(path, sheet=sheet)
    content = Content(table.fingerprint, table.header)
    with parts.open("wb") as target:
        _write_parts(table.rows(), content, target)
    return content


def read_parts(parts: Path) -> Iterator[bytes]:
    """Give out the parts that `read_file` wrote, one after the other."""
    with parts.open("rb") as source:
        while head := source.read(_LENGTH.size):
            yield source.read(_LENGTH.unpack(head)[0])


def load_part(part: bytes) -> list[Row]:
    """Return the rows of a part."""
    return [Row(line, tuple(cells)) for line, cells in loads(zlib.decompress(part))]


def _write_parts(rows: Iterator[Row], content: Content, target: BinaryIO) -> None:
    waiting: list[tuple[int, Sequence[str]]] = []
    characters = shown = 0
    for row in rows:
        cells = [cell[: LONGEST_CELL + 1] for cell in row.cells]
        length = sum(map(len, cells)) + _QUOTES * len(cells)
        _check(row, length, content.rows)
        if len(content.sample) < SAMPLE_ROWS and shown < SAMPLE_CHARACTERS:
            shown_cells = [cell[:SAMPLE_CELL].replace("\0", "\N{REPLACEMENT CHARACTER}") for cell in cells]
            content.sample.append([row.line, shown_cells])
            shown += min(length, SAMPLE_CELL * len(cells))
        waiting.append((row.line, cells))
        content.rows += 1
        characters += length
        if characters >= PART_CHARACTERS:
            _write_part(waiting, content, target)
            waiting, characters = [], 0
    if waiting:
        _write_part(waiting, content, target)


def _check(row: Row, length: int, before: int) -> None:
    if before >= MOST_ROWS:
        raise refuse(f"the file has more than {MOST_ROWS} rows", "split it into several files", line=row.line)
    if length > LONGEST_ROW:
        raise refuse(f"the row has more than {LONGEST_ROW} characters", "is this a table?", line=row.line)


def _write_part(rows: list[tuple[int, Sequence[str]]], content: Content, target: BinaryIO) -> None:
    part = zlib.compress(dumps(rows).encode(), 1)
    target.write(_LENGTH.pack(len(part)))
    target.write(part)
    content.parts += 1


def main(path: str, parts: str, sheet: str = "") -> int:
    """Read for another process: prints the content, or why the file is refused, as JSON."""
    try:
        content = read_file(Path(path), Path(parts), sheet or None)
    except InvalidInput as refusal:
        sys.stdout.write(
            dumps({"message": refusal.message, "field": refusal.field, "mend": refusal.mend}) + "\n"
        )
        return REFUSED
    sys.stdout.write(dumps(asdict(content)) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
