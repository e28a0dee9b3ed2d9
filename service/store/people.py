"""Users of portals; each change of one moves the configuration's version on, so that its tokens follow at once."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from service.domain.people import Role, User
from service.errors import NotFound
from service.store.portals import changed
from service.store.tables import access_token, portal_user
from service.store.upserts import insert


def add(connection: sa.Connection, new: User) -> int | None:
    """Keep a new user, whose id is not looked at; returns the id, or None when the portal has the address."""
    values = {"portal_id": new.portal_id, "email": new.email, "created_at": new.created_at, **_values(new)}
    statement = insert(connection, portal_user).values(**values).on_conflict_do_nothing()
    user_id = connection.execute(statement.returning(portal_user.c.id)).scalar_one_or_none()
    changed(connection)
    return user_id


def save(connection: sa.Connection, user: User) -> None:
    """Keep a changed user; the e-mail address stays as it is."""
    connection.execute(sa.update(portal_user).where(portal_user.c.id == user.id).values(**_values(user)))
    changed(connection)


def get(connection: sa.Connection, portal_id: int, user_id: int, *, for_update: bool = False) -> User:
    """Return the user, a deactivated one too; raises NotFound, for another portal's as well."""
    query = sa.select(portal_user).where(portal_user.c.portal_id == portal_id, portal_user.c.id == user_id)
    row = connection.execute(query.with_for_update() if for_update else query).one_or_none()
    if row is None:
        raise NotFound("user", user_id)
    return _user(row)


def list_all(connection: sa.Connection, portal_id: int) -> list[User]:
    """Return a portal's users, deactivated ones too, by id."""
    query = sa.select(portal_user).where(portal_user.c.portal_id == portal_id).order_by(portal_user.c.id)
    return [_user(row) for row in connection.execute(query)]


def lock_admins(connection: sa.Connection, portal_id: int) -> list[int]:
    """Return who can give everything in a portal; nobody else takes it from one of them meanwhile."""
    query = (
        sa.select(portal_user.c.id)
        .where(
            portal_user.c.portal_id == portal_id,
            portal_user.c.role == Role.ADMIN.value,
            portal_user.c.deactivated_at.is_(None),
        )
        .order_by(portal_user.c.id)
        .with_for_update()
    )
    return list(connection.execute(query).scalars())


def revoke_tokens(connection: sa.Connection, user_id: int, now: datetime) -> list[int]:
    """Make all tokens of a user useless from now on; returns their ids."""
    here = (access_token.c.user_id == user_id) & access_token.c.revoked_at.is_(None)
    statement = sa.update(access_token).where(here).values(revoked_at=now).returning(access_token.c.id)
    revoked = sorted(connection.execute(statement).scalars())
    changed(connection)
    return revoked


def _values(user: User) -> dict[str, Any]:
    return {
        "name": user.name,
        "role": user.role.value,
        "marketing_access": user.marketing_access,
        "updated_at": user.updated_at,
        "deactivated_at": user.deactivated_at,
    }


def _user(row: Any) -> User:
    return User(
        row.id,
        row.portal_id,
        row.email,
        row.name,
        Role(row.role),
        row.marketing_access,
        row.created_at,
        row.updated_at,
        row.deactivated_at,
    )
