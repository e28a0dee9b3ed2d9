"""A world whose periods are closed: what tests of statements, adjustments and renewals do with it."""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from consumers.billing_count import BillingCount
from service import statements
from service.messages import StatusMessage, dump
from service.statements import GRACE, Statement, StatementMaker
from service.store.tables import adjustment, contact, statement
from tests.facts import PORTAL, make_fact
from tests.world import World

MOMENT = timedelta(microseconds=1)


def raise_contacts(world: World, *names: object) -> None:
    """Have contacts submit a form that is on; nothing of it is counted yet."""
    world.record(*[make_fact(f"{name}@example.com") for name in names])


def ids(world: World, *names: object) -> list[int]:
    """Return the numbers of contacts."""
    found = {row.email: row.id for row in world.rows(contact)}
    return sorted(found[f"{name}@example.com"] for name in names)


def digest_of(numbers: Sequence[int]) -> str:
    """Return the digest of contacts as the pages tell anyone to derive it."""
    return hashlib.sha256("".join(f"{number}\n" for number in sorted(numbers)).encode()).hexdigest()


def issue(world: World, at: datetime | None = None) -> int:
    """Let a maker look once, at an instant, or when the grace after it has passed; returns how many were issued."""
    if at is not None:
        world.time = at + GRACE
    return StatementMaker(world.database, world.now).step()


def issued(world: World, portal_id: int = PORTAL) -> list[Any]:
    """Return the rows of issued statements, oldest first."""
    rows = world.rows(statement, statement.c.ends_at)
    return [row for row in rows if row.portal_id == portal_id and row.issued_at is not None]


def statement_of(world: World, ends_at: datetime) -> Statement:
    """Return a period's statement."""
    return statements.show(world.database, PORTAL, ends_at.isoformat())


def late(world: World) -> list[tuple[datetime, int, int]]:
    """Return all adjustments as (end of the period, contact, change)."""
    return [(row.ends_at, row.contact_id, row.change) for row in world.rows(adjustment, adjustment.c.id)]


def apply(world: World, messages: Sequence[StatusMessage]) -> None:
    """Bring messages into the ledger."""
    BillingCount(world.database, world.now).handle([dump(message) for message in messages])


def assert_verified(world: World) -> None:
    """Every issued statement follows again from the ledger and from the contacts."""
    for row in issued(world):
        found = statements.verify(world.database, PORTAL, row.ends_at.isoformat())
        assert found.is_ok, (row, found)


def raise_late(world: World, at: datetime, *names: object) -> None:
    """Raise contacts at an instant that has passed, as a transaction that took too long does, and count them."""
    now, world.time = world.time, at
    raise_contacts(world, *names)
    world.time = now
    world.count_up()


def raised(
    contacts: Iterable[int], since: datetime, until: datetime | None = None, version: int = 1
) -> list[StatusMessage]:
    """Return messages about the first stint of contacts."""
    return [
        StatusMessage(
            PORTAL, contact, version, since, False, True, "raised", 1, since, until,  # noqa: FBT003
            "FORM_SUBMISSION", "form", "hubspot_form", "FORM_SUBMISSION", "form", "", 1,
        )
        for contact in contacts
    ]  # fmt: skip
