"""What consumers keep: the ledger, its sums, statements, steps of the tier, notices, and dead letters."""

import sqlalchemy as sa

from service.store.tables.columns import Document, Instant, Key, metadata, required

ledger_line = sa.Table(
    "ledger_line",
    metadata,
    sa.Column("contact_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("stint", sa.Integer, primary_key=True, autoincrement=False),
    required("portal_id", sa.Integer),
    required("version", sa.Integer),
    required("since", Instant),
    required("until", Instant),
    sa.Column("replaced_until", Instant),
    required("reason_type", sa.Text),
    required("reason_id", sa.Text),
    sa.Index("ix_ledger_line_portal_id_since_until", "portal_id", "since", "until"),
    comment="The ledger: the newest version of each stint; `until` is 9999-12-31 when no end is known.",
)

ledger_counter = sa.Table(
    "ledger_counter",
    metadata,
    sa.Column("portal_id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("until", Instant, primary_key=True),
    sa.Column("reason_type", sa.Text, primary_key=True),
    sa.Column("reason_id", sa.Text, primary_key=True),
    required("contacts", sa.BigInteger),
    comment="Sums of the ledger's lines per portal, end and reason.",
)

ledger_hour = sa.Table(
    "ledger_hour",
    metadata,
    sa.Column("portal_id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("hour", Instant, primary_key=True),
    required("raised", sa.BigInteger),
    comment="How many stints began in each hour.",
)

spike = sa.Table(
    "spike",
    metadata,
    sa.Column("portal_id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("hour", Instant, primary_key=True),
    required("at", Instant),
    required("raised", sa.BigInteger),
    required("usual", sa.BigInteger),
    comment="Hours in which far more contacts became marketing contacts than usual, each noticed once.",
)

statement = sa.Table(
    "statement",
    metadata,
    sa.Column("portal_id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("ends_at", Instant, primary_key=True),
    required("begins_at", Instant),
    required("renews", sa.Boolean),
    required("cuts", sa.Integer, server_default="0"),
    sa.Column("issued_at", Instant),
    sa.Column("contacts", sa.BigInteger),
    sa.Column("tier", sa.Integer),
    sa.Column("digest", sa.String(64)),
    sa.Column("split", Document),
    comment="One for each period; without `issued_at` it is due or being made, `cuts` is how often it was begun.",
)

adjustment = sa.Table(
    "adjustment",
    metadata,
    sa.Column("id", Key, primary_key=True),
    required("portal_id", sa.Integer),
    required("ends_at", Instant),
    required("contact_id", sa.BigInteger),
    required("stint", sa.Integer),
    required("change", sa.Integer),
    required("reason_type", sa.Text),
    required("reason_id", sa.Text),
    required("at", Instant),
    sa.Column("carried_by", Instant),
    sa.Index("ix_adjustment_portal_id_ends_at", "portal_id", "ends_at"),
    sqlite_autoincrement=True,
    comment="What came to the ledger after the period that ends at `ends_at` had been closed: +1 or -1.",
)

tier_change = sa.Table(
    "tier_change",
    metadata,
    sa.Column("id", Key, primary_key=True),
    sa.Column("portal_id", sa.Integer, nullable=False, index=True),
    required("at", Instant),
    required("before", sa.Integer),
    required("after", sa.Integer),
    required("count", sa.BigInteger),
    required("cause", sa.Text, server_default="count"),
    comment="`cause` is the count that went over, a renewal, or a change of the product.",
)

notice = sa.Table(
    "notice",
    metadata,
    sa.Column("portal_id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("update_date", Instant, primary_key=True),
    sa.Column("tier", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("percentage", sa.Integer, primary_key=True, autoincrement=False),
    required("at", Instant),
    required("count", sa.BigInteger),
    comment="Once per crossing and period; the period is named by the update date that ends it.",
)

dead_letter = sa.Table(
    "dead_letter",
    metadata,
    sa.Column("id", Key, primary_key=True),
    required("consumer", sa.Text),
    required("reason", sa.Text),
    required("detail", sa.Text),
    required("body", sa.LargeBinary),
    required("at", Instant),
    comment="Messages that no retry can mend, kept before they are acknowledged.",
)
