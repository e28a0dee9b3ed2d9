from pathlib import Path

import pytest

from service.errors import InvalidInput
from service.imports import files, reading
from service.imports.files import ImportFiles
from service.imports.reading import REFUSED, load_part, main, read_file, read_parts
from service.imports.refusals import Refusal
from service.spreadsheets import Fault, Row
from service.store import schema
from service.store.import_files import ImportFile
from service.store.portals import add_portal
from service.store.session import Database
from tests.facts import NOW, PORTAL, make_portal

PAGE = Path(__file__).parents[2] / "docs" / "imports.md"


def written(folder: Path, *lines: str) -> Path:
    path = folder / "contacts.csv"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def rows_of(parts: Path) -> list[Row]:
    return [row for part in read_parts(parts) for row in load_part(part)]


def taken(folder: Path, path: Path) -> ImportFile:
    """Have a file read by way of the use case, and leave no database behind."""
    database = Database(f"sqlite:///{folder / 'imports.db'}")
    try:
        schema.migrate(database)
        with database.writing() as connection:
            add_portal(connection, make_portal())
        return ImportFiles(database, lambda: NOW).take(PORTAL, "contacts.csv", path)
    finally:
        database.dispose()


def test_parts_hold_the_rows_with_their_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "PART_CHARACTERS", 30)
    parts = tmp_path / "parts"
    path = written(tmp_path, "Email,Note", "a@example.com,one", "", 'b@example.com,"two\nlines"', "c@b.co,x")
    content = read_file(path, parts)
    assert rows_of(parts) == [
        Row(2, ("a@example.com", "one")),
        Row(4, ("b@example.com", "two\nlines")),
        Row(6, ("c@b.co", "x")),
    ]
    assert (content.header, content.rows, content.parts) == (("Email", "Note"), 3, 2)


def test_the_sample_is_short_whatever_the_file_is(tmp_path: Path) -> None:
    path = written(tmp_path, "Email,Note", *[f"a@example.com,{'x' * 5_000}"] * 100)
    content = read_file(path, tmp_path / "parts")
    assert len(content.sample) == reading.SAMPLE_ROWS
    assert max(len(cell) for _, cells in content.sample for cell in cells) == reading.SAMPLE_CELL


@pytest.mark.parametrize(
    ("name", "bound", "field"), [("MOST_ROWS", 2, "line 4"), ("LONGEST_ROW", 20, "line 2")]
)
def test_more_than_a_file_may_hold_is_refused_with_the_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, bound: int, field: str
) -> None:
    monkeypatch.setattr(reading, name, bound)
    path = written(tmp_path, "Email,Note", *["someone@example.com,note"] * 3)
    with pytest.raises(InvalidInput) as refusal:
        read_file(path, tmp_path / "parts")
    assert (refusal.value.field, bool(refusal.value.mend)) == (field, True)


def test_a_file_without_rows_has_no_parts(tmp_path: Path) -> None:
    content = read_file(written(tmp_path, "Email,Note"), tmp_path / "parts")
    assert (content.rows, content.parts, content.sample) == (0, 0, [])


def test_a_process_that_reads_says_what_or_why_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(str(written(tmp_path, "Email", "a@example.com")), str(tmp_path / "parts")) == 0
    assert '"rows":1' in capsys.readouterr().out
    assert main(str(written(tmp_path, "a,a")), str(tmp_path / "parts")) == REFUSED
    assert '"mend"' in capsys.readouterr().out


@pytest.mark.parametrize("small", [0, 10_000])
def test_a_file_reads_the_same_here_and_in_a_process_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small: int
) -> None:
    monkeypatch.setattr(files, "SMALL", small)
    found = taken(tmp_path, written(tmp_path, "Email,Näme", "a@example.com,Ünal"))
    assert (found.header, found.rows, found.sample) == (
        *(("Email", "Näme"), 1, [[2, ["a@example.com", "Ünal"]]]),
    )


@pytest.mark.parametrize("small", [0, 10_000])
def test_a_refusal_is_the_same_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small: int) -> None:
    monkeypatch.setattr(files, "SMALL", small)
    with pytest.raises(InvalidInput) as refusal:
        taken(tmp_path, written(tmp_path, "Email,Email", "a@example.com,x"))
    assert (refusal.value.field, bool(refusal.value.mend)) == ("line 1, column 2", True)


def test_a_reader_that_dies_is_a_file_that_can_not_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "SMALL", 0)
    monkeypatch.setattr("sys.executable", "/bin/false")
    with pytest.raises(InvalidInput, match="can't be read"):
        taken(tmp_path, written(tmp_path, "Email", "a@example.com"))


@pytest.mark.parametrize("reason", sorted({*Refusal, *Fault}))
def test_a_reason_has_its_row(reason: str) -> None:
    assert f"\n| `{reason}` |" in PAGE.read_text(encoding="utf-8")
