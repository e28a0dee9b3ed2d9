"""The commands that make and look at things, on a server that runs or on a bare database."""

import json

import pytest

from tests.e2e.client import submit
from tests.e2e.installation import Installation
from tests.e2e.waiting import eventually
from tests.services.run import Run

DEFINITION = {
    "name": "Newsletter",
    "fields": [
        {"objectTypeId": "0-1", "name": "email", "label": "E-mail", "fieldType": "email", "required": True},
        {"objectTypeId": "0-1", "name": "company", "label": "Company", "fieldType": "single_line_text"},
    ],
}


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory, test_run: Run) -> Installation:
    """A migrated database with portal 1, and no process."""
    bare = Installation(
        tmp_path_factory.mktemp("tables"), port=1, records=test_run.common_folder("installations")
    )
    assert bare.say("migrate").startswith("migrated from nothing to ")
    bare.say("portal", "create", "--id", "1", "--name", "First")
    return bare


def test_migrate_has_nothing_to_do_the_second_time(tables: Installation) -> None:
    assert tables.say("migrate").startswith("already at ")


def test_a_portal_has_the_subscription_that_it_is_made_with(tables: Installation) -> None:
    subscription = ("--product", "professional", "--commitment", "annual", "--renews-on", "2027-03-15")
    tables.say(
        "portal", "create", "--id", "5", "--name", "Fifth", "--time-zone", "Europe/Vienna", *subscription
    )
    portal = next(each for each in tables.read("portal", "list", "--json") if each["id"] == 5)
    assert (portal["product"], portal["commitment"], portal["tier"]) == ("professional", "annual", 2000)
    assert (portal["time_zone"], portal["renews_on"]) == ("Europe/Vienna", "2027-03-15")


@pytest.mark.parametrize(
    "wrong",
    [
        ("portal", "create", "--id", "1", "--name", "Again"),
        ("portal", "create", "--id", "6", "--name", "Sixth", "--time-zone", "Mars/Olympus"),
        ("form", "create", "--portal", "99", "--name", "Nowhere"),
        ("form", "set", "--portal", "1", "11111111-1111-4111-8111-111111111111"),
        ("token", "create", "--portal", "99"),
        ("token", "revoke", "--portal", "1", "99"),
        ("contact", "set", "--portal", "1", "--email", "nobody@example.com", "--marketing"),
        ("contact", "why", "--portal", "1", "--email", "no address"),
        ("billing", "--portal", "99"),
        ("verify", "--portal", "99"),
        ("send", "--field", "firstname"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line(tables: Installation, wrong: tuple[str, ...]) -> None:
    refused = tables.run(*wrong)
    assert refused.returncode in {1, 2}
    assert [line.startswith("marketable: ") for line in refused.stderr.splitlines()] == [True]


def test_a_form_is_made_from_a_definition_and_shown_again(tables: Installation) -> None:
    made = tables.say("form", "create", "--portal", "1", "--definition", "-", given=json.dumps(DEFINITION))
    shown = tables.read("form", "show", "--portal", "1", made.split()[1])
    assert shown["name"] == "Newsletter"
    fields = [each["name"] for group in shown["fieldGroups"] for each in group["fields"]]
    assert fields == ["email", "company"]


def test_a_definition_with_mistakes_is_refused_with_each_of_them(tables: Installation) -> None:
    definition = {
        "name": "Wrong",
        "fields": [{"name": "email", "fieldType": "email"}, {"name": "x", "fieldType": "y"}],
    }
    refused = tables.run("form", "create", "--portal", "1", "--definition", "-", given=json.dumps(definition))
    assert refused.returncode == 2
    assert "fields[1].fieldType" in refused.stderr


def test_a_list_shows_whole_ids_that_can_be_copied(tables: Installation) -> None:
    guid = tables.say("form", "create", "--portal", "1", "--name", "Listed").split()[1]
    assert guid in tables.say("form", "list", "--portal", "1")


def test_a_token_is_listed_without_its_secret(tables: Installation) -> None:
    secret = tables.say("token", "create", "--portal", "1", "--name", "listed").strip()
    listed = tables.say("token", "list", "--portal", "1", "--json")
    assert any(each["name"] == "listed" for each in json.loads(listed))
    assert secret not in listed


def test_a_contact_set_by_hand_counts_at_once_and_leaves_on_the_update_date(running: Installation) -> None:
    guid = running.say("form", "create", "--portal", "1", "--name", "By hand", "--non-marketing").split()[1]
    before = running.read("billing", "--portal", "1", "--json")
    assert submit(running.port, "hand@example.com", guid).status == 200
    contact = ("--portal", "1", "--email", "hand@example.com")
    assert "raised" in running.say("contact", "set", *contact, "--marketing")
    running.counts_to(before["count"] + 1)
    assert "lowering_requested" in running.say("contact", "set", *contact, "--non-marketing")
    eventually(
        lambda: running.read("contact", "why", *contact)["ledger"][0]["until"] is not None, "it leaves"
    )
    after = running.read("billing", "--portal", "1", "--json")
    assert (after["count"] - before["count"], after["leaving"] - before["leaving"]) == (1, 1)


def test_send_posts_a_sample_to_the_running_server(running: Installation) -> None:
    assert running.say("send", "--email", "sample@example.com").startswith("200 ")
    assert running.run("send", "--form", "22222222-2222-4222-8222-222222222222").returncode == 2


def test_send_says_that_nobody_answers(tables: Installation) -> None:
    assert tables.run("send", "--url", "http://127.0.0.1:9").returncode == 75


def test_sweep_has_nothing_to_do_when_the_ledger_has_all(running: Installation) -> None:
    assert running.say("verify").splitlines()[-1] == "difference: 0"
    assert running.say("sweep").strip() == "queued 0 status changes again"


def test_the_command_has_help_and_a_version(tables: Installation) -> None:
    assert tables.say("--version").startswith("marketable, version ")
    assert "verify" in tables.say("--help")
