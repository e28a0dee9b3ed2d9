"""CSV and its kin: which delimiter a text has, and its rows one by one, in memory that doesn't grow."""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TextIO

from service.errors import InvalidInput
from service.spreadsheets.model import Row, Sheet, is_blank, refuse

DELIMITERS = (",", ";", "\t", "|")
_LONGEST_LINE = 8 * 1024 * 1024
_SAMPLE = 65_536
_SAMPLE_RECORDS = 50
_hint = re.compile(r"sep=(.)\r?\n?", re.IGNORECASE).fullmatch
"""A first line that Excel reads as the delimiter's name."""


class TextSheet(Sheet):
    """A delimited text; the file is read anew by each `rows`."""

    def __init__(self, path: Path, encoding: str, fingerprint: str) -> None:
        self.fingerprint = fingerprint
        self._path = path
        self._encoding = encoding
        with self._open() as file:
            self.delimiter, self._hinted = _find_delimiter(file.read(_SAMPLE))
        self._begin()

    def _open(self) -> TextIO:
        return self._path.open(encoding=self._encoding, newline="")

    def _records(self) -> Iterator[Row]:
        with self._open() as file:
            lines = _Lines(file)
            if self._hinted:
                next(lines)
            for row in _parse(lines, self.delimiter):
                if not is_blank(row.cells):
                    yield row


@dataclass(slots=True)
class _Lines:
    """The lines of a file with their ends, none longer than what can be a line of a table."""

    file: TextIO
    read: int = 0
    ended: bool = False

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line = self.file.readline(_LONGEST_LINE + 1)
        if not line:
            self.ended = True
            raise StopIteration
        self.read += 1
        if len(line) > _LONGEST_LINE:
            raise refuse(
                f"the line has more than {_LONGEST_LINE} characters", "is this a table?", line=self.read
            )
        return line


def _parse(lines: _Lines, delimiter: str) -> Iterator[Row]:
    """Give out the records. One that the file's end or the longest field cuts off has a quote left open."""
    reader = csv.reader(lines, delimiter=delimiter)
    while True:
        line = lines.read + 1
        try:
            cells = next(reader, None)
        except csv.Error:  # the only one it has here: a cell beyond `csv.field_size_limit`
            raise _refuse_quote(line) from None
        if cells is None:
            return
        if lines.ended:
            raise _refuse_quote(line)
        yield Row(line, tuple(cells))


def _refuse_quote(line: int) -> InvalidInput:
    return refuse(
        "a cell of the record that begins here doesn't end: a quote is opened and not closed, or it is too long",
        'close it, and write a quote inside of a quoted cell twice ("")',
        line=line,
    )


def _find_delimiter(sample: str) -> tuple[str, bool]:
    """Return the delimiter, and whether the first line names it.

    It must part the header; of several, the one by which most records are as wide as the header, then the one
    that gives most columns.
    """
    first = sample.splitlines(keepends=True)[:1]
    hinted = _hint(first[0]) if first else None
    if hinted:
        return hinted[1], True
    scores = {delimiter: _score(sample, delimiter) for delimiter in DELIMITERS}
    best = max(DELIMITERS, key=scores.__getitem__)
    return (best if scores[best] > (0.0, 0) else ","), False


def _score(sample: str, delimiter: str) -> tuple[float, int]:
    widths = list(_widths(sample, delimiter))
    if not widths or widths[0] == 1:
        return 0.0, 0
    return Counter(widths)[widths[0]] / len(widths), widths[0]


def _widths(sample: str, delimiter: str) -> Iterator[int]:
    """Give out how wide the first records are, up to one that the sample's end cuts off within quotes."""
    records = _parse(_Lines(io.StringIO(sample, newline="")), delimiter)
    with suppress(InvalidInput):
        for row in islice(records, _SAMPLE_RECORDS):
            if row.cells:
                yield len(row.cells)
