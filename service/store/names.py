"""What the causes of status changes and those who acted are called today, many at a time.

What has no name, or is not there any more, is left out. Names of users and files are personal data or may be: they
belong into answers, and never into logs.
"""

import uuid
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping

import sqlalchemy as sa

from service.domain.actors import ActorKind
from service.domain.model import Source
from service.domain.reasons import source_of
from service.store.among import among
from service.store.tables import access_token, external_form, form, job, portal_user, workflow

Reason = tuple[str, str]
"""Reason type and id."""
Names = Mapping[str, str]
"""By id, as it stands in reasons and actors."""
Look = Callable[[sa.Connection, int, Collection[str]], Names]
LARGEST = 2**63 - 1


def of_reasons(connection: sa.Connection, portal_id: int, reasons: Iterable[Reason]) -> dict[Reason, str]:
    """Return what reasons are called; one statement for each source."""
    by_source: defaultdict[Source, set[Reason]] = defaultdict(set)
    for reason in reasons:
        by_source[source_of(*reason)].add(reason)
    found: dict[Reason, str] = {}
    for source, wanted in by_source.items():
        names = _look(connection, portal_id, OF_SOURCES.get(source), {reason_id for _, reason_id in wanted})
        found |= {reason: names[reason[1]] for reason in wanted if names.get(reason[1])}
    return found


def of_actors(connection: sa.Connection, portal_id: int, actors: Iterable[str]) -> dict[str, str]:
    """Return what those are called who acted, by `str` of them, as `user:7`."""
    by_kind: defaultdict[str, set[str]] = defaultdict(set)
    for actor in actors:
        kind, _, number = actor.partition(":")
        by_kind[kind].add(number)
    found: dict[str, str] = {}
    for kind, ids in by_kind.items():
        names = _look(connection, portal_id, OF_ACTORS.get(kind), ids)
        found |= {f"{kind}:{number}": name for number, name in names.items() if name}
    return found


def _look(connection: sa.Connection, portal_id: int, look: Look | None, ids: Collection[str]) -> Names:
    return look(connection, portal_id, ids) if look is not None and ids else {}


def _forms(connection: sa.Connection, portal_id: int, ids: Collection[str]) -> Names:
    guids = {uuid.UUID(each): each for each in ids}
    here = (form.c.portal_id == portal_id) & form.c.guid.in_([str(guid) for guid in guids])
    query = sa.select(form.c.guid, form.c.name).where(here)
    return {guids[uuid.UUID(row.guid)]: row.name for row in connection.execute(query)}


def _external_forms(connection: sa.Connection, portal_id: int, ids: Collection[str]) -> Names:
    name = sa.func.coalesce(sa.func.nullif(external_form.c.name, ""), external_form.c.key)
    return _numbered(connection, portal_id, external_form, name, ids)


def _users(connection: sa.Connection, portal_id: int, ids: Collection[str]) -> Names:
    name = sa.func.coalesce(sa.func.nullif(portal_user.c.name, ""), portal_user.c.email)
    return _numbered(connection, portal_id, portal_user, name, ids)


def _tokens(connection: sa.Connection, portal_id: int, ids: Collection[str]) -> Names:
    return _numbered(connection, portal_id, access_token, access_token.c.name, ids)


def _workflows(connection: sa.Connection, portal_id: int, ids: Collection[str]) -> Names:
    return _numbered(connection, portal_id, workflow, workflow.c.name, ids)


def _imports(connection: sa.Connection, portal_id: int, ids: Collection[str]) -> Names:
    return _numbered(connection, portal_id, job, job.c.request["name"].as_string(), ids)


def _numbered(
    connection: sa.Connection,
    portal_id: int,
    table: sa.Table,
    name: sa.ColumnElement[str],
    ids: Collection[str],
) -> Names:
    numbers = {int(each): each for each in ids if each.isascii() and each.isdigit() and int(each) <= LARGEST}
    if not numbers:
        return {}
    here = (table.c.portal_id == portal_id) & among(connection, table.c.id, numbers)
    query = sa.select(table.c.id, name.label("name")).where(here)
    return {numbers[row.id]: row.name for row in connection.execute(query)}


OF_SOURCES: Mapping[Source, Look] = {
    Source.HUBSPOT_FORM: _forms,
    Source.EXTERNAL_FORM: _external_forms,
    Source.CHATFLOW: _external_forms,
    Source.IMPORT: _imports,
    Source.BY_HAND: _users,
    Source.TOKEN: _tokens,
    Source.WORKFLOW: _workflows,
}
OF_ACTORS: Mapping[str, Look] = {
    ActorKind.USER.value: _users,
    ActorKind.TOKEN.value: _tokens,
    Source.WORKFLOW.value: _workflows,
}
