"""What the brake goes by, and the raises that it holds."""

import sqlalchemy as sa

from service.store.tables.columns import Document, Hex, Instant, Key, metadata, partial_index, required

brake = sa.Table(
    "brake",
    metadata,
    sa.Column("portal_id", sa.ForeignKey("portal.id"), primary_key=True),
    sa.Column("source", sa.Text, primary_key=True),
    sa.Column("source_id", sa.Text, primary_key=True),
    required("at_tier", sa.Boolean),
    sa.Column("most", sa.BigInteger),
    sa.Column("rate", sa.BigInteger),
    sa.Column("rate_hours", sa.Integer),
    required("raised", sa.BigInteger, server_default="0"),
    required("recent", Document),
    required("updated_at", Instant),
    comment="Limits of a portal (source and id are empty), or one form; locked by whoever raises contacts there.",
)

brake_count = sa.Table(
    "brake_count",
    metadata,
    sa.Column("portal_id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("until", Instant, primary_key=True),
    required("contacts", sa.BigInteger),
    comment="How many contacts count, by their end, as of the transaction; kept for portals with a brake only.",
)

held = sa.Table(
    "held",
    metadata,
    sa.Column("id", Key, primary_key=True),
    required("portal_id", sa.Integer),
    required("contact_id", sa.BigInteger),
    required("at", Instant),
    required("source", sa.Text),
    required("reason_type", sa.Text),
    required("reason_id", sa.Text),
    required("actor", sa.Text),
    required("default_version", sa.Integer),
    sa.Column("submission_id", Hex),
    required("limit_reached", sa.Text),
    required("state", sa.Text),
    sa.Column("settled_at", Instant),
    sa.Column("settled_by", sa.Text),
    sa.Index("ix_held_portal_id_state_id", "portal_id", "state", "id"),
    sa.Index("ix_held_contact_id", "contact_id"),
    partial_index("uq_held_contact_id", "contact_id", where="state = 'held'", unique=True),
    sqlite_autoincrement=True,
    comment="Raises that a brake holds until a person releases or refuses them; one for a contact at a time.",
)
