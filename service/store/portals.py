"""Portals, forms and access tokens; each change of one moves the configuration's version on."""

import hashlib
import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from service.domain.billing import Commitment, Product, Subscription
from service.domain.forms import Form, dump_definition, read_definition
from service.domain.portals import AccessToken, Portal
from service.errors import InvalidInput
from service.store.tables import access_token, configuration, form, portal


def version(connection: sa.Connection) -> int:
    """Return the configuration's version."""
    return int(connection.execute(sa.select(configuration.c.version)).scalar_one())


def changed(connection: sa.Connection) -> None:
    """Move the version on; every write of what requests are decided by calls it."""
    connection.execute(sa.update(configuration).values(version=configuration.c.version + 1))


def add_portal(connection: sa.Connection, new: Portal) -> None:
    """Keep a new portal; raises InvalidInput when its id is taken."""
    if find_portal(connection, new.id) is not None:
        raise InvalidInput(f"portal {new.id} exists already", field="id", mend="choose another id")
    connection.execute(
        sa.insert(portal).values(
            id=new.id,
            name=new.name,
            time_zone=new.subscription.time_zone,
            product=new.product.value,
            commitment=new.subscription.commitment.value,
            renews_on=new.subscription.renews_on,
            tier=new.tier,
            created_at=new.created_at,
            external_forms=new.external_forms,
        )
    )
    changed(connection)


def set_external_forms(connection: sa.Connection, portal_id: int, *, on: bool) -> bool:
    """Set the default of forms that are not HubSpot's; False when there is no such portal."""
    query = sa.update(portal).where(portal.c.id == portal_id).values(external_forms=on)
    if connection.execute(query).rowcount == 0:
        return False
    changed(connection)
    return True


def find_portal(connection: sa.Connection, portal_id: int) -> Portal | None:
    """Return the portal, or None."""
    row = connection.execute(sa.select(portal).where(portal.c.id == portal_id)).one_or_none()
    return None if row is None else portal_from(row)


def list_portals(connection: sa.Connection) -> list[Portal]:
    """Return all portals by id."""
    return [portal_from(row) for row in connection.execute(sa.select(portal).order_by(portal.c.id))]


def save_form(connection: sa.Connection, new: Form, now: datetime) -> None:
    """Keep a form, new or changed; its version says which change it is."""
    values = {
        "name": new.name,
        "definition": dump_definition(new),
        "version": new.version,
        "updated_at": now,
        "archived_at": now if new.archived else None,
    }
    here = (form.c.portal_id == new.portal_id) & (form.c.guid == new.guid)
    if connection.execute(sa.update(form).where(here).values(**values)).rowcount == 0:
        keys = {"portal_id": new.portal_id, "guid": new.guid, "created_at": now}
        connection.execute(sa.insert(form).values(**keys, **values))
    changed(connection)


def find_form(connection: sa.Connection, portal_id: int, guid: str) -> Form | None:
    """Return the form, archived ones too, or None; `guid` in any spelling of a UUID."""
    here = (form.c.portal_id == portal_id) & (form.c.guid == str(uuid.UUID(guid)))
    row = connection.execute(sa.select(form).where(here)).one_or_none()
    return None if row is None else _form(row)


def list_forms(connection: sa.Connection, portal_id: int) -> list[Form]:
    """Return a portal's forms by name."""
    query = sa.select(form).where(form.c.portal_id == portal_id).order_by(form.c.name, form.c.guid)
    return [_form(row) for row in connection.execute(query)]


def add_token(
    connection: sa.Connection, portal_id: int, name: str, secret: str, scopes: Sequence[str], now: datetime
) -> int:
    """Keep a token's hash; returns its id."""
    values = {
        "portal_id": portal_id,
        "name": name,
        "secret_hash": hash_secret(secret),
        "scopes": sorted(scopes),
        "created_at": now,
    }
    token_id = connection.execute(
        sa.insert(access_token).values(**values).returning(access_token.c.id)
    ).scalar_one()
    changed(connection)
    return int(token_id)


def find_token(connection: sa.Connection, secret: str) -> AccessToken | None:
    """Return the token with this secret unless it is revoked."""
    query = sa.select(access_token).where(
        access_token.c.secret_hash == hash_secret(secret), access_token.c.revoked_at.is_(None)
    )
    row = connection.execute(query).one_or_none()
    return None if row is None else _token(row)


def list_tokens(connection: sa.Connection, portal_id: int) -> list[AccessToken]:
    """Return a portal's tokens, revoked ones too, by id."""
    query = sa.select(access_token).where(access_token.c.portal_id == portal_id).order_by(access_token.c.id)
    return [_token(row) for row in connection.execute(query)]


def revoke_token(connection: sa.Connection, portal_id: int, token_id: int, now: datetime) -> bool:
    """Make a token useless from now on; False when there is none to revoke."""
    here = (
        (access_token.c.portal_id == portal_id)
        & (access_token.c.id == token_id)
        & access_token.c.revoked_at.is_(None)
    )
    revoked = connection.execute(sa.update(access_token).where(here).values(revoked_at=now)).rowcount > 0
    if revoked:
        changed(connection)
    return revoked


def hash_secret(secret: str) -> str:
    """Hash a token's secret: 256 random bits need no slow hash, and equal hashes can be looked up."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def portal_from(row: Any) -> Portal:
    """Return the portal that a row of the table holds."""
    subscription = Subscription(Commitment(row.commitment), row.renews_on, row.time_zone)
    return Portal(
        row.id, row.name, subscription, Product(row.product), row.tier, row.created_at, row.external_forms
    )


def _form(row: Any) -> Form:
    return Form.of(
        read_definition(row.definition),
        portal_id=row.portal_id,
        guid=str(uuid.UUID(row.guid)),
        version=row.version,
        archived=row.archived_at is not None,
    )


def _token(row: Any) -> AccessToken:
    return AccessToken(row.id, row.portal_id, row.name, frozenset(row.scopes), row.created_at, row.revoked_at)
