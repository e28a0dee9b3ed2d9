import tempfile
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.errors import InvalidInput
from service.spreadsheets import Row, open_sheet
from tests.spreadsheets import Dialect, write_text

HEADER = ("email", "first name", "note")

anything = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]) | st.sampled_from('",;\t|\r\n')
)
western = st.text(st.sampled_from("abcXYZ ,;\t|\"'\r\n@.äöüßéèçñÄ"))
dialects = st.builds(
    Dialect,
    delimiter=st.sampled_from(",;\t|"),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"]),
    line_end=st.sampled_from(["\n", "\r\n", "\r"]),
    quote_all=st.booleans(),
)


def tables(cells: st.SearchStrategy[str]) -> st.SearchStrategy[list[tuple[str, str, str]]]:
    return st.lists(st.tuples(cells, cells, cells), max_size=8)


def read_back(table: list[tuple[str, str, str]], dialect: Dialect) -> list[tuple[str, ...]]:
    with tempfile.TemporaryDirectory() as folder:
        sheet = open_sheet(write_text(Path(folder) / "contacts", [HEADER, *table], dialect))
        assert sheet.header == HEADER
        return [row.cells for row in sheet.rows()]


def without_blank_rows(table: list[tuple[str, str, str]]) -> list[tuple[str, str, str]]:
    return [cells for cells in table if any(cell.strip() for cell in cells)]


def refusal(path: Path, content: bytes) -> InvalidInput:
    path.write_bytes(content)
    with pytest.raises(InvalidInput) as refused:
        list(open_sheet(path).rows())
    assert refused.value.mend
    return refused.value


@settings(deadline=None, max_examples=150)
@given(tables(anything), dialects)
def test_any_table_is_read_as_it_was_written(table: list[tuple[str, str, str]], dialect: Dialect) -> None:
    assert read_back(table, dialect) == without_blank_rows(table)


@settings(deadline=None, max_examples=60)
@given(tables(western), st.sampled_from(",;\t|"))
def test_windows_1252_is_told_from_utf_8(table: list[tuple[str, str, str]], delimiter: str) -> None:
    assert read_back(table, Dialect(delimiter, "cp1252")) == without_blank_rows(table)


@settings(deadline=None, max_examples=60)
@given(tables(anything), dialects, st.integers(0, 60))
def test_reading_goes_on_after_any_line(
    table: list[tuple[str, str, str]], dialect: Dialect, after: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        sheet = open_sheet(write_text(Path(folder) / "contacts", [HEADER, *table], dialect))
        assert list(sheet.rows(after)) == [row for row in sheet.rows() if row.line > after]


def test_lines_are_counted_as_an_editor_counts_them(tmp_path: Path) -> None:
    path = tmp_path / "contacts"
    path.write_bytes(b'\nemail,note\n\na@b.co,"one\r\ntwo\nthree"\n,\nc@d.co,four\n')
    assert list(open_sheet(path).rows()) == [
        Row(4, ("a@b.co", "one\r\ntwo\nthree")),
        Row(8, ("c@d.co", "four")),
    ]


def test_the_delimiter_is_the_one_that_parts_the_header(tmp_path: Path) -> None:
    path = tmp_path / "contacts.csv"
    path.write_text("email;full, name\na@b.co;Ada, Countess\nc@d.co;Cid\n")
    assert open_sheet(path).header == ("email", "full, name")


def test_a_first_line_may_name_the_delimiter(tmp_path: Path) -> None:
    path = tmp_path / "contacts.csv"
    path.write_text("sep=;\r\nemail;name\r\na@b.co;Ada\r\n")
    sheet = open_sheet(path)
    assert (sheet.header, list(sheet.rows())) == (("email", "name"), [Row(3, ("a@b.co", "Ada"))])


def test_one_column_needs_no_delimiter(tmp_path: Path) -> None:
    path = tmp_path / "contacts.csv"
    path.write_text("Record ID\n1\n2")
    sheet = open_sheet(path)
    assert (sheet.header, list(sheet.rows())) == (("Record ID",), [Row(2, ("1",)), Row(3, ("2",))])


def test_columns_without_a_name_at_the_end_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "contacts.csv"
    path.write_text("email,,name,,\na@b.co,,Ada,,\n")
    assert open_sheet(path).header == ("email", "", "name")


@pytest.mark.parametrize(
    ("content", "place", "words"),
    [
        (b"", "file", "empty"),
        (b"\xef\xbb\xbf \r\n\r\n", "file", "empty"),
        (b",,\n,\n", "file", "empty"),
        (b"ada@example.com,Ada\n", "line 1, column 1", "no header"),
        (b"1,2\n3,4\n", "line 1", "no header"),
        (b"\nemail,name,E-Mail,Name\n", "line 2, column 4", "same name as column 2"),
        (b"email,name\n\xc3\xa9@b.co,\n\n\xff,\n", "line 4", "not readable as UTF-8 from byte 22 "),
        (b"email\n\x81@b.co\n", "line 2", "not readable"),
        (b"\xff\xfea\x00\n\x00\x00\xd8", "line 2", "not readable as utf-16"),
        (",".join(f"c{number}" for number in range(1_001)).encode(), "line 1, column 1001", "1001 columns"),
        (b'email,note\na@b.co,x\nc@d.co,"open\ne@f.co,y\n', "line 3", "not closed"),
        (b'"email\n', "line 1", "not closed"),
        (bytes(range(256)), "file", "no text"),
        (b"<html><table></table></html>", "file", "web page"),
        (b"%PDF-1.7", "file", "no table"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(900), "file", ".xls"),
    ],
)
def test_a_fault_of_the_file_is_told_with_its_place(
    tmp_path: Path, content: bytes, place: str, words: str
) -> None:
    error = refusal(tmp_path / "contacts.csv", content)
    assert error.field == place
    assert words in error.message


def test_an_open_quote_is_found_long_before_the_end(tmp_path: Path) -> None:
    path = tmp_path / "contacts.csv"
    path.write_bytes(b'email,note\na@b.co,"open\n' + b"ada@example.com,a note\n" * 500_000)
    sheet = open_sheet(path)
    tracemalloc.start()
    with pytest.raises(InvalidInput, match="line 2"):
        list(sheet.rows())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2_000_000


def test_a_line_without_end_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path / "contacts.csv", b"email,name\n" + b"a," * 5_000_000).field == "line 2"


def test_memory_stays_steady_over_200_000_rows(tmp_path: Path) -> None:
    path = tmp_path / "contacts.csv"
    with path.open("w") as file:
        file.write("email,first name,note\n")
        file.writelines(f"contact{number}@example.com,Ada,note {number}\n" for number in range(200_000))
    tracemalloc.start()
    count = sum(1 for _ in open_sheet(path).rows())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 200_000
    assert peak < 6_000_000


def test_the_fingerprint_is_of_the_content(tmp_path: Path) -> None:
    one, same, other = tmp_path / "one", tmp_path / "same.xlsx", tmp_path / "other"
    one.write_text("email\na@b.co\n")
    same.write_text("email\na@b.co\n")
    other.write_text("email\na@b.com\n")
    assert open_sheet(one).fingerprint == open_sheet(same).fingerprint != open_sheet(other).fingerprint
