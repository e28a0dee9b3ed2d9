import random
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial

import pytest

from service.committer import Committer
from service.configuration import Configuration
from service.domain.model import Fact, Intent, Recorded, Verdict
from service.errors import ConflictingDelivery
from service.intake import Intake
from service.store.tables import (
    conflicting_delivery,
    contact,
    ended_stint,
    outbox,
    status_change,
    submission,
    visitor,
)
from tests.facts import FORM, FORM_THAT_IS_OFF, digest_of, make_fact
from tests.world import World

Outcomes = list[tuple[Fact, Recorded | Exception]]
CHANGES = {Verdict.RAISED, Verdict.LOWERING_CANCELLED, Verdict.LOWERING_REQUESTED, Verdict.STINT_ENDED}


def at_once(*jobs: Callable[[], Outcomes]) -> Outcomes:
    """Run jobs in threads that begin together; returns all that they return."""
    start = threading.Barrier(len(jobs))

    def run(job: Callable[[], Outcomes]) -> Outcomes:
        start.wait(20)
        return job()

    with ThreadPoolExecutor(len(jobs)) as threads:
        return [each for found in threads.map(run, jobs) for each in found]


def writer(world: World, batches: Sequence[Sequence[Fact]]) -> Callable[[], Outcomes]:
    """Return a job that records batches with an intake of its own, as a process has it."""
    intake = world.intake()
    return lambda: [each for batch in batches for each in intake.record(batch)]


def some_batches(seed: int, number: int, deliveries: int) -> list[list[Fact]]:
    chance = random.Random(seed)  # noqa: S311 - no secret

    def fact() -> Fact:
        return make_fact(
            f"person{chance.randrange(5)}@example.com",
            cookie=chance.choice(["one", "two", "three", None, None]),
            form=chance.choice([FORM, FORM_THAT_IS_OFF]),
            delivery=str(chance.randrange(deliveries)) if chance.random() < 0.3 else None,
            digest=digest_of(f"body {chance.random() < 0.05}"),
            properties={"seed": str(seed)},
        )

    return [[fact() for _ in range(chance.choice([1, 2, 5, 15]))] for _ in range(number)]


def assert_nothing_is_lost(world: World, outcomes: Outcomes) -> None:
    """Hold what senders were told against what is there."""
    errors = [each for _, each in outcomes if isinstance(each, Exception)]
    assert {type(error) for error in errors} <= {ConflictingDelivery}, errors
    kept = [each for _, each in outcomes if isinstance(each, Recorded) and each.verdict is not None]
    assert world.number_of(submission) == len(kept)
    conflicts = {(fact.once_key, fact.digest) for fact, each in outcomes if isinstance(each, Exception)}
    assert world.number_of(conflicting_delivery) == len(conflicts)
    once = Counter(
        fact.once_key for fact, each in outcomes if isinstance(each, Recorded) and each.verdict is not None
    )
    assert set(once.values()) <= {1}


def assert_chains_are_whole(world: World) -> None:
    """Each contact's changes are numbered without a gap, and each takes up where the one before it left."""
    chains: defaultdict[int, list[Verdict]] = defaultdict(list)
    for row in world.rows(status_change, status_change.c.contact_id, status_change.c.version):
        chain = chains[row.contact_id]
        chain.append(Verdict(row.verdict))
        assert row.version == len(chain)
        assert row.before is (chain[-2:-1] not in ([], [Verdict.STINT_ENDED]))
    for row in world.rows(contact):
        assert row.status_version == len(chains[row.id])
    assert world.number_of(outbox) == world.number_of(status_change)


@pytest.mark.parametrize("writers", [2, 4])
def test_writers_over_the_same_few_contacts_lose_nothing(world: World, writers: int) -> None:
    jobs = [writer(world, some_batches(seed, 25, deliveries=30)) for seed in range(writers)]
    outcomes = at_once(*jobs)
    assert_nothing_is_lost(world, outcomes)
    assert_chains_are_whole(world)
    assert world.number_of(contact) <= 5
    assert world.number_of(visitor) == 3


def test_the_sum_of_what_was_decided_is_what_was_changed(world: World) -> None:
    world.record(*[make_fact(f"person{number}@example.com") for number in range(5)])
    jobs = [writer(world, some_batches(seed, 20, deliveries=10_000)) for seed in range(2)]
    # One is leaving before they begin, so that a submission of its is sure to cancel that.
    lowered = [world.set_status("person0@example.com", Intent.LOWER).verdict]

    def lower() -> Outcomes:
        emails = [f"person{number % 5}@example.com" for number in range(30)]
        lowered.extend(world.set_status(email, Intent.LOWER).verdict for email in emails)
        return []

    outcomes = at_once(*jobs, lower)
    told = Counter(each.verdict for _, each in outcomes if isinstance(each, Recorded))
    changes = Counter(Verdict(row.verdict) for row in world.rows(status_change))
    assert changes[Verdict.LOWERING_CANCELLED] == told[Verdict.LOWERING_CANCELLED] > 0
    assert changes[Verdict.LOWERING_REQUESTED] == Counter(lowered)[Verdict.LOWERING_REQUESTED] > 0
    assert_chains_are_whole(world)


def test_one_new_contact_that_all_writers_meet_at_once_is_one_contact(world: World) -> None:
    jobs = [
        writer(world, [[make_fact(f"new{number}@example.com")] for number in range(25)]) for _ in range(4)
    ]
    outcomes = at_once(*jobs)
    verdicts = Counter(each.verdict for _, each in outcomes if isinstance(each, Recorded))
    assert verdicts == {Verdict.RAISED: 25, Verdict.ALREADY_MARKETING: 75}
    assert world.number_of(contact) == 25


def test_one_delivery_that_all_writers_get_is_recorded_once(world: World) -> None:
    jobs = [writer(world, [[make_fact(delivery=f"{number}")] for number in range(25)]) for _ in range(4)]
    outcomes = at_once(*jobs)
    repeats = sum(isinstance(each, Recorded) and each.repeated for _, each in outcomes)
    assert repeats == 75
    assert_nothing_is_lost(world, outcomes)


def test_one_cookie_that_all_writers_move_about_is_linked_once(world: World) -> None:
    jobs = [
        writer(world, [[make_fact(f"{who}{number % 2}@example.com", cookie="one")] for number in range(20)])
        for who in range(3)
    ]
    outcomes = at_once(*jobs)
    assert_nothing_is_lost(world, outcomes)
    (link,) = world.rows(visitor)
    assert link.contact_id in {row.id for row in world.rows(contact)}


def test_writers_under_a_running_clock_lose_nothing(world: World) -> None:
    """The time is read before the lock is there, so it may be a moment behind what another has written."""

    def job() -> Callable[[], Outcomes]:
        intake = Intake(world.database, Configuration(world.database), lambda: datetime.now(UTC))
        world.closed.append(intake)
        batches = [[make_fact(f"new{number}@example.com")] for number in range(60)]
        return lambda: [each for batch in batches for each in intake.record(batch)]

    outcomes = at_once(*[job() for _ in range(3)])
    assert_nothing_is_lost(world, outcomes)
    verdicts = Counter(each.verdict for _, each in outcomes if isinstance(each, Recorded))
    assert verdicts == {Verdict.RAISED: 60, Verdict.ALREADY_MARKETING: 120}


@pytest.mark.parametrize("seconds", [0.001, 1, 3_600])
def test_a_writer_whose_clock_is_behind_decides_as_the_others(world: World, seconds: float) -> None:
    assert world.verdicts(make_fact()) == [Verdict.RAISED]
    world.pass_by(seconds=-seconds)
    assert world.verdicts(make_fact()) == [Verdict.ALREADY_MARKETING]
    assert world.set_status("ada@example.com", Intent.LOWER).verdict is Verdict.LOWERING_REQUESTED
    assert world.verdicts(make_fact()) == [Verdict.LOWERING_CANCELLED]
    assert world.number_of(ended_stint) == 0
    assert world.count_up()[-1].version == 3
    assert world.proof().unequal_stints == 0


def test_requests_of_many_threads_share_transactions_and_none_is_lost(world: World) -> None:
    committer = Committer(world.intake, timeout=20, waiting_limit=1_000)

    def post(sender: int) -> Outcomes:
        facts = [make_fact(f"person{(sender + number) % 7}@example.com") for number in range(40)]
        return [(fact, committer.record(fact)) for fact in facts]

    outcomes = at_once(*[partial(post, sender) for sender in range(12)])
    committer.close()
    assert_nothing_is_lost(world, outcomes)
    assert_chains_are_whole(world)
    assert world.number_of(submission) == 480
    assert world.number_of(contact) == 7
