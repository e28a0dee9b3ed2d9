"""Users, tokens of users and integrations, the audit, and what becomes of contacts."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
DOCUMENT = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "audit",
        sa.Column("id", KEY, nullable=False),
        sa.Column("portal_id", sa.Integer(), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("before", DOCUMENT, nullable=True),
        sa.Column("after", DOCUMENT, nullable=True),
        sa.PrimaryKeyConstraint("id", name=("pk_audit")),
        comment="Who changed what was set up, when, from what to what; never changed. Statuses: `status_change`.",
        sqlite_autoincrement=True,
    )
    op.create_index("ix_audit_portal_id_at_id", "audit", ["portal_id", "at", "id"], unique=False)
    for column in ("subject", "actor", "action"):
        name = f"ix_audit_portal_id_{column}_at_id"
        op.create_index(name, "audit", ["portal_id", column, "at", "id"], unique=False)
    op.create_table(
        "portal_user",
        sa.Column("id", KEY, nullable=False),
        sa.Column("portal_id", sa.Integer(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("marketing_access", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.Column("deactivated_at", INSTANT, nullable=True),
        sa.ForeignKeyConstraint(["portal_id"], ["portal.id"]),
        sa.PrimaryKeyConstraint("id", name=("pk_portal_user")),
        sa.UniqueConstraint("portal_id", "email", name=("uq_portal_user_portal_id_email")),
        comment="`marketing_access` is HubSpot's 'marketing contacts access'.",
        sqlite_autoincrement=True,
    )
    op.add_column("access_token", sa.Column("user_id", sa.BigInteger(), nullable=True))
    op.add_column(
        "access_token", sa.Column("marketing_access", sa.Boolean(), server_default=sa.true(), nullable=False)
    )
    op.add_column(
        "access_token",
        sa.Column("marketing_default", sa.Boolean(), server_default=sa.false(), nullable=False),
    )
    op.add_column(
        "access_token", sa.Column("default_version", sa.Integer(), server_default="0", nullable=False)
    )
    op.create_index("ix_access_token_user_id", "access_token", ["user_id"], unique=False)
    op.add_column("contact", sa.Column("active_at", INSTANT, nullable=True))
    op.add_column("contact", sa.Column("deleted_at", INSTANT, nullable=True))
    op.add_column("contact", sa.Column("erased_at", INSTANT, nullable=True))
    op.add_column("contact", sa.Column("merged_into", sa.BigInteger(), nullable=True))
    op.add_column("contact", sa.Column("unsubscribed_at", INSTANT, nullable=True))
    op.add_column("contact", sa.Column("bounced_at", INSTANT, nullable=True))
    op.create_index("ix_visitor_contact_id", "visitor", ["contact_id"], unique=False)
    # Before those of a part: of two that serve alike, SQLite takes the one that was made later.
    op.create_index("ix_contact_portal_id_id", "contact", ["portal_id", "id"], unique=False)
    op.create_index(
        "ix_contact_bounced",
        "contact",
        ["portal_id", "id"],
        unique=False,
        postgresql_where=sa.text("bounced_at IS NOT NULL"),
        sqlite_where=sa.text("bounced_at IS NOT NULL"),
    )
    op.create_index(
        "ix_contact_leaving",
        "contact",
        ["portal_id", "id"],
        unique=False,
        postgresql_where=sa.text("until IS NOT NULL AND NOT end_announced"),
        sqlite_where=sa.text("until IS NOT NULL AND NOT end_announced"),
    )
    op.create_index(
        "ix_contact_merged_into",
        "contact",
        ["merged_into"],
        unique=False,
        postgresql_where=sa.text("merged_into IS NOT NULL"),
        sqlite_where=sa.text("merged_into IS NOT NULL"),
    )
    op.create_index(
        "ix_contact_unsubscribed",
        "contact",
        ["portal_id", "id"],
        unique=False,
        postgresql_where=sa.text("unsubscribed_at IS NOT NULL"),
        sqlite_where=sa.text("unsubscribed_at IS NOT NULL"),
    )
    if op.get_bind().dialect.name != "sqlite":
        _comment()


def downgrade() -> None:
    op.drop_index("ix_visitor_contact_id", "visitor")
    op.drop_index("ix_contact_unsubscribed", "contact")
    op.drop_index("ix_contact_portal_id_id", "contact")
    op.drop_index("ix_contact_merged_into", "contact")
    op.drop_index("ix_contact_leaving", "contact")
    op.drop_index("ix_contact_bounced", "contact")
    op.drop_column("contact", "bounced_at")
    op.drop_column("contact", "unsubscribed_at")
    op.drop_column("contact", "merged_into")
    op.drop_column("contact", "erased_at")
    op.drop_column("contact", "deleted_at")
    op.drop_column("contact", "active_at")
    op.drop_index("ix_access_token_user_id", "access_token")
    op.drop_column("access_token", "default_version")
    op.drop_column("access_token", "marketing_default")
    op.drop_column("access_token", "marketing_access")
    op.drop_column("access_token", "user_id")
    op.drop_table("portal_user")
    op.drop_table("audit")


def _comment() -> None:
    op.create_table_comment(
        "access_token",
        "Of a user, who acts by it, or of an integration, which has a default for contacts that it creates.",
        existing_comment=None,
        schema=None,
    )
    op.create_table_comment(
        "contact",
        "Rows never vanish: a stale guess would insert them anew. `stint` is the latest one's number.",
        existing_comment=None,
        schema=None,
    )
