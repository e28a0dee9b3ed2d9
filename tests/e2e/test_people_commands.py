"""The commands of users, access tokens and the audit, as people run them."""

from pathlib import Path

import pytest

from tests.e2e.installation import Installation
from tests.services.run import Run

PORTAL = ("--portal", "1")


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory, test_run: Run) -> Installation:
    """A migrated database with portal 1, and no process."""
    folder: Path = tmp_path_factory.mktemp("tables")
    bare = Installation(folder, port=1, records=test_run.common_folder("installations"))
    bare.say("migrate")
    bare.say("portal", "create", "--id", "1", "--name", "First")
    return bare


def test_a_user_is_made_changed_and_deactivated_and_all_is_in_the_audit(tables: Installation) -> None:
    assert "user 1 made: admin, with" in tables.say(
        "user", "create", *PORTAL, "--email", "ada@example.com", "--role", "admin"
    )
    tables.say("user", "create", *PORTAL, "--email", "bob@example.com", "--role", "marketing")
    changed = tables.say("user", "change", *PORTAL, "2", "--role", "viewer", "--no-marketing-access")
    assert "user 2: viewer, without" in changed
    secret = tables.say("token", "create", *PORTAL, "--user", "2").strip()
    (token,) = tables.read("token", "list", *PORTAL, "--json")
    assert (token["user"], token["marketing_access"]) == (2, False)
    assert secret not in str(token)
    tables.say("user", "deactivate", *PORTAL, "2")
    (token,) = tables.read("token", "list", *PORTAL, "--json")
    assert token["revoked_at"] is not None
    tables.say("user", "activate", *PORTAL, "2")
    noted = tables.read("audit", *PORTAL, "--subject", "user:2", "--json")
    assert [each["action"] for each in noted] == ["activated", "deactivated", "changed", "created"]
    assert {each["actor"] for each in noted} == {"command"}
    assert "ada@example.com" in tables.say("user", "list", *PORTAL)


def test_an_integrations_token_has_a_default_and_an_access(tables: Installation) -> None:
    tables.say("token", "create", *PORTAL, "--name", "crm", "--scope", "contacts", "--marketing-default")
    (made,) = [each for each in tables.read("token", "list", *PORTAL, "--json") if each["name"] == "crm"]
    assert (made["scopes"], made["marketing_default"], made["marketing_access"]) == ("contacts", True, True)
    number = str(made["id"])
    tables.say("token", "set", *PORTAL, number, "--no-marketing-default", "--no-marketing-access")
    (now,) = [each for each in tables.read("token", "list", *PORTAL, "--json") if each["name"] == "crm"]
    assert (now["marketing_default"], now["marketing_access"]) == (False, False)
    tables.say("token", "revoke", *PORTAL, number)
    noted = tables.read("audit", *PORTAL, "--subject", f"token:{number}", "--json")
    assert {each["action"] for each in noted} == {"created", "changed", "default_set", "revoked"}


def test_changes_of_status_are_listed_over_any_time(tables: Installation) -> None:
    tables.say("contact", "create", *PORTAL, "--email", "eve@example.com", "--marketing")
    years = ("--status", "--since", "2026-01-01", "--until", "2026-01-03")
    assert tables.read("audit", *PORTAL, *years, "--json") == []
    (raised,) = tables.read("audit", *PORTAL, "--subject", "contact:1", "--status", "--json")
    assert (raised["action"], raised["actor"]) == ("raised", "command")
