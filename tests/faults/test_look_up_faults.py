"""Kill -9 of the consumer that makes look-ups, and vendors that go away, with real processes and real HTTP."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa

from service.store.tables import contact, look_up, submission
from service.vault import Vault, new_key
from tests.chats import Chats, chat_event
from tests.e2e.client import ask, sample
from tests.e2e.installation import FreePort, Installation, Running, kill
from tests.e2e.waiting import eventually
from tests.services.plugin import Stack
from tests.services.topology import Topology
from tests.vendors.intercom import Intercom
from tests.vendors.server import TOKEN, Asked, Reply
from tests.world import World, opened_database

pytestmark = pytest.mark.slow

LOOK_UPS = "marketable_look_up_seconds_count"


class Crowd(Intercom):
    """Knows everybody, and takes its time."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = threading.Event()
        self.gate.set()

    def answer(self, asked: Asked) -> Reply:
        name = asked.path.rpartition("/")[2]
        self.done.wait(0.03)
        self.gate.wait(30)
        return Reply({**self.contact, "id": name, "email": f"{name}@example.com"})


@dataclass
class Site:
    """An installation whose consumer of look-ups can be started and killed."""

    installation: Installation
    chats: Chats
    free_port: FreePort
    ports: list[int] = field(default_factory=list)

    def start(self) -> Running:
        self.ports.append(self.free_port())
        running = self.installation.start("consume", "lookups", MARKETABLE_HEALTH_PORT=str(self.ports[-1]))
        return self.installation.ready(running, self.ports[-1])

    def metric(self, name: str) -> float:
        return sample(ask(self.ports[-1], "/metrics").text, name)

    def keep(self, vendor: Intercom, *sessions: str) -> None:
        """Keep a thin event of each session."""
        endpoint = self.chats.endpoint_of(vendor.url, "intercom", TOKEN)
        events = [chat_event(session, fetch="intercom_contact") for session in sessions]
        self.chats.keep(endpoint, *events)

    def let_claims_run_out(self) -> None:
        """Do what five minutes would do."""
        long_ago = datetime(2026, 1, 1, tzinfo=UTC)
        claimed = look_up.c.claimed_until.is_not(None)
        self.chats.world.write(sa.update(look_up).where(claimed).values(claimed_until=long_ago))

    def number_of(self, table: sa.Table) -> int:
        return self.chats.world.number_of(table)

    def verdicts(self) -> dict[str, int]:
        query = sa.select(submission.c.verdict, sa.func.count()).group_by(submission.c.verdict)
        with self.chats.world.database.reading() as connection:
            return {row[0]: row[1] for row in connection.execute(query)}


@pytest.fixture(params=["embedded", "grown_up"])
def site(request: pytest.FixtureRequest, free_port: FreePort) -> Iterator[Site]:
    found: Any = request.getfixturevalue(request.param)
    installation: Installation = getattr(found, "installation", found)
    url = installation.settings.get("MARKETABLE_DATABASE_URL", installation.sqlite_url)
    key = installation.settings["MARKETABLE_SECRET_KEY"] = new_key()
    with opened_database(url) as database:
        stack = Stack(url, "memory://", Topology("none", "memory://"))
        world = World(stack, database, datetime.now(UTC))
        yield Site(installation, Chats(world, Vault(key)), free_port)
        world.close()


@contextmanager
def nobody_else_writes(site: Site) -> Iterator[None]:
    """Hold up every other writer while the block lasts."""
    database = site.chats.world.database
    with database.writing() as connection:
        if not database.is_sqlite:
            connection.execute(sa.text("LOCK TABLE contact, submission IN EXCLUSIVE MODE"))
        yield


def assert_each_is_found_once(site: Site, number: int) -> None:
    assert site.number_of(contact) == number
    assert site.number_of(submission) == 2 * number
    assert site.verdicts() == {"looked_up": number, "default_off": number}
    assert site.number_of(look_up) == 0


def test_a_kill_between_asking_and_recording_loses_nothing_and_makes_nothing_twice(site: Site) -> None:
    with Crowd() as vendor:
        vendor.gate.clear()
        site.keep(vendor, "v1", "v2")
        running = site.start()
        eventually(lambda: len(vendor.asked) == 2, "both are being asked")
        with nobody_else_writes(site):
            vendor.gate.set()
            eventually(lambda: site.metric(LOOK_UPS) == 2, "both are told")
            running.kill()
        assert site.number_of(contact) == 0
        site.let_claims_run_out()
        site.start()
        eventually(lambda: site.verdicts().get("looked_up") == 2, "both are found")
    assert_each_is_found_once(site, 2)


def test_kills_again_and_again_lose_nothing_and_make_nothing_twice(site: Site) -> None:
    names = [f"v{number}" for number in range(40)]
    with Crowd() as vendor:
        for part in range(4):
            site.keep(vendor, *names[part * 10 : part * 10 + 10])
        for _ in range(3):
            running, so_far = site.start(), len(vendor.asked)
            eventually(lambda so_far=so_far: len(vendor.asked) > so_far + 5, "it is at work")  # type: ignore[misc]
            running.kill()
            site.let_claims_run_out()
        site.start()
        eventually(lambda: site.verdicts().get("looked_up") == 40, "all are found", within=30.0)
    assert_each_is_found_once(site, 40)


def test_two_consumers_share_the_work_and_one_that_is_killed_is_made_up_for(site: Site) -> None:
    names = [f"v{number}" for number in range(24)]
    with Crowd() as vendor:
        for part in range(4):
            site.keep(vendor, *names[part * 6 : part * 6 + 6])
        first, _ = site.start(), site.start()
        eventually(lambda: len(vendor.asked) > 3, "they are at work")
        first.kill()
        site.let_claims_run_out()
        eventually(lambda: site.verdicts().get("looked_up") == 24, "all are found", within=30.0)
    assert_each_is_found_once(site, 24)


def test_a_stop_ends_soon_and_leaves_nothing_claimed(site: Site) -> None:
    with Crowd() as vendor:
        vendor.gate.clear()
        site.keep(vendor, "v1")
        running = site.start()
        eventually(lambda: len(vendor.asked) == 1, "it is being asked")
        assert running.stop() == 0
        vendor.gate.set()
    assert [row.claimed_until for row in site.chats.world.rows(look_up)] == [None]


def test_a_vendor_that_is_away_for_a_while_loses_nothing(site: Site) -> None:
    with Crowd() as vendor:
        vendor.mood = "away"
        site.keep(vendor, "v1")
        site.start()
        eventually(lambda: [row.reason for row in site.chats.world.rows(look_up)] == ["vendor_away"], "away")
        vendor.mood = ""
        eventually(lambda: site.verdicts().get("looked_up") == 1, "it is found", within=20.0)
    assert_each_is_found_once(site, 1)


@pytest.fixture
def embedded_chats(embedded: Installation) -> Iterator[Chats]:
    key = embedded.settings["MARKETABLE_SECRET_KEY"] = new_key()
    with opened_database(embedded.sqlite_url) as database:
        stack = Stack(embedded.sqlite_url, "memory://", Topology("none", "memory://"))
        world = World(stack, database, datetime.now(UTC))
        yield Chats(world, Vault(key))
        world.close()


def keep_two(chats: Chats, vendor: Intercom) -> None:
    """Keep two events of a chat that is on, of which the second one can be looked up."""
    endpoint = chats.endpoint_of(vendor.url, "intercom", TOKEN)
    event = chat_event("v1", fetch="intercom_contact")
    chats.change_form(chats.form(endpoint, event), marketing_default=True)
    chats.keep(endpoint, chat_event("v1"), event)


def test_the_worker_of_up_makes_look_ups_counts_what_they_find_and_joins_the_rest(
    embedded: Installation, embedded_chats: Chats
) -> None:
    with Crowd() as vendor:
        keep_two(embedded_chats, vendor)
        embedded.up()
        embedded.counts_to(1)
    rows = embedded_chats.world.rows
    eventually(lambda: all(row.contact_id for row in rows(submission)), "all are joined")


def test_a_worker_of_up_that_is_killed_while_it_asks_asks_again_soon(
    embedded: Installation, embedded_chats: Chats
) -> None:
    with Crowd() as vendor:
        vendor.gate.clear()
        keep_two(embedded_chats, vendor)
        up = embedded.up()
        eventually(lambda: len(vendor.asked) == 1, "it is being asked")
        kill(up.children("consumers")[0])
        eventually(lambda: len(vendor.asked) == 2, "it is being asked again")
        vendor.gate.set()
        embedded.counts_to(1)
    assert embedded_chats.world.number_of(submission) == 3
