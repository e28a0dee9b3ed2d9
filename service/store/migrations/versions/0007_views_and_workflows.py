"""Saved views, indexed properties, workflows."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
DOCUMENT = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "indexed_property",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("index_name", sa.Text(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("ready_at", INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("name", name=("pk_indexed_property")),
        comment="Contact properties by which the database has an index of its own.",
    )
    op.create_table(
        "workflow_due",
        sa.Column("contact_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("portal_id", sa.Integer(), nullable=False),
        sa.Column("since", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("contact_id", name=("pk_workflow_due")),
        comment="Contacts that have changed since workflows looked at them; written with the change itself.",
    )
    op.create_index("ix_workflow_due_portal_id_since", "workflow_due", ["portal_id", "since"], unique=False)
    op.create_table(
        "view",
        sa.Column("id", KEY, nullable=False),
        sa.Column("portal_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("filter", DOCUMENT, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.ForeignKeyConstraint(["portal_id"], ["portal.id"]),
        sa.PrimaryKeyConstraint("id", name=("pk_view")),
        sa.UniqueConstraint("portal_id", "name", name=("uq_view_portal_id_name")),
        comment="Saved views: filters with a name.",
        sqlite_autoincrement=True,
    )
    op.create_table(
        "workflow",
        sa.Column("id", KEY, nullable=False),
        sa.Column("portal_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("filter", DOCUMENT, nullable=False),
        sa.Column("marketing", sa.Boolean(), nullable=False),
        sa.Column("re_enrols", sa.Boolean(), nullable=False),
        sa.Column("is_on", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("enrols_existing", sa.Boolean(), nullable=False),
        sa.Column("walked_to", sa.BigInteger(), nullable=False),
        sa.Column("walks_upto", sa.BigInteger(), nullable=False),
        sa.Column("job_id", sa.BigInteger(), nullable=True),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.Column("deleted_at", INSTANT, nullable=True),
        sa.ForeignKeyConstraint(["portal_id"], ["portal.id"]),
        sa.PrimaryKeyConstraint("id", name=("pk_workflow")),
        comment="Sets the status of contacts that match. A round goes through those who exist, `walked_to` so far.",
        sqlite_autoincrement=True,
    )
    op.create_index("ix_workflow_portal_id", "workflow", ["portal_id"], unique=False)
    op.create_table(
        "enrolment",
        sa.Column("workflow_id", KEY, nullable=False),
        sa.Column("contact_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("matches", sa.Boolean(), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("enrolled_at", INSTANT, nullable=True),
        sa.ForeignKeyConstraint(["workflow_id"], ["workflow.id"]),
        sa.PrimaryKeyConstraint("workflow_id", "contact_id", name=("pk_enrolment")),
        comment="Whether a contact matched when it was last looked at, and how often it was enrolled.",
    )
    op.add_column(
        "portal", sa.Column("runs_workflows", sa.Boolean(), server_default=sa.false(), nullable=False)
    )


def downgrade() -> None:
    op.drop_column("portal", "runs_workflows")
    for table in ("enrolment", "workflow", "view", "workflow_due", "indexed_property"):
        op.drop_table(table)
