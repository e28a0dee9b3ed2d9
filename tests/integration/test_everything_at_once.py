import random
import threading
import time
from collections.abc import Callable

from consumers.billing_count import BillingCount
from consumers.runner import Runner
from service.broker import BILLING_COUNT, Publisher
from service.clock import Clock
from service.domain.model import Intent, Recorded
from service.relay import Relay
from service.store.tables import contact, outbox, status_change, submission
from service.sweep import Sweeper
from tests.facts import FORM, FORM_THAT_IS_OFF, make_fact
from tests.world import World

PATIENCE = 40.0
PEOPLE = 8
SUBMISSIONS = 150
Job = Callable[[threading.Event], None]


def submit(world: World, seed: int, outcomes: list[object]) -> None:
    """Record submissions one by one, as a process of its own, and note what was told."""
    chance, intake = random.Random(seed), world.intake()  # noqa: S311 - no secret
    for _ in range(SUBMISSIONS):
        fact = make_fact(
            f"person{chance.randrange(PEOPLE)}@example.com",
            cookie=chance.choice(["one", "two", None]),
            form=chance.choice([FORM, FORM_THAT_IS_OFF]),
            new_contact_for_new_email=True,
        )
        outcomes += [outcome for _, outcome in intake.record([fact])]


def lower_and_let_time_pass(world: World, until: threading.Event) -> None:
    chance = random.Random(0)  # noqa: S311 - no secret
    while not until.is_set():
        known = [row.email for row in world.rows(contact)]
        if known:
            world.set_status(chance.choice(known), Intent.LOWER)
        world.pass_by(hours=chance.choice([1, 100, 400]))


def processes(world: World) -> list[Job]:
    """Return what runs beside the web processes, some of it twice."""
    publishers = [Publisher(world.stack.broker_url, world.topology()) for _ in range(2)]
    relays = [Relay(world.database, each, world.now, batch=20, poll_interval=0.02) for each in publishers]
    runners = [
        Runner(
            BILLING_COUNT, BillingCount(world.database, world.now), world.database, world.stack.broker_url,
            world.topology(), world.now, batch=20,
        )
        for _ in range(2)
    ]  # fmt: skip
    clocks = [Clock(world.database, world.now, interval=0.02) for _ in range(2)]
    sweeper = Sweeper(world.database, world.now, interval=0.1)
    return [
        *(relay.run for relay in relays),
        *(runner.run for runner in runners),
        *(clock.run for clock in clocks),
        sweeper.run,
    ]


def at_work(world: World, outcomes: list[object]) -> None:
    """Have everything run until all is submitted and the rest has come to rest."""
    stop, submitted = threading.Event(), threading.Event()
    jobs = [threading.Thread(target=job, args=(stop,)) for job in processes(world)]
    writers = [threading.Thread(target=submit, args=(world, seed, outcomes)) for seed in range(2)]
    passing = threading.Thread(target=lower_and_let_time_pass, args=(world, submitted))
    for thread in (*jobs, *writers, passing):
        thread.start()
    for writer in writers:
        writer.join(PATIENCE)
    submitted.set()
    passing.join(PATIENCE)
    deadline = time.monotonic() + PATIENCE
    while not at_rest(world) and time.monotonic() < deadline:
        time.sleep(0.05)
    stop.set()
    for job in jobs:
        job.join(PATIENCE)


def test_after_everything_at_once_the_count_is_proved(world: World) -> None:
    outcomes = list[object]()
    at_work(world, outcomes)
    assert at_rest(world)
    assert {type(outcome) for outcome in outcomes} == {Recorded}
    assert world.number_of(submission) == len(outcomes) == 2 * SUBMISSIONS
    assert world.count() == world.proof().by_contacts > 0


def at_rest(world: World) -> bool:
    """Whether all ends are announced and everything has arrived."""
    waiting = world.number_of(outbox) or world.proof().difference
    ending = [row for row in world.rows(contact) if row.until and row.until <= world.now()]
    changes = sum(row.status_version for row in world.rows(contact))
    return (
        not waiting and all(row.end_announced for row in ending) and changes == world.number_of(status_change)
    )
