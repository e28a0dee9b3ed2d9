"""Import files into rows: CSV in its dialects and XLSX, read as data with every fault told by its place.

Nothing here knows a portal or a database. A fault of the whole file is raised as InvalidInput; a fault of one
row is a `Problem` among the rows, and that row is not given out.
"""

from service.spreadsheets.mapping import Certainty, Guess, guess_mapping
from service.spreadsheets.model import Fault, Problem, Row, Sheet
from service.spreadsheets.opening import open_sheet
from service.spreadsheets.reading import IdentifiedBy, ImportRow, read_rows

__all__ = [
    "Certainty",
    "Fault",
    "Guess",
    "IdentifiedBy",
    "ImportRow",
    "Problem",
    "Row",
    "Sheet",
    "guess_mapping",
    "open_sheet",
    "read_rows",
]
