"""The one statement that records a batch of facts on PostgreSQL, and the session it runs in.

It takes four sets of rows as arrays: groups (`g`), their facts (`f`), status changes (`c`) and stints left behind
(`e`), tied together by `place`. It reads what the database knows (`repeat`, `seen`), keeps the groups whose guess
it proves (`proved`), writes their contacts (`created`, `changed`), and then whatever belongs to a contact that was
written (`done`). It returns a row for each group: written or not, and what is known where the guess was wrong.
"""

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

_TEMPLATE = f"""
WITH
g AS MATERIALIZED (
    SELECT * FROM unnest(
        %s::int[], %s::int[], %s::text[], %s::text[], %s::bigint[], %s::int[], %s::bigint[], %s::int[],
        %s::bool[], %s::text[], %s::int[], %s::int[], %s::timestamptz[], %s::timestamptz[], %s::text[], %s::text[]
    ) AS g(place, portal_id, email, cookie, contact_id, based_on, cookie_contact, cookie_link,
           creates, properties, status_version, stint, since, until, reason_type, reason_id)
),
f AS MATERIALIZED (
    SELECT * FROM unnest(
        %s::int[], %s::uuid[], %s::uuid[], %s::uuid[], %s::uuid[], %s::timestamptz[], %s::timestamptz[],
        %s::text[], %s::text[], %s::text[], %s::text[]
    ) AS f(place, id, once_key, earlier_key, digest, received_at, submitted_at,
           source, source_id, verdict, content)
),
c AS MATERIALIZED (
    SELECT * FROM unnest(
        %s::int[], %s::int[], %s::timestamptz[], %s::bool[], %s::bool[], %s::text[], %s::int[],
        %s::timestamptz[], %s::timestamptz[], %s::text[], %s::text[],
        %s::text[], %s::text[], %s::text[], %s::text[], %s::int[], %s::uuid[]
    ) AS c(place, version, at, before, after, verdict, stint,
           since, until, stint_reason_type, stint_reason_id,
           source, reason_type, reason_id, actor, default_version, submission_id)
),
e AS MATERIALIZED (
    SELECT * FROM unnest(
        %s::int[], %s::int[], %s::int[], %s::timestamptz[], %s::timestamptz[], %s::text[], %s::text[]
    ) AS e(place, number, version, since, until, reason_type, reason_id)
),
repeat AS MATERIALIZED (
    SELECT f.place, f.once_key, s.id, s.contact_id, s.digest
      FROM f JOIN submission s ON s.once_key = f.once_key
    UNION ALL
    SELECT f.place, f.once_key, s.id, s.contact_id, s.digest
      FROM f JOIN submission s ON s.once_key = f.earlier_key
     WHERE s.received_at > f.received_at - interval '10 minutes'
),
seen AS MATERIALIZED (
    SELECT g.*, known.id AS email_contact, visitor.contact_id AS linked
      FROM g
      LEFT JOIN contact known ON known.portal_id = g.portal_id AND known.email = g.email
      LEFT JOIN visitor ON visitor.portal_id = g.portal_id AND visitor.cookie = g.cookie
),
proved AS MATERIALIZED (
    SELECT * FROM seen
     WHERE (SELECT version FROM configuration WHERE id = 1) = %s
       AND coalesce(linked, 0) = cookie_contact
       AND (email_contact IS NULL OR email_contact = contact_id)
       AND NOT EXISTS (SELECT FROM repeat WHERE repeat.place = seen.place)
),
created AS (
    INSERT INTO contact (portal_id, email, version, properties, created_at, updated_at,
                         status_version, stint, since, until, reason_type, reason_id)
    SELECT portal_id, email, 1, properties::jsonb, %s, %s,
           status_version, stint, since, until, reason_type, reason_id
      FROM proved WHERE creates
    ON CONFLICT (portal_id, email) DO NOTHING
    RETURNING id, portal_id, email
),
changed AS (
    UPDATE contact SET
           email = coalesce(proved.email, contact.email),
           version = contact.version + 1,
           properties = contact.properties || proved.properties::jsonb,
           updated_at = %s,
           status_version = proved.status_version, stint = proved.stint,
           since = proved.since, until = proved.until,
           reason_type = proved.reason_type, reason_id = proved.reason_id,
           end_announced = contact.end_announced AND contact.status_version = proved.status_version
      FROM proved
     WHERE contact.id = proved.contact_id AND contact.version = proved.based_on
    RETURNING proved.place, contact.id
),
done AS MATERIALIZED (
    SELECT proved.place, created.id AS contact_id
      FROM created JOIN proved ON proved.portal_id = created.portal_id AND proved.email = created.email
     WHERE proved.creates
    UNION ALL SELECT place, id FROM changed
    UNION ALL SELECT place, NULL FROM proved WHERE contact_id = 0 AND NOT creates
),
attached AS (
    INSERT INTO visitor (portal_id, cookie, contact_id)
    SELECT g.portal_id, g.cookie, done.contact_id
      FROM done JOIN g ON g.place = done.place WHERE g.cookie_link = {CookieLink.ADD}
),
moved AS (
    UPDATE visitor SET contact_id = done.contact_id
      FROM done JOIN g ON g.place = done.place
     WHERE g.cookie_link = {CookieLink.MOVE}
       AND visitor.portal_id = g.portal_id AND visitor.cookie = g.cookie
       AND visitor.contact_id = g.cookie_contact
    RETURNING 1
),
ended AS (
    INSERT INTO ended_stint (contact_id, number, portal_id, version, since, until, reason_type, reason_id)
    SELECT done.contact_id, e.number, g.portal_id, e.version, e.since, e.until, e.reason_type, e.reason_id
      FROM done JOIN e ON e.place = done.place JOIN g ON g.place = done.place
),
submitted AS (
    INSERT INTO submission (id, portal_id, source, source_id, contact_id, verdict, once_key, digest,
                            received_at, submitted_at, content)
    SELECT f.id, g.portal_id, f.source, f.source_id, done.contact_id, f.verdict, f.once_key, f.digest,
           f.received_at, f.submitted_at, f.content::json
      FROM done JOIN f ON f.place = done.place JOIN g ON g.place = done.place
),
status AS (
    INSERT INTO status_change (contact_id, version, portal_id, at, before, after, verdict, stint, since, until,
                               stint_reason_type, stint_reason_id, source, reason_type, reason_id, actor,
                               default_version, submission_id)
    SELECT done.contact_id, c.version, g.portal_id, c.at, c.before, c.after, c.verdict, c.stint, c.since, c.until,
           c.stint_reason_type, c.stint_reason_id, c.source, c.reason_type, c.reason_id, c.actor,
           c.default_version, c.submission_id
      FROM done JOIN c ON c.place = done.place JOIN g ON g.place = done.place
),
queued AS (
    INSERT INTO outbox (contact_id, version, created_at)
    SELECT done.contact_id, c.version, c.at FROM done JOIN c ON c.place = done.place
    RETURNING 1
)
SELECT seen.place,
       done.place IS NOT NULL AS written,
       done.contact_id,
       (SELECT version FROM configuration WHERE id = 1),
       1 / (CASE WHEN (SELECT count(*) FROM moved)
                    = (SELECT count(*) FROM done JOIN g ON g.place = done.place
                        WHERE g.cookie_link = {CookieLink.MOVE})
                 THEN 1 ELSE 0 END),
       one.id, one.version, one.email, one.status_version, one.stint, one.since, one.until,
       one.reason_type, one.reason_id,
       two.id, two.version, two.email, two.status_version, two.stint, two.since, two.until,
       two.reason_type, two.reason_id,
       again.once_key::text, again.id::text, again.contact_id, again.digest::text,
       (SELECT pg_notify('{WAKE_UP_CHANNEL}', '') FROM queued LIMIT 1)
  FROM seen
  LEFT JOIN done ON done.place = seen.place
  LEFT JOIN contact one ON one.id = seen.email_contact AND done.place IS NULL
  LEFT JOIN contact two ON two.id = seen.linked AND done.place IS NULL
  LEFT JOIN repeat again ON again.place = seen.place
"""


def _numbered(template: str) -> str:
    """Number the placeholders, so that the driver need not parse a statement of this length for every batch."""
    first, *rest = template.split("%s")
    return first + "".join(f"${number}{part}" for number, part in enumerate(rest, start=1))


STATEMENT = _numbered(_TEMPLATE)
