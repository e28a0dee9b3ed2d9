"""Forms and chatflows that were seen at endpoints, or were told of before.

What is seen for the first time is kept at once, with nobody's choice; that changes nothing that is decided, and so
the configuration's version stays. A choice of a default or a mapping moves it on.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

import sqlalchemy as sa

from service.domain.endpoints import ExternalForm, ExternalKind
from service.store.portals import changed
from service.store.tables import endpoint, external_form, submission
from service.store.upserts import insert

MOST_FORMS = 1_000
"""Of one endpoint; what a sender that makes up names of forms sends beyond counts as the endpoint's own."""
MOST_COUNTED = 10_000
"""Submissions of one form; so many are as good as more."""
MOST_FIELDS = 400
"""Of one form; the latest are kept of a sender that makes up names of fields."""
NOT_CHOSEN: Any = object()
"""What `choose` leaves as it is."""
_IS_EXTERNAL = sa.text("submission.source IN ('external_form', 'chatflow')")
"""As the index has it, word for word."""


def find(connection: sa.Connection, external_form_id: int) -> ExternalForm | None:
    """Return the form or chatflow with this number, or None."""
    row = connection.execute(
        sa.select(external_form).where(external_form.c.id == external_form_id)
    ).one_or_none()
    return None if row is None else _form(row)


def find_by_key(
    connection: sa.Connection, endpoint_id: int, kind: ExternalKind, key: str
) -> ExternalForm | None:
    """Return the form or chatflow that the provider calls `key`, or None."""
    row = connection.execute(sa.select(external_form).where(*_here(endpoint_id, kind, key))).one_or_none()
    return None if row is None else _form(row)


def see(
    connection: sa.Connection, endpoint_id: int, portal_id: int, kind: ExternalKind, key: str, now: datetime
) -> ExternalForm:
    """Return the form or chatflow that the provider calls `key`, kept as new if nobody has seen it before."""
    found = find_by_key(connection, endpoint_id, kind, key)
    if found is not None:
        return found
    if key and _count(connection, endpoint_id) >= MOST_FORMS:
        return see(connection, endpoint_id, portal_id, kind, "", now)
    values = _values(endpoint_id, portal_id, kind, key) | {"first_seen_at": now, "last_seen_at": now}
    return _add(connection, values)


def tell(
    connection: sa.Connection, endpoint_id: int, portal_id: int, kind: ExternalKind, key: str
) -> ExternalForm | None:
    """Return the form or chatflow, seen before or not; None when the endpoint has too many already."""
    found = find_by_key(connection, endpoint_id, kind, key)
    if found is not None:
        return found
    if _count(connection, endpoint_id) >= MOST_FORMS:
        return None
    return _add(connection, _values(endpoint_id, portal_id, kind, key) | {"is_new": False})


def list_all(
    connection: sa.Connection, portal_id: int, *, endpoint_id: int | None = None, only_new: bool = False
) -> list[ExternalForm]:
    """Return a portal's forms and chatflows, the newest first; those of deleted endpoints are left out."""
    query = (
        sa.select(external_form)
        .join(endpoint, endpoint.c.id == external_form.c.endpoint_id)
        .where(external_form.c.portal_id == portal_id, endpoint.c.deleted_at.is_(None))
        .order_by(external_form.c.id.desc())
    )
    if endpoint_id is not None:
        query = query.where(external_form.c.endpoint_id == endpoint_id)
    if only_new:
        query = query.where(external_form.c.is_new)
    return [_form(row) for row in connection.execute(query)]


def new(connection: sa.Connection) -> int:
    """Return how many nobody has looked at yet, of all portals."""
    query = sa.select(sa.func.count()).select_from(external_form).where(external_form.c.is_new)
    return int(connection.execute(query).scalar_one())


def choose(
    connection: sa.Connection,
    external_form_id: int,
    *,
    marketing_default: bool | None = NOT_CHOSEN,
    mapping: Mapping[str, str] = NOT_CHOSEN,
    name: str = NOT_CHOSEN,
) -> None:
    """Keep what a person chose; from now on the form is no longer new."""
    values: dict[str, Any] = {"is_new": False, "version": external_form.c.version + 1}
    if marketing_default is not NOT_CHOSEN:
        values["marketing_default"] = marketing_default
    if mapping is not NOT_CHOSEN:
        values["mapping"] = dict(mapping)
    if name is not NOT_CHOSEN:
        values["name"] = name
    connection.execute(
        sa.update(external_form).where(external_form.c.id == external_form_id).values(**values)
    )
    changed(connection)


def note_seen(
    connection: sa.Connection, external_form_id: int, *, name: str, fields: Mapping[str, str], at: datetime
) -> None:
    """Keep when a form was seen, its name if it has none of a person's, and which fields it has."""
    here = external_form.c.id == external_form_id
    row = connection.execute(sa.select(external_form).where(here)).one_or_none()
    if row is None:
        return
    known = {**fields, **{key: label for key, label in row.fields.items() if key not in fields}}
    values: dict[str, Any] = {
        "first_seen_at": row.first_seen_at or at,
        "last_seen_at": max(row.last_seen_at or at, at),
        "fields": dict(islice(known.items(), MOST_FIELDS)),
    }
    if not row.name and name:
        values["name"] = name
    connection.execute(sa.update(external_form).where(here).values(**values))


def count_submissions(connection: sa.Connection, numbers: Sequence[int]) -> dict[int, int]:
    """Return how many submissions came in by each form or chatflow, `MOST_COUNTED` at most."""
    came_in = (
        sa.select(submission.c.id)
        .where(_IS_EXTERNAL, submission.c.source_id == sa.cast(external_form.c.id, sa.Text))
        .limit(MOST_COUNTED)
        .correlate(external_form)
        .subquery()
    )
    counted = sa.select(sa.func.count()).select_from(came_in).scalar_subquery()
    query = sa.select(external_form.c.id, counted).where(external_form.c.id.in_(list(numbers)))
    return {row[0]: row[1] for row in connection.execute(query)}


def _add(connection: sa.Connection, values: Mapping[str, Any]) -> ExternalForm:
    connection.execute(insert(connection, external_form).values(**values).on_conflict_do_nothing())
    here = _here(values["endpoint_id"], ExternalKind(values["kind"]), values["key"])
    return _form(connection.execute(sa.select(external_form).where(*here)).one())


def _here(endpoint_id: int, kind: ExternalKind, key: str) -> tuple[sa.ColumnElement[bool], ...]:
    columns = external_form.c
    return columns.endpoint_id == endpoint_id, columns.kind == kind.value, columns.key == key


def _count(connection: sa.Connection, endpoint_id: int) -> int:
    query = sa.select(sa.func.count()).where(external_form.c.endpoint_id == endpoint_id)
    return int(connection.execute(query).scalar_one())


def _values(endpoint_id: int, portal_id: int, kind: ExternalKind, key: str) -> dict[str, Any]:
    return {
        "endpoint_id": endpoint_id,
        "portal_id": portal_id,
        "kind": kind.value,
        "key": key,
        "name": "",
        "mapping": {},
        "fields": {},
        "version": 0,
        "is_new": True,
    }


def _form(row: Any) -> ExternalForm:
    return ExternalForm(
        id=row.id,
        endpoint_id=row.endpoint_id,
        portal_id=row.portal_id,
        kind=ExternalKind(row.kind),
        key=row.key,
        name=row.name,
        marketing_default=row.marketing_default,
        mapping=row.mapping,
        fields=row.fields,
        version=row.version,
        is_new=row.is_new,
        first_seen_at=row.first_seen_at,
        last_seen_at=row.last_seen_at,
    )
