"""Opens an import file as a sheet."""

from pathlib import Path

from service.spreadsheets.content import Kind, inspect
from service.spreadsheets.model import Sheet
from service.spreadsheets.texts import TextSheet
from service.spreadsheets.workbooks import WorkbookSheet


def open_sheet(path: Path, *, sheet: str | None = None) -> Sheet:
    """Return the table in a file, told by its bytes and not by its name.

    `sheet` names one of a workbook's; without it the first visible one is read. A delimited text has one only, and
    the name is not looked at. Raises InvalidInput with what, where and the mend; OSError when there is no file.
    """
    content = inspect(path)
    if content.kind is Kind.WORKBOOK:
        return WorkbookSheet(path, content.fingerprint, sheet)
    return TextSheet(path, content.encoding, content.fingerprint)
