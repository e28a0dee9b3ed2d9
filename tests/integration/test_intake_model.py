import random
from datetime import datetime

import pytest

from service.domain.model import Fact, Intent
from tests.facts import FORM, FORM_THAT_IS_OFF, digest_of, make_fact
from tests.intake_model import Model, orders, stored, told
from tests.world import World

ODD = [
    "", " ", "NULL", "null", "\\", '"', '\\"', "'", "''; --", "{", "}", "{}", ",", "},{", "a,b", "\n", "\r\n",
    "\t", "%s", "$1", ":name", "?", "🙂", "é", "ﷺ", "\u2028", "\u200b", "x" * 5_000, "\x7f", "true", "0",
]  # fmt: skip
DOMAINS = ["example.com", "example.org"]


def random_fact(chance: random.Random, people: int, now: datetime) -> Fact:
    """Return a fact about one of a few people, with a repeat or a conflict now and then."""
    person = chance.randrange(people)
    email = f"person{person}@{DOMAINS[person % 2]}"
    delivery = f"{person} {chance.randrange(40)}" if chance.random() < 0.4 else None
    body = "other body" if chance.random() < 0.1 else "body"
    return make_fact(
        email,
        cookie=f"cookie of {person}" if chance.random() < 0.3 else None,
        form=chance.choice([FORM, FORM_THAT_IS_OFF]),
        delivery=delivery,
        digest=digest_of(body),
        properties={key: chance.choice(ODD) for key in chance.sample(["a", "b", "ü", "'c'"], 2)},
        received_at=now,
        submitted_at=now,
    )


def lower_somebody(world: World, model: Model, chance: random.Random) -> None:
    person = chance.choice(model.people)
    world.set_status(person.email, Intent.LOWER)
    model.lower(person.email, world.now())


@pytest.mark.parametrize("seed", range(3))
def test_batches_come_to_what_a_plain_model_comes_to(world: World, seed: int) -> None:
    chance, model, intake = random.Random(seed), Model(), world.intake()  # noqa: S311 - no secret
    for size in (1, 2, 7, 40, 150, 3, 80):
        facts = [random_fact(chance, 12, world.now()) for _ in range(size)]
        outcomes = {fact.submission_id: told(outcome) for fact, outcome in intake.record(facts)}
        assert outcomes == {fact.submission_id: model.apply(fact, world.now()) for fact in facts}
        assert stored(world) == model.state()
        lower_somebody(world, model, chance)
        world.pass_by(days=chance.choice([0, 1, 12]), seconds=1)


def wild_fact(chance: random.Random, now: datetime) -> Fact:
    """Return a fact whose address and cookie belong together or not."""
    return make_fact(
        chance.choice(["ada@example.com", "bob@example.com", "eve@example.com", None]),
        cookie=chance.choice(["one", "two", None]),
        form=chance.choice([FORM, FORM_THAT_IS_OFF]),
        delivery=str(chance.randrange(30)) if chance.random() < 0.3 else None,
        properties={"note": str(chance.random())},
        received_at=now,
        new_contact_for_new_email=chance.random() < 0.3,
    )


@pytest.mark.parametrize("seed", range(4))
def test_visitors_who_change_cookies_and_addresses_are_one_after_the_other(world: World, seed: int) -> None:
    chance, model, intake = random.Random(seed), Model(), world.intake()  # noqa: S311 - no secret
    for _ in range(15):
        facts = [wild_fact(chance, world.now()) for _ in range(chance.randint(1, 4))]
        for _, outcome in intake.record(facts):
            told(outcome)
        found = stored(world)
        models = [after for _, after in orders(model, facts, world.now())]
        states = [each.state() for each in models]
        assert found in states, (facts, found, states)
        model = models[states.index(found)]
        world.pass_by(days=1)


def test_odd_text_comes_back_as_it_was(world: World) -> None:
    model = Model()
    facts = [
        make_fact(f"{number}@example.com", cookie=f"cookie {text}", properties={text: text, "name": text})
        for number, text in enumerate(ODD)
    ]
    assert [told(outcome) for outcome in world.record(*facts)] == ["raised"] * len(ODD)
    for fact in facts:
        model.apply(fact, world.now())
    assert stored(world) == model.state()


@pytest.mark.parametrize("number", [1, 500, 1_200])
def test_a_batch_may_be_of_any_size(world: World, number: int) -> None:
    facts = [make_fact(f"person{each % 400}@example.com") for each in range(number)]
    model = Model()
    outcomes = [told(outcome) for outcome in world.record(*facts)]
    assert outcomes == [model.apply(fact, world.now()) for fact in facts]
    assert stored(world) == model.state()


def test_an_empty_batch_is_nothing(world: World) -> None:
    assert world.record() == []


@pytest.mark.parametrize("shared", ["address", "cookie"])
def test_a_batch_that_hangs_together_all_through_is_kept_whole(world: World, shared: str) -> None:
    """One machine on which many people sign up, or one person with many machines."""
    facts = [
        make_fact("one@example.com", cookie=f"cookie {number}")
        if shared == "address"
        else make_fact(f"person{number}@example.com", cookie="one cookie", new_contact_for_new_email=True)
        for number in range(130)
    ]
    model = Model()
    outcomes = [told(outcome) for outcome in world.record(*facts)]
    assert outcomes == [model.apply(fact, world.now()) for fact in facts]
