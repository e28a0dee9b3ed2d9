"""Keeps jobs. A step's work and how far the job has come are written in one transaction, so no unit is done twice.

While a step runs, the job's row is locked: other processes take other jobs, and a process that dies lets go of it.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from service.domain.jobs import ENDED, Job, JobState, Problem, Step
from service.store import audit
from service.store.audit import Entry
from service.store.tables import job, job_problem

IS_OPEN = sa.text("finished_at IS NULL")
"""As the index has it, word for word."""


def add(
    connection: sa.Connection,
    portal_id: int,
    kind: str,
    actor: str,
    request: Mapping[str, Any],
    now: datetime,
    *,
    total: int | None = None,
) -> Job:
    """Keep a new job, and in the audit that it was started; whatever process runs jobs takes it up."""
    values = {
        "portal_id": portal_id,
        "kind": kind,
        "state": JobState.STARTED.value,
        "actor": actor,
        "request": dict(request),
        "cursor": {},
        "total": total,
        "counts": {},
        "error": "",
        "created_at": now,
        "updated_at": now,
    }
    new = _job(connection.execute(sa.insert(job).values(**values).returning(*job.c)).one())
    started = Entry(actor, "started", f"job:{new.id}", after={"kind": kind, "total": total})
    audit.note(connection, portal_id, started, now)
    return new


def find(connection: sa.Connection, portal_id: int, job_id: int) -> Job | None:
    """Return the job, or None."""
    row = connection.execute(
        sa.select(job).where(job.c.portal_id == portal_id, job.c.id == job_id)
    ).one_or_none()
    return None if row is None else _job(row)


def page(
    connection: sa.Connection,
    portal_id: int,
    *,
    kind: str | None = None,
    before: int | None = None,
    limit: int = 50,
) -> list[Job]:
    """Return a portal's jobs, the newest first."""
    query = sa.select(job).where(job.c.portal_id == portal_id).order_by(job.c.id.desc()).limit(limit)
    query = query.where(job.c.kind == kind) if kind is not None else query
    query = query.where(job.c.id < before) if before is not None else query
    return [_job(row) for row in connection.execute(query)]


def problems(
    connection: sa.Connection, job_id: int, *, after: int = 0, limit: int = 100
) -> list[tuple[int, Problem]]:
    """Return what went wrong in a job, each with its number, from 1."""
    query = (
        sa.select(job_problem)
        .where(job_problem.c.job_id == job_id, job_problem.c.number > after)
        .order_by(job_problem.c.number)
        .limit(limit)
    )
    return [(row.number, _problem(row)) for row in connection.execute(query)]


def has_work(connection: sa.Connection) -> bool:
    """Whether there are jobs that have not ended."""
    return connection.execute(sa.select(job.c.id).where(IS_OPEN).limit(1)).first() is not None


def claim(connection: sa.Connection, skip: Collection[int] = ()) -> Job | None:
    """Lock and return the open job that has waited longest, or None; those in `skip` wait on."""
    query = (
        sa.select(job)
        .where(IS_OPEN, job.c.id.not_in(skip))
        .order_by(job.c.updated_at, job.c.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    row = connection.execute(query).one_or_none()
    return None if row is None else _job(row)


def in_front(connection: sa.Connection, of: Job) -> int:
    """Return how many open jobs of the same portal and kind are older."""
    query = sa.select(sa.func.count()).where(
        IS_OPEN, job.c.portal_id == of.portal_id, job.c.kind == of.kind, job.c.id < of.id
    )
    return int(connection.execute(query.select_from(job)).scalar_one())


def keep_step(connection: sa.Connection, of: Job, step: Step, now: datetime) -> None:
    """Keep how far a claimed job has come."""
    counts = dict(of.counts)
    for name, number in step.counts.items():
        counts[name] = counts.get(name, 0) + number
    values: dict[str, Any] = {
        "cursor": dict(step.cursor),
        "done": of.done + step.done,
        "counts": counts,
        "problems": of.problems + len(step.problems),
        "total": of.total if step.total is None else step.total,
    }
    rows = [
        {"job_id": of.id, "number": number, **_problem_values(problem)}
        for number, problem in enumerate(step.problems, of.problems + 1)
    ]
    if rows:
        connection.execute(sa.insert(job_problem), rows)
    set_state(connection, of, JobState.DONE if step.finished else JobState.PROCESSING, now, **values)


def set_state(connection: sa.Connection, of: Job, state: JobState, now: datetime, **values: Any) -> None:
    """Set a claimed job's state, and other columns with it."""
    values |= {"state": state.value, "updated_at": now}
    if of.started_at is None and state is not JobState.DEFERRED:
        values["started_at"] = now
    if state in ENDED:
        values["finished_at"] = now
    connection.execute(sa.update(job).where(job.c.id == of.id).values(**values))


def ask_to_cancel(connection: sa.Connection, portal_id: int, job_id: int) -> bool:
    """Note that a job is to be cancelled before its next step; False when it has ended or isn't there."""
    here = (job.c.portal_id == portal_id) & (job.c.id == job_id) & IS_OPEN
    return connection.execute(sa.update(job).where(here).values(cancel_asked=True)).rowcount > 0


def _problem_values(problem: Problem) -> dict[str, Any]:
    return {
        "contact_id": problem.contact_id,
        "file": problem.file,
        "line": problem.line,
        "column": problem.column,
        "column_name": problem.column_name,
        "reason": problem.reason,
        "message": problem.message,
        "mend": problem.mend,
    }


def _problem(row: Any) -> Problem:
    return Problem(
        reason=row.reason,
        message=row.message,
        mend=row.mend,
        contact_id=row.contact_id,
        file=row.file,
        line=row.line,
        column=row.column,
        column_name=row.column_name,
    )


def _job(row: Any) -> Job:
    return Job(
        id=row.id,
        portal_id=row.portal_id,
        kind=row.kind,
        state=JobState(row.state),
        actor=row.actor,
        request=row.request,
        cursor=row.cursor,
        total=row.total,
        done=row.done,
        counts=row.counts,
        problems=row.problems,
        error=row.error,
        cancel_asked=row.cancel_asked,
        created_at=row.created_at,
        started_at=row.started_at,
        updated_at=row.updated_at,
        finished_at=row.finished_at,
    )
