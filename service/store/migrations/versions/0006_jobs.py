"""Jobs, and files to import."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
DOCUMENT = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "import_file",
        sa.Column("id", KEY, nullable=False),
        sa.Column("portal_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("header", DOCUMENT, nullable=False),
        sa.Column("sample", DOCUMENT, nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("parts", sa.Integer(), nullable=False),
        sa.Column("is_whole", sa.Boolean(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("job_id", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=("pk_import_file")),
        comment="Files to import, read once into parts of rows; purged some time after their last import.",
        sqlite_autoincrement=True,
    )
    op.create_index("ix_import_file_portal_id", "import_file", ["portal_id"], unique=False)
    op.create_table(
        "job",
        sa.Column("id", KEY, nullable=False),
        sa.Column("portal_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("request", DOCUMENT, nullable=False),
        sa.Column("cursor", DOCUMENT, nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=True),
        sa.Column("done", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("counts", DOCUMENT, nullable=False),
        sa.Column("problems", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("cancel_asked", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("started_at", INSTANT, nullable=True),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.Column("finished_at", INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("id", name=("pk_job")),
        comment="`cursor` is how far it has come; it changes in the transaction that does the work.",
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_job_open",
        "job",
        ["id"],
        unique=False,
        postgresql_where=sa.text("finished_at IS NULL"),
        sqlite_where=sa.text("finished_at IS NULL"),
    )
    op.create_index("ix_job_portal_id_id", "job", ["portal_id", "id"], unique=False)
    op.create_table(
        "import_file_part",
        sa.Column("file_id", KEY, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["file_id"], ["import_file.id"]),
        sa.PrimaryKeyConstraint("file_id", "number", name=("pk_import_file_part")),
    )
    op.create_table(
        "import_seen",
        sa.Column("job_id", KEY, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("hashes", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"]),
        sa.PrimaryKeyConstraint("job_id", "number", name=("pk_import_seen")),
        comment="Which contacts an estimate has seen, eight bytes for each; gone with its end.",
    )
    op.create_table(
        "job_problem",
        sa.Column("job_id", KEY, nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("contact_id", sa.BigInteger(), nullable=True),
        sa.Column("file", sa.Text(), nullable=True),
        sa.Column("line", sa.BigInteger(), nullable=True),
        sa.Column("column", sa.Integer(), nullable=True),
        sa.Column("column_name", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("mend", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"]),
        sa.PrimaryKeyConstraint("job_id", "number", name=("pk_job_problem")),
        comment="What a job could not do, one row for each contact or cell, numbered from 1.",
    )


def downgrade() -> None:
    for table in ("job_problem", "import_seen", "import_file_part", "job", "import_file"):
        op.drop_table(table)
