"""Whole lives of a portal over several periods, whatever happens on the way: every statement is exact."""

import random
from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from service.domain.billing import FOREVER
from service.domain.model import Intent
from service.messages import StatusMessage
from service.statements import GRACE, cut
from service.store import completeness
from service.store import statements as store
from service.store.tables import contact, ended_stint
from service.sweep import sweep
from tests.closing import apply, assert_verified, issue, issued, raise_contacts, statement_of
from tests.facts import FORM_THAT_IS_OFF, PORTAL, make_fact
from tests.world import World

NAMES = ("ada", "bob", "cyd", "dan", "eve")
STEPS = 80


class Life:
    """A portal to which things happen at random, the same for one seed."""

    def __init__(self, world: World, seed: int) -> None:
        self.world = world
        self.chance = random.Random(seed)  # noqa: S311 - a test's
        self.queue: list[StatusMessage] = []
        """Messages on their way."""

    def live(self) -> None:
        does = [
            self.submit,
            self.submit,
            self.set,
            self.set,
            self.wait,
            self.deliver,
            self.lose,
            self.look,
            self.crash,
        ]
        for _ in range(STEPS):
            self.chance.choice(does)()

    def submit(self) -> None:
        raise_contacts(self.world, *self.chance.sample(NAMES, 2))

    def set(self) -> None:
        email = f"{self.chance.choice(NAMES)}@example.com"
        self.world.record(make_fact(email, form=FORM_THAT_IS_OFF))  # it is there, at least
        self.world.set_status(email, self.chance.choice([Intent.RAISE, Intent.LOWER, Intent.LOWER]))

    def wait(self) -> None:
        self.world.pass_by(days=self.chance.choice([0, 1, 9, 20]), minutes=self.chance.choice([1, 500]))
        self.world.announce_ends()

    def deliver(self) -> None:
        """Bring some of the messages, in any order, and some of them twice."""
        self.queue += self.world.take_messages()
        self.chance.shuffle(self.queue)
        number = self.chance.randint(0, len(self.queue))
        apply(self.world, self.queue[:number])
        self.queue = self.queue[number - self.chance.randint(0, number) :]

    def lose(self) -> None:
        """Lose all that is on its way, and find it again by a sweep."""
        self.queue = []
        sweep(self.world.database, self.world.now())

    def look(self) -> None:
        issue(self.world)

    def crash(self) -> None:
        """Close what is due, and stop before its numbers are written."""
        with self.world.database.reading() as connection:
            due = store.due(connection, self.world.now() - GRACE)
        for each in due:
            if completeness.lacking(self.world.database, PORTAL, each.period.ends_at) == 0:
                cut(self.world.database, each, self.world.now())

    def end(self) -> None:
        """Let everything arrive and every period be closed."""
        self.world.pass_by(days=40)
        self.world.announce_ends()
        sweep(self.world.database, self.world.now())
        self.queue += self.world.take_messages()
        apply(self.world, self.queue)
        issue(self.world)


def counting(world: World, ends_at: datetime) -> int:
    """Count who counted at the last instant of a period, by the contacts' stints alone."""
    stints = [*[row for row in world.rows(contact) if row.stint], *world.rows(ended_stint)]
    covering = [row for row in stints if row.since < ends_at <= (row.until or FOREVER)]
    return len(covering)


@pytest.mark.parametrize("seed", range(4))
def test_every_statement_of_a_life_is_exact_and_no_period_lacks_one(world: World, seed: int) -> None:
    life = Life(world, seed)
    began = world.time
    life.live()
    life.end()
    found = issued(world)
    assert len(found) >= (world.time - began) // timedelta(days=31)
    assert found[0].begins_at == began
    assert all(later.begins_at == earlier.ends_at for earlier, later in pairwise(found))
    for row in found:
        late = statement_of(world, row.ends_at).late.sum
        assert row.contacts + late == counting(world, row.ends_at)
    assert_verified(world)
