"""What recording writes: submissions, contacts, status changes, and the outbox."""

import sqlalchemy as sa

from service.store.tables.columns import Document, Hex, Instant, Key, metadata, partial_index, required

contact = sa.Table(
    "contact",
    metadata,
    sa.Column("id", Key, primary_key=True),
    required("portal_id", sa.Integer),
    sa.Column("email", sa.Text),
    required("version", sa.Integer),
    required("properties", Document),
    required("created_at", Instant),
    required("updated_at", Instant),
    required("status_version", sa.Integer),
    required("stint", sa.Integer),
    sa.Column("since", Instant),
    sa.Column("until", Instant),
    sa.Column("reason_type", sa.Text),
    sa.Column("reason_id", sa.Text),
    required("end_announced", sa.Boolean, server_default=sa.false()),
    sa.Column("active_at", Instant),
    sa.Column("deleted_at", Instant),
    sa.Column("erased_at", Instant),
    sa.Column("merged_into", sa.BigInteger),
    sa.Column("unsubscribed_at", Instant),
    sa.Column("bounced_at", Instant),
    sa.UniqueConstraint("portal_id", "email"),
    sa.Index("ix_contact_portal_id_id", "portal_id", "id"),
    partial_index("ix_contact_merged_into", "merged_into", where="merged_into IS NOT NULL"),
    partial_index("ix_contact_unsubscribed", "portal_id", "id", where="unsubscribed_at IS NOT NULL"),
    partial_index("ix_contact_bounced", "portal_id", "id", where="bounced_at IS NOT NULL"),
    partial_index("ix_contact_leaving", "portal_id", "id", where="until IS NOT NULL AND NOT end_announced"),
    partial_index("ix_contact_ending", "until", where="until IS NOT NULL AND NOT end_announced"),
    comment="Rows never vanish: a stale guess would insert them anew. `stint` is the latest one's number.",
)

visitor = sa.Table(
    "visitor",
    metadata,
    sa.Column("portal_id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("cookie", sa.Text, primary_key=True),
    required("contact_id", sa.BigInteger, index=True),
    comment="Which contact a tracking cookie is linked to.",
)

ended_stint = sa.Table(
    "ended_stint",
    metadata,
    sa.Column("contact_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    required("portal_id", sa.Integer),
    required("version", sa.Integer),
    required("since", Instant),
    required("until", Instant),
    required("reason_type", sa.Text),
    required("reason_id", sa.Text),
    comment="Stints before a contact's latest one, which is in the contact itself.",
)

status_change = sa.Table(
    "status_change",
    metadata,
    sa.Column("contact_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
    required("portal_id", sa.Integer),
    required("at", Instant),
    required("before", sa.Boolean),
    required("after", sa.Boolean),
    required("verdict", sa.Text),
    required("stint", sa.Integer),
    required("since", Instant),
    sa.Column("until", Instant),
    required("stint_reason_type", sa.Text),
    required("stint_reason_id", sa.Text),
    required("source", sa.Text),
    required("reason_type", sa.Text),
    required("reason_id", sa.Text),
    required("actor", sa.Text),
    required("default_version", sa.Integer),
    sa.Column("submission_id", Hex),
    sa.Index("ix_status_change_at", "at", postgresql_using="brin"),
    comment="Never changed; each row is the whole content of one message.",
)

submission = sa.Table(
    "submission",
    metadata,
    sa.Column("id", Hex, primary_key=True),
    required("portal_id", sa.Integer),
    required("source", sa.Text),
    required("source_id", sa.Text),
    sa.Column("contact_id", sa.BigInteger),
    required("verdict", sa.Text),
    required("once_key", Hex, unique=True),
    required("digest", Hex),
    required("received_at", Instant),
    required("submitted_at", Instant),
    required("content", sa.JSON),
    sa.Column("session", sa.Text),
    partial_index(
        "ix_submission_unjoined", "portal_id", "session", where="contact_id IS NULL AND session IS NOT NULL"
    ),
    partial_index("ix_submission_joined", "id", where="contact_id IS NOT NULL AND session IS NOT NULL"),
    partial_index("ix_submission_looked_up", "id", where="verdict = 'look_up_pending'"),
    partial_index(
        "ix_submission_external", "source_id", "id", where="source IN ('external_form', 'chatflow')"
    ),
    comment="`session` joins what one visitor of a chat did, until it is known who it was.",
)

conflicting_delivery = sa.Table(
    "conflicting_delivery",
    metadata,
    sa.Column("id", Hex, primary_key=True),
    required("portal_id", sa.Integer),
    required("once_key", Hex),
    required("digest", Hex),
    required("source", sa.Text),
    required("source_id", sa.Text),
    required("received_at", Instant),
    required("content", sa.JSON),
    sa.Index("ix_conflicting_delivery_once_key", "once_key"),
    comment="Deliveries whose id was accepted before with another body, kept as evidence.",
)

outbox = sa.Table(
    "outbox",
    metadata,
    sa.Column("id", Key, primary_key=True),
    required("contact_id", sa.BigInteger),
    required("version", sa.Integer),
    required("created_at", Instant),
    sa.Column("claimed_until", Instant),
    sqlite_autoincrement=True,
    comment="Status changes to publish; the row that remains is the row to retry.",
)
