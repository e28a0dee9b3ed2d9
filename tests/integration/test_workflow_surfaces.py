"""Workflows by our own API and by the command."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from service.domain.billing import Product
from tests.commands import run
from tests.endpoints import Site, opened_site
from tests.facts import PORTAL
from tests.workflows import Flow, furnish
from tests.world import World, on_sqlite

WORKFLOWS = "/workflows"
LEADS = {"filters": [{"propertyName": "stage", "operator": "EQ", "value": "lead"}]}
ALL = {"filters": [{"propertyName": "stage", "operator": "HAS_PROPERTY"}]}
ADA, BOB = "ada@example.com", "bob@example.com"


@pytest.fixture
def flow(world: World) -> Flow:
    furnish(world)
    found = Flow(world)
    found.submit(ADA, stage="lead")
    found.submit(BOB, stage="customer")
    return found


@pytest.fixture
def site(flow: Flow, tmp_path: Path) -> Iterator[Site]:
    with opened_site(flow.world, tmp_path) as opened:
        yield opened


def make(site: Site, **told: Any) -> str:
    """Make a workflow; returns its path."""
    answer = site.ask("POST", WORKFLOWS, {"name": "Leads", "filter": LEADS, "marketing": True, **told})
    assert answer.status_code == 201, answer.get_json()
    return f"{WORKFLOWS}/{answer.get_json()['id']}"


def test_a_workflow_is_made_seen_through_and_switched_on(site: Site, flow: Flow) -> None:
    path = make(site)
    foreseen = site.ask("POST", f"{path}/preview", {}).get_json()
    assert (foreseen["matching"], foreseen["changes"], foreseen["examples"]) == (1, 1, [flow.id_of(ADA)])
    wrong = site.ask("POST", f"{path}/switch-on", {"enrol_existing": True, "expected": 2})
    assert (wrong.status_code, wrong.get_json()["reason"], wrong.get_json()["number"]) == (
        409,
        "unexpected_number",
        1,
    )
    assert site.ask("GET", path).get_json()["is_on"] is False
    right = site.ask("POST", f"{path}/switch-on", {"enrol_existing": True, "expected": 1})
    assert (right.status_code, right.get_json()["is_on"]) == (200, True)
    flow.work()
    assert flow.marketing() == {ADA}
    assert site.ask("GET", path).get_json()["enrolled"] == 1
    job = site.ask("GET", f"/jobs/{right.get_json()['job']}").get_json()
    assert (job["kind"], job["state"], job["counts"]) == ("enrol", "DONE", {"raised": 1})


def test_a_filter_that_is_not_kept_can_be_previewed(site: Site) -> None:
    found = site.ask("POST", f"{WORKFLOWS}/preview", {"filter": ALL, "marketing": True}).get_json()
    assert (found["matching"], found["raised"]) == (2, 2)
    path = make(site)
    assert site.ask("POST", f"{path}/preview", {"filter": ALL}).get_json()["matching"] == 2
    assert site.ask("GET", WORKFLOWS).get_json()[0]["filter"]["filterGroups"]


def test_a_wider_filter_of_one_that_is_on_is_asked_about(site: Site, flow: Flow) -> None:
    path = make(site)
    site.ask("POST", f"{path}/switch-on", {"enrol_existing": False})
    flow.work()
    refused = site.ask("PATCH", path, {"filter": ALL})
    assert (refused.status_code, refused.get_json()["field"]) == (400, "enrol_existing")
    wrong = site.ask("PATCH", path, {"filter": ALL, "enrol_existing": True, "expected": 250_000})
    assert (wrong.status_code, wrong.get_json()["number"]) == (409, 2)
    changed = site.ask("PATCH", path, {"filter": ALL, "enrol_existing": False, "name": "All"})
    assert (changed.status_code, changed.get_json()["name"]) == (200, "All")
    flow.work()
    assert flow.marketing() == set()


def test_contacts_are_enrolled_on_demand(site: Site, flow: Flow) -> None:
    path = make(site)
    off = site.ask("POST", f"{path}/enrol", {"contact_ids": [1]})
    assert (off.status_code, off.get_json()["reason"]) == (409, "conflict")
    site.ask("POST", f"{path}/switch-on", {"enrol_existing": False})
    ids = [flow.id_of(ADA), flow.id_of(BOB)]
    found = site.ask("POST", f"{path}/enrol", {"contact_ids": ids}).get_json()
    assert [each["outcome"] for each in found["contacts"]] == ["raised", "does_not_match"]
    begun = site.ask("POST", f"{path}/enrol", {"existing": True, "expected": 0}).get_json()
    assert begun["job"] is not None


def test_a_workflow_is_switched_off_and_deleted(site: Site) -> None:
    path = make(site)
    site.ask("POST", f"{path}/switch-on", {"enrol_existing": False})
    again = site.ask("POST", f"{path}/switch-on", {"enrol_existing": False})
    assert again.status_code == 409
    assert site.ask("POST", f"{path}/switch-off").get_json()["is_on"] is False
    assert site.ask("DELETE", path).status_code == 204
    assert site.ask("GET", path).status_code == 404
    assert site.ask("GET", WORKFLOWS).get_json() == []


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("", {"name": "", "filter": LEADS, "marketing": True}),
        ("", {"name": "x", "filter": {}, "marketing": True}),
        ("", {"name": "x", "filter": LEADS}),
        ("", {"name": "x", "filter": LEADS, "marketing": "yes"}),
        ("", {"name": "x", "filter": {"filters": [{"propertyName": "a"}]}, "marketing": True}),
        ("/preview", {"filter": {"filterGroups": "x"}, "marketing": True}),
        ("/1/switch-on", {}),
        ("/1/switch-on", {"enrol_existing": True, "expected": -1}),
        ("/1/enrol", {}),
        ("/1/enrol", {"contact_ids": [1], "existing": True}),
        ("/1/enrol", {"contact_ids": ["x"]}),
    ],
)
def test_a_body_that_is_not_as_described_is_refused(site: Site, path: str, body: Any) -> None:
    answer = site.ask("POST", f"{WORKFLOWS}{path}", body)
    document = answer.get_json()
    assert (answer.status_code, document["reason"], "field" in document) == (400, "invalid_input", True), (
        document
    )


def test_starter_is_refused_in_clear_words(site: Site, flow: Flow) -> None:
    path = make(site)
    furnish(flow.world, Product.STARTER)
    for where, body in (
        (WORKFLOWS, {"name": "x", "filter": LEADS, "marketing": True}),
        (f"{WORKFLOWS}/preview", {"filter": LEADS, "marketing": True}),
        (f"{path}/preview", {}),
        (f"{path}/switch-on", {"enrol_existing": False}),
    ):
        answer = site.ask("POST", where, body)
        assert (answer.status_code, answer.get_json()["reason"]) == (403, "not_included")
        assert "workflows need Professional or Enterprise" in answer.get_json()["detail"]
    assert site.ask("GET", path).status_code == 200
    assert site.ask("POST", f"{path}/switch-off").status_code == 200


class Shell:
    """The command, with a portal."""

    def __init__(self, flow: Flow, folder: Path) -> None:
        self.url, self.folder = flow.world.stack.database_url, folder

    def __call__(self, command: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
        words = ["workflow", command, "--portal", str(PORTAL), *arguments]
        return run(words, self.folder, MARKETABLE_DATABASE_URL=self.url)

    def file(self, document: object) -> str:
        path = self.folder / "filter.json"
        path.write_text(json.dumps(document))
        return str(path)


@pytest.fixture
def shell(flow: Flow, tmp_path: Path) -> Shell:
    return Shell(flow, tmp_path)


@on_sqlite
def test_the_command_makes_previews_switches_and_enrols(flow: Flow, shell: Shell) -> None:
    made = shell("create", "--name", "Leads", "--filter", shell.file(LEADS), "--marketing")
    assert "workflow 1 is made, and off\n1 contacts match: 1 would be raised" in made.stdout, made.stderr
    foreseen = shell("preview", "1", "--filter", shell.file(ALL), "--json")
    assert json.loads(foreseen.stdout)["changes"] == 2
    wrong = shell("on", "1", "--enrol-existing", "--expected", "2", "--no-follow")
    assert (wrong.returncode, "1 contacts match, not 2" in wrong.stderr) == (1, True)
    on = shell("on", "1", "--enrol-existing", "--expected", "1", "--no-follow")
    assert (on.returncode, "workflow 1 is on" in on.stdout) == (0, True), on.stderr
    flow.work()
    assert flow.marketing() == {ADA}
    enrolled = shell("enrol", "1", "--id", str(flow.id_of(BOB)))
    assert enrolled.stdout == f"contact {flow.id_of(BOB)}: does_not_match\n"
    asked = shell("set", "1", "--filter", shell.file(ALL))
    assert (asked.returncode, "enrolled" in asked.stderr) == (2, True)
    widened = shell("set", "1", "--filter", shell.file(ALL), "--new-only", "--no-follow")
    assert json.loads(widened.stdout)["version"] == 3
    assert json.loads(shell("show", "1").stdout)["enrolled"] == 1


@on_sqlite
def test_the_command_lists_and_deletes(flow: Flow, shell: Shell) -> None:
    shell("create", "--name", "Leads", "--filter", shell.file(LEADS), "--non-marketing", "--re-enrols")
    (listed,) = json.loads(shell("list", "--json").stdout)
    assert (listed["name"], listed["marketing"], listed["re_enrols"]) == ("Leads", False, True)
    assert "non-marketing" in shell("list").stdout
    assert shell("off", "1").stdout == "workflow 1 is off\n"
    assert shell("delete", "1").stdout == "workflow 1 is deleted\n"
    assert "there are no workflows" in shell("list").stdout
    assert flow.workflows.all(PORTAL) == []


@on_sqlite
def test_the_command_refuses_starter(flow: Flow, shell: Shell) -> None:
    furnish(flow.world, Product.STARTER)
    refused = shell("create", "--name", "Leads", "--filter", shell.file(LEADS), "--marketing")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "workflows need Professional or Enterprise; the portal's product is starter" in refused.stderr
