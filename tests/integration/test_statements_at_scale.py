"""A statement of a large portal: its memory does not grow with the contacts, and its proof is quick."""

import time
import tracemalloc

import sqlalchemy as sa

from service import statements
from service.statements import GRACE
from service.store import completeness
from service.store import statements as store
from service.store.tables import ledger_line
from tests.closing import digest_of, issue, statement_of
from tests.crowds import fill
from tests.facts import NOW, PORTAL, UPDATE_DATE
from tests.world import World

MANY = 100_000
MEGABYTE = 2**20


def test_a_hundred_thousand_contacts_take_moments_and_little_memory(world: World) -> None:
    fill(world.database, MANY, NOW)
    began = time.monotonic()
    assert completeness.lacking(world.database, PORTAL, UPDATE_DATE) == 0
    assert time.monotonic() - began < 20
    with world.database.reading() as connection:
        store.draw(connection, PORTAL, UPDATE_DATE)  # what is made at the first time only is made now
        tracemalloc.start()
        drawn = store.draw(connection, PORTAL, UPDATE_DATE)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert drawn.contacts == MANY
    assert peak < 8 * MEGABYTE
    began = time.monotonic()
    assert issue(world, UPDATE_DATE) == 1
    assert time.monotonic() - began < 30
    row = statement_of(world, UPDATE_DATE).row
    assert (row.contacts, row.digest) == (MANY, digest_of(range(1, MANY + 1)))
    assert statements.verify(world.database, PORTAL, "2026-04-01").is_ok
    assert world.now() == UPDATE_DATE + GRACE


def test_counting_what_lacks_ends_when_it_is_enough(world: World) -> None:
    fill(world.database, MANY, NOW)
    world.write(sa.delete(ledger_line))
    began = time.monotonic()
    assert completeness.lacking(world.database, PORTAL, UPDATE_DATE) == completeness.ENOUGH
    assert time.monotonic() - began < 10
