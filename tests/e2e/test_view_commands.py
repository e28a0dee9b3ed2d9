"""Filters, saved views, indexes and made-up contacts, as people use them on the command line."""

import json
from pathlib import Path

import pytest

from tests.e2e.installation import Installation
from tests.services.run import Run

PORTAL = ("--portal", "1")
MARKETING = {"propertyName": "hs_marketable_status", "operator": "EQ", "value": "true"}


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory, test_run: Run) -> Installation:
    """A database with portal 1 and 300 contacts, and no process."""
    bare = Installation(
        tmp_path_factory.mktemp("seeded"), port=1, records=test_run.common_folder("installations")
    )
    bare.say("migrate")
    bare.say("portal", "create", "--id", "1", "--name", "First")
    assert "300 contacts made" in bare.say("seed", *PORTAL, "--contacts", "300")
    return bare


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "filter.json"
    path.write_text(json.dumps({"filters": [MARKETING]}))
    return str(path)


def test_what_is_made_up_is_proved(seeded: Installation) -> None:
    assert "difference: 0" in seeded.say("verify", "--wait", "0")


def test_a_view_is_saved_shown_listed_and_deleted(seeded: Installation, file: str) -> None:
    seeded.say("view", "create", *PORTAL, "Marketing", "--filter", file)
    assert "hs_marketable_status" in seeded.say("view", "list", *PORTAL)
    shown = json.loads(seeded.say("view", "show", *PORTAL, "Marketing", "--count"))
    assert shown["filterGroups"] == [{"filters": [MARKETING]}]
    assert 90 < shown["count"] < 150
    rows = json.loads(
        seeded.say(
            "view", "contacts", *PORTAL, "Marketing", "--property", "country", "--limit", "5", "--json"
        )
    )
    assert len(rows) == 5
    assert all(row["marketing"] and row["country"] for row in rows)
    seeded.say("view", "delete", *PORTAL, "Marketing")
    assert "there are no views" in seeded.say("view", "list", *PORTAL)


def test_contacts_are_searched_for(seeded: Installation, file: str) -> None:
    rows = json.loads(
        seeded.say("contact", "search", *PORTAL, "--filter", file, "--sort", "email:ascending", "--json")
    )
    emails = [row["email"] for row in rows]
    assert emails == sorted(emails)
    assert len(emails) == 20


def test_a_property_gets_an_index_and_loses_it(seeded: Installation) -> None:
    assert "country has an index" in seeded.say("property", "index", "country")
    assert "country" in seeded.say("property", "list")
    seeded.say("property", "drop", "country")
    assert "no property has an index" in seeded.say("property", "list")
