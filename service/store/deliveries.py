"""Keeps deliveries that were refused, for a set time, so that they can be looked at and replayed."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from service.store.tables import delivery, endpoint
from service.store.upserts import insert
from service.vault import Vault

MOST_KEPT = 1_000
"""Of one endpoint; further ones are answered and logged, and not kept."""
_LISTED = [sa.null().label("sealed") if column is delivery.c.sealed else column for column in delivery.c]


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedDelivery:
    """One delivery that was refused, and every equal one after it."""

    id: str
    endpoint_id: int
    portal_id: int
    digest: str
    reason: str
    received_at: datetime
    last_received_at: datetime
    times: int = 1
    size: int
    """Of the body, in bytes."""
    preview: Any
    """Redacted."""
    sealed: bytes | None
    """The whole request, encrypted. None in lists, and for what can't be written down as a request."""
    replayed_at: datetime | None = None


def keep(connection: sa.Connection, refused: RefusedDelivery) -> bool:
    """Keep it, or count it where an equal one is kept; False when the endpoint has too many already."""
    here = (delivery.c.endpoint_id == refused.endpoint_id) & (delivery.c.digest == refused.digest)
    again = sa.update(delivery).where(here).values(**_again(refused))
    if connection.execute(again).rowcount:
        return True
    count = sa.select(sa.func.count()).where(delivery.c.endpoint_id == refused.endpoint_id)
    if connection.execute(count).scalar_one() >= MOST_KEPT:
        return False
    values = {
        "id": refused.id,
        "endpoint_id": refused.endpoint_id,
        "portal_id": refused.portal_id,
        "digest": refused.digest,
        "reason": refused.reason,
        "received_at": refused.received_at,
        "last_received_at": refused.last_received_at,
        "times": 1,
        "size": refused.size,
        "preview": refused.preview,
        "sealed": refused.sealed,
    }
    upsert = insert(connection, delivery).values(**values)
    connection.execute(
        upsert.on_conflict_do_update(
            index_elements=[delivery.c.endpoint_id, delivery.c.digest], set_=_again(refused)
        )
    )
    return True


def find(connection: sa.Connection, portal_id: int, delivery_id: str) -> RefusedDelivery | None:
    """Return one, unless it is another portal's."""
    query = sa.select(delivery).where(delivery.c.id == delivery_id, delivery.c.portal_id == portal_id)
    row = connection.execute(query).one_or_none()
    return None if row is None else _refused(row)


def list_all(
    connection: sa.Connection,
    portal_id: int,
    *,
    endpoint_id: int | None = None,
    waiting: bool = False,
    limit: int = 100,
    before: str | None = None,
) -> list[RefusedDelivery]:
    """Return a portal's refused deliveries without their requests, the latest first.

    `waiting` leaves out those that were replayed or whose endpoint is deleted; `before` is the id that the page
    before ended with.
    """
    query = sa.select(*_LISTED).where(delivery.c.portal_id == portal_id)
    if endpoint_id is not None:
        query = query.where(delivery.c.endpoint_id == endpoint_id)
    if waiting:
        query = query.where(_is_waiting())
    if before is not None:
        query = query.where(delivery.c.id < before)
    query = query.order_by(delivery.c.id.desc()).limit(limit)
    return [_refused(row) for row in connection.execute(query)]


def list_waiting(connection: sa.Connection, portal_id: int, endpoint_id: int | None = None) -> list[str]:
    """Return the ids of what was refused and can still be replayed, in the order of arrival."""
    query = sa.select(delivery.c.id).where(delivery.c.portal_id == portal_id, _is_waiting())
    if endpoint_id is not None:
        query = query.where(delivery.c.endpoint_id == endpoint_id)
    return [_hex(each) for each in connection.execute(query.order_by(delivery.c.id)).scalars()]


def mark_replayed(connection: sa.Connection, delivery_id: str, at: datetime) -> None:
    """Say that what it held is kept now."""
    connection.execute(sa.update(delivery).where(delivery.c.id == delivery_id).values(replayed_at=at))


def purge(connection: sa.Connection, before: datetime) -> int:
    """Forget those that came last before then; returns how many."""
    return connection.execute(sa.delete(delivery).where(delivery.c.last_received_at < before)).rowcount


def waiting(connection: sa.Connection) -> int:
    """Return how many were not replayed yet, of all portals."""
    query = sa.select(sa.func.count()).select_from(delivery).where(delivery.c.replayed_at.is_(None))
    return int(connection.execute(query).scalar_one())


def reseal(connection: sa.Connection, vault: Vault) -> int:
    """Seal all kept requests with the vault's newest key; returns how many. Raises SealBroken."""
    query = sa.select(delivery.c.id, delivery.c.sealed).where(delivery.c.sealed.is_not(None))
    rows = connection.execute(query.with_for_update()).all()
    for row in rows:
        here = delivery.c.id == row.id
        connection.execute(sa.update(delivery).where(here).values(sealed=vault.renew(row.sealed)))
    return len(rows)


def _again(refused: RefusedDelivery) -> dict[str, Any]:
    return {
        "times": delivery.c.times + 1,
        "last_received_at": refused.last_received_at,
        "reason": refused.reason,
    }


def _is_waiting() -> sa.ColumnElement[bool]:
    deleted = sa.select(endpoint.c.id).where(endpoint.c.deleted_at.is_not(None))
    return delivery.c.replayed_at.is_(None) & delivery.c.endpoint_id.not_in(deleted)


def _hex(text: str) -> str:
    return text.replace("-", "")


def _refused(row: Any) -> RefusedDelivery:
    return RefusedDelivery(
        id=_hex(row.id),
        endpoint_id=row.endpoint_id,
        portal_id=row.portal_id,
        digest=_hex(row.digest),
        reason=row.reason,
        received_at=row.received_at,
        last_received_at=row.last_received_at,
        times=row.times,
        size=row.size,
        preview=row.preview,
        sealed=row.sealed,
        replayed_at=row.replayed_at,
    )
