from pathlib import Path

import pytest

from service.errors import InvalidInput
from service.providers.vocabulary import meaning_of
from service.spreadsheets import (
    Certainty,
    Fault,
    IdentifiedBy,
    ImportRow,
    Problem,
    Row,
    Sheet,
    guess_mapping,
    open_sheet,
    read_rows,
)

MAPPING = {"Mail": "email", "Name": "firstname", "Id": "hs_object_id"}


def sheet_of(folder: Path, *lines: str) -> Sheet:
    path = folder / "contacts.csv"
    path.write_text("\n".join(("Mail,Name,Other,Id", *lines)), encoding="utf-8")
    return open_sheet(path)


def problem(folder: Path, line: str, identified_by: IdentifiedBy = "email") -> Problem:
    (found,) = read_rows(sheet_of(folder, line), MAPPING, identified_by)
    assert isinstance(found, Problem)
    assert found.mend
    return found


def test_a_row_says_what_its_mapped_cells_say(tmp_path: Path) -> None:
    sheet = sheet_of(tmp_path, " Ada@BÜCHER.example.com , Ada ,left out,12", "b@c.co,,,")
    assert list(read_rows(sheet, MAPPING, "email")) == [
        ImportRow(
            2,
            "ada@xn--bcher-kva.example.com",
            12,
            {"email": "ada@xn--bcher-kva.example.com", "firstname": "Ada"},
        ),
        ImportRow(3, "b@c.co", None, {"email": "b@c.co"}),
    ]


def test_record_ids_alone_are_enough(tmp_path: Path) -> None:
    sheet = sheet_of(tmp_path, ",,,9007199254740993", "b@c.co,,,7")
    assert list(read_rows(sheet, MAPPING, "record_id", after=2)) == [
        ImportRow(3, "b@c.co", 7, {"email": "b@c.co"})
    ]
    first = next(read_rows(sheet, MAPPING, "record_id"))
    assert first == ImportRow(2, None, 9_007_199_254_740_993, {})


@pytest.mark.parametrize(
    ("line", "column", "header", "fault"),
    [
        ("not an address,Ada,,", 1, "Mail", Fault.INVALID_EMAIL),
        (",Ada,,", 1, "Mail", Fault.MISSING_EMAIL),
        ("a@b.co,Ada,,,Countess", 5, "", Fault.TOO_MANY_CELLS),
        (f"a@b.co,{'x' * 65_537},,", 2, "Name", Fault.CELL_TOO_LONG),
        ("a@b.co,A\x01da,,", 2, "Name", Fault.CONTROL_CHARACTER),
        ("a@b.co,,,12a", 4, "Id", Fault.INVALID_RECORD_ID),
        ("a@b.co,,,9223372036854775808", 4, "Id", Fault.INVALID_RECORD_ID),
        ("a@b.co,,,\N{ARABIC-INDIC DIGIT ONE}", 4, "Id", Fault.INVALID_RECORD_ID),
    ],
)
def test_a_problem_has_its_place(tmp_path: Path, line: str, column: int, header: str, fault: Fault) -> None:
    found = problem(tmp_path, line)
    assert (found.line, found.column, found.header, found.fault) == (2, column, header, fault)


def test_a_row_without_record_id_is_a_problem_where_contacts_are_found_by_it(tmp_path: Path) -> None:
    assert problem(tmp_path, "a@b.co,,,", "record_id").fault is Fault.MISSING_RECORD_ID


def test_every_fault_of_a_row_is_told_and_the_next_row_goes_on(tmp_path: Path) -> None:
    found = list(read_rows(sheet_of(tmp_path, "nobody,,,none,more", "b@c.co,,,"), MAPPING, "email"))
    assert [type(one) for one in found] == [Problem, Problem, Problem, ImportRow]


def test_blank_cells_beyond_the_header_are_no_fault(tmp_path: Path) -> None:
    (found,) = read_rows(sheet_of(tmp_path, "a@b.co,,,, ,"), MAPPING, "email")
    assert isinstance(found, ImportRow)


@pytest.mark.parametrize(
    ("mapping", "words"),
    [
        ({"Phone": "phone"}, "no column 'Phone'"),
        ({"Mail": "email", "Other": "email"}, "two columns"),
        ({"Name": "firstname"}, "no column fills 'email'"),
    ],
)
def test_a_mapping_that_does_not_fit_is_refused_at_once(
    tmp_path: Path, mapping: dict[str, str], words: str
) -> None:
    with pytest.raises(InvalidInput, match=words):
        read_rows(sheet_of(tmp_path, "a@b.co,,,"), mapping, "email")


@pytest.mark.parametrize(
    ("name", "value", "target"),
    [
        ("E-Mail", "ada@example.com", "email"),
        ("Adres e-mail", "ada@example.com", "email"),
        ("First Name", "Ada", "firstname"),
        ("Vorname", "Ada", "firstname"),
        ("Apellidos", "Byron", "lastname"),
        ("Sukunimi", "Byron", "lastname"),
        ("Téléphone", "+33 1 23 45 67 89", "phone"),
        ("Firma", "Analytical Engines", "company"),
        ("Record ID", "123", "hs_object_id"),
        ("hs_object_id", "123", "hs_object_id"),
        ("Straße", "Ring 1", "address"),
        ("PLZ", "01067", "zip"),
    ],
)
def test_a_columns_name_says_what_it_fills(name: str, value: str, target: str) -> None:
    guess = guess_mapping([name], [Row(2, (value,)), Row(3, ("",))], meaning_of)[name]
    assert (guess.property, guess.certainty) == (target, Certainty.CERTAIN)


def test_values_alone_can_say_that_they_are_addresses() -> None:
    guess = guess_mapping(["Column 1"], [Row(2, ("ada@example.com",))])["Column 1"]
    assert (guess.property, guess.certainty) == ("email", Certainty.LIKELY)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("E-mail", "yes"),
        ("Record ID", "ada"),
        ("First name", "ada@exa mple"),
        ("Full name", "Ada Byron"),
        ("Friend's e-mail address", "a"),
        ("Colour", "blue"),
    ],
)
def test_a_column_that_fits_nothing_is_left_out_with_a_reason(name: str, value: str) -> None:
    guess = guess_mapping([name], [Row(2, (value,))], meaning_of)[name]
    assert (guess.property, guess.certainty) == (None, Certainty.NONE)
    assert guess.why


def test_no_two_columns_fill_one_property_and_the_surer_one_does() -> None:
    rows = [Row(2, ("ada@example.com", "", "ada@example.org"))]
    guesses = guess_mapping(["Contact", "", "E-mail"], rows)
    assert {name: guess.property for name, guess in guesses.items()} == {"Contact": None, "E-mail": "email"}
