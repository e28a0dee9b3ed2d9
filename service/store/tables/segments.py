"""Which contacts: saved views, workflows that act on those who match, and properties with an index."""

import sqlalchemy as sa

from service.store.tables.columns import Document, Instant, Key, metadata, required

view = sa.Table(
    "view",
    metadata,
    sa.Column("id", Key, primary_key=True),
    sa.Column("portal_id", sa.ForeignKey("portal.id"), nullable=False),
    required("name", sa.Text),
    required("filter", Document),
    required("version", sa.Integer),
    required("created_by", sa.Text),
    required("created_at", Instant),
    required("updated_at", Instant),
    sa.UniqueConstraint("portal_id", "name"),
    sqlite_autoincrement=True,
    comment="Saved views: filters with a name.",
)

indexed_property = sa.Table(
    "indexed_property",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    required("index_name", sa.Text),
    required("created_at", Instant),
    sa.Column("ready_at", Instant),
    comment="Contact properties by which the database has an index of its own.",
)

workflow = sa.Table(
    "workflow",
    metadata,
    sa.Column("id", Key, primary_key=True),
    sa.Column("portal_id", sa.ForeignKey("portal.id"), nullable=False, index=True),
    required("name", sa.Text),
    required("filter", Document),
    required("marketing", sa.Boolean),
    required("re_enrols", sa.Boolean),
    required("is_on", sa.Boolean),
    required("version", sa.Integer),
    required("round", sa.Integer),
    required("enrols_existing", sa.Boolean),
    required("walked_to", sa.BigInteger),
    required("walks_upto", sa.BigInteger),
    sa.Column("job_id", sa.BigInteger),
    required("created_at", Instant),
    required("updated_at", Instant),
    sa.Column("deleted_at", Instant),
    sqlite_autoincrement=True,
    comment="Sets the status of contacts that match. A round goes through those who exist, `walked_to` so far.",
)

enrolment = sa.Table(
    "enrolment",
    metadata,
    sa.Column("workflow_id", sa.ForeignKey("workflow.id"), primary_key=True),
    sa.Column("contact_id", sa.BigInteger, primary_key=True, autoincrement=False),
    required("matches", sa.Boolean),
    required("times", sa.Integer),
    required("round", sa.Integer),
    sa.Column("enrolled_at", Instant),
    comment="Whether a contact matched when it was last looked at, and how often it was enrolled.",
)

workflow_due = sa.Table(
    "workflow_due",
    metadata,
    sa.Column("contact_id", sa.BigInteger, primary_key=True, autoincrement=False),
    required("portal_id", sa.Integer),
    required("since", Instant),
    sa.Index("ix_workflow_due_portal_id_since", "portal_id", "since"),
    comment="Contacts that have changed since workflows looked at them; written with the change itself.",
)
