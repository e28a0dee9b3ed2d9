"""Our own API for imports: files, estimates, imports, and what is refused."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import TestResponse

from service.store import portals
from service.store.tables import access_token, contact, import_file, import_file_part, job
from service.working import open_runner
from tests.endpoints import API, OTHER_PORTAL, Site, opened_site
from tests.facts import NOW, PORTAL
from tests.spreadsheets import row, text_cell, write_workbook
from tests.world import World, on_sqlite

LIMITED = "mk_limited"
FILE = b"Email,First name,Company\nada@example.com,Ada,Engines\nbob@example.com,Bob,\nnobody,=1+1,\n"
MAPPING = {"Email": "email", "First name": "firstname", "Company": "company"}


@pytest.fixture
def site(world: World, tmp_path: Path) -> Iterator[Site]:
    with opened_site(world, tmp_path) as opened:
        yield opened


def upload(
    site: Site, body: bytes = FILE, query: str = "?name=contacts.csv", *, portal: int = PORTAL
) -> TestResponse:
    bearer = {"Authorization": f"Bearer mk_of_portal_{portal}"}
    return site.client.post(
        f"{API}/{portal}/import-files{query}", data=body, content_type="text/csv", headers=bearer
    )


def uploaded(site: Site, body: bytes = FILE) -> int:
    return int(upload(site, body).get_json()["id"])


def wanted(*files: int, **more: Any) -> dict[str, Any]:
    return {"files": [{"id": number, "mapping": MAPPING} for number in files], **more}


def run(site: Site) -> None:
    runner = open_runner(site.world.database, site.world.now, 0.01)
    while runner.step():
        pass


def assert_problem(answer: TestResponse, status: int, reason: str) -> Any:
    assert (answer.status_code, answer.content_type) == (status, "application/problem+json")
    problem = answer.get_json(force=True)
    assert problem["reason"] == reason
    return problem


def test_a_file_says_what_its_columns_seem_to_be(site: Site) -> None:
    answer = upload(site)
    document = answer.get_json()
    assert answer.status_code == 201
    assert (document["name"], document["rows"], document["size"], document["job"]) == (
        *("contacts.csv", 3, len(FILE), None),
    )
    assert document["mapping"] == MAPPING
    assert document["columns"][0] == {
        "column": 1,
        "name": "Email",
        "property": "email",
        "certainty": "certain",
        "why": "its name says email, and its values fit",
    }
    assert document["preview"][1] == {"line": 3, "cells": ["bob@example.com", "Bob", ""]}
    assert site.ask("GET", f"/import-files/{document['id']}").get_json() == document
    assert site.ask("GET", "/import-files").get_json() == [document]


def test_a_file_may_come_as_part_of_a_form(site: Site, tmp_path: Path) -> None:
    cells = row(1, text_cell("A1", "Mail"), text_cell("B1", "Vorname"))
    path = write_workbook(tmp_path / "book", {"One": cells + row(2, text_cell("A2", "ada@example.com"))})
    answer = site.client.post(
        f"{API}/{PORTAL}/import-files",
        data={"file": (io.BytesIO(path.read_bytes()), "people/book.xlsx")},
        headers={"Authorization": f"Bearer mk_of_portal_{PORTAL}"},
    )
    document = answer.get_json()
    assert (answer.status_code, document["name"], document["rows"]) == (201, "book.xlsx", 1)
    assert document["mapping"] == {"Mail": "email", "Vorname": "firstname"}


@pytest.mark.parametrize(
    ("body", "query", "field"),
    [
        (b"", "?name=a.csv", "file"),
        (b"Email\n\xff\xfe\x00", "?name=a.csv", ""),
        (b"PK\x03\x04 and nothing else", "?name=a.xlsx", "file"),
        (b"<html><table>", "?name=a.csv", "file"),
        (b"a,b,a\n1,2,3\n", "?name=a.csv", "line 1, column 3"),
        (b'Email,Name\na@example.com,"open\n', "?name=a.csv", "line 2"),
        (FILE, "", "name"),
        (FILE, "?name=%00", "name"),
        (FILE, f"?name={'x' * 300}", "name"),
    ],
)
def test_a_file_that_can_not_be_read_is_refused_and_not_kept(
    site: Site, body: bytes, query: str, field: str
) -> None:
    problem = assert_problem(upload(site, body, query), 400, "invalid_input")
    assert problem["mend"]
    assert problem["field"] == field or not field
    assert site.world.number_of(import_file) == site.world.number_of(import_file_part) == 0


@on_sqlite
def test_files_have_a_limit_of_their_own(world: World, tmp_path: Path) -> None:
    with opened_site(world, tmp_path, max_body_bytes=1_024, max_import_bytes=4_096) as site:
        assert upload(site, FILE + b"x@example.com,,\n" * 200).status_code == 201
        assert upload(site, FILE + b"x@example.com,,\n" * 400).status_code == 400
        assert upload(site, b"x" * 100_000).status_code == 413
        assert site.ask("POST", "/imports", {"files": [], "name": "x" * 2_000}).status_code == 413


def test_an_import_goes_from_the_file_to_the_contacts(site: Site) -> None:
    answer = site.ask("POST", "/imports", wanted(uploaded(site), name="Fair"))
    started = answer.get_json()
    run(site)
    document = site.ask("GET", f"/imports/{started['id']}").get_json()
    assert (answer.status_code, started["state"], started["progress"]) == (201, "STARTED", 0)
    assert (document["name"], document["state"], document["progress"], document["done"]) == (
        *("Fair", "DONE", 1, 3),
    )
    assert document["counters"] == {
        "TOTAL_ROWS": 3,
        "CREATED_OBJECTS": 2,
        "UPDATED_OBJECTS": 0,
        "PROPERTY_VALUES_EMITTED": 5,
        "ERRORS": 1,
    }
    assert [each["id"] for each in site.ask("GET", "/imports").get_json()] == [started["id"]]
    assert site.world.number_of(contact) == 2


def test_problems_come_as_json_and_as_csv(site: Site) -> None:
    body = b"Email,First name,=cmd\nada@example.com,Ada,\nnobody,Bob,\n,,x\n"
    files = [{"id": uploaded(site, body), "mapping": {"Email": "email", "=cmd": "company"}}]
    number = site.ask("POST", "/imports", {"files": files}).get_json()["id"]
    run(site)
    first, second = site.ask("GET", f"/imports/{number}/problems").get_json()
    table = site.ask("GET", f"/imports/{number}/problems?format=csv")
    rows = list(csv.DictReader(io.StringIO(table.text)))
    assert (first["line"], first["column"], first["column_name"], first["reason"]) == (
        *(3, 1, "Email", "invalid_email"),
    )
    assert (second["line"], second["reason"]) == (4, "missing_email")
    assert [each["line"] for each in rows] == ["3", "4"]
    assert table.headers["Content-Type"].startswith("text/csv")


def test_marketing_asks_for_the_number_and_says_the_right_one(site: Site) -> None:
    number = uploaded(site)
    estimate = site.ask("POST", "/imports/estimate", wanted(number)).get_json()
    assert (estimate["state"], estimate["job"], estimate["estimate"]["marketing"]) == ("DONE", None, 2)
    missing = site.ask("POST", "/imports", wanted(number, marketing=True))
    wrong = site.ask("POST", "/imports", wanted(number, marketing=True, expected=3))
    assert assert_problem(missing, 400, "invalid_input")["field"] == "expected"
    assert assert_problem(wrong, 409, "unexpected_number")["number"] == 2
    assert site.world.number_of(job) == 0
    assert site.ask("POST", "/imports", wanted(number, marketing=True, expected=2)).status_code == 201


def test_a_multi_object_import_is_never_marketing(site: Site) -> None:
    number = uploaded(site)
    file = {"id": number, "mapping": {"Email": "email"}, "other_objects": {"Company": "0-2"}}
    refused = site.ask("POST", "/imports", {"files": [file], "marketing": True, "expected": 2})
    assert "multi-object" in assert_problem(refused, 400, "invalid_input")["detail"]
    assert site.ask("POST", "/imports", {"files": [file]}).status_code == 201
    run(site)
    assert all("company" not in each.properties for each in site.world.rows(contact))


def test_a_type_of_other_objects_is_one_that_can_be_kept(site: Site) -> None:
    file = {"id": uploaded(site), "mapping": {"Email": "email"}, "other_objects": {"Company": "0-2\0"}}
    refused = site.ask("POST", "/imports", {"files": [file]})
    assert assert_problem(refused, 400, "invalid_input")["field"] == "files.0.other_objects"


def test_a_token_without_marketing_access_sets_no_contact_as_marketing(site: Site) -> None:
    with site.world.database.writing() as connection:
        portals.add_token(connection, PORTAL, "limited", LIMITED, ["contacts"], NOW)
        connection.execute(
            access_token.update().where(access_token.c.name == "limited").values(marketing_access=False)
        )
        portals.changed(connection)
    number = uploaded(site)
    refused = site.ask("POST", "/imports", wanted(number, marketing=True, expected=2), token=LIMITED)
    assert_problem(refused, 403, "no_marketing_access")
    assert site.ask("POST", "/imports", wanted(number), token=LIMITED).status_code == 201


def test_an_import_is_cancelled_once(site: Site) -> None:
    number = site.ask("POST", "/imports", wanted(uploaded(site))).get_json()["id"]
    assert site.ask("POST", f"/imports/{number}/cancel").status_code == 200
    run(site)
    assert site.ask("GET", f"/imports/{number}").get_json()["state"] == "CANCELED"
    assert_problem(site.ask("POST", f"/imports/{number}/cancel"), 409, "conflict")


def test_a_file_is_deleted_when_no_import_reads_it(site: Site) -> None:
    number = uploaded(site)
    site.ask("POST", "/imports", wanted(number))
    assert_problem(site.ask("DELETE", f"/import-files/{number}"), 409, "conflict")
    run(site)
    assert site.ask("DELETE", f"/import-files/{number}").status_code == 204
    assert_problem(site.ask("GET", f"/import-files/{number}"), 404, "not_found")


def test_large_files_are_estimated_by_a_job(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.imports.starting.SMALL", 2)
    number = uploaded(site)
    answer = site.ask("POST", "/imports/estimate", wanted(number))
    begun = answer.get_json()
    early = site.ask("POST", "/imports", wanted(number, marketing=True, expected=2))
    run(site)
    done = site.ask("GET", f"/imports/estimates/{begun['job']}").get_json()
    assert (answer.status_code, begun["estimate"], begun["total"]) == (202, None, 3)
    assert_problem(early, 409, "conflict")
    assert (done["state"], done["estimate"]["marketing"]) == ("DONE", 2)
    assert_problem(site.ask("GET", f"/imports/{begun['job']}"), 404, "not_found")
    assert site.ask("POST", "/imports", wanted(number, marketing=True, expected=2)).status_code == 201


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "files"),
        ({"files": []}, "files"),
        ({"files": [{"id": 1}]}, "files.0.mapping"),
        ({"files": [{"id": "x", "mapping": {}}]}, "files.0.id"),
        (wanted(1, operation="merge"), "operation"),
        (wanted(1, identified_by="phone"), "identified_by"),
        (wanted(1, marketing="yes"), "marketing"),
        (wanted(1, expected=-1), "expected"),
        (wanted(1, mode="x"), "mode"),
    ],
)
def test_a_request_that_is_not_as_described_names_field_and_mend(
    site: Site, body: dict[str, Any], field: str
) -> None:
    problem = assert_problem(site.ask("POST", "/imports", body), 400, "invalid_input")
    assert (problem["field"], bool(problem["mend"])) == (field, True)


def test_portals_do_not_see_each_others_files_and_imports(site: Site) -> None:
    number = uploaded(site)
    started = site.ask("POST", "/imports", wanted(number)).get_json()["id"]
    for method, path in (
        ("GET", f"/import-files/{number}"),
        ("DELETE", f"/import-files/{number}"),
        ("GET", f"/imports/{started}"),
        ("GET", f"/imports/{started}/problems"),
        ("GET", f"/imports/{started}/problems?format=csv"),
        ("POST", f"/imports/{started}/cancel"),
        ("GET", f"/imports/estimates/{started}"),
    ):
        assert_problem(site.ask(method, path, portal=OTHER_PORTAL), 404, "not_found")
    assert_problem(site.ask("POST", "/imports", wanted(number), portal=OTHER_PORTAL), 404, "not_found")
    assert site.ask("GET", "/imports", portal=OTHER_PORTAL).get_json() == []
