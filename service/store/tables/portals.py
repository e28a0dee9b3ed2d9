"""What portals are set up with: the portal itself, its forms and access tokens."""

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
    comment="`external_forms` is the default of forms that are not HubSpot's.",
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
)
