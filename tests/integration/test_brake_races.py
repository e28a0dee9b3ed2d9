"""However many write at once: never one over the limit, never one held that there was room for."""

import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import pytest
import sqlalchemy as sa

from service import bulk
from service.brakes.holding import CHUNK, RELEASE_HELD, HeldSettler
from service.domain import jobs
from service.domain.actors import Actor, ActorKind
from service.domain.brake import Limits
from service.domain.filters import read_filter
from service.domain.model import Intent, Recorded, Verdict
from service.errors import Unavailable
from service.jobs.runner import JobRunner
from service.store import brakes, portals
from service.store.selections import Selection
from service.store.tables import brake_count, contact, submission
from service.working import open_runner
from tests.braking import ALL, THE_FORM, assert_counted_right, brake, holding, release, take_away, waiting
from tests.facts import FORM_THAT_IS_OFF, PORTAL, make_fact, make_form, make_portal
from tests.working import work
from tests.world import World, break_connections, on_postgresql

USER = Actor(ActorKind.USER, 7)
Job = Callable[[], Counter[Verdict | None]]


def at_once(*jobs: Job) -> Counter[Verdict | None]:
    """Run jobs in threads that begin together; returns the sum of what they return."""
    start = threading.Barrier(len(jobs))

    def run(job: Job) -> Counter[Verdict | None]:
        start.wait(20)
        return job()

    with ThreadPoolExecutor(len(jobs)) as threads:
        found = list(threads.map(run, jobs))
    return sum(found, Counter())


def writer(world: World, name: str, batches: int, size: int) -> Job:
    """Return a job that records new people with an intake of its own, as a process has it."""
    intake = world.intake()

    def job() -> Counter[Verdict | None]:
        told: Counter[Verdict | None] = Counter()
        for batch in range(batches):
            facts = [make_fact(f"{name}.{batch}.{number}@example.com") for number in range(size)]
            for _, outcome in intake.record(facts):
                assert isinstance(outcome, Recorded), outcome
                told[outcome.verdict] += 1
        return told

    return job


@pytest.mark.parametrize("limits", [Limits(most=100), Limits(rate=100, rate_hours=5)])
def test_intakes_that_race_for_the_last_places_share_them_exactly(world: World, limits: Limits) -> None:
    brake(world, limits)
    told = at_once(*[writer(world, f"w{each}", batches=10, size=7) for each in range(4)])
    assert told == {Verdict.RAISED: 100, Verdict.HELD: 180}
    assert len(waiting(world)) == 180
    assert assert_counted_right(world) == 100
    world.count_up()
    assert (world.count(), world.proof().difference) == (100, 0)


def test_a_form_that_many_write_by_has_its_number_exactly(world: World) -> None:
    brake(world, Limits(most=50), THE_FORM)
    told = at_once(*[writer(world, f"w{each}", batches=6, size=5) for each in range(4)])
    assert told == {Verdict.RAISED: 50, Verdict.HELD: 70}


def test_writers_of_the_same_people_take_one_place_for_each(world: World) -> None:
    brake(world, Limits(most=10))
    told = at_once(*[writer(world, "same", batches=4, size=5) for _ in range(4)])
    assert told[Verdict.RAISED] == 10
    assert assert_counted_right(world) == 10
    assert len(waiting(world)) == world.number_of(contact) - 10 == 10


def test_intakes_a_bulk_job_and_single_raises_share_one_limit(world: World) -> None:
    world.record(*[make_fact(f"known{each}@example.com", form=FORM_THAT_IS_OFF) for each in range(600)])
    brake(world, Limits(most=150))
    everybody = Selection(
        filter=read_filter({"filters": [{"propertyName": "email", "operator": "HAS_PROPERTY"}]})
    )
    job = bulk.set_status(world.database, USER, PORTAL, everybody, world.now(), marketing=True, expected=600)

    def by_hand() -> Counter[Verdict | None]:
        emails = [f"known{each}@example.com" for each in range(599, 560, -1)]
        return Counter(world.set_status(email, Intent.RAISE).verdict for email in emails)

    def run() -> Counter[Verdict | None]:
        done = work(world, job.id)
        return Counter({Verdict(verdict): number for verdict, number in done.counts.items()})

    told = at_once(run, by_hand, writer(world, "new", batches=12, size=10))
    assert told[Verdict.RAISED] == 150
    assert assert_counted_right(world) == 150
    assert len(waiting(world)) == world.number_of(contact) - 150
    world.count_up()
    assert world.proof().difference == 0


def test_a_brake_that_is_set_while_others_write_misses_nobody(world: World) -> None:
    """The first brake counts who is there, and whoever writes then goes by it."""

    def set_and_remove() -> Counter[Verdict | None]:
        for _ in range(6):
            brake(world, Limits(most=10_000))
            assert_counted_when_still(world)
            take_away(world)
        brake(world, Limits(most=10_000))
        return Counter()

    def by_hand() -> Counter[Verdict | None]:
        for number in range(40):
            email = f"w0.{number % 5}.{number % 7}@example.com"
            try:
                world.set_status(email, Intent.LOWER)
            except KeyError:
                continue
        return Counter()

    told = at_once(
        set_and_remove, by_hand, *[writer(world, f"w{each}", batches=25, size=7) for each in range(3)]
    )
    assert told[Verdict.HELD] == 0
    assert_counted_right(world)
    world.count_up()
    assert world.proof().difference == 0


def assert_counted_when_still(world: World) -> None:
    """Hold the counters against a recount in one state of the database, whoever writes meanwhile."""
    with world.database.reading() as connection:
        rows = connection.execute(sa.select(brake_count).where(brake_count.c.until > world.now()))
        kept = {row.until: row.contacts for row in rows if row.contacts}
        assert kept == brakes.recount(connection, PORTAL, world.now())


def test_portals_with_and_without_a_brake_in_one_batch_do_not_mix(world: World) -> None:
    with world.database.writing() as connection:
        for number in (2, 3):
            portals.add_portal(connection, make_portal(number))
            portals.save_form(connection, make_form(portal_id=number), world.now())
    for number in (PORTAL, 3):
        brake(world, Limits(most=20), portal_id=number)

    def mixed(name: str) -> Job:
        intake = world.intake()
        batches = [
            [make_fact(f"{name}.{batch}.{each}@example.com", portal_id=1 + each % 3) for each in range(12)]
            for batch in range(5)
        ]
        return lambda: Counter(
            outcome.verdict
            for batch in batches
            for _, outcome in intake.record(batch)
            if isinstance(outcome, Recorded)
        )

    assert at_once(mixed("a"), mixed("b"), mixed("c")) == {
        Verdict.RAISED: 60 + 20 + 20,
        Verdict.HELD: 40 + 40,
    }
    assert assert_counted_right(world) == 20


@on_postgresql
def test_connections_that_break_in_the_middle_leave_the_count_right(world: World) -> None:
    brake(world, Limits(most=60))
    told: Counter[str] = Counter()

    def stubborn(name: str) -> Callable[[], None]:
        intake = world.intake()

        def job() -> None:
            for number in range(40):
                fact = make_fact(f"{name}{number}@example.com", delivery=f"{name}{number}")
                for _ in range(100):
                    (outcome,) = intake.record_all([fact])
                    if isinstance(outcome, Recorded):
                        break
                    told[type(outcome).__name__] += 1

        return job

    threads = [threading.Thread(target=stubborn(name)) for name in ("a", "b", "c")]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        break_connections(world.database)
        time.sleep(0.15)
    assert set(told) <= {"DatabaseAway"}
    assert told
    assert assert_counted_right(world) == 60
    assert (len(waiting(world)), world.number_of(submission)) == (60, 120)
    world.count_up()
    assert world.proof().difference == 0


def test_releases_that_race_raise_each_contact_once(world: World) -> None:
    brake(world, Limits(most=0))
    facts = [make_fact(f"p{each}@example.com") for each in range(300)]
    world.record(*facts)

    def releaser() -> Counter[Verdict | None]:
        released: Counter[Verdict | None] = Counter()
        while waiting(world):
            released[Verdict.RAISED] += release(world, most=17).get("released", 0)
        return released

    told = at_once(releaser, releaser, writer(world, "p", batches=3, size=5))
    assert told[Verdict.RAISED] == 315 == assert_counted_right(world)
    world.count_up()
    assert (world.count(), world.proof().difference) == (315, 0)


def test_a_job_releases_thousands_while_others_are_held(world: World) -> None:
    brake(world, Limits(most=0))
    for batch in range(4):
        world.record(*[make_fact(f"b{batch}.{each}@example.com") for each in range(450)])
    settled = holding(world).release(USER, PORTAL, ALL, most=None, expected=1_800)
    assert settled.job is not None
    number = settled.job.id

    def run() -> Counter[Verdict | None]:
        done = work(world, number)
        return Counter({Verdict.RAISED: done.counts["released"]})

    told = at_once(run, writer(world, "later", batches=5, size=20))
    assert told == {Verdict.RAISED: 1_800, Verdict.HELD: 100}
    assert assert_counted_right(world) == 1_800
    assert len(waiting(world)) == 100


class BreaksOff(HeldSettler):
    """Does its step, and never comes to the commit."""

    def step(self, connection: Any, job: jobs.Job, now: datetime) -> jobs.Step:
        super().step(connection, job, now)
        raise Unavailable("just now")


def test_a_step_that_breaks_off_is_done_again_and_counts_once(world: World) -> None:
    brake(world, Limits(most=0))
    world.record(*[make_fact(f"p{each}@example.com") for each in range(900)])
    settled = holding(world).release(USER, PORTAL, ALL, most=850, expected=None)
    assert settled.job is not None
    open_runner(world.database, world.now, interval=0.01).step()
    with pytest.raises(Unavailable):
        JobRunner(world.database, {RELEASE_HELD: BreaksOff()}, world.now, interval=0.01).step()
    assert assert_counted_right(world) == CHUNK
    done = work(world, settled.job.id)
    assert (done.done, done.counts["released"], assert_counted_right(world)) == (850, 850, 850)
    assert world.number_of(submission) == 900
