"""The raises that brakes hold: one for a contact at a time, until a person or another raise settles it."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from service.domain.brake import HeldRaise, HeldState, Target
from service.domain.model import Cause
from service.store.among import among
from service.store.pages import IS_LIVE
from service.store.tables import contact, held
from service.store.upserts import insert

WAITS = sa.text("held.state = 'held'")
"""As the index has it, word for word."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which raises that were held: those with these numbers, or all of a source, or all."""

    ids: tuple[int, ...] | None = None
    source: str | None = None
    source_id: str | None = None
    """The form's, the import's and so on: what stands in `reason_id`."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """How many raises wait."""

    number: int
    can_be_raised: int
    """Of these, those whose contact does not count yet and is not gone."""
    newest: int
    """The newest one's number, 0 without any."""


def keep(
    connection: sa.Connection, portal_id: int, raises: Sequence[tuple[int, HeldRaise]], now: datetime
) -> None:
    """Keep raises that are held, each with its contact; a contact whose raise is held already keeps that one."""
    rows = [
        {
            "portal_id": portal_id,
            "contact_id": contact_id,
            "at": now,
            "source": each.cause.source.value,
            "reason_type": each.cause.reason_type.value,
            "reason_id": each.cause.reason_id,
            "actor": each.cause.actor,
            "default_version": each.cause.default.version,
            "submission_id": each.submission_id,
            "limit_reached": each.limit,
            "state": HeldState.HELD.value,
        }
        for contact_id, each in raises
    ]
    if rows:
        connection.execute(insert(connection, held).on_conflict_do_nothing(), rows)


def settle_raised(connection: sa.Connection, causes: Mapping[int, Cause], now: datetime) -> None:
    """Settle what was held of contacts, by number, that something has raised meanwhile."""
    by_cause: defaultdict[str, list[int]] = defaultdict(list)
    for contact_id, cause in causes.items():
        by_cause[cause.actor or f"{cause.source}:{cause.reason_id}"].append(contact_id)
    for settled_by, ids in sorted(by_cause.items()):
        of_contacts = among(connection, held.c.contact_id, ids)
        _settle(connection, of_contacts, HeldState.RELEASED, settled_by, now)


def settle_counted(connection: sa.Connection, portal_id: int, now: datetime) -> None:
    """Settle what is held of contacts that something has raised while the portal had no brake."""
    counting = sa.select(contact.c.id).where(contact.c.id == held.c.contact_id, counts(now)).exists()
    reason = contact.c.reason_type + ":" + contact.c.reason_id
    settled_by = sa.select(reason).where(contact.c.id == held.c.contact_id).scalar_subquery()
    _settle(connection, (held.c.portal_id == portal_id) & counting, HeldState.RELEASED, settled_by, now)


def settle(
    connection: sa.Connection, ids: Collection[int], state: HeldState, settled_by: str, now: datetime
) -> int:
    """Settle raises that are held, by their numbers; returns how many were still waiting."""
    return _settle(connection, among(connection, held.c.id, ids), state, settled_by, now)


def next_waiting(
    connection: sa.Connection, portal_id: int, wanted: Wanted, *, after: int, upto: int, limit: int
) -> Sequence[Any]:
    """Lock and return the next raises that wait, in the order in which they were held, after `after` up to `upto`."""
    query = (
        sa.select(held)
        .where(WAITS, *_conditions(connection, portal_id, wanted), held.c.id > after, held.c.id <= upto)
        .order_by(held.c.id)
        .limit(limit)
        .with_for_update()
    )
    return connection.execute(query).all()


def waiting(connection: sa.Connection, portal_id: int, wanted: Wanted, now: datetime) -> Waiting:
    """Count the raises that wait."""
    can_be_raised = sa.case((_can_be_raised(now), 1), else_=0)
    query = (
        sa.select(sa.func.count(), sa.func.sum(can_be_raised), sa.func.max(held.c.id))
        .select_from(held.join(contact, contact.c.id == held.c.contact_id))
        .where(WAITS, *_conditions(connection, portal_id, wanted))
    )
    return Waiting(*(int(each or 0) for each in connection.execute(query).one()))


def waiting_by_source(connection: sa.Connection, portal_id: int, now: datetime) -> dict[Target, int]:
    """Return how many wait whose contact can still be raised, by source and its id."""
    query = (
        sa.select(held.c.source, held.c.reason_id, sa.func.count())
        .select_from(held.join(contact, contact.c.id == held.c.contact_id))
        .where(WAITS, held.c.portal_id == portal_id, _can_be_raised(now))
        .group_by(held.c.source, held.c.reason_id)
    )
    return {(source, source_id): number for source, source_id, number in connection.execute(query)}


def any_waits(portal_id: sa.Column[Any]) -> sa.Exists:
    """Return whether a portal has raises that wait; in a query that has the portal."""
    return (
        sa.select(held.c.id)
        .where(held.c.portal_id == portal_id, held.c.state == HeldState.HELD.value)
        .exists()
    )


def count_all(connection: sa.Connection) -> dict[int, int]:
    """Return how many wait, by portal."""
    query = sa.select(held.c.portal_id, sa.func.count()).where(WAITS).group_by(held.c.portal_id)
    return {row[0]: int(row[1]) for row in connection.execute(query)}


def page(
    connection: sa.Connection,
    portal_id: int,
    wanted: Wanted,
    now: datetime,
    *,
    state: HeldState | None = None,
    after: int = 0,
    limit: int = 100,
) -> Sequence[Any]:
    """Return raises that are or were held, the oldest first, after a number.

    Of those that wait, the ones whose contact counts in the meantime or is gone are left out.
    """
    query = (
        sa.select(held)
        .join(contact, contact.c.id == held.c.contact_id)
        .where(*_conditions(connection, portal_id, wanted), held.c.id > after)
        .order_by(held.c.id)
        .limit(limit)
    )
    if state is not None:
        query = query.where(held.c.state == state.value)
    if state is HeldState.HELD:
        query = query.where(_can_be_raised(now))
    return connection.execute(query).all()


def _settle(
    connection: sa.Connection, which: sa.ColumnElement[bool], state: HeldState, settled_by: Any, now: datetime
) -> int:
    values = {"state": state.value, "settled_at": now, "settled_by": settled_by}
    return connection.execute(sa.update(held).where(WAITS, which).values(**values)).rowcount


def _conditions(connection: sa.Connection, portal_id: int, wanted: Wanted) -> list[sa.ColumnElement[bool]]:
    conditions = [held.c.portal_id == portal_id]
    if wanted.ids is not None:
        conditions.append(among(connection, held.c.id, wanted.ids))
    if wanted.source is not None:
        conditions.append(held.c.source == wanted.source)
    if wanted.source_id is not None:
        conditions.append(held.c.reason_id == wanted.source_id)
    return conditions


def counts(now: datetime) -> sa.ColumnElement[bool]:
    """Return the condition of a contact that counts now; one whose stint begins ahead of our clock does, too."""
    return (contact.c.stint > 0) & sa.or_(contact.c.until.is_(None), contact.c.until > now)


def _can_be_raised(now: datetime) -> sa.ColumnElement[bool]:
    return IS_LIVE & sa.or_(contact.c.stint == 0, contact.c.until <= now)
