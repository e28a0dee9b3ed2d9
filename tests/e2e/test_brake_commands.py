"""The commands `brake` and `held`, as people run them."""

import json
from typing import Any

import pytest

from tests.e2e.installation import Installation
from tests.services.run import Run

PORTAL = ("--portal", "1")


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory, test_run: Run) -> Installation:
    """A migrated database with portal 1 and three contacts, and no process."""
    bare = Installation(
        tmp_path_factory.mktemp("tables"), port=1, records=test_run.common_folder("installations")
    )
    bare.say("migrate")
    bare.say("portal", "create", "--id", "1", "--name", "First")
    for number in range(3):
        bare.say("contact", "create", *PORTAL, "--email", f"p{number}@example.com")
    return bare


def held(tables: Installation, *options: str) -> Any:
    return tables.read("held", "list", *PORTAL, *options, "--json")


def raise_by_hand(tables: Installation, number: int) -> str:
    return tables.say("contact", "set", *PORTAL, "--email", f"p{number}@example.com", "--marketing")


def test_a_brake_holds_and_a_person_releases_or_refuses(tables: Installation) -> None:
    assert "there is no brake" in tables.say("brake", "show", *PORTAL)
    told = json.loads(tables.say("brake", "set", *PORTAL, "--most", "1", "--rate", "5"))
    assert (told["most"], told["rate_hours"], told["waiting"]) == (1, 24, 0)
    assert "raised" in raise_by_hand(tables, 0)
    assert "held" in raise_by_hand(tables, 1)
    assert "held" in raise_by_hand(tables, 2)
    first, second = held(tables)
    assert (first["limit_reached"], first["actor"]) == ("count", "command")
    assert json.loads(tables.say("held", "release", *PORTAL, "--id", str(first["id"])))["released"] == 1
    assert json.loads(tables.say("held", "refuse", *PORTAL, "--expected", "1"))["refused"] == 1
    assert held(tables) == []
    assert [each["state"] for each in held(tables, "--state", "any")] == ["released", "refused"]
    (brake,) = tables.read("brake", "show", *PORTAL, "--json")
    assert (brake["count"], brake["raised"]) == (2, 2)
    tables.say("brake", "remove", *PORTAL)
    assert tables.read("brake", "show", *PORTAL, "--json") == []
    assert second["state"] == "held"
