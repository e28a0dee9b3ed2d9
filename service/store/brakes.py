"""Brakes, and how much of their limits is used, exact as of the transaction.

Whoever changes the status of contacts of a portal with a brake locks the portal's brake first, before any contact:
so writers of one portal follow one another there, each decides on what the one before it has left, and the counters
change in the transaction of the contacts themselves. A portal's own row in `brake` is what they lock; it is there,
with no limits if need be, for as long as the portal has any brake.

Guarantee: a brake that is set holds from its commit on; nobody writes on a state from before that.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from service.domain.billing import FOREVER
from service.domain.brake import (
    OPEN,
    WHOLE_PORTAL,
    Brake,
    BrakeGate,
    Gate,
    HeldRaise,
    Limits,
    Target,
    end_of,
)
from service.domain.model import Cause, Standing, StatusChange
from service.errors import Conflict
from service.store import held, portals
from service.store.tables import brake, brake_count, contact, portal
from service.store.upserts import insert

AS_A_WRITER = sa.text("LOCK TABLE contact IN ROW EXCLUSIVE MODE")
"""What any write takes, taken before the look for a brake: a first brake waits for us, or we for it."""
STOP_WRITERS = sa.text("LOCK TABLE contact IN SHARE ROW EXCLUSIVE MODE")
FORGOTTEN_AFTER = timedelta(days=2)
"""How long an end that has passed stays among the counters: longer than clocks are ever apart."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was written of one contact."""

    contact_id: int
    before: Standing
    after: Standing
    changes: Sequence[StatusChange] = ()
    held: Sequence[HeldRaise] = ()

    @property
    def cause(self) -> Cause | None:
        """Who or what changed the status first."""
        return self.changes[0].cause if self.changes else None


def lock(connection: sa.Connection, portal_id: int) -> Gate:
    """Lock the portal's brakes for the transaction and return the gate that raises have to pass."""
    return lock_all(connection, [portal_id]).get(portal_id, OPEN)


def lock_all(connection: sa.Connection, portal_ids: Collection[int]) -> dict[int, BrakeGate]:
    """Lock the brakes of portals, in the portals' order; returns the gates of those that have one."""
    if connection.dialect.name != "sqlite":
        connection.execute(AS_A_WRITER)
    return lock_rows(connection, portal_ids)


def lock_rows(connection: sa.Connection, portal_ids: Collection[int]) -> dict[int, BrakeGate]:
    """As `lock_all`, for who has taken the lock of a writer already, or writes no contact."""
    own = (brake.c.source == "") & brake.c.portal_id.in_(sorted(portal_ids))
    query = sa.select(brake.c.portal_id).where(own).order_by(brake.c.portal_id).with_for_update()
    # What belongs to the rows is read when they are locked, and not before.
    return _read(connection, list(connection.execute(query).scalars()))


def read(connection: sa.Connection, portal_id: int) -> BrakeGate | None:
    """Return the portal's brakes as they are, locking nothing; None without any."""
    query = sa.select(brake.c.portal_id).where(brake.c.portal_id == portal_id, brake.c.source == "")
    return _read(connection, list(connection.execute(query).scalars())).get(portal_id)


def keep(connection: sa.Connection, gate: BrakeGate, outcomes: Iterable[Outcome], now: datetime) -> None:
    """Note what was written of contacts of a locked portal: counters, raises that are held, and those that settled.

    A contact has one raise that is held at a time, and none once it has been raised.
    """
    written = list(outcomes)
    for each in written:
        gate.note(each.before, each.after, each.cause, now)
    raises = _held(written, now)
    held.keep(connection, gate.portal_id, raises, now)
    if gate.holds:
        held.settle_raised(connection, _raised(written, now), now)
    gate.holds = gate.holds or bool(raises)
    save(connection, gate, now)


def save(connection: sa.Connection, gate: BrakeGate, now: datetime) -> None:
    """Write what a gate has noted since it was locked."""
    moved = [(end, number) for end, number in sorted(gate.moved.items()) if number]
    if moved:
        _add_counts(connection, gate.portal_id, moved)
    for target in sorted(gate.used):
        used = gate.brakes[target]
        values: dict[str, Any] = {"raised": used.raised, "recent": sorted(used.recent.items())}
        connection.execute(sa.update(brake).where(_here(gate.portal_id, target)).values(**values))
    if any(end < now - FORGOTTEN_AFTER for end in gate.contacts):
        old = (brake_count.c.portal_id == gate.portal_id) & (brake_count.c.until < now - FORGOTTEN_AFTER)
        connection.execute(sa.delete(brake_count).where(old))
    # What is written is what the gate goes on from, should the transaction write again.
    gate.contacts = {
        end: gate.contacts.get(end, 0) + gate.moved[end] for end in {*gate.contacts, *gate.moved}
    }
    gate.moved.clear()
    gate.used.clear()


def set_limits(
    connection: sa.Connection, portal_id: int, target: Target, limits: Limits, now: datetime
) -> Limits | None:
    """Set the limits of a portal or of one form; returns those before, None if there were none.

    The first brake of a portal stops all writers for as long as it takes to count the portal's contacts. Raises
    Conflict when somebody else sets one at the same moment.
    """
    if not lock_rows(connection, [portal_id]):
        _begin(connection, portal_id, now)
    before = _limits(connection, portal_id, target)
    unused = {"raised": 0, "recent": []} if before is None else {}
    change = sa.update(brake).where(_here(portal_id, target))
    if connection.execute(change.values(**asdict(limits), **unused, updated_at=now)).rowcount == 0:
        _add(connection, portal_id, target, limits, now)
    portals.changed(connection)
    return before


def remove(connection: sa.Connection, portal_id: int, target: Target, now: datetime) -> Limits | None:
    """Take a brake away; returns its limits, None if there were none. What it holds stays held."""
    gates = lock_rows(connection, [portal_id])
    before = _limits(connection, portal_id, target) if gates else None
    if before is None:
        return None
    here = _here(portal_id, target)
    if target == WHOLE_PORTAL:
        connection.execute(sa.update(brake).where(here).values(**asdict(Limits()), updated_at=now))
    else:
        connection.execute(sa.delete(brake).where(here))
    rest = sa.select(brake).where(brake.c.portal_id == portal_id)
    if all(_limits_of(row).is_empty for row in connection.execute(rest)):
        for table in (brake, brake_count):
            connection.execute(sa.delete(table).where(table.c.portal_id == portal_id))
        connection.execute(sa.update(portal).where(portal.c.id == portal_id).values(is_braked=False))
    portals.changed(connection)
    return before


def recount(connection: sa.Connection, portal_id: int, now: datetime) -> dict[datetime, int]:
    """Count the portal's contacts that count now, those that are gone too, by their end."""
    until = contact.c.until
    query = (
        sa.select(until, sa.func.count())
        .where(contact.c.portal_id == portal_id, held.counts(now))
        .group_by(until)
        .order_by(until)
    )
    return {end or FOREVER: number for end, number in connection.execute(query)}


def _begin(connection: sa.Connection, portal_id: int, now: datetime) -> None:
    """Begin to count for a portal that had no brake."""
    if connection.dialect.name != "sqlite":
        connection.execute(STOP_WRITERS)
    if read(connection, portal_id) is not None:
        raise Conflict(f"somebody else has just set a brake of portal {portal_id}; look and set it again")
    connection.execute(sa.delete(brake_count).where(brake_count.c.portal_id == portal_id))
    _add_counts(connection, portal_id, list(recount(connection, portal_id, now).items()))
    _add(connection, portal_id, WHOLE_PORTAL, Limits(), now)
    held.settle_counted(connection, portal_id, now)
    connection.execute(sa.update(portal).where(portal.c.id == portal_id).values(is_braked=True))


def _read(connection: sa.Connection, portal_ids: Sequence[int]) -> dict[int, BrakeGate]:
    if not portal_ids:
        return {}
    brakes: dict[int, dict[Target, Brake]] = {portal_id: {} for portal_id in portal_ids}
    counts: dict[int, dict[datetime, int]] = {portal_id: {} for portal_id in portal_ids}
    tiers, holds = dict[int, int](), dict[int, bool]()
    query = (
        sa.select(brake, portal.c.tier, held.any_waits(brake.c.portal_id).label("holds"))
        .join(portal, portal.c.id == brake.c.portal_id)
        .where(brake.c.portal_id.in_(portal_ids))
    )
    for row in connection.execute(query):
        recent = {int(end): int(number) for end, number in row.recent}
        brakes[row.portal_id][row.source, row.source_id] = Brake(_limits_of(row), row.raised, recent)
        tiers[row.portal_id], holds[row.portal_id] = row.tier, row.holds
    for row in connection.execute(sa.select(brake_count).where(brake_count.c.portal_id.in_(portal_ids))):
        counts[row.portal_id][row.until] = row.contacts
    return {
        number: BrakeGate(number, tiers[number], brakes[number], counts[number], holds[number])
        for number in portal_ids
    }


def _add(connection: sa.Connection, portal_id: int, target: Target, limits: Limits, now: datetime) -> None:
    key = {"portal_id": portal_id, "source": target[0], "source_id": target[1]}
    connection.execute(sa.insert(brake).values(**key, **asdict(limits), recent=[], updated_at=now))


def _add_counts(connection: sa.Connection, portal_id: int, moved: Sequence[tuple[datetime, int]]) -> None:
    if not moved:
        return
    added = insert(connection, brake_count)
    statement = added.on_conflict_do_update(
        index_elements=list(brake_count.primary_key.columns),
        set_={"contacts": brake_count.c.contacts + added.excluded.contacts},
    )
    rows = [{"portal_id": portal_id, "until": end, "contacts": number} for end, number in moved]
    connection.execute(statement, rows)


def _held(written: Iterable[Outcome], now: datetime) -> list[tuple[int, HeldRaise]]:
    """Return the first raise that is held of each contact that has not been raised after all."""
    return [(each.contact_id, each.held[0]) for each in written if each.held and not _counts(each, now)]


def _raised(written: Iterable[Outcome], now: datetime) -> dict[int, Cause]:
    return {each.contact_id: each.cause for each in written if each.cause is not None and _counts(each, now)}


def _counts(outcome: Outcome, now: datetime) -> bool:
    return end_of(outcome.after, now) is not None


def _limits(connection: sa.Connection, portal_id: int, target: Target) -> Limits | None:
    row = connection.execute(sa.select(brake).where(_here(portal_id, target))).one_or_none()
    limits = Limits() if row is None else _limits_of(row)
    return None if limits.is_empty else limits


def _limits_of(row: Any) -> Limits:
    return Limits(at_tier=row.at_tier, most=row.most, rate=row.rate, rate_hours=row.rate_hours)


def _here(portal_id: int, target: Target) -> sa.ColumnElement[bool]:
    source, source_id = target
    return sa.and_(brake.c.portal_id == portal_id, brake.c.source == source, brake.c.source_id == source_id)
