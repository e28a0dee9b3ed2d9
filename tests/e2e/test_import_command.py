"""The command `import` as a user runs it."""

import csv
import io
import sqlite3
from contextlib import closing

import pytest

from tests.e2e.installation import Installation

LINES = "E-Mail;Vorname;Note\nada@example.com;Ada;x\nbob@example.com;Bob;\nnobody;;\n"


@pytest.fixture
def running(installation: Installation) -> Installation:
    installation.up()
    (installation.folder / "contacts.csv").write_text(LINES)
    return installation


def test_a_file_is_imported_and_what_went_wrong_is_told(running: Installation) -> None:
    said = running.say("import", "contacts.csv", "--portal", "1", "--map", "Vorname=nickname", "--follow")
    assert "Vorname: nickname" in said
    assert "Note: left out" in said
    assert "import 1 is DONE: 2 created, 1 refused" in said
    (problem,) = csv.DictReader(io.StringIO(running.say("import", "problems", "--portal", "1", "1", "--csv")))
    assert (problem["line"], problem["column_name"], problem["reason"]) == ("4", "E-Mail", "invalid_email")
    (listed,) = running.read("import", "list", "--portal", "1", "--json")
    assert (listed["state"], listed["done"], listed["counters"]["CREATED_OBJECTS"]) == ("DONE", 3, 2)
    assert running.run("import", "cancel", "--portal", "1", "1").returncode == 1


def test_marketing_needs_the_number(running: Installation) -> None:
    start = ("import", "start", "contacts.csv", "--portal", "1", "--marketing")
    unconfirmed, wrong = running.run(*start), running.run(*start, "--yes-expected", "3")
    assert (unconfirmed.returncode, "--yes-expected 2" in unconfirmed.stderr) == (2, True)
    assert (wrong.returncode, "2 contacts match, not 3" in wrong.stderr) == (1, True)
    assert running.read("import", "list", "--portal", "1", "--json") == []
    assert "2 raised" in running.say(*start, "--yes-expected", "2", "--follow")
    running.counts_to(2)


def test_an_estimate_imports_nothing(running: Installation) -> None:
    said = running.read("import", "start", "contacts.csv", "--portal", "1", "--estimate", "--json")
    assert (said["created"], said["refused"], said["marketing"]) == (2, 1, 2)
    assert running.read("import", "list", "--portal", "1", "--json") == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--map", "Nothing=email"), "no column 'Nothing'"),
        (("--map", "email"), "COLUMN=PROPERTY"),
        (("--map", "E-Mail="), "no column fills 'email'"),
        (("--operation", "merge"), "--operation"),
    ],
)
def test_a_mistake_is_named(installation: Installation, options: tuple[str, ...], words: str) -> None:
    installation.say("migrate")
    installation.say("portal", "create", "--id", "1", "--name", "One")
    (installation.folder / "contacts.csv").write_text(LINES)
    failed = installation.run("import", "start", "contacts.csv", "--portal", "1", *options)
    assert (failed.returncode, words in failed.stderr) == (2, True)
    assert files_of(installation) == []


def test_a_column_of_one_file_is_no_mistake_in_another(installation: Installation) -> None:
    installation.say("migrate")
    installation.say("portal", "create", "--id", "1", "--name", "One")
    (installation.folder / "contacts.csv").write_text(LINES)
    (installation.folder / "more.csv").write_text("E-Mail\neve@example.com\n")
    start = ("import", "start", "contacts.csv", "more.csv", "--portal", "1", "--map", "Vorname=nickname")
    assert installation.read(*start, "--estimate", "--json")["created"] == 3
    assert files_of(installation) == []


def files_of(installation: Installation) -> list[tuple[int]]:
    """The files that are kept."""
    database = sqlite3.connect(installation.folder / "data" / "marketable.db")
    with closing(database):
        return database.execute("SELECT id FROM import_file").fetchall()
