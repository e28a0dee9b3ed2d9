import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from service.defaults.whatif import MOST_DAYS, WhatIf
from service.domain.defaults import Subject, SubjectKind, Value
from service.store import schema
from service.store.session import Database
from service.store.tables import submission
from tests.facts import PORTAL
from tests.histories import Story
from tests.world import World

ACTS = 90


@pytest.fixture
def twin(world: World, tmp_path: Path) -> Iterator[World]:
    """An empty database of its own, with the same portal."""
    database = Database(f"sqlite:///{tmp_path / 'twin.db'}")
    schema.migrate(database)
    other = replace(world, database=database, closed=[])
    other.furnish()
    yield other
    other.close()


def random_changes(chance: random.Random, story: Story) -> dict[int, bool | None]:
    """Return some defaults by their place; forms may go by the portal's switch."""
    places = chance.sample(range(len(story.subjects)), chance.choice([1, 1, 2, 4]))
    kinds = {place: story.subjects[place].kind for place in places}
    return {
        place: chance.choice([True, False, *([None] if kind is SubjectKind.EXTERNAL_FORM else [])])
        for place, kind in kinds.items()
    }


def short_story(world: World, chance: random.Random) -> Story:
    """A random story that takes less than the longest window."""
    story, begin = Story(world), world.now()
    while len(story.acts) < ACTS and (world.now() - begin).days < MOST_DAYS - 12:
        story.go_on(chance, 1)
    return story


def ask(story: Story, changes: dict[Subject, bool | None], begin: datetime) -> Any:
    days = (story.world.now() - begin).days + 1
    return WhatIf(story.world.database, story.world.now).ask(PORTAL, changes, days)


def as_flag(value: Value) -> bool | None:
    return None if value is None else bool(value)


@pytest.mark.parametrize("seed", range(4))
def test_the_defaults_that_were_reproduce_what_happened(world: World, seed: int) -> None:
    chance, begin = random.Random(seed), world.now()  # noqa: S311 - no secret
    story = short_story(world, chance)
    world.count_up()
    touched = {act[1] for act in story.acts if act[0] == "set"}
    every = {each.kept.subject: each.kept.own for each in story.defaults.every(PORTAL)}
    same = {each: as_flag(every[each]) for place, each in enumerate(story.subjects) if place not in touched}
    found = ask(story, same, begin)
    assert found["unexplained"] == 0
    assert found["submissions"] == world.number_of(submission)
    for at in ("now", "at_update_date"):
        assert (found[at]["more"], found[at]["fewer"]) == (0, 0)
    assert found["now"]["count"] == world.count() == world.proof().by_contacts


@pytest.mark.parametrize("seed", range(5))
def test_another_default_comes_to_the_same_in_an_empty_twin(world: World, twin: World, seed: int) -> None:
    chance, begin = random.Random(seed), world.now()  # noqa: S311 - no secret
    story = short_story(world, chance)
    world.count_up()
    changes = random_changes(chance, story)
    found = ask(story, {story.subjects[place]: value for place, value in changes.items()}, begin)
    Story(twin).tell_again(story.acts, changes)
    twin.count_up()
    update_date = datetime.fromisoformat(found["update_date"])
    assert twin.now() == world.now()
    assert found["unexplained"] == 0
    assert found["now"]["with_change"] == twin.count()
    assert found["at_update_date"]["with_change"] == twin.count(update_date)
