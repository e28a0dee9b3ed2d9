"""The command `defaults` as people run it."""

import tomllib

import pytest

from tests.e2e.installation import Installation
from tests.services.run import Run

PORTAL = ("--portal", "1")
FORM = "11111111-1111-4111-8111-111111111111"


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory, test_run: Run) -> Installation:
    """A migrated database with portals 1 and 2 and a form, and no process."""
    bare = Installation(
        tmp_path_factory.mktemp("defaults"), port=1, records=test_run.common_folder("installations")
    )
    bare.say("migrate")
    for number in ("1", "2"):
        bare.say("portal", "create", "--id", number, "--name", "A portal")
    bare.say("form", "create", *PORTAL, "--guid", FORM, "--name", "Contact us")
    return bare


def marketing(tables: Installation) -> bool:
    document = tomllib.loads(tables.say("defaults", "export", *PORTAL))
    return bool(document["form"][FORM]["marketing"])


def test_defaults_are_listed_set_and_rolled_back(tables: Installation) -> None:
    said = tables.say("defaults", "set", *PORTAL, f"form:{FORM}", "off")
    assert said == f"form:{FORM} is off, own\n"
    listed = tables.read("defaults", "list", *PORTAL, "--json")
    (form,) = [each for each in listed["defaults"] if each["kind"] == "form"]
    assert (form["in_effect"], form["by"]) == ({"marketing": False}, "command")
    assert "other: off, fixed" in tables.say("defaults", "list", *PORTAL)
    assert tables.say("defaults", "roll-back", *PORTAL, f"form:{FORM}") == f"form:{FORM} is on, own\n"
    rows = tables.read("defaults", "history", *PORTAL, f"form:{FORM}", "--json")
    assert [each["after"]["marketing"] for each in rows] == [True, False, True]
    assert rows[-1]["before"] is None
    assert "command" in tables.say("defaults", "history", *PORTAL, f"form:{FORM}")


def test_the_commands_of_old_are_in_the_history(tables: Installation) -> None:
    tables.say("form", "set", *PORTAL, FORM, "--non-marketing")
    tables.say("form", "set", *PORTAL, FORM, "--marketing")
    tables.say("portal", "set", "--id", "1", "--external-forms", "non-marketing")
    rows = tables.read("defaults", "history", *PORTAL, f"form:{FORM}", "--json")
    assert [each["after"]["marketing"] for each in rows[:2]] == [True, False]
    (entry,) = tables.read("defaults", "history", *PORTAL, "portal:external_forms", "--json")
    assert (entry["before"], entry["after"]) == ({"marketing": True}, {"marketing": False})
    tables.say("defaults", "set", *PORTAL, "portal:external_forms", "on")


def test_a_file_is_exported_compared_and_imported(tables: Installation) -> None:
    file = tables.folder / "defaults.toml"
    tables.say("defaults", "export", *PORTAL, "--output", str(file))
    assert tables.say("defaults", "diff", *PORTAL, str(file)) == "nothing differs\n"
    assert tables.say("defaults", "import", *PORTAL, str(file)) == "nothing differs\n"
    changed = file.read_text().replace("marketing = true", "marketing = false")
    file.write_text(changed.replace('counts = "until_update_date"', 'counts = "not"'))
    shown = tables.say("defaults", "diff", *PORTAL, str(file))
    assert "until_update_date" in shown
    assert f"form:{FORM}" in shown
    refused = tables.run("defaults", "import", *PORTAL, str(file), given="n\n")
    assert (refused.returncode, marketing(tables)) == (1, True)
    assert "2 set" in tables.say("defaults", "import", *PORTAL, str(file), given="y\n")
    assert marketing(tables) is False
    file.write_text(file.read_text().replace("marketing = false", "marketing = true"))
    assert "1 set" in tables.say("defaults", "import", *PORTAL, str(file), "--yes")
    assert marketing(tables) is True


def test_another_portals_file_is_refused_unless_it_is_meant(tables: Installation) -> None:
    text = "portal = 1\n[switches]\nexternal_forms = false\n"
    refused = tables.run("defaults", "import", "--portal", "2", "--yes", "-", given=text)
    assert (refused.returncode, "portal is 1" in refused.stderr) == (2, True)
    said = tables.say("defaults", "import", "--portal", "2", "--of-portal", "1", "--yes", "-", given=text)
    assert "1 set" in said


def test_what_if_says_what_would_count(tables: Installation) -> None:
    said = tables.say("defaults", "what-if", *PORTAL, "--set", f"form:{FORM}=off", "--days", "7")
    found = tables.read("defaults", "what-if", *PORTAL, "--set", "portal:external_forms=off", "--json")
    assert "0 submissions of the last 7 days" in said
    assert "now: 0 count, 0 would: 0 more, 0 fewer" in said
    assert (found["days"], found["now"]["net"], found["tier"]["moves"]) == (30, 0, False)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (("set", "form:1", "on"), "form:<guid>"),
        (("set", f"form:{FORM}", "perhaps"), "on, off, portal"),
        (("set", f"form:{FORM}", "portal"), "write true or false"),
        (("set", "portal:delete_counts", "on"), "until_update_date"),
        (("set", "chatflow:9", "on"), "there is no default chatflow:9"),
        (("roll-back", "portal:delete_counts", "--entry", "999"), "there is no entry 999"),
        (("what-if", "--set", "token:1=on"), "no submission goes by token:1"),
        (("what-if", "--set", f"form:{FORM}"), "SUBJECT=on|off|portal"),
        (("history", "chatflow:9"), "there is no default chatflow:9"),
    ],
)
def test_what_cannot_be_is_said_in_words(tables: Installation, wrong: tuple[str, ...], says: str) -> None:
    refused = tables.run("defaults", wrong[0], *PORTAL, *wrong[1:])
    assert (refused.returncode != 0, says in refused.stderr) == (True, True), refused.stderr
