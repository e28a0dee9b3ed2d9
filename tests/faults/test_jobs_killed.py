"""Kill -9 of the process that does jobs, again and again, with a real process and a real database."""

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
import sqlalchemy as sa

from service import bulk
from service.domain.actors import COMMAND
from service.domain.filters import read_filter
from service.domain.jobs import ENDED, Job, JobState
from service.store import jobs, portals
from service.store.contact_batches import ContactBatch, Write
from service.store.selections import Selection
from service.store.tables import contact, outbox, status_change
from tests.e2e.installation import FreePort, Installation, installed
from tests.e2e.waiting import eventually
from tests.facts import NOW, PORTAL
from tests.services.plugin import Stack
from tests.services.run import Run
from tests.world import World, opened

pytestmark = pytest.mark.slow

PEOPLE = 6_000
KILLS = 2
EVERYBODY = read_filter({"filters": [{"propertyName": "email", "operator": "HAS_PROPERTY"}]})


@pytest.fixture
def fresh(tmp_path: Path, free_port: FreePort, test_run: Run) -> Iterator[Installation]:
    with installed(tmp_path, free_port, test_run) as installation:
        yield installation


@pytest.fixture
def people(engine_urls: Stack) -> Iterator[World]:
    """A world with people who are no marketing contacts."""
    with opened(engine_urls) as world:
        world.furnish()
        with world.database.writing() as connection:
            batch = ContactBatch(connection, portals.get_portal(connection, PORTAL), NOW)
            batch.write([Write(email=f"p{number}@example.com") for number in range(PEOPLE)])
        yield world


def job_of(world: World, number: int) -> Job:
    with world.database.reading() as connection:
        job = jobs.find(connection, PORTAL, number)
    assert job is not None
    return job


def goes_on(world: World, number: int, done: int) -> bool:
    job = job_of(world, number)
    return job.done > done or job.state in ENDED


def test_a_job_whose_process_is_killed_again_and_again_does_nobody_twice(
    people: World, fresh: Installation, free_port: FreePort
) -> None:
    environment = {"MARKETABLE_DATABASE_URL": people.stack.database_url, "MARKETABLE_POLL_INTERVAL": "0.05"}
    wanted = Selection(filter=EVERYBODY)
    number = bulk.set_status(
        people.database, COMMAND, PORTAL, wanted, datetime.now(UTC), marketing=True, expected=PEOPLE
    ).id
    for _ in range(KILLS):
        done = job_of(people, number).done
        running = fresh.start("jobs", MARKETABLE_HEALTH_PORT=str(free_port()), **environment)
        eventually(partial(goes_on, people, number, done), "the job goes on")
        running.kill()
    running = fresh.start("jobs", MARKETABLE_HEALTH_PORT=str(free_port()), **environment)
    eventually(lambda: job_of(people, number).state in ENDED, "the job ends", within=60)
    assert running.stop() == 0
    job = job_of(people, number)
    assert (job.state, job.done, job.counts) == (JobState.DONE, PEOPLE, {"raised": PEOPLE})
    assert people.number_of(status_change) == people.number_of(outbox) == PEOPLE
    with people.database.reading() as connection:
        changed = connection.execute(
            sa.select(sa.func.count()).where(contact.c.status_version == 1)
        ).scalar_one()
    assert changed == PEOPLE


def test_everything_in_one_command_does_jobs_too(fresh: Installation, tmp_path: Path) -> None:
    fresh.up()
    wanted = tmp_path / "everybody.json"
    wanted.write_text('{"filters": [{"propertyName": "email", "operator": "HAS_PROPERTY"}]}')
    fresh.say("contact", "create", "--portal", "1", "--email", "ada@example.com", "--property", "city=Bern")
    said = fresh.say(
        "contact", "set-many", "--portal", "1", "--marketing", "--filter", str(wanted), given="1\n"
    )
    assert "DONE; raised 1; 0 could not be done" in said
    fresh.counts_to(1)
    assert fresh.read("job", "list", "--portal", "1", "--json")[0]["state"] == "DONE"
    said = fresh.say("contact", "delete", "--portal", "1", "--email", "ada@example.com")
    assert "lowering_requested, counts until" in said
