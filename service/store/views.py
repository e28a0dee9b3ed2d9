"""Saved views of contacts."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from service.domain.filters import Filter, dump_filter, read_filter
from service.domain.views import View
from service.errors import Conflict
from service.store.tables import view


def add(
    connection: sa.Connection, portal_id: int, name: str, wanted: Filter, actor: str, now: datetime
) -> View:
    """Keep a new view; raises Conflict when the portal has one with this name."""
    values = {
        "portal_id": portal_id,
        "name": name,
        "filter": dump_filter(wanted),
        "version": 1,
        "created_by": actor,
        "created_at": now,
        "updated_at": now,
    }
    return _view(_named(connection, name, sa.insert(view).values(**values).returning(*view.c)).one())


def change(connection: sa.Connection, known: View, name: str, wanted: Filter, now: datetime) -> View:
    """Change a view; raises Conflict when the name is another's, or the view is no longer as it was known."""
    values = {"name": name, "filter": dump_filter(wanted), "version": known.version + 1, "updated_at": now}
    statement = sa.update(view).where(_as_known(known)).values(**values).returning(*view.c)
    changed = _named(connection, name, statement).one_or_none()
    if changed is None:
        raise _changed_meanwhile(known)
    return _view(changed)


def delete(connection: sa.Connection, known: View) -> None:
    """Delete a view; contacts are not touched. Raises Conflict when it is no longer as it was known."""
    if not connection.execute(sa.delete(view).where(_as_known(known))).rowcount:
        raise _changed_meanwhile(known)


def find(connection: sa.Connection, portal_id: int, view_id: int) -> View | None:
    """Return the view, or None."""
    row = connection.execute(sa.select(view).where(_here(portal_id, view_id))).one_or_none()
    return None if row is None else _view(row)


def every(connection: sa.Connection, portal_id: int) -> list[View]:
    """Return a portal's views by name."""
    rows = connection.execute(sa.select(view).where(view.c.portal_id == portal_id))
    return sorted(map(_view, rows), key=lambda each: (each.name.casefold(), each.id))


def count(connection: sa.Connection, portal_id: int) -> int:
    """Return how many views a portal has."""
    query = sa.select(sa.func.count()).where(view.c.portal_id == portal_id)
    return int(connection.execute(query).scalar_one())


def _here(portal_id: int, view_id: int) -> sa.ColumnElement[bool]:
    return sa.and_(view.c.portal_id == portal_id, view.c.id == view_id)


def _as_known(known: View) -> sa.ColumnElement[bool]:
    return sa.and_(_here(known.portal_id, known.id), view.c.version == known.version)


def _changed_meanwhile(known: View) -> Conflict:
    return Conflict(f"view {known.id} has been changed meanwhile; read it and try again")


def _named(connection: sa.Connection, name: str, statement: Any) -> Any:
    try:
        return connection.execute(statement)
    except sa.exc.IntegrityError:
        raise Conflict(f"there is a view named {name!r} already; choose another name") from None


def _view(row: Any) -> View:
    return View(
        id=row.id,
        portal_id=row.portal_id,
        name=row.name,
        filter=read_filter(row.filter),
        version=row.version,
        created_by=row.created_by,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )
