"""What portals are set up with: the portal itself, its forms, users and access tokens; and who changed it."""

import sqlalchemy as sa

from service.store.tables.columns import Document, Hex, Instant, Key, metadata, required

configuration = sa.Table(
    "configuration",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    required("version", sa.BigInteger),
    comment="One row; its version grows with every change of a portal, form or token.",
)

portal = sa.Table(
    "portal",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    required("name", sa.Text),
    required("time_zone", sa.Text),
    required("product", sa.Text),
    required("commitment", sa.Text),
    required("renews_on", sa.Date),
    required("tier", sa.Integer),
    required("created_at", Instant),
    required("external_forms", sa.Boolean, server_default=sa.true()),
    required("delete_counts", sa.Text, server_default="until_update_date"),
    required("is_braked", sa.Boolean, server_default=sa.false()),
    required("runs_workflows", sa.Boolean, server_default=sa.false()),
    sa.Column("closed_until", Instant),
    sa.Column("renewed_until", Instant),
    comment="`external_forms` is the default of other forms; `closed_until` ends the last period with a statement.",
)

form = sa.Table(
    "form",
    metadata,
    sa.Column("portal_id", sa.ForeignKey("portal.id"), primary_key=True),
    sa.Column("guid", Hex, primary_key=True),
    required("name", sa.Text),
    required("definition", Document),
    required("version", sa.Integer),
    required("created_at", Instant),
    required("updated_at", Instant),
    sa.Column("archived_at", Instant),
)

access_token = sa.Table(
    "access_token",
    metadata,
    sa.Column("id", Key, primary_key=True),
    sa.Column("portal_id", sa.ForeignKey("portal.id"), nullable=False, index=True),
    required("name", sa.Text),
    required("secret_hash", sa.String(64), unique=True),
    required("scopes", Document),
    required("created_at", Instant),
    sa.Column("revoked_at", Instant),
    sa.Column("user_id", sa.BigInteger, index=True),
    required("marketing_access", sa.Boolean, server_default=sa.true()),
    required("marketing_default", sa.Boolean, server_default=sa.false()),
    required("default_version", sa.Integer, server_default="0"),
    comment="Of a user, who acts by it, or of an integration, which has a default for contacts that it creates.",
)

portal_user = sa.Table(
    "portal_user",
    metadata,
    sa.Column("id", Key, primary_key=True),
    sa.Column("portal_id", sa.ForeignKey("portal.id"), nullable=False),
    required("email", sa.Text),
    required("name", sa.Text),
    required("role", sa.Text),
    required("marketing_access", sa.Boolean, server_default=sa.true()),
    required("created_at", Instant),
    required("updated_at", Instant),
    sa.Column("deactivated_at", Instant),
    sa.UniqueConstraint("portal_id", "email"),
    sqlite_autoincrement=True,
    comment="`marketing_access` is HubSpot's 'marketing contacts access'.",
)

audit = sa.Table(
    "audit",
    metadata,
    sa.Column("id", Key, primary_key=True),
    required("portal_id", sa.Integer),
    required("at", Instant),
    required("actor", sa.Text),
    required("action", sa.Text),
    required("subject", sa.Text),
    sa.Column("before", Document),
    sa.Column("after", Document),
    sa.Index("ix_audit_portal_id_at_id", "portal_id", "at", "id"),
    sa.Index("ix_audit_portal_id_subject_at_id", "portal_id", "subject", "at", "id"),
    sa.Index("ix_audit_portal_id_actor_at_id", "portal_id", "actor", "at", "id"),
    sa.Index("ix_audit_portal_id_action_at_id", "portal_id", "action", "at", "id"),
    sqlite_autoincrement=True,
    comment="Who changed what was set up, when, from what to what; never changed. Statuses: `status_change`.",
)
