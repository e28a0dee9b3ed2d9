"""What other people's tools send to, and what came of it beside submissions."""

import sqlalchemy as sa

from service.store.tables.columns import Document, Hex, Instant, Key, metadata, required

endpoint = sa.Table(
    "endpoint",
    metadata,
    sa.Column("id", Key, primary_key=True),
    sa.Column("portal_id", sa.ForeignKey("portal.id"), nullable=False, index=True),
    required("provider", sa.Text),
    required("name", sa.Text),
    required("state", sa.Text),
    required("sealed", sa.LargeBinary),
    required("options", Document),
    required("version", sa.Integer),
    required("created_at", Instant),
    required("updated_at", Instant),
    sa.Column("deleted_at", Instant),
    sqlite_autoincrement=True,
    comment="`sealed` holds the tokens of its addresses and all secrets, encrypted.",
)

endpoint_token = sa.Table(
    "endpoint_token",
    metadata,
    sa.Column("token_hash", sa.String(64), primary_key=True),
    sa.Column("endpoint_id", sa.ForeignKey("endpoint.id"), nullable=False, index=True),
    comment="By which the endpoint of a request is found; no token can be read from it.",
)

endpoint_activity = sa.Table(
    "endpoint_activity",
    metadata,
    sa.Column("endpoint_id", sa.BigInteger, primary_key=True, autoincrement=False),
    required("last_seen_at", Instant),
    required("last_outcome", sa.Text),
    sa.Column("preview", sa.JSON),
    comment="What was sent last, redacted; written behind the requests, now and then.",
)

external_form = sa.Table(
    "external_form",
    metadata,
    sa.Column("id", Key, primary_key=True),
    sa.Column("endpoint_id", sa.ForeignKey("endpoint.id"), nullable=False),
    sa.Column("portal_id", sa.Integer, nullable=False, index=True),
    required("kind", sa.Text),
    required("key", sa.Text),
    required("name", sa.Text),
    sa.Column("marketing_default", sa.Boolean),
    required("mapping", Document),
    required("fields", Document),
    required("version", sa.Integer),
    required("is_new", sa.Boolean),
    sa.Column("first_seen_at", Instant),
    sa.Column("last_seen_at", Instant),
    sa.UniqueConstraint("endpoint_id", "kind", "key"),
    sqlite_autoincrement=True,
    comment="Forms and chatflows that were seen at endpoints, with what a person chose for them.",
)

delivery = sa.Table(
    "delivery",
    metadata,
    sa.Column("id", Hex, primary_key=True),
    sa.Column("endpoint_id", sa.ForeignKey("endpoint.id"), nullable=False),
    required("portal_id", sa.Integer),
    required("digest", Hex),
    required("reason", sa.Text),
    required("received_at", Instant),
    required("last_received_at", Instant),
    required("times", sa.Integer),
    required("size", sa.Integer),
    required("preview", sa.JSON),
    sa.Column("sealed", sa.LargeBinary),
    sa.Column("replayed_at", Instant),
    sa.UniqueConstraint("endpoint_id", "digest"),
    sa.Index("ix_delivery_portal_id_last_received_at", "portal_id", "last_received_at"),
    sa.Index("ix_delivery_last_received_at", "last_received_at"),
    comment="Deliveries that were refused, whole and encrypted, for a set time; equal ones once.",
)

look_up = sa.Table(
    "look_up",
    metadata,
    sa.Column("submission_id", Hex, primary_key=True),
    required("portal_id", sa.Integer),
    required("endpoint_id", sa.BigInteger),
    required("attempts", sa.Integer),
    required("since", Instant),
    sa.Column("not_before", Instant),
    sa.Column("claimed_until", Instant),
    required("reason", sa.Text),
    required("updated_at", Instant),
    sa.Index("ix_look_up_endpoint_id_not_before", "endpoint_id", "not_before"),
    sa.Index("ix_look_up_not_before", "not_before"),
    comment="Persons to ask vendors for: when next, by whose claim, why not yet; no `not_before` means given up.",
)
