"""Long work: jobs, what went wrong in them, and the files that imports read."""

import sqlalchemy as sa

from service.store.tables.columns import Document, Instant, Key, metadata, partial_index, required

job = sa.Table(
    "job",
    metadata,
    sa.Column("id", Key, primary_key=True),
    required("portal_id", sa.Integer),
    required("kind", sa.Text),
    required("state", sa.Text),
    required("actor", sa.Text),
    required("request", Document),
    required("cursor", Document),
    sa.Column("total", sa.BigInteger),
    required("done", sa.BigInteger, server_default="0"),
    required("counts", Document),
    required("problems", sa.BigInteger, server_default="0"),
    required("error", sa.Text),
    required("cancel_asked", sa.Boolean, server_default=sa.false()),
    required("created_at", Instant),
    sa.Column("started_at", Instant),
    required("updated_at", Instant),
    sa.Column("finished_at", Instant),
    sa.Index("ix_job_portal_id_id", "portal_id", "id"),
    partial_index("ix_job_open", "id", where="finished_at IS NULL"),
    sqlite_autoincrement=True,
    comment="`cursor` is how far it has come; it changes in the transaction that does the work.",
)

job_problem = sa.Table(
    "job_problem",
    metadata,
    sa.Column("job_id", sa.ForeignKey("job.id"), primary_key=True),
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("contact_id", sa.BigInteger),
    sa.Column("file", sa.Text),
    sa.Column("line", sa.BigInteger),
    sa.Column("column", sa.Integer),
    sa.Column("column_name", sa.Text),
    required("reason", sa.Text),
    required("message", sa.Text),
    required("mend", sa.Text),
    comment="What a job could not do, one row for each contact or cell, numbered from 1.",
)

import_file = sa.Table(
    "import_file",
    metadata,
    sa.Column("id", Key, primary_key=True),
    sa.Column("portal_id", sa.Integer, nullable=False, index=True),
    required("name", sa.Text),
    required("size", sa.BigInteger),
    required("digest", sa.String(64)),
    required("header", Document),
    required("sample", Document),
    required("rows", sa.BigInteger),
    required("parts", sa.Integer),
    required("is_whole", sa.Boolean),
    required("created_at", Instant),
    sa.Column("job_id", sa.BigInteger),
    sqlite_autoincrement=True,
    comment="Files to import, read once into parts of rows; purged some time after their last import.",
)

import_file_part = sa.Table(
    "import_file_part",
    metadata,
    sa.Column("file_id", sa.ForeignKey("import_file.id"), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    required("content", sa.LargeBinary),
)

import_seen = sa.Table(
    "import_seen",
    metadata,
    sa.Column("job_id", sa.ForeignKey("job.id"), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    required("hashes", sa.LargeBinary),
    comment="Which contacts an estimate has seen, eight bytes for each; gone with its end.",
)
