"""Measures a workbook's parts while they are unpacked: how much memory its cells and texts will take."""

import re
from functools import cache
from typing import Any
from xml.parsers import expat

from service.spreadsheets.model import LONGEST_CELL, MOST_COLUMNS, refuse

MOST_ROWS = 1_048_576
"""What a sheet can have; a file that claims more is none of a spreadsheet program's."""
MOST_CELLS = 12_000_000
"""Of the rectangle around all cells with a value: about 1.2 GB in memory."""
MOST_CHARACTERS = 1024 * 1024 * 1024
"""Of all cells of a sheet, a shared text counted for each cell that names it."""
_AS_CSV = "save the sheet as CSV, which is read row by row"
_VALUES = frozenset({"v", "is"})
_TEXTS = frozenset({"v", "t"})
"""Formulas, headings of pages and conditions of formats have texts as well, which no cell shows."""
_place = re.compile(r"([A-Za-z]{1,3})([0-9]{1,9})").fullmatch


class Measure:
    """Takes the parts one after the other, that of the shared texts first; raises InvalidInput at a bound."""

    def __init__(self) -> None:
        self._shared: list[int] = []
        self._parser: Any = None

    def begin(self) -> None:
        """Begin a part."""
        self._row = self._column = self._measured_row = -1
        self._first_row = self._first_column = 1 << 32
        self._last_row = self._last_column = -1
        self._characters = 0
        self._text_length = 0
        self._index: list[str] = []
        self._is_shared = self._in_index = self._counts = self._in_shared_texts = False
        # The library reads every part as UTF-8, whatever the part says of itself.
        self._parser = expat.ParserCreate("utf-8")
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._start
        self._parser.CharacterDataHandler = self._take_text
        self._parser.StartDoctypeDeclHandler = self._refuse_declarations

    def take(self, chunk: bytes, *, final: bool = False) -> None:
        try:
            self._parser.Parse(chunk, final)
        except expat.ExpatError as error:
            raise refuse(
                "the workbook is damaged", "open it in a spreadsheet program and save it again as XLSX or CSV"
            ) from error

    def end(self) -> None:
        """End the part."""
        self.take(b"", final=True)
        self._end_text()
        self._parser = None

    def _refuse_declarations(self, *_: object) -> None:
        raise refuse("the workbook holds XML declarations that none has", _AS_CSV)

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        """Called for each element, and so ten million times: a text's end is told by what begins next."""
        element = name.rpartition(":")[2] if ":" in name else name
        self._counts = element in _TEXTS
        if element == "c":
            self._end_text()
            self._begin_cell(attributes)
        elif element in _VALUES:
            self._in_index = self._is_shared and element == "v"
            if self._row != self._measured_row or not self._first_column <= self._column <= self._last_column:
                self._extend()
        elif element == "row":
            self._end_text()
            self._row = int(attributes["r"]) - 1 if "r" in attributes else self._row + 1
            self._column = -1
        elif element == "si":
            self._end_text()
            self._in_shared_texts = True

    def _begin_cell(self, attributes: dict[str, str]) -> None:
        place = attributes.get("r")
        if place is None:
            self._column += 1
        else:
            match = _place(place)
            if match is None:
                raise ValueError(place)
            self._row, self._column = int(match[2]) - 1, _column(match[1])
        self._is_shared = attributes.get("t") == "s"

    def _extend(self) -> None:
        """A cell has a value: the rectangle that will be held in memory reaches it."""
        self._measured_row = self._row
        self._first_row, self._last_row = min(self._first_row, self._row), max(self._last_row, self._row)
        self._first_column = min(self._first_column, self._column)
        self._last_column = max(self._last_column, self._column)
        if self._last_row >= MOST_ROWS:
            raise refuse(f"a sheet has more than {MOST_ROWS} rows", _AS_CSV, line=self._last_row + 1)
        if self._last_column >= MOST_COLUMNS:
            raise refuse(
                f"a sheet has more than {MOST_COLUMNS} columns",
                "take out those that are not imported",
                line=self._row + 1,
                column=self._last_column + 1,
            )
        width = self._last_column - self._first_column + 1
        if width * (self._last_row - self._first_row + 1) > MOST_CELLS:
            raise refuse(f"a sheet spreads over more than {MOST_CELLS} cells", _AS_CSV, line=self._row + 1)

    def _take_text(self, text: str) -> None:
        if self._counts:
            self._text_length += len(text)
        if self._in_index:
            self._index.append(text)

    def _end_text(self) -> None:
        """End a cell or a shared text; the blanks behind an element are counted with it, and are next to nothing."""
        length, self._text_length = self._text_length, 0
        if self._in_shared_texts:
            self._shared.append(length)
            self._in_shared_texts = False
            return
        if self._index:
            length = self._length_of_shared("".join(self._index).strip())
            self._index.clear()
        self._in_index = False
        self._characters += length
        if length > LONGEST_CELL:
            raise refuse(
                f"the cell has {length} characters",
                f"leave at most {LONGEST_CELL}",
                line=self._row + 1,
                column=self._column + 1,
            )
        if self._characters > MOST_CHARACTERS:
            raise refuse("the texts of a sheet are too long together", _AS_CSV, line=self._row + 1)

    def _length_of_shared(self, index: str) -> int:
        number = int(index)
        return self._shared[number] if 0 <= number < len(self._shared) else 0


@cache
def _column(letters: str) -> int:
    """Return a column, from 0, of its letters."""
    column = 0
    for letter in letters.upper():
        column = column * 26 + ord(letter) - ord("A") + 1
    return column - 1
