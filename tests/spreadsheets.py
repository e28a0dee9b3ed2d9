"""Makes import files: delimited texts in each dialect, and workbooks of the parts that they need."""

import csv
import io
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple
from xml.sax.saxutils import escape

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_STYLES = f"""<styleSheet xmlns="{_MAIN}"><cellXfs count="4">
<xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="22"/><xf numFmtId="46"/></cellXfs></styleSheet>"""
DATE, INSTANT, LENGTH = 1, 2, 3
"""Styles of cells."""


class Dialect(NamedTuple):
    delimiter: str = ","
    encoding: str = "utf-8"
    line_end: str = "\r\n"
    quote_all: bool = False


COMMON = Dialect()


def write_text(path: Path, table: Sequence[Sequence[str]], dialect: Dialect = COMMON) -> Path:
    text = io.StringIO(newline="")
    writer = csv.writer(
        text,
        delimiter=dialect.delimiter,
        lineterminator=dialect.line_end,
        # The writer of the standard library quotes those line breaks only that end its own lines.
        quoting=csv.QUOTE_ALL if dialect.quote_all or dialect.line_end != "\r\n" else csv.QUOTE_MINIMAL,
    )
    writer.writerows(table)
    path.write_bytes(text.getvalue().encode(dialect.encoding))
    return path


def text_cell(place: str, text: str) -> str:
    return f'<c r="{place}" t="inlineStr"><is><t xml:space="preserve">{escape(text)}</t></is></c>'


def shared_cell(place: str, index: int) -> str:
    return f'<c r="{place}" t="s"><v>{index}</v></c>'


def value_cell(place: str, value: str, *, style: int = 0, kind: str = "n") -> str:
    return f'<c r="{place}" s="{style}" t="{kind}"><v>{value}</v></c>'


def row(number: int, *cells: str) -> str:
    return f'<row r="{number}">{"".join(cells)}</row>'


def write_workbook(
    path: Path,
    sheets: Mapping[str, str],
    *,
    shared: Sequence[str] = (),
    hidden: Sequence[str] = (),
    other_parts: Mapping[str, bytes] | None = None,
) -> Path:
    """`sheets` are names and the rows in them as XML."""
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types"/>',
        "_rels/.rels": _relations("officeDocument", ["xl/workbook.xml"]),
        "xl/workbook.xml": _workbook(list(sheets), hidden),
        "xl/_rels/workbook.xml.rels": _relations(
            "worksheet", [f"worksheets/sheet{number}.xml" for number in range(1, len(sheets) + 1)]
        ),
        "xl/styles.xml": _STYLES,
        "xl/sharedStrings.xml": _shared(shared),
    }
    for number, rows in enumerate(sheets.values(), start=1):
        parts[f"xl/worksheets/sheet{number}.xml"] = (
            f'<worksheet xmlns="{_MAIN}"><sheetData>{rows}</sheetData></worksheet>'
        )
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name, f'<?xml version="1.0" encoding="UTF-8"?>{text}')
        for name, body in (other_parts or {}).items():
            archive.writestr(name, body)
    return path


def _workbook(names: list[str], hidden: Sequence[str]) -> str:
    states = ("visible", "hidden")
    sheets = "".join(
        f'<sheet name="{escape(name)}" sheetId="{number}" r:id="rId{number}" state="{states[name in hidden]}"/>'
        for number, name in enumerate(names, start=1)
    )
    return f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>{sheets}</sheets></workbook>'


def _relations(kind: str, targets: Sequence[str]) -> str:
    relations = "".join(
        f'<Relationship Id="rId{number}" Type="{_OFFICE}/{kind}" Target="{target}"/>'
        for number, target in enumerate(targets, start=1)
    )
    return f'<Relationships xmlns="{_PACKAGE}/relationships">{relations}</Relationships>'


def _shared(texts: Sequence[str]) -> str:
    entries = "".join(f"<si><t>{escape(text)}</t></si>" for text in texts)
    return f'<sst xmlns="{_MAIN}">{entries}</sst>'
