"""The rows of an import's files, on from any place, as many at a time as a step takes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import Any

from service.errors import NotFound
from service.imports.reading import load_part
from service.imports.wanted import Wanted, WantedFile
from service.spreadsheets import ImportRow, Problem, Row, Sheet, read_rows
from service.store import import_files

_line_of = attrgetter("line")


@dataclass(frozen=True, slots=True)
class Place:
    """Where an import is: behind this line of this part of this file, files and parts counted from 0."""

    file: int = 0
    part: int = 0
    line: int = 0

    def dump(self) -> dict[str, int]:
        """Return it as a job's cursor."""
        return {"file": self.file, "part": self.part, "line": self.line}


def load_place(cursor: Mapping[str, Any]) -> Place:
    """Return the place that a job's cursor says."""
    return Place(cursor.get("file", 0), cursor.get("part", 0), cursor.get("line", 0))


@dataclass(slots=True)
class Chunk:
    """Some rows of one file."""

    file: WantedFile
    place: Place
    """Before them."""
    rows: list[ImportRow]
    problems: list[Problem]
    """Of rows that can't be taken; they may have several each."""
    number: int
    """Of rows, those with problems too."""
    refused: int
    """Of rows that can't be taken."""


class RowReader:
    """Reads on from a place; what it holds is one part, and it can be made anew at any place."""

    def __init__(self, wanted: Wanted, place: Place) -> None:
        self.place = place
        self._wanted = wanted
        self._found: Iterator[tuple[int, list[ImportRow | Problem]]] | None = None

    @property
    def is_at_end(self) -> bool:
        """Whether all rows have been read."""
        return self.place.file >= len(self._wanted.files)

    def take(self, connection: Any, most: int) -> Chunk | None:
        """Return the next rows, at most so many and all of one part; None at the end.

        Raises NotFound when the file has gone.
        """
        while not self.is_at_end:
            chunk = self._take(connection, most)
            if chunk.number:
                return chunk
        return None

    def _take(self, connection: Any, most: int) -> Chunk:
        file = self._wanted.files[self.place.file]
        chunk = Chunk(file, self.place, [], [], 0, 0)
        if self.place.part < file.parts:
            self._fill(chunk, connection, most)
        if chunk.number < most:
            self._go_on(file)
        return chunk

    def _fill(self, chunk: Chunk, connection: Any, most: int) -> None:
        if self._found is None:
            self._found = self._open(connection, chunk.file)
        last = self.place.line
        for line, found in self._found:
            last = line
            for each in found:
                if isinstance(each, ImportRow):
                    chunk.rows.append(each)
                else:
                    chunk.problems.append(each)
            chunk.number += 1
            if chunk.number == most:
                break
        self.place = Place(self.place.file, self.place.part, last)
        chunk.refused = chunk.number - len(chunk.rows)

    def _go_on(self, file: WantedFile) -> None:
        self._found = None
        if self.place.part + 1 < file.parts:
            self.place = Place(self.place.file, self.place.part + 1, self.place.line)
        else:
            self.place = Place(self.place.file + 1)

    def _open(self, connection: Any, file: WantedFile) -> Iterator[tuple[int, list[ImportRow | Problem]]]:
        content = import_files.part(connection, file.id, self.place.part)
        if content is None:
            raise NotFound("import file", file.id)
        sheet = PartSheet(file.header, load_part(content))
        found = read_rows(sheet, file.mapping, self._wanted.identified_by, self.place.line)
        return ((line, list(same)) for line, same in groupby(found, _line_of))


class PartSheet(Sheet):
    """The rows of one part."""

    def __init__(self, header: tuple[str, ...], rows: list[Row]) -> None:
        self.header = header
        self._header_line = 0
        self._rows = rows

    def _records(self) -> Iterator[Row]:
        return iter(self._rows)
