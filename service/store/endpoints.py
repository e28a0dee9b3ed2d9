"""Endpoints and the tokens they are found by; each change of one moves the configuration's version on."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from service.documents import dumps, loads
from service.domain.endpoints import Endpoint, EndpointState, dump_options, read_options
from service.store.portals import changed, hash_secret
from service.store.tables import endpoint, endpoint_activity, endpoint_token
from service.vault import Vault

LONGEST_OUTCOME = 60
NOTHING = b"{}"
"""What is sealed of an endpoint that is deleted."""


@dataclass(frozen=True, slots=True)
class Activity:
    """What was sent to an endpoint last."""

    last_seen_at: datetime
    last_outcome: str
    preview: Any
    """Redacted; None when nothing of it could be shown."""


def add(connection: sa.Connection, vault: Vault, new: Endpoint) -> int:
    """Keep a new endpoint, whose id is not looked at; returns the id."""
    values = {
        "portal_id": new.portal_id,
        "provider": new.provider,
        "created_at": new.created_at,
        **_values(vault, new, new.created_at),
    }
    endpoint_id = int(
        connection.execute(sa.insert(endpoint).values(**values).returning(endpoint.c.id)).scalar_one()
    )
    _set_tokens(connection, endpoint_id, new.tokens)
    changed(connection)
    return endpoint_id


def save(connection: sa.Connection, vault: Vault, endpoint_now: Endpoint, now: datetime) -> None:
    """Keep a changed endpoint; its version says which change it is."""
    here = endpoint.c.id == endpoint_now.id
    connection.execute(sa.update(endpoint).where(here).values(**_values(vault, endpoint_now, now)))
    connection.execute(sa.delete(endpoint_token).where(endpoint_token.c.endpoint_id == endpoint_now.id))
    _set_tokens(connection, endpoint_now.id, endpoint_now.tokens)
    changed(connection)


def delete(connection: sa.Connection, vault: Vault, endpoint_id: int, now: datetime) -> None:
    """Give up an endpoint: its addresses lead nowhere and its secrets are gone; what it took in stays."""
    values = {"sealed": vault.seal(NOTHING), "deleted_at": now, "updated_at": now}
    connection.execute(sa.update(endpoint).where(endpoint.c.id == endpoint_id).values(**values))
    connection.execute(sa.delete(endpoint_token).where(endpoint_token.c.endpoint_id == endpoint_id))
    changed(connection)


def find(
    connection: sa.Connection, vault: Vault, portal_id: int, endpoint_id: int, *, for_update: bool = False
) -> Endpoint | None:
    """Return the endpoint unless it is deleted or another portal's; raises SealBroken."""
    query = sa.select(endpoint).where(
        endpoint.c.id == endpoint_id, endpoint.c.portal_id == portal_id, endpoint.c.deleted_at.is_(None)
    )
    row = connection.execute(query.with_for_update() if for_update else query).one_or_none()
    return None if row is None else _endpoint(vault, row)


def find_by_id(connection: sa.Connection, vault: Vault, endpoint_id: int) -> Endpoint | None:
    """Return the endpoint, whosever it is, unless it is deleted; raises SealBroken."""
    query = sa.select(endpoint).where(endpoint.c.id == endpoint_id, endpoint.c.deleted_at.is_(None))
    row = connection.execute(query).one_or_none()
    return None if row is None else _endpoint(vault, row)


def find_by_token(connection: sa.Connection, vault: Vault, token: str) -> Endpoint | None:
    """Return the endpoint that an address leads to; raises SealBroken."""
    query = (
        sa.select(endpoint)
        .join(endpoint_token, endpoint_token.c.endpoint_id == endpoint.c.id)
        .where(endpoint_token.c.token_hash == hash_secret(token), endpoint.c.deleted_at.is_(None))
    )
    row = connection.execute(query).one_or_none()
    return None if row is None else _endpoint(vault, row)


def list_all(connection: sa.Connection, vault: Vault, portal_id: int) -> list[Endpoint]:
    """Return a portal's endpoints by id; raises SealBroken."""
    query = (
        sa.select(endpoint)
        .where(endpoint.c.portal_id == portal_id, endpoint.c.deleted_at.is_(None))
        .order_by(endpoint.c.id)
    )
    return [_endpoint(vault, row) for row in connection.execute(query)]


def count(connection: sa.Connection) -> int:
    """Return how many there are, of all portals."""
    query = sa.select(sa.func.count()).select_from(endpoint).where(endpoint.c.deleted_at.is_(None))
    return int(connection.execute(query).scalar_one())


def try_seals(connection: sa.Connection, vault: Vault) -> None:
    """Raise SealBroken if the secrets of any endpoint can't be opened."""
    for (sealed,) in connection.execute(sa.select(endpoint.c.sealed).where(endpoint.c.deleted_at.is_(None))):
        vault.open(sealed)


def reseal(connection: sa.Connection, vault: Vault) -> int:
    """Seal all secrets of all portals with the vault's newest key; returns how many. Raises SealBroken."""
    rows = connection.execute(sa.select(endpoint.c.id, endpoint.c.sealed).with_for_update()).all()
    for row in rows:
        here = endpoint.c.id == row.id
        connection.execute(sa.update(endpoint).where(here).values(sealed=vault.renew(row.sealed)))
    return len(rows)


def activities(connection: sa.Connection, endpoint_ids: Sequence[int]) -> dict[int, Activity]:
    """Return what was sent last, by endpoint; those that nothing was sent to are left out."""
    query = sa.select(endpoint_activity).where(endpoint_activity.c.endpoint_id.in_(list(endpoint_ids)))
    return {
        row.endpoint_id: Activity(row.last_seen_at, row.last_outcome, row.preview)
        for row in connection.execute(query)
    }


def note_activity(connection: sa.Connection, endpoint_id: int, activity: Activity) -> None:
    """Keep what was sent last, unless something later is there already."""
    values = {
        "last_seen_at": activity.last_seen_at,
        "last_outcome": activity.last_outcome[:LONGEST_OUTCOME],
        "preview": activity.preview,
    }
    here = endpoint_activity.c.endpoint_id == endpoint_id
    is_older = endpoint_activity.c.last_seen_at <= activity.last_seen_at
    if connection.execute(sa.update(endpoint_activity).where(here, is_older).values(**values)).rowcount:
        return
    if connection.execute(sa.select(endpoint_activity.c.endpoint_id).where(here)).first() is None:
        connection.execute(sa.insert(endpoint_activity).values(endpoint_id=endpoint_id, **values))


def _set_tokens(connection: sa.Connection, endpoint_id: int, tokens: Sequence[str]) -> None:
    rows = [{"token_hash": hash_secret(token), "endpoint_id": endpoint_id} for token in tokens]
    if rows:
        connection.execute(sa.insert(endpoint_token), rows)


def _values(vault: Vault, new: Endpoint, now: datetime) -> dict[str, Any]:
    return {
        "name": new.name,
        "state": new.state.value,
        "sealed": _seal(vault, new),
        "options": dump_options(new.options),
        "version": new.version,
        "updated_at": now,
    }


def _seal(vault: Vault, endpoint_now: Endpoint) -> bytes:
    set_at = endpoint_now.secret_set_at
    document = {
        "tokens": list(endpoint_now.tokens),
        "secrets": list(endpoint_now.secrets),
        "secret_set_at": set_at.isoformat() if set_at else None,
        "access_token": endpoint_now.access_token,
        "captcha_secret": endpoint_now.captcha_secret,
    }
    return vault.seal(dumps(document).encode())


def _endpoint(vault: Vault, row: Any) -> Endpoint:
    sealed = loads(vault.open(row.sealed))
    return Endpoint(
        id=row.id,
        portal_id=row.portal_id,
        provider=row.provider,
        name=row.name,
        state=EndpointState(row.state),
        tokens=tuple(sealed["tokens"]),
        secrets=tuple(sealed["secrets"]),
        secret_set_at=datetime.fromisoformat(sealed["secret_set_at"]) if sealed["secret_set_at"] else None,
        access_token=sealed["access_token"],
        captcha_secret=sealed["captcha_secret"],
        options=read_options(row.options),
        version=row.version,
        created_at=row.created_at,
    )
