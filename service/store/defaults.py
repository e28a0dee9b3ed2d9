"""Defaults, wherever they are kept: reads them alike, and sets them with who did it.

Guarantee: every change of a default goes through `noted`, so that it is in the audit with what stood before and
after, was made by somebody who may, and every process decides by it from the commit on.
"""

import contextlib
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from service.domain.actors import Actor, check_marketing_contacts
from service.domain.defaults import (
    DELETE_COUNTS,
    EXTERNAL_FORMS,
    SWITCHES,
    Kept,
    Subject,
    SubjectKind,
    Value,
)
from service.domain.endpoints import ExternalKind
from service.domain.portals import DeleteCounts
from service.errors import NotFound
from service.store import audit, portals
from service.store.audit import Entry
from service.store.tables import access_token, endpoint, external_form, form, portal
from service.store.tables import audit as audit_table

DEFAULT_SET = "default_set"
"""The audit's word for a change of a default."""
EXTERNAL_KINDS = {
    SubjectKind.EXTERNAL_FORM: ExternalKind.FORM,
    SubjectKind.CHATFLOW: ExternalKind.CHATFLOW,
}
_SUBJECT_KINDS = {kind.value: subject for subject, kind in EXTERNAL_KINDS.items()}


@dataclass(frozen=True, slots=True)
class Noted:
    """One change of a default, as the audit has it."""

    id: int
    at: datetime
    actor: str
    subject: str
    before: Mapping[str, Any] | None
    """None when the default came into being."""
    after: Mapping[str, Any]


def find(
    connection: sa.Connection, portal_id: int, subject: Subject, *, for_update: bool = False
) -> Kept | None:
    """Return a default, or None where there is none; locked against others who set it, if that is asked for."""
    table, here, read = _place(portal_id, subject)
    query = sa.select(table).where(*here)
    locked = query.with_for_update(key_share=True)
    row = connection.execute(locked if for_update else query).one_or_none()
    return None if row is None else read(row)


def list_all(connection: sa.Connection, portal_id: int, *, with_gone: bool = False) -> list[Kept]:
    """Return all defaults of a portal in a fixed order; raises NotFound.

    Left out are tokens that are revoked or a user's and, unless `with_gone`, forms of deleted endpoints.
    """
    row = connection.execute(sa.select(portal).where(portal.c.id == portal_id)).one_or_none()
    if row is None:
        raise NotFound("portal", portal_id)
    forms = sa.select(form).where(form.c.portal_id == portal_id).order_by(form.c.name, form.c.guid)
    is_there = sa.true() if with_gone else endpoint.c.deleted_at.is_(None)
    external = (
        sa.select(external_form)
        .join(endpoint, endpoint.c.id == external_form.c.endpoint_id)
        .where(external_form.c.portal_id == portal_id, is_there)
        .order_by(external_form.c.id)
    )
    tokens = sa.select(access_token).where(*_tokens(portal_id)).order_by(access_token.c.id)
    found = [_external(each) for each in connection.execute(external)]
    return [
        *(_switch(subject)(row) for subject in SWITCHES),
        *(_form(each) for each in connection.execute(forms)),
        *(kept for kind in EXTERNAL_KINDS for kept in found if kept.subject.kind is kind),
        *(_token(each) for each in connection.execute(tokens)),
    ]


@contextlib.contextmanager
def noted(
    connection: sa.Connection, portal_id: int, actor: Actor, subject: Subject, now: datetime
) -> Iterator[Kept | None]:
    """Give the default as it is under its lock; what the block makes of it gets into the audit.

    Raises NoMarketingAccess and NotIncluded when the block has changed a default that was there; the transaction
    is given up then. Whoever uses it calls `portals.changed`.
    """
    before = find(connection, portal_id, subject, for_update=True)
    yield before
    after = find(connection, portal_id, subject)
    if after is None or (before is not None and before.own == after.own):
        return
    if before is not None:
        check(connection, portal_id, actor)
    record = None if before is None else before.record()
    audit.note(
        connection, portal_id, Entry(str(actor), DEFAULT_SET, str(subject), record, after.record()), now
    )


def check(connection: sa.Connection, portal_id: int, actor: Actor) -> None:
    """Raise NoMarketingAccess or NotIncluded unless the actor may change defaults of the portal (rules 8, 9)."""
    actor.check_marketing_access()
    check_marketing_contacts(portals.get_portal(connection, portal_id))


def set_default(
    connection: sa.Connection, portal_id: int, actor: Actor, subject: Subject, value: Value, now: datetime
) -> bool:
    """Set one default; False when it is so already. Raises NotFound, NoMarketingAccess, NotIncluded."""
    return bool(set_all(connection, portal_id, actor, {subject: value}, now))


def set_all(
    connection: sa.Connection,
    portal_id: int,
    actor: Actor,
    values: Mapping[Subject, Value],
    now: datetime,
) -> list[Subject]:
    """Set defaults, and return those that were not so already. Raises what `set_default` raises.

    Rows are locked in one order, and the configuration's last: two who set several don't wait for each other.
    """
    check(connection, portal_id, actor)
    done = []
    for subject in sorted(values):
        with noted(connection, portal_id, actor, subject, now) as before:
            if before is None:
                raise NotFound("default", subject)
            if before.own != values[subject]:
                _write(connection, portal_id, subject, values[subject], now)
                done.append(subject)
    if done:
        portals.changed(connection)
    return done


def set_token_default(
    connection: sa.Connection, portal_id: int, token_id: int, actor: Actor, now: datetime, *, on: bool
) -> bool:
    """Set the default of contacts that an integration creates from now on; False when it is so already.

    Raises NotFound for a token that is revoked or a user's; NoMarketingAccess; NotIncluded.
    """
    subject = Subject(SubjectKind.TOKEN, str(token_id))
    if find(connection, portal_id, subject) is None:
        raise NotFound("token", token_id)
    return set_default(connection, portal_id, actor, subject, on, now)


def history(
    connection: sa.Connection,
    portal_id: int,
    subject: Subject,
    *,
    before: int | None = None,
    limit: int = 100,
) -> list[Noted]:
    """Return a default's changes, the newest first."""
    query = _noted(portal_id).where(audit_table.c.subject == str(subject))
    query = query.order_by(audit_table.c.id.desc()).limit(limit)
    if before is not None:
        query = query.where(audit_table.c.id < before)
    return [_entry(row) for row in connection.execute(query)]


def find_noted(connection: sa.Connection, portal_id: int, entry_id: int) -> Noted | None:
    """Return one change, or None."""
    row = connection.execute(_noted(portal_id).where(audit_table.c.id == entry_id)).one_or_none()
    return None if row is None else _entry(row)


def latest(connection: sa.Connection, portal_id: int) -> dict[str, Noted]:
    """Return the latest change of each default that was ever set, by subject."""
    newest = (
        _noted(portal_id).with_only_columns(sa.func.max(audit_table.c.id)).group_by(audit_table.c.subject)
    )
    query = sa.select(audit_table).where(audit_table.c.id.in_(newest))
    return {row.subject: _entry(row) for row in connection.execute(query)}


def since(connection: sa.Connection, portal_id: int, instant: datetime) -> list[Noted]:
    """Return all changes after an instant, the oldest first."""
    query = _noted(portal_id).where(audit_table.c.at > instant).order_by(audit_table.c.id)
    return [_entry(row) for row in connection.execute(query)]


def _noted(portal_id: int) -> sa.Select[Any]:
    return sa.select(audit_table).where(
        audit_table.c.portal_id == portal_id, audit_table.c.action == DEFAULT_SET
    )


def _entry(row: Any) -> Noted:
    return Noted(row.id, row.at, row.actor, row.subject, row.before, row.after or {})


def _write(connection: sa.Connection, portal_id: int, subject: Subject, value: Value, now: datetime) -> None:
    """Write a value past the audit; the row is locked."""
    table, here, _ = _place(portal_id, subject)
    values: dict[str, Any]
    if subject == DELETE_COUNTS:
        values = {"delete_counts": str(value)}
    elif subject == EXTERNAL_FORMS:
        values = {"external_forms": value}
    elif subject.kind is SubjectKind.FORM:
        document = connection.execute(sa.select(form.c.definition).where(*here)).scalar_one()
        values = {"definition": {**document, "marketingDefault": value}, "updated_at": now}
        values["version"] = form.c.version + 1
    elif subject.kind is SubjectKind.TOKEN:
        values = {"marketing_default": value, "default_version": access_token.c.default_version + 1}
    else:
        values = {
            "marketing_default": value,
            "version": external_form.c.version + 1,
            "is_new": False,
        }
    connection.execute(sa.update(table).where(*here).values(**values))


Read = Callable[[Any], Kept]


def _place(portal_id: int, subject: Subject) -> tuple[sa.Table, Sequence[sa.ColumnElement[bool]], Read]:
    """Return where a default is kept: the table, the row, and how the row is read."""
    if subject.kind is SubjectKind.PORTAL:
        return portal, (portal.c.id == portal_id,), _switch(subject)
    if subject.kind is SubjectKind.FORM:
        return form, (form.c.portal_id == portal_id, form.c.guid == subject.id), _form
    if subject.kind is SubjectKind.TOKEN:
        return access_token, (*_tokens(portal_id), access_token.c.id == subject.number), _token
    columns, kind = external_form.c, EXTERNAL_KINDS[subject.kind]
    here = (columns.portal_id == portal_id, columns.id == subject.number, columns.kind == kind.value)
    return external_form, here, _external


def _tokens(portal_id: int) -> tuple[sa.ColumnElement[bool], ...]:
    """Integrations: what a user's token creates is created by hand."""
    columns = access_token.c
    return columns.portal_id == portal_id, columns.revoked_at.is_(None), columns.user_id.is_(None)


def _switch(subject: Subject) -> Read:
    def read(row: Any) -> Kept:
        own = DeleteCounts(row.delete_counts) if subject == DELETE_COUNTS else row.external_forms
        return Kept(subject=subject, name=subject.id, own=own, version=None, made_at=row.created_at)

    return read


def _form(row: Any) -> Kept:
    return Kept(
        subject=Subject(SubjectKind.FORM, str(uuid.UUID(row.guid))),
        name=row.name,
        own=bool(row.definition.get("marketingDefault", True)),
        version=row.version,
        made_at=row.created_at,
        is_archived=row.archived_at is not None,
    )


def _external(row: Any) -> Kept:
    return Kept(
        subject=Subject(_SUBJECT_KINDS[row.kind], str(row.id)),
        name=row.name or row.key,
        own=row.marketing_default,
        version=row.version,
        made_at=row.first_seen_at,
        endpoint_id=row.endpoint_id,
    )


def _token(row: Any) -> Kept:
    return Kept(
        subject=Subject(SubjectKind.TOKEN, str(row.id)),
        name=row.name,
        own=row.marketing_default,
        version=row.default_version,
        made_at=row.created_at,
    )
