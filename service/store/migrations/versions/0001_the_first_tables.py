"""The first tables."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "configuration",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=("pk_configuration")),
        comment="One row; its version grows with every change of a portal, form or token.",
    )
    op.create_table(
        "conflicting_delivery",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("portal_id", sa.Integer(), nullable=False),
        sa.Column("once_key", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("digest", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("source_id", sa.Text(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=("pk_conflicting_delivery")),
        comment="Deliveries whose id was accepted before with another body, kept as evidence.",
    )
    op.create_index("ix_conflicting_delivery_once_key", "conflicting_delivery", ["once_key"], unique=False)

    op.create_table(
        "contact",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("portal_id", sa.Integer(), nullable=False),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("properties", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status_version", sa.Integer(), nullable=False),
        sa.Column("stint", sa.Integer(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason_type", sa.Text(), nullable=True),
        sa.Column("reason_id", sa.Text(), nullable=True),
        sa.Column("end_announced", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=("pk_contact")),
        sa.UniqueConstraint("portal_id", "email", name=("uq_contact_portal_id_email")),
        comment="Rows never vanish: a stale guess would insert them anew. `stint` is the number of the latest one.",
    )
    op.create_index(
        "ix_contact_ending",
        "contact",
        ["until"],
        unique=False,
        postgresql_where=sa.text("until IS NOT NULL AND NOT end_announced"),
        sqlite_where=sa.text("until IS NOT NULL AND NOT end_announced"),
    )

    op.create_table(
        "dead_letter",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("consumer", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=("pk_dead_letter")),
        comment="Messages that no retry can mend, kept before they are acknowledged.",
    )
    op.create_table(
        "ended_stint",
        sa.Column("contact_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("portal_id", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason_type", sa.Text(), nullable=False),
        sa.Column("reason_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("contact_id", "number", name=("pk_ended_stint")),
        comment="Stints before a contact's latest one, which is in the contact itself.",
    )
    op.create_table(
        "ledger_counter",
        sa.Column("portal_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("contacts", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("portal_id", "until", name=("pk_ledger_counter")),
        comment="Sums of the ledger's lines per portal and end.",
    )
    op.create_table(
        "ledger_line",
        sa.Column("contact_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("stint", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("portal_id", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("replaced_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason_type", sa.Text(), nullable=False),
        sa.Column("reason_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("contact_id", "stint", name=("pk_ledger_line")),
        comment="The ledger: the newest version of each stint; `until` is 9999-12-31 when no end is known.",
    )
    op.create_index(
        "ix_ledger_line_portal_id_since_until", "ledger_line", ["portal_id", "since", "until"], unique=False
    )

    op.create_table(
        "notice",
        sa.Column("portal_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("update_date", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tier", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("percentage", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("portal_id", "update_date", "tier", "percentage", name=("pk_notice")),
        comment="Once per crossing and period; the period is named by the update date that ends it.",
    )
    op.create_table(
        "outbox",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("contact_id", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("claimed_until", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=("pk_outbox")),
        comment="Status changes to publish; the row that remains is the row to retry.",
        sqlite_autoincrement=True,
    )
    op.create_table(
        "portal",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("time_zone", sa.Text(), nullable=False),
        sa.Column("product", sa.Text(), nullable=False),
        sa.Column("commitment", sa.Text(), nullable=False),
        sa.Column("renews_on", sa.Date(), nullable=False),
        sa.Column("tier", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=("pk_portal")),
    )
    op.create_table(
        "status_change",
        sa.Column("contact_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("portal_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("before", sa.Boolean(), nullable=False),
        sa.Column("after", sa.Boolean(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("stint", sa.Integer(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("stint_reason_type", sa.Text(), nullable=False),
        sa.Column("stint_reason_id", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("reason_type", sa.Text(), nullable=False),
        sa.Column("reason_id", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("default_version", sa.Integer(), nullable=False),
        sa.Column("submission_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.PrimaryKeyConstraint("contact_id", "version", name=("pk_status_change")),
        comment="Never changed; each row is the whole content of one message.",
    )
    op.create_index("ix_status_change_at", "status_change", ["at"], unique=False, postgresql_using="brin")

    op.create_table(
        "submission",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("portal_id", sa.Integer(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("source_id", sa.Text(), nullable=False),
        sa.Column("contact_id", sa.BigInteger(), nullable=True),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("once_key", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("digest", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=("pk_submission")),
        sa.UniqueConstraint("once_key", name=("uq_submission_once_key")),
    )
    op.create_table(
        "tier_change",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("portal_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("before", sa.Integer(), nullable=False),
        sa.Column("after", sa.Integer(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=("pk_tier_change")),
    )
    op.create_index("ix_tier_change_portal_id", "tier_change", ["portal_id"], unique=False)

    op.create_table(
        "visitor",
        sa.Column("portal_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("cookie", sa.Text(), nullable=False),
        sa.Column("contact_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("portal_id", "cookie", name=("pk_visitor")),
        comment="Which contact a tracking cookie is linked to.",
    )
    op.create_table(
        "access_token",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("portal_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("secret_hash", sa.String(length=64), nullable=False),
        sa.Column("scopes", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["portal_id"], ["portal.id"]),
        sa.PrimaryKeyConstraint("id", name=("pk_access_token")),
        sa.UniqueConstraint("secret_hash", name=("uq_access_token_secret_hash")),
    )
    op.create_index("ix_access_token_portal_id", "access_token", ["portal_id"], unique=False)

    op.create_table(
        "form",
        sa.Column("portal_id", sa.Integer(), nullable=False),
        sa.Column("guid", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("definition", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["portal_id"], ["portal.id"]),
        sa.PrimaryKeyConstraint("portal_id", "guid", name=("pk_form")),
    )

    op.execute("INSERT INTO configuration (id, version) VALUES (1, 1)")
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "ALTER TABLE outbox SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000)"
        )
        op.execute("ALTER TABLE contact SET (fillfactor = 90)")
        op.execute("ALTER TABLE ledger_counter SET (fillfactor = 50)")


def downgrade() -> None:
    op.drop_table("form")
    op.drop_index("ix_access_token_portal_id", "access_token")

    op.drop_table("access_token")
    op.drop_table("visitor")
    op.drop_index("ix_tier_change_portal_id", "tier_change")

    op.drop_table("tier_change")
    op.drop_table("submission")
    op.drop_index("ix_status_change_at", "status_change", postgresql_using="brin")

    op.drop_table("status_change")
    op.drop_table("portal")
    op.drop_table("outbox")
    op.drop_table("notice")
    op.drop_index("ix_ledger_line_portal_id_since_until", "ledger_line")

    op.drop_table("ledger_line")
    op.drop_table("ledger_counter")
    op.drop_table("ended_stint")
    op.drop_table("dead_letter")
    op.drop_index(
        "ix_contact_ending",
        "contact",
        postgresql_where=sa.text("until IS NOT NULL AND NOT end_announced"),
        sqlite_where=sa.text("until IS NOT NULL AND NOT end_announced"),
    )

    op.drop_table("contact")
    op.drop_index("ix_conflicting_delivery_once_key", "conflicting_delivery")

    op.drop_table("conflicting_delivery")
    op.drop_table("configuration")
