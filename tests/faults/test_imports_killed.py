"""Kill -9 of the process that does imports, again and again; and its memory, which does not grow with a file."""

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
import sqlalchemy as sa

from service.domain.jobs import ENDED, Job, JobState
from service.imports.reading import read_parts
from service.store.tables import contact, outbox, status_change
from tests.e2e.installation import FreePort, Installation, installed
from tests.e2e.waiting import eventually
from tests.importing import Importing, counted
from tests.services.plugin import Stack
from tests.services.run import Run
from tests.world import World, on_postgresql, opened

pytestmark = pytest.mark.slow

PEOPLE, KILLS = 6_000, 2
BAD = 80
"""Rows that can't be read."""
MOST_GROWTH = 12_000
"""Kilobytes."""
HEADER = "Email,First name,Company,Job title"


@pytest.fixture
def fresh(tmp_path: Path, free_port: FreePort, test_run: Run) -> Iterator[Installation]:
    with installed(tmp_path, free_port, test_run) as installation:
        yield installation


@pytest.fixture
def importing(engine_urls: Stack, tmp_path: Path) -> Iterator[Importing]:
    with opened(engine_urls) as world:
        world.furnish()
        world.time = datetime.now(UTC)
        yield Importing(world, tmp_path)


def people(number: int) -> Iterator[str]:
    yield HEADER
    for each in range(number):
        yield f"p{each}@example.com,Ada {each},Lichtenberg & Daughters,Head of purchasing"


def changed_once(world: World) -> int:
    once = (contact.c.version == 1) & (contact.c.status_version == 1)
    with world.database.reading() as connection:
        return connection.execute(sa.select(sa.func.count()).where(once)).scalar_one()


def test_an_import_whose_process_is_killed_again_and_again_takes_each_row_once(
    importing: Importing, fresh: Installation, free_port: FreePort
) -> None:
    world = importing.world
    environment = {"MARKETABLE_DATABASE_URL": world.stack.database_url, "MARKETABLE_POLL_INTERVAL": "0.05"}
    file = importing.take(*people(PEOPLE), *["nobody,,,"] * BAD)
    job = importing.start(file, marketing=True, expected=PEOPLE)

    def now() -> Job:
        return importing.show(job)

    def has_moved(done: int) -> bool:
        return now().done > done or now().state in ENDED

    for _ in range(KILLS):
        done = now().done
        running = fresh.start("jobs", MARKETABLE_HEALTH_PORT=str(free_port()), **environment)
        eventually(partial(has_moved, done), "the import goes on")
        running.kill()
    running = fresh.start("jobs", MARKETABLE_HEALTH_PORT=str(free_port()), **environment)
    eventually(lambda: now().state in ENDED, "the import ends", within=60)
    assert running.stop() == 0
    assert (now().state, now().done) == (JobState.DONE, PEOPLE + BAD)
    assert counted(now(), "created", "raised", "refused", "problems") == [PEOPLE, PEOPLE, BAD, BAD]
    assert counted(now(), "updated", "unchanged") == [0, 0]
    assert [problem.line for problem in importing.problems(job)] == [*range(PEOPLE + 2, PEOPLE + BAD + 2)]
    assert changed_once(world) == world.number_of(status_change) == world.number_of(outbox) == PEOPLE


MEASURED = """
import re, sys
from pathlib import Path
from service.imports.reading import read_file
from service.instants import utc_now
from service.store import jobs
from service.store.session import Database
from service.working import open_runner
mode, first, second = sys.argv[1:]
def peak():
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])
if mode == "read":
    read_file(Path(first), Path(second))
    print(peak())
else:
    database = Database(first)
    runner = open_runner(database, utc_now, 0.01)
    peaks = []
    while runner.step():
        peaks.append(peak())
    print(peaks[len(peaks) // 4], peaks[-1])
"""


def measured(*arguments: str) -> list[int]:
    """Return peaks of memory in kilobytes, of a process of its own."""
    command = [sys.executable, "-c", MEASURED, *arguments]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return [int(word) for word in said.splitlines()[-1].split()]


def test_reading_a_file_takes_no_more_memory_for_ten_times_the_rows(tmp_path: Path) -> None:
    peaks = []
    for number in (20_000, 200_000):
        path, parts = tmp_path / f"{number}.csv", tmp_path / f"{number}.parts"
        path.write_text("\n".join(people(number)))
        peaks += measured("read", str(path), str(parts))
        assert len(list(read_parts(parts))) > 1
    assert peaks[1] - peaks[0] < MOST_GROWTH


@on_postgresql
def test_an_import_takes_no_more_memory_as_it_goes_on(importing: Importing) -> None:
    job = importing.start(importing.take(*people(20_000)))
    early, late = measured("import", importing.world.stack.database_url, "")
    assert importing.show(job).state is JobState.DONE
    assert late - early < MOST_GROWTH
