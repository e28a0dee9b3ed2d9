"""The audit: what gets into it, and how it is read page by page, on both engines."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from service.domain.actors import COMMAND
from service.domain.model import Intent
from service.store import audit, jobs, portals
from service.store.audit import AuditKind, Entry
from service.store.tables import contact, metadata
from tests.endpoints import OTHER_PORTAL, Site, opened_site
from tests.facts import NOW, PORTAL, make_fact
from tests.world import World, on_postgresql

ADA = "ada@example.com"


@pytest.fixture
def site(world: World, tmp_path: Path) -> Iterator[Site]:
    with opened_site(world, tmp_path) as opened:
        yield opened


def read(site: Site, query: str = "", portal: int = PORTAL) -> list[dict[str, Any]]:
    answer = site.ask("GET", f"/audit{query}", portal=portal)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.get_json()
    return found


def note(world: World, *entries: Entry, portal: int = PORTAL, minutes: int = 1) -> None:
    """Keep entries, one after the other."""
    for entry in entries:
        with world.database.writing() as connection:
            audit.note(connection, portal, entry, world.pass_by(minutes=minutes))


def entry(subject: str = "form:1", actor: str = "user:7", action: str = "created") -> Entry:
    return Entry(actor, action, subject)


def number_of(world: World, email: str = ADA) -> int:
    (row,) = [row for row in world.rows(contact) if row.email == email]
    return int(row.id)


def through_pages(site: Site, query: str, limit: int) -> list[dict[str, Any]]:
    """Return all entries, read in pages."""
    found: list[dict[str, Any]] = []
    while True:
        before = f"&before={found[-1]['id']}" if found else ""
        page = read(site, f"{query}limit={limit}{before}")
        found += page
        if len(page) < limit:
            return found


def test_entries_come_the_newest_first_with_what_was_before_and_after(site: Site) -> None:
    note(site.world, Entry("user:7", "changed", "user:8", {"role": "viewer"}, {"role": "admin"}), entry())
    newest, oldest = read(site)
    assert newest["subject"] == "form:1"
    assert oldest == {
        "id": oldest["id"],
        "kind": "setup",
        "at": (NOW + timedelta(minutes=1)).isoformat(),
        "actor": "user:7",
        "action": "changed",
        "subject": "user:8",
        "before": {"role": "viewer"},
        "after": {"role": "admin"},
    }


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("?actor=user:7", ["form:1", "token:3"]),
        ("?subject=token:3", ["token:3", "token:3"]),
        ("?action=revoked", ["token:3"]),
        ("?actor=command&subject=token:3", ["token:3"]),
        ("?actor=nobody", []),
        ("?since=2026-03-10T12:02:00Z", ["form:1", "token:3"]),
        ("?until=2026-03-10T12:02:00%2B00:00", ["token:3"]),
        ("?kind=setup", ["form:1", "token:3", "token:3"]),
    ],
)
def test_entries_are_asked_for_by_what_they_say(site: Site, query: str, expected: list[str]) -> None:
    revoked = entry("token:3", "command", "revoked")
    note(site.world, entry("token:3"), revoked, entry("form:1"))
    assert [each["subject"] for each in read(site, query)] == expected


def test_nothing_of_another_portal_is_among_them(site: Site) -> None:
    note(site.world, entry(), entry("contact:1"), portal=OTHER_PORTAL)
    (own,) = read(site, "?subject=form:1", OTHER_PORTAL)
    assert read(site) == read(site, "?subject=contact:1") == []
    answer = site.ask("GET", f"/audit?before={own['id']}")
    assert (answer.status_code, answer.get_json(force=True)["field"]) == (400, "before")


def test_pages_leave_nothing_out_and_show_nothing_twice(site: Site) -> None:
    note(site.world, *(entry(f"form:{number // 3}") for number in range(10)), minutes=0)
    found = through_pages(site, "?", 3)
    assert [each["id"] for each in found] == [each["id"] for each in read(site)]
    assert len({each["id"] for each in found}) == 10


def test_a_contacts_changes_of_status_stand_among_its_entries(site: Site) -> None:
    world = site.world
    world.record(make_fact(ADA))
    number = number_of(world)
    world.pass_by(minutes=1)
    world.set_status(ADA, Intent.LOWER)
    note(world, entry(f"contact:{number}", action="contact_deleted"))
    found = read(site, f"?subject=contact:{number}")
    assert [(each["kind"], each["action"], each["actor"]) for each in found] == [
        ("setup", "contact_deleted", "user:7"),
        ("status", "lowering_requested", "user:7"),
        ("status", "raised", ""),
    ]
    assert (found[1]["before"], found[1]["after"]["marketing"]) == ({"marketing": True}, True)
    assert found[1]["after"]["until"] == "2026-04-01T00:00:00+00:00"
    assert [each["kind"] for each in read(site, f"?subject=contact:{number}&kind=status")] == ["status"] * 2
    assert read(site, f"?subject=contact:{number}&action=raised") == found[2:]
    assert through_pages(site, f"?subject=contact:{number}&", 1) == found


def test_entries_of_one_instant_have_an_order(site: Site) -> None:
    world = site.world
    world.record(make_fact(ADA))
    number = number_of(world)
    world.set_status(ADA, Intent.LOWER)
    world.set_status(ADA, Intent.RAISE)
    note(world, *[entry(f"contact:{number}")] * 3, minutes=0)
    query = f"?subject=contact:{number}&"
    for limit in (1, 2, 4):
        assert through_pages(site, query, limit) == read(site, query)
    assert len(read(site, query)) == 6


def test_changes_of_status_of_all_contacts_are_read_within_an_hour(site: Site) -> None:
    site.world.record(make_fact(ADA), make_fact("bob@example.com"))
    hour = "since=2026-03-10T12:00:00Z&until=2026-03-10T13:00:00Z"
    found = read(site, f"?kind=status&{hour}")
    assert [each["action"] for each in found] == ["raised", "raised"]
    assert through_pages(site, f"?kind=status&{hour}&", 1) == found
    assert read(site, f"?kind=status&{hour}", OTHER_PORTAL) == []
    for query in ("", "&since=2026-03-10T12:00:00Z", f"&{hour.replace('T13:00', 'T13:01')}"):
        answer = site.ask("GET", f"/audit?kind=status{query}")
        assert (answer.status_code, answer.get_json(force=True)["field"]) == (400, "since")


@pytest.mark.parametrize(
    "before", ["nonsense", "setup-", "setup-x", "setup-99", "status-1-1", f"setup-{2**70}", "status-1", "-"]
)
def test_an_entry_that_is_not_there_is_no_place_to_begin(site: Site, before: str) -> None:
    answer = site.ask("GET", f"/audit?before={before}")
    assert (answer.status_code, answer.get_json(force=True)["field"]) == (400, "before")


def test_a_change_of_an_endpoint_is_noted_without_a_secret(site: Site) -> None:
    made = site.ask("POST", "/endpoints", {"provider": "typeform", "make_secret": True}).get_json()
    path = f"/endpoints/{made['id']}"
    secrets = [made["secret"], made["url"].rpartition("/")[2]]
    secrets.append(site.ask("POST", f"{path}/rotate-secret", {}).get_json()["secret"])
    site.ask("PATCH", path, {"state": "paused", "access_token": "of-the-vendor"})
    site.ask("POST", f"{path}/rotate-address")
    site.ask("POST", f"{path}/finish-rotation")
    site.ask("DELETE", path)
    answer = site.ask("GET", f"/audit?subject=endpoint:{made['id']}")
    assert [each["action"] for each in reversed(answer.get_json())] == [
        *("created", "secret_rotated", "changed", "address_rotated", "rotation_finished", "deleted")
    ]
    assert {each["actor"].partition(":")[0] for each in answer.get_json()} == {"token"}
    assert not any(secret in answer.text for secret in [*secrets, "of-the-vendor"])


def test_a_change_of_an_external_form_is_noted_with_who_made_it(site: Site) -> None:
    form = site.ask("POST", "/external-forms", {"endpoint": site.made(), "key": "abc"}).get_json()
    site.ask("PATCH", f"/external-forms/{form['id']}", {"name": "Ours", "marketing_default": False})
    found = read(site, f"?subject=external_form:{form['id']}")
    assert {each["action"] for each in found} == {"changed", "default_set"}
    assert all(each["actor"].startswith("token:") for each in found)


def test_a_change_that_fails_is_not_noted(site: Site) -> None:
    number = site.made("html_form")
    noted = read(site)
    assert site.ask("PATCH", f"/endpoints/{number}", {"options": {"captcha": "turnstile"}}).status_code == 400
    assert read(site) == noted


def test_a_job_that_is_started_is_one_entry(world: World, site: Site) -> None:
    with world.database.writing() as connection:
        job = jobs.add(connection, PORTAL, "set_status", "user:7", {"ids": [1, 2]}, NOW, total=2)
    (found,) = read(site, "?actor=user:7")
    assert (found["subject"], found["action"]) == (f"job:{job.id}", "started")
    assert found["after"] == {"kind": "set_status", "total": 2}


def test_commands_act_as_the_command(site: Site) -> None:
    site.made()
    assert {each["actor"] for each in read(site)} == {str(COMMAND)}


def plan_of(world: World, query: sa.Select[Any]) -> str:
    compiled = query.compile(world.database.engine, compile_kwargs={"literal_binds": True})
    with world.database.writing() as connection:
        connection.execute(sa.text("SET LOCAL enable_seqscan = off"))
        connection.execute(sa.text("SET LOCAL enable_sort = off"))
        rows = connection.execute(sa.text(f"EXPLAIN {compiled}")).scalars()
        return "\n".join(rows)


@on_postgresql
@pytest.mark.parametrize("column", ["", "subject", "actor", "action"])
def test_each_way_of_asking_has_an_index(world: World, column: str) -> None:
    table = metadata.tables["audit"]
    values: Mapping[str, str] = {column: "x"} if column else {}
    conditions = [table.c.portal_id == PORTAL, *(table.c[name] == value for name, value in values.items())]
    query = sa.select(table).where(*conditions).order_by(table.c.at.desc(), table.c.id.desc()).limit(50)
    plan = plan_of(world, query)
    name = f"ix_audit_portal_id_{column}_at_id" if column else "ix_audit_portal_id_at_id"
    assert f"Index Scan Backward using {name}" in plan
    assert "Sort" not in plan


def test_kinds_stand_in_their_order() -> None:
    """`page` merges by it, and `_status` goes by it."""
    assert AuditKind.SETUP < AuditKind.STATUS


def test_a_portal_has_to_be_there_for_nothing(world: World) -> None:
    """An entry outlives what it is about: it has no foreign key."""
    with world.database.writing() as connection:
        audit.note(connection, 99, entry(), NOW)
        assert portals.find_portal(connection, 99) is None
