from datetime import timedelta
from uuid import UUID

import pytest

from service.domain.model import Fact, Recorded, Verdict
from service.errors import ConflictingDelivery
from service.store.tables import conflicting_delivery, contact, outbox, status_change, submission
from tests.facts import NOW, digest_of, make_fact
from tests.world import World

WINDOW = timedelta(minutes=10)


def hashed(minutes: float, *, content: str = "hello", email: str = "ada@example.com") -> Fact:
    """Return a fact without an id of the sender's, as the edge makes it."""
    received_at = NOW + timedelta(minutes=minutes)
    window = int(received_at.timestamp() // WINDOW.total_seconds())
    return make_fact(
        email,
        received_at=received_at,
        once_key=digest_of(f"{content} {window}"),
        earlier_key=digest_of(f"{content} {window - 1}"),
        digest=digest_of(content),
    )


def test_the_same_id_again_answers_as_before_and_does_nothing(world: World) -> None:
    first, again = make_fact(delivery="one"), make_fact(delivery="one", properties={"city": "Graz"})
    (kept,) = world.record(first)
    (repeat,) = world.record(again)
    assert isinstance(kept, Recorded)
    assert repeat == Recorded(first.submission_id, None, kept.contact_id)
    assert [world.number_of(table) for table in (submission, status_change, outbox)] == [1, 1, 1]
    assert world.rows(contact)[0].properties == {}


def test_the_same_id_twice_in_one_batch_is_recorded_once(world: World) -> None:
    first, *others = [make_fact(delivery="one") for _ in range(3)]
    outcomes = world.record(first, *others, make_fact("bob@example.com"))
    assert [outcome.verdict for outcome in outcomes if isinstance(outcome, Recorded)] == [
        Verdict.RAISED,
        None,
        None,
        Verdict.RAISED,
    ]
    assert world.number_of(submission) == 2


def test_a_repeat_does_not_hold_up_new_facts_of_its_contact(world: World) -> None:
    world.record(make_fact(delivery="one"))
    verdicts = world.verdicts(make_fact(delivery="one"), make_fact(delivery="two"))
    assert verdicts == [None, Verdict.ALREADY_MARKETING]


def test_the_same_id_with_another_body_is_refused_and_kept_as_evidence(world: World) -> None:
    world.record(make_fact(delivery="one"))
    other = make_fact(delivery="one", digest=digest_of("other"), content='{"fields":[7]}')
    (outcome,) = world.record(other)
    assert isinstance(outcome, ConflictingDelivery)
    (evidence,) = world.rows(conflicting_delivery)
    assert UUID(evidence.once_key) == UUID(other.once_key)
    assert UUID(evidence.digest) == UUID(other.digest)
    assert evidence.content == {"fields": [7]}


def test_each_conflict_is_kept(world: World) -> None:
    world.record(make_fact(delivery="one"))
    others = [make_fact(delivery="one", digest=digest_of(f"other {number}")) for number in range(3)]
    assert all(isinstance(outcome, ConflictingDelivery) for outcome in world.record(*others))
    assert world.number_of(conflicting_delivery) == 3
    assert world.number_of(submission) == 1


def test_a_conflict_that_is_sent_again_is_kept_once(world: World) -> None:
    world.record(make_fact(delivery="one"))
    for _ in range(3):
        (outcome,) = world.record(make_fact(delivery="one", digest=digest_of("other")))
        assert isinstance(outcome, ConflictingDelivery)
    assert world.number_of(conflicting_delivery) == 1


def test_a_conflict_leaves_its_neighbours_alone(world: World) -> None:
    world.record(make_fact(delivery="one"))
    conflict = make_fact(delivery="one", digest=digest_of("other"))
    before, _, after = world.record(make_fact(), conflict, make_fact("bob@example.com"))
    assert isinstance(before, Recorded)
    assert isinstance(after, Recorded)
    assert after.verdict is Verdict.RAISED


def test_evidence_that_cannot_be_kept_leaves_the_neighbours_alone(world: World) -> None:
    world.record(make_fact(delivery="one"))
    conflict = make_fact(delivery="one", digest=digest_of("other"), content="no JSON")
    refused, kept = world.record(conflict, make_fact("bob@example.com"))
    assert isinstance(refused, Exception)
    assert isinstance(kept, Recorded)


@pytest.mark.parametrize("minutes", [0, 5, 9.99])
def test_the_same_content_within_ten_minutes_is_a_repeat(world: World, minutes: float) -> None:
    assert world.verdicts(hashed(0)) == [Verdict.RAISED]
    assert world.verdicts(hashed(minutes)) == [None]


@pytest.mark.parametrize("minutes", [10, 15, 25])
def test_the_same_content_after_ten_minutes_is_new(world: World, minutes: float) -> None:
    assert world.verdicts(hashed(0)) == [Verdict.RAISED]
    assert world.verdicts(hashed(minutes)) == [Verdict.ALREADY_MARKETING]


def test_the_ten_minutes_go_across_the_boundary_of_two_windows(world: World) -> None:
    assert world.verdicts(hashed(9)) == [Verdict.RAISED]
    assert world.verdicts(hashed(11)) == [None]
    assert world.verdicts(hashed(18.9)) == [None]
    assert world.verdicts(hashed(19)) == [Verdict.ALREADY_MARKETING]


def test_a_repeat_does_not_lengthen_the_ten_minutes(world: World) -> None:
    verdicts = [world.verdicts(hashed(minutes))[0] for minutes in (0, 9, 10.5, 12)]
    assert verdicts == [Verdict.RAISED, None, Verdict.ALREADY_MARKETING, None]


def test_both_sides_of_the_boundary_in_one_batch_are_one(world: World) -> None:
    assert world.verdicts(hashed(9.99), hashed(10.01)) == [Verdict.RAISED, None]


def test_other_content_is_new_at_once(world: World) -> None:
    verdicts = world.verdicts(hashed(0), hashed(0, content="other"))
    assert verdicts == [Verdict.RAISED, Verdict.ALREADY_MARKETING]


def test_a_delivery_without_a_contact_is_kept_once_too(world: World) -> None:
    assert world.verdicts(make_fact(None, delivery="one")) == [Verdict.NO_ADDRESS]
    assert world.verdicts(make_fact(None, delivery="one")) == [None]
