"""Look-ups that wait: submissions whose vendor has to be asked for the person.

A look-up is claimed for a while in a transaction of its own; a claim that nobody settles runs out. What a claim
came to is written only while the claim is still the one that stands.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from service.domain.model import Verdict
from service.store import dead_letters
from service.store.tables import external_form, look_up, submission
from service.store.upserts import insert

CONSUMER = "lookups"
"""Under which dead letters are kept."""
MOST_HELD = 1_000
"""Rows that one hold puts off; the others are put off by the holds that follow."""
FIRST_ID = "0" * 32

DUE = sa.text(
    """
    WITH RECURSIVE known(id) AS (
        SELECT min(endpoint_id) FROM look_up
        UNION ALL
        SELECT (SELECT min(endpoint_id) FROM look_up WHERE endpoint_id > known.id) FROM known
         WHERE known.id IS NOT NULL)
    SELECT look_up.submission_id
      FROM (SELECT (SELECT waiting.submission_id FROM look_up waiting
                     WHERE waiting.endpoint_id = known.id AND waiting.not_before <= :now
                       AND (waiting.claimed_until IS NULL OR waiting.claimed_until <= :now)
                     ORDER BY waiting.not_before LIMIT 1) AS submission_id
              FROM known WHERE known.id IS NOT NULL AND known.id NOT IN :without) oldest
      JOIN look_up ON look_up.submission_id = oldest.submission_id
     ORDER BY look_up.not_before LIMIT :limit
    """
).bindparams(
    sa.bindparam("now", type_=look_up.c.not_before.type),
    sa.bindparam("without", expanding=True),
)
"""One of each endpoint, so that none has to wait for what another one's vendor leaves lying; by index throughout."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A look-up that is this process's to make until `until`."""

    submission_id: str
    portal_id: int
    endpoint_id: int
    form_id: int
    """Of the external form."""
    attempts: int
    """How many have failed before."""
    since: datetime
    """When it was begun with, or last asked to be tried again by a person."""
    until: datetime
    submitted_at: datetime
    content: Any


@dataclass(frozen=True, slots=True)
class LookUp:
    """How far a look-up has come, as people see it."""

    submission_id: str
    endpoint_id: int
    attempts: int
    not_before: datetime | None
    """None when it was given up."""
    reason: str
    """Why it failed the last time; empty when it was not tried yet."""
    updated_at: datetime


def first_id_of(instant: datetime) -> str:
    """Return the least id that a submission of this instant can have."""
    return f"{int(instant.timestamp() * 1_000):012x}".ljust(32, "0")


def unknown(connection: sa.Connection, after: str, limit: int) -> list[str]:
    """Return ids of pending submissions that have no look-up yet, from an id on."""
    is_known = sa.exists().where(look_up.c.submission_id == submission.c.id)
    query = (
        sa.select(submission.c.id)
        .where(submission.c.verdict == sa.literal_column("'look_up_pending'"), submission.c.id >= after)
        .where(sa.not_(is_known))
        .order_by(submission.c.id)
        .limit(limit)
    )
    return list(connection.execute(query).scalars())


def enrol(connection: sa.Connection, submission_ids: Sequence[str], now: datetime) -> None:
    """Make these submissions' look-ups, each once."""
    columns = (
        submission.c.id,
        submission.c.portal_id,
        external_form.c.endpoint_id,
        sa.literal(0),
        sa.literal(now, look_up.c.since.type),
        submission.c.received_at,
        sa.literal(""),
        sa.literal(now, look_up.c.since.type),
    )
    found = (
        sa.select(*columns)
        .join(external_form, external_form.c.id == sa.cast(submission.c.source_id, sa.BigInteger))
        .where(submission.c.id.in_(submission_ids))
        .where(submission.c.verdict == Verdict.LOOK_UP_PENDING.value)
    )
    names = ["submission_id", "portal_id", "endpoint_id", "attempts", "since", "not_before", "reason"]
    statement = insert(connection, look_up).from_select([*names, "updated_at"], found)
    connection.execute(statement.on_conflict_do_nothing())


def due(connection: sa.Connection, now: datetime, without: Collection[int], limit: int) -> list[str]:
    """Return look-ups that could be made now, one of each endpoint, leaving out endpoints `without`."""
    values = {"now": now, "without": sorted(without) or [0], "limit": limit}
    return [str(each) for each in connection.execute(DUE, values).scalars()]


def claim(connection: sa.Connection, ids: Sequence[str], now: datetime, until: datetime) -> list[Claim]:
    """Claim those of the look-ups that are still due and that nobody else is claiming."""
    free = look_up.c.claimed_until.is_(None) | (look_up.c.claimed_until <= now)
    query = (
        sa.select(look_up, submission.c.source_id, submission.c.submitted_at, submission.c.content)
        .join(submission, submission.c.id == look_up.c.submission_id)
        .where(look_up.c.submission_id.in_(ids), look_up.c.not_before <= now, free)
        .with_for_update(of=look_up, skip_locked=True)
    )
    rows = connection.execute(query).all()
    claimed = sa.update(look_up).where(look_up.c.submission_id.in_([row.submission_id for row in rows]))
    connection.execute(claimed.values(claimed_until=until))
    return [
        Claim(
            submission_id=row.submission_id.replace("-", ""),
            portal_id=row.portal_id,
            endpoint_id=row.endpoint_id,
            form_id=int(row.source_id),
            attempts=row.attempts,
            since=row.since,
            until=until,
            submitted_at=row.submitted_at,
            content=row.content,
        )
        for row in rows
    ]


def settle(connection: sa.Connection, claimed: Claim, contact_id: int | None) -> bool:
    """Say that the person was asked for; right whoever's claim stands, since what was found is recorded once."""
    here = submission.c.id == claimed.submission_id
    waiting = submission.c.verdict.in_([Verdict.LOOK_UP_PENDING.value, Verdict.LOOK_UP_FAILED.value])
    values: dict[str, Any] = {"verdict": Verdict.LOOKED_UP.value}
    if contact_id is not None:
        values["contact_id"] = contact_id
    connection.execute(sa.update(submission).where(here, waiting).values(**values))
    connection.execute(sa.delete(look_up).where(look_up.c.submission_id == claimed.submission_id))
    return True


def delay(
    connection: sa.Connection, claimed: Claim, reason: str, not_before: datetime, now: datetime
) -> bool:
    """Put the look-up off; False if a person has meanwhile asked for it to be tried anew."""
    if not release(connection, [claimed]):
        return False
    values = {
        "attempts": claimed.attempts + 1,
        "not_before": not_before,
        "reason": reason,
        "updated_at": now,
    }
    here = (look_up.c.submission_id == claimed.submission_id) & (look_up.c.since == claimed.since)
    return bool(connection.execute(sa.update(look_up).where(here).values(**values)).rowcount)


def give_up(connection: sa.Connection, claimed: Claim, reason: str, detail: str, now: datetime) -> bool:
    """Keep the look-up as failed, and a dead letter of it; False as in `delay`."""
    values = {
        "attempts": claimed.attempts + 1,
        "not_before": None,
        "claimed_until": None,
        "reason": reason,
        "updated_at": now,
    }
    mine = _stands(claimed) & (look_up.c.since == claimed.since)
    if not connection.execute(sa.update(look_up).where(mine).values(**values)).rowcount:
        release(connection, [claimed])
        return False
    here = submission.c.id == claimed.submission_id
    pending = submission.c.verdict == Verdict.LOOK_UP_PENDING.value
    failed = sa.update(submission).where(here, pending).values(verdict=Verdict.LOOK_UP_FAILED.value)
    connection.execute(failed)
    dead_letters.keep(connection, CONSUMER, reason, detail, claimed.submission_id.encode(), now)
    return True


def release(connection: sa.Connection, claims: Sequence[Claim]) -> int:
    """Give claims back; returns how many of them stood."""
    given_back = [sa.update(look_up).where(_stands(each)).values(claimed_until=None) for each in claims]
    return sum(connection.execute(each).rowcount for each in given_back)


def release_all(connection: sa.Connection) -> None:
    """End all claims: for a consumer that starts where there is no other."""
    claimed = look_up.c.claimed_until.is_not(None)
    connection.execute(sa.update(look_up).where(claimed).values(claimed_until=None))


def hold(connection: sa.Connection, endpoint_id: int, until: datetime, reason: str, now: datetime) -> None:
    """Put off what else waits at an endpoint, so that other processes leave its vendor alone too."""
    rows = (
        sa.select(look_up.c.submission_id)
        .where(look_up.c.endpoint_id == endpoint_id, look_up.c.not_before < until)
        .where(look_up.c.claimed_until.is_(None))
        .order_by(look_up.c.not_before)
        .limit(MOST_HELD)
        .with_for_update(skip_locked=True)
    )
    ids = list(connection.execute(rows).scalars())
    values = {"not_before": until, "reason": reason, "updated_at": now}
    connection.execute(sa.update(look_up).where(look_up.c.submission_id.in_(ids)).values(**values))


def retry(connection: sa.Connection, portal_id: int, endpoint_id: int | None, now: datetime) -> int:
    """Have all that wait or have failed tried again, with all their patience; returns how many."""
    here = _of(portal_id, endpoint_id)
    failed = sa.select(look_up.c.submission_id).where(here, look_up.c.not_before.is_(None))
    verdict = submission.c.verdict == Verdict.LOOK_UP_FAILED.value
    pending = {"verdict": Verdict.LOOK_UP_PENDING.value}
    connection.execute(sa.update(submission).where(submission.c.id.in_(failed), verdict).values(**pending))
    anew = {"attempts": 0, "since": now, "not_before": now, "updated_at": now}
    return connection.execute(sa.update(look_up).where(here).values(**anew)).rowcount


def list_all(
    connection: sa.Connection, portal_id: int, endpoint_id: int | None = None, limit: int = 100
) -> list[LookUp]:
    """Return a portal's look-ups that wait or have failed, the latest first."""
    query = sa.select(look_up).where(_of(portal_id, endpoint_id))
    rows = connection.execute(query.order_by(look_up.c.submission_id.desc()).limit(limit))
    return [
        LookUp(
            row.submission_id.replace("-", ""),
            row.endpoint_id,
            row.attempts,
            row.not_before,
            row.reason,
            row.updated_at,
        )
        for row in rows
    ]


def oldest_due(connection: sa.Connection, now: datetime) -> datetime | None:
    """Return since when the oldest look-up that could be made waits for it; None when there is none."""
    oldest: datetime | None = connection.execute(sa.select(sa.func.min(look_up.c.not_before))).scalar_one()
    return oldest if oldest is not None and oldest <= now else None


def _stands(claimed: Claim) -> sa.ColumnElement[bool]:
    return (look_up.c.submission_id == claimed.submission_id) & (look_up.c.claimed_until == claimed.until)


def _of(portal_id: int, endpoint_id: int | None) -> sa.ColumnElement[bool]:
    of_portal = look_up.c.portal_id == portal_id
    return of_portal if endpoint_id is None else of_portal & (look_up.c.endpoint_id == endpoint_id)
