"""The ledger by reason and hour, statements and their adjustments, renewals, spikes."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
DOCUMENT = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
INSTANT = sa.DateTime(timezone=True)
HOUR = "date_trunc('hour', since, 'UTC')"
HOUR_ON_SQLITE = "substr(since, 1, 13) || ':00:00.000000'"


def upgrade() -> None:
    op.create_table(
        "adjustment",
        sa.Column("id", KEY, nullable=False),
        sa.Column("portal_id", sa.Integer(), nullable=False),
        sa.Column("ends_at", INSTANT, nullable=False),
        sa.Column("contact_id", sa.BigInteger(), nullable=False),
        sa.Column("stint", sa.Integer(), nullable=False),
        sa.Column("change", sa.Integer(), nullable=False),
        sa.Column("reason_type", sa.Text(), nullable=False),
        sa.Column("reason_id", sa.Text(), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("carried_by", INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("id", name=("pk_adjustment")),
        comment="What came to the ledger after the period that ends at `ends_at` had been closed: +1 or -1.",
        sqlite_autoincrement=True,
    )
    op.create_index("ix_adjustment_portal_id_ends_at", "adjustment", ["portal_id", "ends_at"], unique=False)
    op.create_table(
        "ledger_hour",
        sa.Column("portal_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("hour", INSTANT, nullable=False),
        sa.Column("raised", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("portal_id", "hour", name=("pk_ledger_hour")),
        comment="How many stints began in each hour.",
    )
    op.create_table(
        "spike",
        sa.Column("portal_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("hour", INSTANT, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("raised", sa.BigInteger(), nullable=False),
        sa.Column("usual", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("portal_id", "hour", name=("pk_spike")),
        comment="Hours in which far more contacts became marketing contacts than usual, each noticed once.",
    )
    op.create_table(
        "statement",
        sa.Column("portal_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("ends_at", INSTANT, nullable=False),
        sa.Column("begins_at", INSTANT, nullable=False),
        sa.Column("renews", sa.Boolean(), nullable=False),
        sa.Column("cuts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("issued_at", INSTANT, nullable=True),
        sa.Column("contacts", sa.BigInteger(), nullable=True),
        sa.Column("tier", sa.Integer(), nullable=True),
        sa.Column("digest", sa.String(length=64), nullable=True),
        sa.Column("split", DOCUMENT, nullable=True),
        sa.PrimaryKeyConstraint("portal_id", "ends_at", name=("pk_statement")),
        comment="One for each period; without `issued_at` it is due or being made, `cuts` is how often it was begun.",
    )
    op.drop_table("ledger_counter")
    _make_counter(
        sa.Column("reason_type", sa.Text(), nullable=False), sa.Column("reason_id", sa.Text(), nullable=False)
    )
    _count_again("portal_id, until, reason_type, reason_id")
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    if not is_sqlite:
        op.execute("ALTER TABLE ledger_hour SET (fillfactor = 50)")
    op.execute(
        "INSERT INTO ledger_hour (portal_id, hour, raised)"  # noqa: S608 - nobody's words are in it
        f" SELECT portal_id, {HOUR_ON_SQLITE if is_sqlite else HOUR}, count(*) FROM ledger_line GROUP BY 1, 2"
    )
    op.add_column(
        "portal", sa.Column("delete_counts", sa.Text(), server_default="until_update_date", nullable=False)
    )
    op.add_column("portal", sa.Column("closed_until", INSTANT, nullable=True))
    op.add_column("portal", sa.Column("renewed_until", INSTANT, nullable=True))
    op.add_column("tier_change", sa.Column("cause", sa.Text(), server_default="count", nullable=False))
    if op.get_bind().dialect.name != "sqlite":
        _comment()


def downgrade() -> None:
    op.drop_column("tier_change", "cause")
    op.drop_column("portal", "renewed_until")
    op.drop_column("portal", "closed_until")
    op.drop_column("portal", "delete_counts")
    op.drop_table("ledger_counter")
    _make_counter()
    _count_again("portal_id, until")
    op.drop_table("statement")
    op.drop_table("spike")
    op.drop_table("ledger_hour")
    op.drop_table("adjustment")


def _make_counter(*reason: sa.Column[str]) -> None:
    op.create_table(
        "ledger_counter",
        sa.Column("portal_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("until", INSTANT, nullable=False),
        *reason,
        sa.Column("contacts", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "portal_id", "until", *(column.name for column in reason), name="pk_ledger_counter"
        ),
        comment="Sums of the ledger's lines per portal, end and reason."
        if reason
        else "Sums of the ledger's lines per portal and end.",
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE ledger_counter SET (fillfactor = 50)")


def _count_again(keys: str) -> None:
    """Fill the counter from the lines that it sums."""
    op.execute(
        f"INSERT INTO ledger_counter ({keys}, contacts) SELECT {keys}, count(*) FROM ledger_line GROUP BY {keys}"  # noqa: S608 - the same
    )


def _comment() -> None:
    op.create_table_comment(
        "portal",
        "`external_forms` is the default of other forms; `closed_until` ends the last period with a statement.",
        existing_comment="`external_forms` is the default of forms that are not HubSpot's.",
        schema=None,
    )
    op.create_table_comment(
        "tier_change",
        "`cause` is the count that went over, a renewal, or a change of the product.",
        existing_comment=None,
        schema=None,
    )
