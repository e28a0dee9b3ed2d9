"""The statement that records a batch of facts on PostgreSQL, and the session it runs in.

It takes sets of rows as arrays: groups (`g`), their facts (`f`), status changes (`c`) and stints left behind (`e`),
tied together by `place`, the number of the group. It reads what the database knows (`repeat`, `seen`), keeps the
groups whose guess it proves (`proved`), writes their contacts (`created`, `changed`), and then whatever belongs to
a contact that was written: `kept.ids` has its id at each place, 0 for a group that was not written and -1 for one
without a contact. It returns a row for each group: written or not, and what is known where the guess was wrong.

Parts that a batch has no use for are left out: starting a statement of this size costs as much as several rows.
"""

import functools
from dataclasses import dataclass

from service.domain.identity import CookieLink
from service.store.outbox import WAKE_UP_CHANNEL

SESSION = """
SET plan_cache_mode = force_generic_plan;
SET enable_seqscan = off;
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SET timezone = 'UTC';
"""
"""Every look-up of the statement is by key; plans made while the tables were small must not outlive that."""

BEGIN_AS_WRITER = """
LOCK TABLE contact IN ROW EXCLUSIVE MODE;
SELECT set_config(name, value, true) FROM (VALUES
    ('plan_cache_mode', 'force_generic_plan'), ('enable_seqscan', 'off'), ('enable_hashjoin', 'off'),
    ('enable_mergejoin', 'off'), ('timezone', 'UTC')) AS setting(name, value)
"""
"""The same for one transaction on a connection that others use, too; and the lock that the statement takes anyway,
before any other (see `service.store.brakes`)."""

VERSION, NOW = "$1", "$2"
FIRST_COLUMN = 3


@dataclass(frozen=True, slots=True)
class Shape:
    """Which parts a batch has a use for."""

    changes: bool
    """Contacts that exist are written to."""
    statuses: bool
    """Status changes."""
    links: bool
    """Cookies that are new."""
    moves: bool
    """Cookies that go over to another contact."""
    ended: bool
    """Stints left behind by new ones."""
    due: bool = False
    """Contacts of portals where a workflow is on: they are due to be looked at."""


GROUP = {
    "place": "int",
    "portal_id": "int",
    "email": "text",
    "cookie": "text",
    "contact_id": "bigint",
    "based_on": "int",
    "cookie_contact": "bigint",
    "cookie_link": "int",
    "kept_email": "text",
    "creates": "bool",
    "properties": "text",
    "status_version": "int",
    "stint": "int",
    "since": "timestamptz",
    "until": "timestamptz",
    "reason_type": "text",
    "reason_id": "text",
}
FACT = {
    "place": "int",
    "portal_id": "int",
    "id": "uuid",
    "once_key": "uuid",
    "earlier_key": "uuid",
    "digest": "uuid",
    "received_at": "timestamptz",
    "submitted_at": "timestamptz",
    "source": "text",
    "source_id": "text",
    "verdict": "text",
    "content": "text",
    "session": "text",
}
CHANGE = {
    "place": "int",
    "portal_id": "int",
    "version": "int",
    "at": "timestamptz",
    "before": "bool",
    "after": "bool",
    "verdict": "text",
    "stint": "int",
    "since": "timestamptz",
    "until": "timestamptz",
    "stint_reason_type": "text",
    "stint_reason_id": "text",
    "source": "text",
    "reason_type": "text",
    "reason_id": "text",
    "actor": "text",
    "default_version": "int",
    "submission_id": "uuid",
}
ENDED = {
    "place": "int",
    "portal_id": "int",
    "number": "int",
    "version": "int",
    "since": "timestamptz",
    "until": "timestamptz",
    "reason_type": "text",
    "reason_id": "text",
}

WATCHED = {"place": "int", "portal_id": "int"}

REPEAT = """repeat AS MATERIALIZED (
    SELECT f.place, f.once_key, s.* FROM f CROSS JOIN LATERAL (
        SELECT id, contact_id, digest FROM submission WHERE once_key = f.once_key OFFSET 0) s
    UNION ALL
    SELECT f.place, f.once_key, s.* FROM f CROSS JOIN LATERAL (
        SELECT id, contact_id, digest FROM submission
         WHERE once_key = f.earlier_key AND received_at > f.received_at - interval '10 minutes' OFFSET 0) s
)"""
SEEN = """seen AS MATERIALIZED (
    SELECT g.*,
           (SELECT coalesce(merged_into, id) FROM contact
             WHERE portal_id = g.portal_id AND email = g.email) AS email_contact,
           (SELECT contact_id FROM visitor WHERE portal_id = g.portal_id AND cookie = g.cookie) AS linked
      FROM g
)"""
PROVED = f"""proved AS MATERIALIZED (
    SELECT * FROM seen
     WHERE (SELECT version FROM configuration WHERE id = 1) = {VERSION}
       AND coalesce(linked, 0) = cookie_contact
       AND (email_contact IS NULL OR email_contact = contact_id)
       AND place <> ALL (ARRAY(SELECT place FROM repeat))
)"""
CREATED = f"""created AS (
    INSERT INTO contact (portal_id, email, version, properties, created_at, updated_at, active_at,
                         status_version, stint, since, until, reason_type, reason_id)
    SELECT portal_id, email, 1, properties::jsonb, {NOW}, {NOW}, {NOW},
           status_version, stint, since, until, reason_type, reason_id
      FROM proved WHERE creates
    ON CONFLICT (portal_id, email) DO NOTHING
    RETURNING id, portal_id, email
)"""
CHANGED = f"""changed AS (
    UPDATE contact SET
           email = coalesce(proved.kept_email, contact.email),
           version = contact.version + 1,
           properties = contact.properties || proved.properties::jsonb,
           updated_at = {NOW}, active_at = {NOW}, deleted_at = NULL,
           status_version = proved.status_version, stint = proved.stint,
           since = proved.since, until = proved.until,
           reason_type = proved.reason_type, reason_id = proved.reason_id,
           end_announced = contact.end_announced AND contact.status_version = proved.status_version
      FROM proved
     WHERE contact.id = proved.contact_id AND contact.version = proved.based_on
    RETURNING proved.place, contact.id
)"""
DONE = """done AS MATERIALIZED (
    SELECT proved.place, created.id AS contact_id
      FROM created JOIN proved ON proved.portal_id = created.portal_id AND proved.email = created.email
     WHERE proved.creates
    UNION ALL SELECT place, -1 FROM proved WHERE contact_id = 0 AND NOT creates
    {changed}
)"""
KEPT = """kept AS MATERIALIZED (
    SELECT ARRAY(SELECT coalesce(done.contact_id, 0) FROM g LEFT JOIN done ON done.place = g.place
                  ORDER BY g.place) AS ids
)"""
ATTACHED = f"""attached AS (
    INSERT INTO visitor (portal_id, cookie, contact_id)
    SELECT g.portal_id, g.cookie, ids[g.place + 1]
      FROM g, kept WHERE g.cookie_link = {CookieLink.ADD} AND ids[g.place + 1] <> 0
)"""
MOVED = f"""moving AS (
    SELECT g.portal_id, g.cookie, g.cookie_contact, ids[g.place + 1] AS contact_id
      FROM g, kept WHERE g.cookie_link = {CookieLink.MOVE} AND ids[g.place + 1] <> 0
),
moved AS (
    UPDATE visitor SET contact_id = moving.contact_id
      FROM moving
     WHERE visitor.portal_id = moving.portal_id AND visitor.cookie = moving.cookie
       AND visitor.contact_id = moving.cookie_contact
    RETURNING 1
)"""
ALL_MOVED = (
    """1 / (CASE WHEN (SELECT count(*) FROM moved) = (SELECT count(*) FROM moving) THEN 1 ELSE 0 END)"""
)
"""Fails the statement when another process has moved a cookie meanwhile."""
LEFT_BEHIND = """left_behind AS (
    INSERT INTO ended_stint (contact_id, number, portal_id, version, since, until, reason_type, reason_id)
    SELECT ids[e.place + 1], number, portal_id, version, since, until, reason_type, reason_id
      FROM e, kept WHERE ids[e.place + 1] <> 0
)"""
DUE = f"""due AS (
    INSERT INTO workflow_due (contact_id, portal_id, since)
    SELECT ids[w.place + 1], w.portal_id, {NOW} FROM w, kept WHERE ids[w.place + 1] > 0
    ON CONFLICT (contact_id) DO NOTHING
)"""
"""Comes after the contact's lock: whoever takes a row away has had the lock, and this one is added anew."""
SUBMITTED = """submitted AS (
    INSERT INTO submission (id, portal_id, source, source_id, contact_id, verdict, once_key, digest,
                            received_at, submitted_at, content, session)
    SELECT id, portal_id, source, source_id, nullif(ids[f.place + 1], -1), verdict, once_key, digest,
           received_at, submitted_at, content::json, session
      FROM f, kept WHERE ids[f.place + 1] <> 0
)"""
STATUS = """status AS (
    INSERT INTO status_change (contact_id, version, portal_id, at, before, after, verdict, stint, since, until,
                               stint_reason_type, stint_reason_id, source, reason_type, reason_id, actor,
                               default_version, submission_id)
    SELECT ids[c.place + 1], version, portal_id, at, before, after, verdict, stint, since, until,
           stint_reason_type, stint_reason_id, source, reason_type, reason_id, actor,
           default_version, submission_id
      FROM c, kept WHERE ids[c.place + 1] <> 0
),
queued AS (
    INSERT INTO outbox (contact_id, version, created_at)
    SELECT ids[c.place + 1], version, at FROM c, kept WHERE ids[c.place + 1] <> 0
    RETURNING 1
)"""
WAKE_UP = f"(SELECT pg_notify('{WAKE_UP_CHANNEL}', '') FROM queued LIMIT 1)"
KNOWN = "id, version, email, status_version, stint, since, until, reason_type, reason_id"
ANSWER = """
SELECT seen.place, ids[seen.place + 1], (SELECT version FROM configuration WHERE id = 1),
       one.*, two.*, again.once_key::text, again.id::text, again.contact_id, again.digest::text,
       {all_moved}, {wake_up}
  FROM kept CROSS JOIN seen
  LEFT JOIN LATERAL (
      SELECT {known} FROM contact WHERE id = seen.email_contact AND ids[seen.place + 1] = 0 OFFSET 0) one ON true
  LEFT JOIN LATERAL (
      SELECT {known} FROM contact WHERE id = seen.linked AND ids[seen.place + 1] = 0 OFFSET 0) two ON true
  LEFT JOIN repeat again ON again.place = seen.place
"""


LOOK_UP = f"""
SELECT one.*, two.*
  FROM unnest($1::int[], $2::int[], $3::text[], $4::text[]) AS g(place, portal_id, email, cookie)
  LEFT JOIN LATERAL (
      SELECT {KNOWN} FROM contact WHERE id = (
          SELECT coalesce(merged_into, id) FROM contact
           WHERE portal_id = g.portal_id AND email = g.email) OFFSET 0) one ON true
  LEFT JOIN LATERAL (
      SELECT {KNOWN} FROM contact WHERE id = (
          SELECT contact_id FROM visitor WHERE portal_id = g.portal_id AND cookie = g.cookie) OFFSET 0) two ON true
 ORDER BY g.place
"""
"""What is known of groups, to guess better; the statement proves the guess all the same."""
LOOK_UP_LOCKED = LOOK_UP.replace(" OFFSET 0)", " OFFSET 0 FOR UPDATE)")
"""The same, and it stays true until the transaction ends."""


@functools.cache
def statement(shape: Shape) -> str:
    """Return the statement for batches of a shape.

    Its parameters are the configuration's version, the time, and the columns of GROUP, FACT and, as the shape
    has them, CHANGE, ENDED and WATCHED.
    """
    sets = {"g": GROUP, "f": FACT}
    sets |= {"c": CHANGE} if shape.statuses else {}
    sets |= {"e": ENDED} if shape.ended else {}
    sets |= {"w": WATCHED} if shape.due else {}
    done = DONE.format(changed="UNION ALL SELECT place, id FROM changed" if shape.changes else "")
    parts = [*_inputs(sets), REPEAT, SEEN, PROVED, CREATED]
    parts += [CHANGED] if shape.changes else []
    parts += [done, KEPT, SUBMITTED]
    parts += [ATTACHED] if shape.links else []
    parts += [MOVED] if shape.moves else []
    parts += [LEFT_BEHIND] if shape.ended else []
    parts += [STATUS] if shape.statuses else []
    parts += [DUE] if shape.due else []
    answer = ANSWER.format(
        known=KNOWN,
        all_moved=ALL_MOVED if shape.moves else "NULL",
        wake_up=WAKE_UP if shape.statuses else "NULL",
    )
    return "WITH\n" + ",\n".join(parts) + answer


def _inputs(sets: dict[str, dict[str, str]]) -> list[str]:
    inputs, number = [], FIRST_COLUMN
    for name, columns in sets.items():
        arrays = [f"${number + place}::{kind}[]" for place, kind in enumerate(columns.values())]
        number += len(columns)
        unnested = f"unnest({', '.join(arrays)}) AS {name}({', '.join(columns)})"
        inputs.append(f"{name} AS MATERIALIZED (SELECT * FROM {unnested})")
    return inputs
