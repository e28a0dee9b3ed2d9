"""Keeps files to import as parts of rows, where every process finds them.

A file comes in with several transactions, so that none is long, and is there for others when it is whole. Its parts
never change.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from service.store import jobs
from service.store.tables import import_file, import_file_part, import_seen, job


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportFile:
    """A file that was read."""

    id: int
    portal_id: int
    name: str
    size: int
    """Of the file as it came, in bytes."""
    digest: str
    """SHA-256 of the file as it came."""
    header: tuple[str, ...]
    sample: Sequence[Sequence[Any]]
    """The first rows as `[line, [cell, …]]`."""
    rows: int
    parts: int
    created_at: datetime
    job_id: int | None
    """Of its last import."""


def begin(connection: sa.Connection, portal_id: int, values: Mapping[str, Any], now: datetime) -> int:
    """Keep a file without its parts; returns its number."""
    columns = {**values, "portal_id": portal_id, "created_at": now, "is_whole": False}
    return int(
        connection.execute(sa.insert(import_file).values(**columns).returning(import_file.c.id)).scalar_one()
    )


def add_parts(connection: sa.Connection, file_id: int, first: int, parts: Sequence[bytes]) -> None:
    """Keep some parts, the first of which has this number."""
    rows = [
        {"file_id": file_id, "number": number, "content": content}
        for number, content in enumerate(parts, first)
    ]
    connection.execute(sa.insert(import_file_part), rows)


def finish(connection: sa.Connection, file_id: int) -> None:
    """Let others find the file: all of it is there."""
    connection.execute(sa.update(import_file).where(import_file.c.id == file_id).values(is_whole=True))


def find(connection: sa.Connection, portal_id: int, file_id: int) -> ImportFile | None:
    """Return the file, or None."""
    query = sa.select(import_file).where(
        import_file.c.portal_id == portal_id, import_file.c.id == file_id, import_file.c.is_whole
    )
    row = connection.execute(query).one_or_none()
    return None if row is None else _file(row)


def page(
    connection: sa.Connection, portal_id: int, *, before: int | None = None, limit: int = 50
) -> list[ImportFile]:
    """Return a portal's files, the newest first."""
    query = sa.select(import_file).where(import_file.c.portal_id == portal_id, import_file.c.is_whole)
    query = query.where(import_file.c.id < before) if before is not None else query
    return [_file(row) for row in connection.execute(query.order_by(import_file.c.id.desc()).limit(limit))]


def count(connection: sa.Connection, portal_id: int) -> int:
    """Count a portal's files, those that are not whole too."""
    query = sa.select(sa.func.count()).where(import_file.c.portal_id == portal_id)
    return int(connection.execute(query.select_from(import_file)).scalar_one())


def part(connection: sa.Connection, file_id: int, number: int) -> bytes | None:
    """Return a part, from 0, or None when the file has gone."""
    query = sa.select(import_file_part.c.content).where(
        import_file_part.c.file_id == file_id, import_file_part.c.number == number
    )
    return connection.execute(query).scalar_one_or_none()


def attach(connection: sa.Connection, file_ids: Sequence[int], job_id: int) -> bool:
    """Note which job reads the files last; False when one has gone meanwhile."""
    chosen = import_file.c.id.in_(file_ids) & import_file.c.is_whole
    changed = connection.execute(sa.update(import_file).where(chosen).values(job_id=job_id)).rowcount
    return changed == len(set(file_ids))


def readers(
    connection: sa.Connection, portal_id: int, kinds: Sequence[str]
) -> list[tuple[int, Mapping[str, Any]]]:
    """Return a portal's open jobs of these kinds, each with its request."""
    here = (jobs.IS_OPEN, job.c.portal_id == portal_id, job.c.kind.in_(kinds))
    query = sa.select(job.c.id, job.c.request).where(*here)
    return [(row.id, row.request) for row in connection.execute(query)]


def add_seen(connection: sa.Connection, job_id: int, hashes: bytes) -> None:
    """Keep which contacts a step of an estimate has seen first."""
    here = import_seen.c.job_id == job_id
    number = sa.select(sa.func.coalesce(sa.func.max(import_seen.c.number), 0) + 1).where(here)
    connection.execute(
        sa.insert(import_seen).values(job_id=job_id, number=number.scalar_subquery(), hashes=hashes)
    )


def seen(connection: sa.Connection, job_id: int) -> Iterator[bytes]:
    """Give out what an estimate has seen."""
    query = (
        sa.select(import_seen.c.hashes).where(import_seen.c.job_id == job_id).order_by(import_seen.c.number)
    )
    yield from connection.execute(query).scalars()


def forget_seen(connection: sa.Connection, job_id: int | None = None) -> None:
    """Forget what an estimate has seen; without one, all that have ended."""
    ended = sa.select(job.c.id).where(job.c.finished_at.is_not(None))
    chosen = import_seen.c.job_id.in_(ended) if job_id is None else import_seen.c.job_id == job_id
    connection.execute(sa.delete(import_seen).where(chosen))


def hide(connection: sa.Connection, file_id: int) -> None:
    """Let nobody find the file any more: it is about to be forgotten."""
    connection.execute(sa.update(import_file).where(import_file.c.id == file_id).values(is_whole=False))


def outdated(
    connection: sa.Connection, before: datetime, broken_before: datetime, limit: int
) -> list[tuple[int, int]]:
    """Return portal and number of files that nobody needs.

    These are files whose last import ended before an instant, or that came before it and had none; and those that
    never became whole, or were half forgotten, before another.
    """
    query = (
        sa.select(import_file.c.portal_id, import_file.c.id)
        .join_from(import_file, job, import_file.c.job_id == job.c.id, isouter=True)
        .where(
            sa.or_(
                import_file.c.is_whole & job.c.id.is_(None) & (import_file.c.created_at < before),
                import_file.c.is_whole & (job.c.finished_at < before),
                sa.not_(import_file.c.is_whole) & (import_file.c.created_at < broken_before),
            )
        )
        .order_by(import_file.c.id)
        .limit(limit)
    )
    return [(row.portal_id, row.id) for row in connection.execute(query)]


def forget(connection: sa.Connection, file_id: int, most: int) -> bool:
    """Delete some parts of a hidden file, and the file itself with the last of them; False when more are left."""
    here = import_file_part.c.file_id == file_id
    numbers = list(
        connection.execute(
            sa.select(import_file_part.c.number).where(here).order_by(import_file_part.c.number).limit(most)
        ).scalars()
    )
    if numbers:
        connection.execute(sa.delete(import_file_part).where(here, import_file_part.c.number <= numbers[-1]))
    if len(numbers) == most:
        return False
    connection.execute(sa.delete(import_file).where(import_file.c.id == file_id))
    return True


def _file(row: Any) -> ImportFile:
    return ImportFile(
        id=row.id,
        portal_id=row.portal_id,
        name=row.name,
        size=row.size,
        digest=row.digest,
        header=tuple(row.header),
        sample=row.sample,
        rows=row.rows,
        parts=row.parts,
        created_at=row.created_at,
        job_id=row.job_id,
    )
