"""The commands of endpoints, external forms, refused deliveries and keys, as people run them."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.e2e.client import Answer, ask
from tests.e2e.installation import Installation
from tests.e2e.waiting import eventually
from tests.services.run import Run

PORTAL = ("--portal", "1")
SECRET = "a-secret-of-the-tool"  # noqa: S105 - of tests only


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory, test_run: Run) -> Installation:
    """A migrated database with portal 1, and no process."""
    bare = Installation(
        tmp_path_factory.mktemp("tables"), port=1, records=test_run.common_folder("installations")
    )
    bare.say("migrate")
    bare.say("portal", "create", "--id", "1", "--name", "First")
    return bare


def make(
    installation: Installation, *options: str, provider: str = "typeform", given: str | None = None
) -> Any:
    """Make an endpoint; returns what the command says of it."""
    made = installation.say(
        "endpoint", "create", *PORTAL, "--provider", provider, *options, "--json", given=given
    )
    return json.loads(made)


def show(installation: Installation, number: int) -> Any:
    return installation.read("endpoint", "show", *PORTAL, str(number))


def post(installation: Installation, url: str, body: bytes) -> Answer:
    """Post to an endpoint's address what nobody signed."""
    headers = {"Content-Type": "application/json"}
    return ask(installation.port, urlsplit(url).path, method="POST", body=body, headers=headers)


def test_an_endpoint_is_made_with_its_address_and_what_comes_next(tables: Installation) -> None:
    said = tables.say("endpoint", "create", *PORTAL, "--provider", "meta_lead_ads", "--name", "Leads")
    number = said.split()[1].rstrip(":")
    assert "Leads" in said
    assert "/hooks/meta_lead_ads/ep_" in said
    assert f"marketable endpoint rotate --portal 1 {number} --secret -" in said
    assert f"marketable endpoint set --portal 1 {number} --access-token -" in said
    assert "marketable provider show meta_lead_ads" in said


def test_a_secret_comes_by_standard_input_and_is_not_shown(tables: Installation) -> None:
    said = tables.say("endpoint", "create", *PORTAL, "--provider", "typeform", "--secret", "-", given=SECRET)
    number = int(said.split()[1].rstrip(":"))
    assert SECRET not in said + json.dumps(show(tables, number))
    assert show(tables, number)["secrets"] == 1


def test_secrets_come_from_files(tables: Installation, tmp_path: Path) -> None:
    files = {name: tmp_path / name for name in ("secret", "access-token")}
    for name, file in files.items():
        file.write_text(f"{name}\n")
    options = [text for name, file in files.items() for text in (f"--{name}-file", str(file))]
    made = make(tables, *options, provider="meta_lead_ads")
    assert (made["secrets"], made["has_access_token"], made["secret"]) == (1, True, None)


def test_a_secret_that_is_made_is_shown_once(tables: Installation) -> None:
    made = make(tables, "--new-secret")
    assert len(made["secret"]) > 20
    assert made["secret"] not in json.dumps(show(tables, made["id"]))


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (("create", "--provider", "typeform", "--secret", SECRET), "standard input"),
        (("create", "--provider", "typeform", "--secret"), "standard input"),
        (("create", "--provider", "typeform", "--secret", "-"), "no secret was given"),
        (("create", "--provider", "typeform", "--secret", "-", "--new-secret"), "secret"),
        (("create", "--provider", "html_form", "--new-secret"), "does not sign"),
        (("create", "--provider", "nobody"), "no provider 'nobody'"),
        (("create", "--provider", "html_form", "--captcha", "hcaptcha"), "captcha"),
        (("create", "--provider", "html_form", "--allow-origin", "example.com"), "allowed_origins"),
        (("set", "987"), "nothing to change"),
        (("show", "987"), "no endpoint 987"),
        (("rotate", "987", "--address"), "no endpoint 987"),
        (("delete", "987", "--yes"), "no endpoint 987"),
    ],
)
def test_what_cannot_be_is_said_in_words(tables: Installation, wrong: tuple[str, ...], says: str) -> None:
    refused = tables.run("endpoint", wrong[0], *PORTAL, *wrong[1:], given="")
    assert refused.returncode in {1, 2}
    assert says in refused.stderr
    assert SECRET not in refused.stderr


def test_what_is_not_named_stays_when_options_change(tables: Installation) -> None:
    made = make(tables, "--thanks-text", "Thanks!", "--honeypot", "website", provider="html_form")
    change = (
        "endpoint",
        "set",
        *PORTAL,
        str(made["id"]),
        "--allow-host",
        "www.example.com",
        "--honeypot",
        "",
    )
    assert "version 2" in tables.say(*change, "--tolerance", "60")
    options = show(tables, made["id"])["options"]
    assert (options["thanks_text"], options["honeypots"], options["tolerance"]) == ("Thanks!", [], 60)
    assert options["allowed_hosts"] == ["www.example.com"]


def test_a_secret_and_an_address_are_rotated_and_finished(tables: Installation) -> None:
    made = make(tables, "--secret", "-", given="the first")
    number = str(made["id"])
    assert f"endpoint finish --portal 1 {number}" in tables.say("endpoint", "rotate", *PORTAL, number)
    tables.say("endpoint", "rotate", *PORTAL, number, "--address")
    during = show(tables, made["id"])
    assert (during["secrets"], during["previous_url"]) == (2, made["url"])
    tables.say("endpoint", "finish", *PORTAL, number)
    after = show(tables, made["id"])
    assert (after["secrets"], after["previous_url"], after["url"]) == (1, None, during["url"])


def test_an_endpoint_is_paused_resumed_and_deleted(tables: Installation) -> None:
    number = str(make(tables)["id"])
    tables.say("endpoint", "pause", *PORTAL, number)
    assert show(tables, int(number))["state"] == "paused"
    tables.say("endpoint", "resume", *PORTAL, number)
    assert show(tables, int(number))["state"] == "active"
    assert tables.run("endpoint", "delete", *PORTAL, number, given="n\n").returncode == 1
    tables.say("endpoint", "delete", *PORTAL, number, "--yes")
    assert number not in [str(each["id"]) for each in tables.read("endpoint", "list", *PORTAL, "--json")]


def test_a_form_is_told_of_and_set_up(tables: Installation) -> None:
    number = str(make(tables)["id"])
    said = tables.say("external-form", "add", *PORTAL, "--endpoint", number, "--key", "abc")
    form = ("external-form", "set", *PORTAL, said.split()[1])
    changed = tables.read(*form, "--non-marketing", "--map", "email=mail", "--map", "name=who", "--name", "N")
    assert (changed["default_in_effect"], changed["default_from"], changed["name"]) == (False, "own", "N")
    mended = tables.read(*form, "--portal-default", "--map", "name=")
    assert (mended["default_from"], mended["mapping"]) == ("portal", {"email": "mail"})
    assert tables.read("external-form", "list", *PORTAL, "--endpoint", number, "--json") == [mended]


@pytest.mark.parametrize("wrong", [(), ("--map", "email"), ("--map", "address=x"), ("--name", "")])
def test_a_choice_that_is_none_is_refused(tables: Installation, wrong: tuple[str, ...]) -> None:
    said = tables.say(
        "external-form", "add", *PORTAL, "--endpoint", str(make(tables)["id"]), "--key", "wrong"
    )
    assert tables.run("external-form", "set", *PORTAL, said.split()[1], *wrong).returncode == 2


def test_the_portals_default_stands_where_a_form_has_none(tables: Installation) -> None:
    said = tables.say(
        "external-form", "add", *PORTAL, "--endpoint", str(make(tables)["id"]), "--key", "default"
    )
    for choice, default in (("non-marketing", False), ("marketing", True)):
        tables.say("portal", "set", "--id", "1", "--external-forms", choice)
        shown = tables.read("external-form", "show", *PORTAL, said.split()[1])
        assert (shown["default_in_effect"], shown["default_from"]) == (default, "portal")
    assert tables.run("portal", "set", "--id", "99", "--external-forms", "marketing").returncode == 1


def test_a_key_is_a_setting_that_opens_after_resealing(tables: Installation) -> None:
    number = make(tables, "--new-secret")["id"]
    before = (tables.folder / "data" / "secret.key").read_text().strip()
    newest = tables.say("key").strip()
    refused = tables.run("endpoint", "show", *PORTAL, str(number), MARKETABLE_SECRET_KEY=newest)
    assert refused.returncode == 75
    both = tables.run("reseal", MARKETABLE_SECRET_KEY=f"{newest},{before}")
    assert both.stdout.startswith("sealed with the newest key: ")
    opened = tables.run("endpoint", "show", *PORTAL, str(number), MARKETABLE_SECRET_KEY=newest)
    assert json.loads(opened.stdout)["id"] == number
    tables.run("reseal", MARKETABLE_SECRET_KEY=f"{before},{newest}")


@pytest.mark.parametrize("provider", ["html_form", "typeform", "calendly"])
def test_send_posts_a_sample_that_the_endpoint_keeps(running: Installation, provider: str) -> None:
    options = () if provider == "html_form" else ("--new-secret",)
    made = make(running, *options, provider=provider)
    number = str(made["id"])
    sent = running.say("send", "--endpoint", number, "--email", f"{provider}@example.com")
    assert sent.startswith("200 ")
    eventually(lambda: show(running, made["id"])["last_outcome"] == "kept", "it was noted")
    (form,) = running.read("external-form", "list", *PORTAL, "--endpoint", number, "--json")
    assert (form["submissions"], form["is_new"]) == (1, True)


def test_a_delivery_is_replayed_when_the_secret_is_right(running: Installation) -> None:
    made = make(running, "--secret", "-", given="the wrong one")
    number, body = str(made["id"]), b'{"event_id": "e", "event_type": "form_response", "form_response": {}}'
    assert post(running, made["url"], body).status == 401
    (refused,) = running.read("delivery", "list", *PORTAL, "--endpoint", number, "--waiting", "--json")
    assert running.read("delivery", "show", *PORTAL, refused["id"])["reason"] == "signature_missing"
    again = running.run("replay", *PORTAL, "--all-waiting", "--endpoint", number)
    assert (again.returncode, again.stdout.splitlines()[-1]) == (1, "0 kept, 1 refused")
    tried = running.say("replay", *PORTAL, refused["id"], "--trust", "--dry-run")
    assert "would be kept" in tried.splitlines()[-1]
    kept = running.read("replay", *PORTAL, refused["id"], "--trust", "--json")
    assert (kept["outcome"], kept["events"], kept["repeated"]) == ("kept", 1, 0)
    assert running.say("replay", *PORTAL, "--all-waiting", "--endpoint", number) == "0 kept, 0 refused\n"


@pytest.mark.parametrize(
    "wrong", [(), ("--all-waiting", "abc"), ("abc", "--endpoint", "1"), ("abc",), ("0" * 32,)]
)
def test_a_replay_of_nothing_known_is_refused(tables: Installation, wrong: tuple[str, ...]) -> None:
    assert tables.run("replay", *PORTAL, *wrong).returncode in {1, 2}
