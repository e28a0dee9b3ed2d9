import random
import tempfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.errors import InvalidInput
from service.spreadsheets import Row, open_sheet
from tests.spreadsheets import (
    DATE,
    INSTANT,
    LENGTH,
    row,
    shared_cell,
    text_cell,
    value_cell,
    write_workbook,
)

HEADER = row(1, text_cell("A1", "email"), text_cell("B1", "note"))

printable = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc", "Cn"]), max_size=20)


def refusal(path: Path) -> InvalidInput:
    with pytest.raises(InvalidInput) as refused:
        open_sheet(path)
    assert refused.value.mend
    return refused.value


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(printable, printable), max_size=6))
def test_any_texts_are_read_as_they_were_written(table: list[tuple[str, str]]) -> None:
    rows = [
        row(number, text_cell(f"A{number}", one), text_cell(f"B{number}", other))
        for number, (one, other) in enumerate(table, start=2)
    ]
    with tempfile.TemporaryDirectory() as folder:
        sheet = open_sheet(write_workbook(Path(folder) / "contacts", {"One": HEADER + "".join(rows)}))
        assert [found.cells for found in sheet.rows()] == [
            cells for cells in table if any(cell.strip() for cell in cells)
        ]


def test_values_become_the_texts_that_a_person_would_type(tmp_path: Path) -> None:
    cells = [
        value_cell("A2", "4915112345678"),
        value_cell("B2", "0.30000000000000004"),
        value_cell("C2", "45000", style=DATE),
        value_cell("D2", "45000.25", style=INSTANT),
        value_cell("E2", "1.5", style=LENGTH),
        value_cell("F2", "1", kind="b"),
        shared_cell("G2", 1),
        value_cell("H2", "#N/A", kind="e"),
    ]
    header = row(1, *(text_cell(f"{letter}1", letter) for letter in "ABCDEFGH"))
    path = write_workbook(tmp_path / "contacts", {"One": header + row(2, *cells)}, shared=["x", "shared"])
    assert next(open_sheet(path).rows()).cells == (
        *("4915112345678", "0.3", "2023-03-15", "2023-03-15T06:00:00", "36:00:00", "true", "shared", ""),
    )


def test_rows_and_columns_keep_their_places(tmp_path: Path) -> None:
    rows = (
        row(3, text_cell("B3", "email"))
        + row(7, text_cell("B7", "a@b.co"))
        + row(9, text_cell("B9", "c@d.co"))
    )
    sheet = open_sheet(write_workbook(tmp_path / "contacts", {"One": rows}))
    assert sheet.header == ("", "email")
    assert list(sheet.rows()) == [Row(7, ("", "a@b.co")), Row(9, ("", "c@d.co"))]
    assert list(sheet.rows(after=7)) == [Row(9, ("", "c@d.co"))]


def test_the_first_visible_sheet_is_read_or_the_named_one(tmp_path: Path) -> None:
    sheets = {name: row(1, text_cell("A1", f"{name} column")) for name in ("Secret", "People", "More")}
    path = write_workbook(tmp_path / "contacts.csv", sheets, hidden=["Secret"])
    assert open_sheet(path).header == ("People column",)
    assert open_sheet(path, sheet="More").header == ("More column",)
    with pytest.raises(InvalidInput, match="choose one of 'Secret', 'People', 'More'"):
        open_sheet(path, sheet="Else")


@pytest.mark.parametrize(
    ("rows", "place", "words"),
    [
        ("", "file", "empty"),
        (row(1, text_cell("A1", "a@b.co")), "line 1, column 1", "no header"),
        (row(1, text_cell("A1", "x"), text_cell("B1", "X")), "line 1, column 2", "same name"),
        (HEADER + row(2, text_cell("ALM2", "x")), "line 2, column 1001", "1000 columns"),
        (HEADER + row(1_048_577, text_cell("A1048577", "x")), "line 1048577", "rows"),
        (HEADER + row(1_048_576, text_cell("M1048576", "x")), "line 1048576", "spreads"),
        (HEADER + row(2, text_cell("B2", "x" * 65_537)), "line 2, column 2", "65537 characters"),
        (HEADER + row(2, '<c r="2A"><v>1</v></c>'), "file", "damaged"),
        (HEADER + row(2, '<c r="A2" t="s"><v>7</v></c>'), "file", "damaged"),
        (HEADER + "<row>", "file", "damaged"),
    ],
)
def test_a_fault_of_a_sheet_is_told_with_its_place(tmp_path: Path, rows: str, place: str, words: str) -> None:
    error = refusal(write_workbook(tmp_path / "contacts", {"One": rows}))
    assert error.field == place
    assert words in error.message


def test_cells_far_out_that_hold_nothing_are_no_harm(tmp_path: Path) -> None:
    blank = row(1_048_576, '<c r="XFD1048576" s="1"/>')
    assert open_sheet(write_workbook(tmp_path / "contacts", {"One": HEADER + blank})).header == (
        "email",
        "note",
    )


def test_texts_around_the_cells_are_not_taken_for_a_cells(tmp_path: Path) -> None:
    formula = f'<row r="2"><c r="A2" t="str"><f>{"x" * 70_000}</f><v>short</v></c></row>'
    path = write_workbook(tmp_path / "contacts", {"One": f"{HEADER}{formula}<f>{'x' * 70_000}</f>"})
    assert [found.cells for found in open_sheet(path).rows()] == [("short", "")]


def test_a_time_that_no_clock_shows_is_told_with_its_line(tmp_path: Path) -> None:
    rows = HEADER + row(2, text_cell("A2", "a")) + row(3, value_cell("A3", "1e300", style=LENGTH))
    sheet = open_sheet(write_workbook(tmp_path / "contacts", {"One": rows}))
    with pytest.raises(InvalidInput, match="line 3"):
        list(sheet.rows())


def test_a_long_text_that_many_cells_share_is_counted_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.spreadsheets.measuring.MOST_CHARACTERS", 500_000)
    rows = "".join(row(number, shared_cell(f"A{number}", 0)) for number in range(2, 12))
    path = write_workbook(tmp_path / "contacts", {"One": HEADER + rows}, shared=["x" * 60_000])
    assert "too long together" in refusal(path).message


def test_what_would_unpack_to_too_much_is_refused_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.spreadsheets.workbooks.LARGEST_UNPACKED", 1_000_000)
    bomb = {"xl/worksheets/sheet9.xml": bytes(2_000_000)}
    path = write_workbook(tmp_path / "contacts", {"One": HEADER}, other_parts=bomb)
    assert path.stat().st_size < 10_000
    assert "unpacked" in refusal(path).message


def test_a_part_that_unpacks_to_more_than_it_claims_is_refused(tmp_path: Path) -> None:
    path = write_workbook(tmp_path / "contacts", {"One": HEADER})
    with zipfile.ZipFile(path) as archive:
        size = archive.getinfo("xl/worksheets/sheet1.xml").file_size
    content = path.read_bytes()
    place = content.rindex(size.to_bytes(4, "little"))
    path.write_bytes(content[:place] + (size - 40).to_bytes(4, "little") + content[place + 4 :])
    assert "damaged" in refusal(path).message


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({"a.txt": b"a"}, "archive"),
        ({"content.xml": b"<a/>"}, "OpenDocument"),
        ({"[Content_Types].xml": b"<a/>", "xl/workbook.bin": b""}, "xlsb"),
        ({"[Content_Types].xml": b"<a/>", "xl/workbook.xml": b"<a>"}, "damaged"),
        ({"[Content_Types].xml": b"<a/>", "xl/workbook.xml": b"<!DOCTYPE a><a/>"}, "declarations"),
        ({"[Content_Types].xml": b"<a/>", "xl/a.xml": b"<a/>", "XL/A.xml": b"<a/>"}, "one name"),
    ],
)
def test_other_archives_are_told_by_what_is_in_them(
    tmp_path: Path, parts: dict[str, bytes], words: str
) -> None:
    path = tmp_path / "contacts.xlsx"
    with zipfile.ZipFile(path, "w") as archive:
        for name, body in parts.items():
            archive.writestr(name, body)
    assert words in refusal(path).message


def test_an_encrypted_workbook_is_named_as_such(tmp_path: Path) -> None:
    path = tmp_path / "contacts.xlsx"
    path.write_bytes(
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(1_200) + "EncryptedPackage".encode("utf-16-le")
    )
    assert "encrypted" in refusal(path).message


def test_a_damaged_workbook_is_refused_and_never_another_error(tmp_path: Path) -> None:
    path = write_workbook(
        tmp_path / "contacts", {"One": HEADER + row(2, value_cell("A2", "1"))}, shared=["x"]
    )
    whole = path.read_bytes()
    chance = random.Random(4)  # noqa: S311 - which bytes are broken is no secret
    refused = 0
    for _ in range(300):
        broken = bytearray(whole)
        for _ in range(chance.randint(1, 4)):
            broken[chance.randrange(4, len(broken))] = chance.randrange(256)
        path.write_bytes(broken[: chance.choice([len(broken), chance.randrange(5, len(broken))])])
        try:
            list(open_sheet(path).rows())
        except InvalidInput:
            refused += 1
    assert refused > 100
