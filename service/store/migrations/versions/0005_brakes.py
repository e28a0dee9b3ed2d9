"""Brakes and the raises that they hold."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
DOCUMENT = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "brake_count",
        sa.Column("portal_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("until", INSTANT, nullable=False),
        sa.Column("contacts", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("portal_id", "until", name=("pk_brake_count")),
        comment="How many contacts count, by their end, as of the transaction; kept for portals with a brake only.",
    )
    op.create_table(
        "held",
        sa.Column("id", KEY, nullable=False),
        sa.Column("portal_id", sa.Integer(), nullable=False),
        sa.Column("contact_id", sa.BigInteger(), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("reason_type", sa.Text(), nullable=False),
        sa.Column("reason_id", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("default_version", sa.Integer(), nullable=False),
        sa.Column("submission_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("limit_reached", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("settled_at", INSTANT, nullable=True),
        sa.Column("settled_by", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=("pk_held")),
        comment="Raises that a brake holds until a person releases or refuses them; one for a contact at a time.",
        sqlite_autoincrement=True,
    )
    op.create_index("ix_held_portal_id_state_id", "held", ["portal_id", "state", "id"], unique=False)
    op.create_index("ix_held_contact_id", "held", ["contact_id"], unique=False)
    op.create_index(
        "uq_held_contact_id",
        "held",
        ["contact_id"],
        unique=True,
        postgresql_where=sa.text("state = 'held'"),
        sqlite_where=sa.text("state = 'held'"),
    )
    op.create_table(
        "brake",
        sa.Column("portal_id", sa.Integer(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("source_id", sa.Text(), nullable=False),
        sa.Column("at_tier", sa.Boolean(), nullable=False),
        sa.Column("most", sa.BigInteger(), nullable=True),
        sa.Column("rate", sa.BigInteger(), nullable=True),
        sa.Column("rate_hours", sa.Integer(), nullable=True),
        sa.Column("raised", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("recent", DOCUMENT, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["portal_id"], ["portal.id"]),
        sa.PrimaryKeyConstraint("portal_id", "source", "source_id", name=("pk_brake")),
        comment="Limits of a portal (source and id are empty), or one form; locked by whoever raises contacts there.",
    )
    op.add_column("portal", sa.Column("is_braked", sa.Boolean(), server_default=sa.false(), nullable=False))


def downgrade() -> None:
    op.drop_column("portal", "is_braked")
    op.drop_table("brake")
    op.drop_table("held")
    op.drop_table("brake_count")
