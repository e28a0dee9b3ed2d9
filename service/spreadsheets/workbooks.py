"""XLSX: the sheet's rows, once its parts are known to be harmless.

The library that reads workbooks keeps a whole sheet in memory, as a full rectangle, and a text again for each
cell that names it. So the parts are unpacked and measured first, and copied as they were measured into an archive
of our own: what the library reads is what was measured, whatever else the file's directories may claim.
"""

import datetime as dt
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from python_calamine import (
    CalamineError,
    CalamineSheet,
    CalamineWorkbook,
    PasswordError,
    SheetMetadata,
    SheetTypeEnum,
    SheetVisibleEnum,
)

from service.spreadsheets.measuring import Measure
from service.spreadsheets.model import Row, Sheet, is_blank, refuse

LARGEST_UNPACKED = 1024 * 1024 * 1024
"""In bytes, all parts together."""
_CHUNK = 256 * 1024
_SHARED_TEXTS = "xl/sharedstrings.xml"
_FOLDERS = frozenset({"", "_rels", "xl", "xl/_rels", "xl/worksheets"})
_LARGEST_WHOLE = 1e18
_MEND = "open it in a spreadsheet program and save it again as XLSX or CSV"
_ENCRYPTED_FLAG = 0x1
_DAMAGES = (CalamineError, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError)


class WorkbookSheet(Sheet):
    """A sheet of a workbook; it is held in memory, within the bounds that it was measured by."""

    def __init__(self, path: Path, fingerprint: str, sheet: str | None = None) -> None:
        self.fingerprint = fingerprint
        self._table = _load(path, sheet)
        self._begin()

    def _records(self) -> Iterator[Row]:
        first_column = self._table.start[1] if self._table.start else 0
        left = ("",) * first_column
        line = 0
        try:
            for line, values in enumerate(self._table.iter_rows(), start=1):
                row = Row(line, left + tuple(map(_text, values)))
                if not is_blank(row.cells):
                    yield row
        except OverflowError:
            raise refuse(
                "a cell holds a time that no clock shows", "write it as a text", line=line + 1
            ) from None


def _load(path: Path, sheet: str | None) -> CalamineSheet:
    with TemporaryDirectory() as folder:
        copy = Path(folder) / "workbook.xlsx"
        try:
            _copy(path, copy)
            with CalamineWorkbook.from_path(copy) as workbook:
                return workbook.get_sheet_by_name(_choose(workbook.sheets_metadata, sheet))
        except PasswordError:
            raise refuse("the workbook is encrypted", "take its password off and save it again") from None
        except _DAMAGES:
            raise refuse("the workbook is damaged", _MEND) from None


def _choose(sheets: list[SheetMetadata], wanted: str | None) -> str:
    """Return the sheet's name: the wanted one, or the first that a person sees."""
    tables = [sheet for sheet in sheets if sheet.typ == SheetTypeEnum.WorkSheet]
    if wanted is not None:
        if wanted not in {sheet.name for sheet in tables}:
            names = ", ".join(repr(sheet.name) for sheet in tables[:20])
            raise refuse(f"the workbook has no sheet {wanted!r}", f"choose one of {names}")
        return wanted
    if not tables:
        raise refuse("the workbook has no sheet with cells", _MEND)
    seen = [sheet for sheet in tables if sheet.visible == SheetVisibleEnum.Visible]
    return (seen or tables)[0].name


def _copy(path: Path, copy: Path) -> None:
    with (
        zipfile.ZipFile(path) as archive,
        zipfile.ZipFile(copy, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as to,
    ):
        measure = Measure()
        for part in _parts(archive):
            measure.begin()
            with archive.open(part) as source, to.open(part.filename, "w", force_zip64=True) as target:
                while chunk := source.read(_CHUNK):
                    measure.take(chunk)
                    target.write(chunk)
            measure.end()


def _parts(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """Return the parts that hold cells or lead to them, shared texts first; raises InvalidInput for other files."""
    entries = archive.infolist()
    names = [entry.filename.lower().replace("\\", "/") for entry in entries]
    _check_kind(names)
    if any(entry.flag_bits & _ENCRYPTED_FLAG for entry in entries):
        raise refuse("the workbook is encrypted", "take its password off and save it again")
    wanted = [
        (name != _SHARED_TEXTS, entry)
        for name, entry in zip(names, entries, strict=True)
        if name.rpartition("/")[0] in _FOLDERS and name.endswith((".xml", ".rels"))
    ]
    if len(set(names)) != len(names):
        raise refuse("the workbook is damaged: two of its parts have one name", _MEND)
    if sum(entry.file_size for _, entry in wanted) > LARGEST_UNPACKED:
        raise refuse("the workbook is too large when it is unpacked", "save the sheet as CSV")
    return [entry for _, entry in sorted(wanted, key=lambda pair: pair[0])]


def _check_kind(names: list[str]) -> None:
    if "xl/workbook.bin" in names:
        raise refuse("the file is a binary Excel workbook (.xlsb)", "save it as XLSX or CSV")
    if "content.xml" in names:
        raise refuse("the file is an OpenDocument spreadsheet", "save it as XLSX or CSV")
    if "[content_types].xml" not in names or not any(name.startswith("xl/") for name in names):
        raise refuse("the file is an archive and no workbook", "unpack it, and give the table that is in it")


def _text(value: object) -> str:
    """Return a cell as a person would type it: whole numbers without a point, dates and times in ISO 8601."""
    match value:
        case bool():
            return "true" if value else "false"
        case float():
            return _number(value)
        case dt.datetime() | dt.date() | dt.time():
            return value.isoformat()
        case dt.timedelta():
            return _hours(value)
        case _:
            return str(value)


def _number(value: float) -> str:
    """Spreadsheet programs keep 15 digits: what is beyond is noise."""
    if value.is_integer() and abs(value) < _LARGEST_WHOLE:
        return str(int(value))
    return format(value, ".15g")


def _hours(length: dt.timedelta) -> str:
    minutes, seconds = divmod(round(length.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}"
