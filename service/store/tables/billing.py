"""What consumers keep: the ledger, its sums, steps of the tier, notices, and dead letters."""

import sqlalchemy as sa

from service.store.tables.columns import Instant, Key, metadata, required

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
    required("contacts", sa.BigInteger),
    comment="Sums of the ledger's lines per portal and end.",
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
