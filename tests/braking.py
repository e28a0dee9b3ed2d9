"""Brakes of a test's world: set, looked at, and held against a recount."""

from collections.abc import Sequence
from typing import Any

from service.brakes.holding import Holding
from service.brakes.limits import Brakes
from service.domain.actors import COMMAND
from service.domain.brake import WHOLE_PORTAL, HeldState, Limits, Target
from service.store import brakes
from service.store.held import Wanted
from service.store.tables import brake_count, held
from tests.facts import FORM, PORTAL
from tests.world import World

THE_FORM: Target = ("hubspot_form", FORM)
ALL = Wanted()


def brake(world: World, limits: Limits, target: Target = WHOLE_PORTAL, *, portal_id: int = PORTAL) -> None:
    """Set a brake."""
    Brakes(world.database, world.now).set_limits(COMMAND, portal_id, target, limits)


def take_away(world: World, target: Target = WHOLE_PORTAL) -> None:
    """Take a brake away."""
    Brakes(world.database, world.now).remove(COMMAND, PORTAL, target)


def holding(world: World) -> Holding:
    return Holding(world.database, world.now)


def release(world: World, wanted: Wanted = ALL, *, most: int | None = 10_000) -> dict[str, int]:
    """Release what waits at once; returns what it came to."""
    settled = holding(world).release(COMMAND, PORTAL, wanted, most=most, expected=None)
    assert settled.job is None
    return {state: number for state, number in settled.counts.items() if number}


def states(world: World) -> Sequence[HeldState]:
    """Return the state of each raise that is or was held, in their order."""
    return [HeldState(row.state) for row in world.rows(held, held.c.id)]


def waiting(world: World) -> Sequence[Any]:
    """Return what waits."""
    return [row for row in world.rows(held, held.c.id) if row.state == HeldState.HELD]


def assert_counted_right(world: World) -> int:
    """Hold the counters of the brake against a recount of the contacts; returns the count now."""
    now = world.now()
    kept = {
        row.until: row.contacts
        for row in world.rows(brake_count)
        if row.portal_id == PORTAL and row.until > now and row.contacts
    }
    with world.database.reading() as connection:
        assert kept == brakes.recount(connection, PORTAL, now)
    return sum(kept.values())
