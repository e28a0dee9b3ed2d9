"""Portals, forms and access tokens; each change of one moves the configuration's version on."""

import hashlib
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from service.domain.billing import Commitment, Product, Subscription
from service.domain.forms import Form, dump_definition, read_definition
from service.domain.people import ROLES, Role
from service.domain.portals import AccessToken, DeleteCounts, Portal
from service.errors import InvalidInput, NotFound
from service.store.tables import access_token, configuration, form, portal, portal_user

_TOKENS = sa.select(
    access_token, portal_user.c.role, portal_user.c.marketing_access.label("access_of_user")
).select_from(access_token.outerjoin(portal_user, portal_user.c.id == access_token.c.user_id))


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
            delete_counts=new.delete_counts.value,
        )
    )
    changed(connection)


def set_subscription(connection: sa.Connection, new: Portal) -> None:
    """Write a portal's subscription and product."""
    values = {
        "time_zone": new.subscription.time_zone,
        "product": new.product.value,
        "commitment": new.subscription.commitment.value,
        "renews_on": new.subscription.renews_on,
    }
    connection.execute(sa.update(portal).where(portal.c.id == new.id).values(**values))
    changed(connection)


def find_portal(connection: sa.Connection, portal_id: int) -> Portal | None:
    """Return the portal, or None."""
    row = connection.execute(sa.select(portal).where(portal.c.id == portal_id)).one_or_none()
    return None if row is None else portal_from(row)


def get_portal(connection: sa.Connection, portal_id: int) -> Portal:
    """Return the portal; raises NotFound."""
    found = find_portal(connection, portal_id)
    if found is None:
        raise NotFound("portal", portal_id)
    return found


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
    """Keep the token of an integration as one usually is; returns its id."""
    return add_access_token(connection, AccessToken(0, portal_id, name, frozenset(scopes), now), secret)


def add_access_token(connection: sa.Connection, new: AccessToken, secret: str) -> int:
    """Keep a new token, whose id is not looked at, and its secret's hash; returns the id."""
    values = {
        "portal_id": new.portal_id,
        "name": new.name,
        "secret_hash": hash_secret(secret),
        "scopes": sorted(new.scopes),
        "created_at": new.created_at,
        "user_id": new.user_id,
        "marketing_access": new.marketing_access,
        "marketing_default": new.marketing_default,
    }
    token_id = connection.execute(
        sa.insert(access_token).values(**values).returning(access_token.c.id)
    ).scalar_one()
    changed(connection)
    return int(token_id)


def find_token(connection: sa.Connection, secret: str) -> AccessToken | None:
    """Return the token with this secret unless it is revoked, or its user is deactivated."""
    query = _TOKENS.where(
        access_token.c.secret_hash == hash_secret(secret),
        access_token.c.revoked_at.is_(None),
        sa.or_(access_token.c.user_id.is_(None), portal_user.c.id.is_not(None)),
        portal_user.c.deactivated_at.is_(None),
    )
    row = connection.execute(query).one_or_none()
    return None if row is None else _token(row)


def get_token(connection: sa.Connection, portal_id: int, token_id: int) -> AccessToken:
    """Return the token, a revoked one too; raises NotFound."""
    query = _TOKENS.where(access_token.c.portal_id == portal_id, access_token.c.id == token_id)
    row = connection.execute(query).one_or_none()
    if row is None:
        raise NotFound("token", token_id)
    return _token(row)


def list_tokens(connection: sa.Connection, portal_id: int) -> list[AccessToken]:
    """Return a portal's tokens, revoked ones too, by id."""
    query = _TOKENS.where(access_token.c.portal_id == portal_id).order_by(access_token.c.id)
    return [_token(row) for row in connection.execute(query)]


def set_token(connection: sa.Connection, portal_id: int, token_id: int, values: Mapping[str, Any]) -> None:
    """Change columns of a token; those that are not named may be changed by others meanwhile."""
    here = (access_token.c.portal_id == portal_id) & (access_token.c.id == token_id)
    if values:
        connection.execute(sa.update(access_token).where(here).values(**values))
    changed(connection)


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
    """Hash an access token's secret, or the token of an endpoint's address.

    256 random bits need no slow hash, and equal hashes can be looked up.
    """
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def portal_from(row: Any) -> Portal:
    """Return the portal that a row of the table holds."""
    subscription = Subscription(Commitment(row.commitment), row.renews_on, row.time_zone)
    return Portal(
        row.id,
        row.name,
        subscription,
        Product(row.product),
        row.tier,
        row.created_at,
        row.external_forms,
        DeleteCounts(row.delete_counts),
        row.is_braked,
        row.runs_workflows,
        row.closed_until,
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
    """A user's token may no more than the user's role, and has the user's marketing contacts access."""
    scopes, read_only, access = frozenset(row.scopes), frozenset[str](), row.marketing_access
    if row.user_id is not None:
        powers = ROLES[Role(row.role)]
        scopes, read_only, access = scopes & powers.scopes, scopes & powers.reads, row.access_of_user
    return AccessToken(
        row.id,
        row.portal_id,
        row.name,
        scopes,
        row.created_at,
        row.revoked_at,
        row.user_id,
        access,
        row.marketing_default,
        row.default_version,
        row.role or "",
        read_only,
    )
