"""Keeps workflows, and what each knows of contacts; foresees what enrolling those who match would come to."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from service.domain.filters import Filter, dump_filter, read_filter
from service.domain.jobs import JobState
from service.domain.workflows import Memory, Workflow
from service.errors import NotFound
from service.store import portals
from service.store.filters import compile_filter
from service.store.literals import instant_array, plain_array
from service.store.selections import IS_LIVE
from service.store.sqlite_rows import as_text
from service.store.tables import contact, enrolment, job, portal, workflow

GIVEN_UP = frozenset({JobState.CANCELED.value, JobState.FAILED.value})
CHANGING = (
    "name",
    "marketing",
    "re_enrols",
    "is_on",
    "version",
    "round",
    "enrols_existing",
    "walked_to",
    "walks_upto",
    "job_id",
)


REMEMBER = """
    INSERT INTO enrolment (workflow_id, contact_id, matches, times, round, enrolled_at)
    {rows}
    ON CONFLICT (workflow_id, contact_id) DO UPDATE SET
        matches = excluded.matches, times = excluded.times, round = excluded.round,
        enrolled_at = coalesce(excluded.enrolled_at, enrolment.enrolled_at)
"""
ON_SQLITE = REMEMBER.format(rows="VALUES (?, ?, ?, ?, ?, ?)")
ON_POSTGRESQL = sa.text(
    REMEMBER.format(
        rows="""SELECT * FROM unnest(
            CAST(:workflow_id AS bigint[]), CAST(:contact_id AS bigint[]), CAST(:matches AS bool[]),
            CAST(:times AS int[]), CAST(:round AS int[]), CAST(:enrolled_at AS timestamptz[]))"""
    )
)

MEMORIES = sa.text(
    """
    SELECT known.* FROM unnest(CAST(:workflow_ids AS bigint[])) AS w(id)
     CROSS JOIN unnest(CAST(:contact_ids AS bigint[])) AS c(id)
     CROSS JOIN LATERAL (
        SELECT * FROM enrolment WHERE workflow_id = w.id AND contact_id = c.id OFFSET 0) known
    """
)
"""LATERAL with OFFSET keeps the planner to one look-up by key for each pair, however old its statistics are."""


def add(connection: sa.Connection, new: Workflow) -> int:
    """Keep a new workflow; returns its number."""
    values = {"portal_id": new.portal_id, "created_at": new.created_at, **_values(new)}
    return int(connection.execute(sa.insert(workflow).values(**values).returning(workflow.c.id)).scalar_one())


def save(connection: sa.Connection, changed: Workflow) -> None:
    """Keep a workflow as it is now."""
    here = workflow.c.id == changed.id
    connection.execute(sa.update(workflow).where(here).values(**_values(changed)))


def delete(connection: sa.Connection, workflow_id: int, now: datetime) -> None:
    """Mark a workflow as deleted; its number stands in status changes for ever."""
    here = workflow.c.id == workflow_id
    connection.execute(sa.update(workflow).where(here).values(is_on=False, deleted_at=now, updated_at=now))


def get(connection: sa.Connection, portal_id: int, workflow_id: int, *, for_update: bool = False) -> Workflow:
    """Return the workflow; raises NotFound. `for_update` waits for those who are at work by it."""
    query = _query().where(workflow.c.portal_id == portal_id, workflow.c.id == workflow_id)
    if for_update:
        query = query.with_for_update(of=workflow)
    row = connection.execute(query).one_or_none()
    if row is None:
        raise NotFound("workflow", workflow_id)
    return _workflow(row)


def list_all(connection: sa.Connection, portal_id: int) -> list[Workflow]:
    """Return a portal's workflows by number."""
    query = _query().where(workflow.c.portal_id == portal_id).order_by(workflow.c.id)
    return [_workflow(row) for row in connection.execute(query)]


def names(connection: sa.Connection, ids: Collection[int]) -> dict[int, str]:
    """Return what workflows are called, deleted ones too."""
    query = sa.select(workflow.c.id, workflow.c.name).where(workflow.c.id.in_(ids))
    return {row.id: row.name for row in connection.execute(query)}


def switched_on(connection: sa.Connection, portal_id: int, workflow_id: int | None = None) -> list[Workflow]:
    """Return the workflows that are on, by number; until the transaction ends nobody switches one of them off."""
    query = _query().where(workflow.c.portal_id == portal_id, workflow.c.is_on).order_by(workflow.c.id)
    if workflow_id is not None:
        query = query.where(workflow.c.id == workflow_id)
    locked = query.with_for_update(of=workflow, read=True, key_share=True)
    return [_workflow(row) for row in connection.execute(locked)]


def set_walked(connection: sa.Connection, workflow_id: int, contact_id: int) -> None:
    """Keep how far going through those who exist has come."""
    here = workflow.c.id == workflow_id
    connection.execute(sa.update(workflow).where(here).values(walked_to=contact_id))


def lock_portal(connection: sa.Connection, portal_id: int) -> None:
    """Have those who switch workflows of one portal follow one another."""
    query = sa.select(portal.c.id).where(portal.c.id == portal_id)
    connection.execute(query.with_for_update(key_share=True))


def follow_switches(connection: sa.Connection, portal_id: int) -> None:
    """Note whether one of a portal's workflows is on: only then its contacts' changes are noted.

    Called under `lock_portal` in the transaction that switches one.
    """
    is_on = workflow.c.is_on & workflow.c.deleted_at.is_(None) & (workflow.c.portal_id == portal_id)
    runs = connection.execute(sa.select(workflow.c.id).where(is_on).limit(1)).first() is not None
    here = (portal.c.id == portal_id) & (portal.c.runs_workflows != runs)
    if connection.execute(sa.update(portal).where(here).values(runs_workflows=runs)).rowcount:
        portals.changed(connection)


def memories(
    connection: sa.Connection, workflow_ids: Collection[int], contact_ids: Collection[int]
) -> dict[tuple[int, int], Memory]:
    """Return what workflows know of contacts, by both numbers; those of which they know nothing are left out."""
    if not workflow_ids or not contact_ids:
        return {}
    if connection.dialect.name == "sqlite":
        here = enrolment.c.workflow_id.in_(workflow_ids) & enrolment.c.contact_id.in_(contact_ids)
        rows = connection.execute(sa.select(enrolment).where(here))
    else:
        numbers = {"workflow_ids": plain_array(workflow_ids), "contact_ids": plain_array(contact_ids)}
        rows = connection.execute(MEMORIES, numbers)
    return {(row.workflow_id, row.contact_id): Memory(row.matches, row.times, row.round) for row in rows}


def remember(
    connection: sa.Connection, known: Sequence[tuple[int, int, Memory, bool]], now: datetime
) -> None:
    """Keep what workflows know: workflow, contact, memory, and whether it was enrolled now."""
    if not known:
        return
    if connection.dialect.name == "sqlite":
        at = as_text(now)
        driver: Any = connection.connection.driver_connection
        driver.executemany(
            ON_SQLITE,
            [
                (workflow_id, contact_id, memory.matches, memory.times, memory.round, at if enrols else None)
                for workflow_id, contact_id, memory, enrols in known
            ],
        ).close()
        return
    columns = {
        "workflow_id": plain_array([each[0] for each in known]),
        "contact_id": plain_array([each[1] for each in known]),
        "matches": plain_array([each[2].matches for each in known]),
        "times": plain_array([each[2].times for each in known]),
        "round": plain_array([each[2].round for each in known]),
        "enrolled_at": instant_array([now if each[3] else None for each in known]),
    }
    connection.execute(ON_POSTGRESQL, columns)


def count_enrolled(connection: sa.Connection, workflow_id: int) -> int:
    """Count the contacts that were ever enrolled."""
    here = (enrolment.c.workflow_id == workflow_id) & (enrolment.c.times > 0)
    return int(connection.execute(sa.select(sa.func.count()).select_from(enrolment).where(here)).scalar_one())


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What enrolling all who match would come to; the numbers of contacts."""

    matching: int
    left_out: int
    """Of those: enrolled before, and this workflow enrols nobody again."""
    marketing: int
    """Of the others: marketing contacts without an end."""
    leaving: int
    """Of the others: marketing contacts until the update date."""
    others: int
    """Of the others: non-marketing contacts."""


def foresee(
    connection: sa.Connection, portal_id: int, wanted: Filter, again_not: int | None, now: datetime
) -> Foreseen:
    """Count those who match; of workflow `again_not`, whom it has enrolled already is left out."""
    was_enrolled = _was_enrolled(again_not)
    standing = sa.case(
        (was_enrolled, "left_out"),
        (sa.not_(_counts(now)), "others"),
        (contact.c.until.is_(None), "marketing"),
        else_="leaving",
    )
    query = (
        sa.select(standing.label("standing"), sa.func.count().label("number"))
        .where(contact.c.portal_id == portal_id, IS_LIVE, compile_filter(wanted, now))
        .group_by(sa.text("standing"))
    )
    numbers = {row.standing: row.number for row in connection.execute(query)}
    parts = {name: numbers.get(name, 0) for name in ("left_out", "marketing", "leaving", "others")}
    return Foreseen(matching=sum(numbers.values()), **parts)


def examples(
    connection: sa.Connection,
    portal_id: int,
    wanted: Filter,
    again_not: int | None,
    now: datetime,
    *,
    marketing: bool,
    limit: int,
) -> list[int]:
    """Return the first contacts of those whose status would change."""
    open_end = sa.and_(_counts(now), contact.c.until.is_(None))
    query = (
        sa.select(contact.c.id)
        .where(contact.c.portal_id == portal_id, IS_LIVE, compile_filter(wanted, now))
        .where(sa.not_(open_end) if marketing else open_end, sa.not_(_was_enrolled(again_not)))
        .order_by(contact.c.id)
        .limit(limit)
    )
    return list(connection.execute(query).scalars())


def _was_enrolled(workflow_id: int | None) -> sa.ColumnElement[bool]:
    if workflow_id is None:
        return sa.false()
    here = (enrolment.c.workflow_id == workflow_id) & (enrolment.c.contact_id == contact.c.id)
    return sa.exists().where(here, enrolment.c.times > 0)


def _counts(now: datetime) -> sa.ColumnElement[bool]:
    """Whether the contact counts, as `service.domain.marketing` has it: for one contact time never runs back."""
    ends_later = sa.and_(contact.c.until > now, contact.c.until > contact.c.since)
    return sa.and_(contact.c.since.is_not(None), sa.or_(contact.c.until.is_(None), ends_later))


def _query() -> sa.Select[Any]:
    state = sa.select(job.c.state).where(job.c.id == workflow.c.job_id).scalar_subquery()
    return sa.select(workflow, state.label("job_state")).where(workflow.c.deleted_at.is_(None))


def _values(of: Workflow) -> Mapping[str, Any]:
    values = {name: getattr(of, name) for name in CHANGING}
    return {**values, "filter": dump_filter(of.filter), "updated_at": of.updated_at}


def _workflow(row: Any) -> Workflow:
    """Return the workflow of a row; whom a job that was given up has not come to is enrolled no more."""
    values = {name: getattr(row, name) for name in CHANGING}
    values["enrols_existing"] = row.enrols_existing and row.job_state not in GIVEN_UP
    return Workflow(
        id=row.id,
        portal_id=row.portal_id,
        filter=read_filter(row.filter),
        created_at=row.created_at,
        updated_at=row.updated_at,
        **values,
    )
