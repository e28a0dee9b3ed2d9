"""The tables; `migrations/` makes them, and a test holds the two against each other."""

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class Instant(sa.types.TypeDecorator[datetime]):
    """An aware UTC datetime: timestamptz on PostgreSQL, text of fixed width on SQLite."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """Refuse naive datetimes; SQLite stores the UTC wall clock."""
        if value is None:
            return None
        if value.tzinfo is None:
            message = f"naive datetime {value!r}"
            raise ValueError(message)
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:  # noqa: ARG002
        """Return UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


Document = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
Hex = sa.Uuid(as_uuid=False)
"""32 hex digits, 16 bytes on PostgreSQL."""
Key = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _required(name: str, kind: Any, **options: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False, **options)


configuration = sa.Table(
    "configuration",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    _required("version", sa.BigInteger),
    comment="One row; its version grows with every change of a portal, form or token.",
)

portal = sa.Table(
    "portal",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    _required("name", sa.Text),
    _required("time_zone", sa.Text),
    _required("product", sa.Text),
    _required("commitment", sa.Text),
    _required("renews_on", sa.Date),
    _required("tier", sa.Integer),
    _required("created_at", Instant),
    _required("external_forms", sa.Boolean, server_default=sa.true()),
    comment="`external_forms` is the default of forms that are not HubSpot's.",
)

form = sa.Table(
    "form",
    metadata,
    sa.Column("portal_id", sa.ForeignKey("portal.id"), primary_key=True),
    sa.Column("guid", Hex, primary_key=True),
    _required("name", sa.Text),
    _required("definition", Document),
    _required("version", sa.Integer),
    _required("created_at", Instant),
    _required("updated_at", Instant),
    sa.Column("archived_at", Instant),
)

access_token = sa.Table(
    "access_token",
    metadata,
    sa.Column("id", Key, primary_key=True),
    sa.Column("portal_id", sa.ForeignKey("portal.id"), nullable=False, index=True),
    _required("name", sa.Text),
    _required("secret_hash", sa.String(64), unique=True),
    _required("scopes", Document),
    _required("created_at", Instant),
    sa.Column("revoked_at", Instant),
)

contact = sa.Table(
    "contact",
    metadata,
    sa.Column("id", Key, primary_key=True),
    _required("portal_id", sa.Integer),
    sa.Column("email", sa.Text),
    _required("version", sa.Integer),
    _required("properties", Document),
    _required("created_at", Instant),
    _required("updated_at", Instant),
    _required("status_version", sa.Integer),
    _required("stint", sa.Integer),
    sa.Column("since", Instant),
    sa.Column("until", Instant),
    sa.Column("reason_type", sa.Text),
    sa.Column("reason_id", sa.Text),
    _required("end_announced", sa.Boolean, server_default=sa.false()),
    sa.UniqueConstraint("portal_id", "email"),
    sa.Index(
        "ix_contact_ending",
        "until",
        postgresql_where=sa.text("until IS NOT NULL AND NOT end_announced"),
        sqlite_where=sa.text("until IS NOT NULL AND NOT end_announced"),
    ),
    comment="Rows never vanish: a stale guess would insert them anew. `stint` is the number of the latest one.",
)

visitor = sa.Table(
    "visitor",
    metadata,
    sa.Column("portal_id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("cookie", sa.Text, primary_key=True),
    _required("contact_id", sa.BigInteger),
    comment="Which contact a tracking cookie is linked to.",
)

ended_stint = sa.Table(
    "ended_stint",
    metadata,
    sa.Column("contact_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    _required("portal_id", sa.Integer),
    _required("version", sa.Integer),
    _required("since", Instant),
    _required("until", Instant),
    _required("reason_type", sa.Text),
    _required("reason_id", sa.Text),
    comment="Stints before a contact's latest one, which is in the contact itself.",
)

status_change = sa.Table(
    "status_change",
    metadata,
    sa.Column("contact_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
    _required("portal_id", sa.Integer),
    _required("at", Instant),
    _required("before", sa.Boolean),
    _required("after", sa.Boolean),
    _required("verdict", sa.Text),
    _required("stint", sa.Integer),
    _required("since", Instant),
    sa.Column("until", Instant),
    _required("stint_reason_type", sa.Text),
    _required("stint_reason_id", sa.Text),
    _required("source", sa.Text),
    _required("reason_type", sa.Text),
    _required("reason_id", sa.Text),
    _required("actor", sa.Text),
    _required("default_version", sa.Integer),
    sa.Column("submission_id", Hex),
    sa.Index("ix_status_change_at", "at", postgresql_using="brin"),
    comment="Never changed; each row is the whole content of one message.",
)

submission = sa.Table(
    "submission",
    metadata,
    sa.Column("id", Hex, primary_key=True),
    _required("portal_id", sa.Integer),
    _required("source", sa.Text),
    _required("source_id", sa.Text),
    sa.Column("contact_id", sa.BigInteger),
    _required("verdict", sa.Text),
    _required("once_key", Hex, unique=True),
    _required("digest", Hex),
    _required("received_at", Instant),
    _required("submitted_at", Instant),
    _required("content", sa.JSON),
    sa.Column("session", sa.Text),
    sa.Index(
        "ix_submission_unjoined",
        "portal_id",
        "session",
        postgresql_where=sa.text("contact_id IS NULL AND session IS NOT NULL"),
        sqlite_where=sa.text("contact_id IS NULL AND session IS NOT NULL"),
    ),
    sa.Index(
        "ix_submission_joined",
        "id",
        postgresql_where=sa.text("contact_id IS NOT NULL AND session IS NOT NULL"),
        sqlite_where=sa.text("contact_id IS NOT NULL AND session IS NOT NULL"),
    ),
    sa.Index(
        "ix_submission_looked_up",
        "id",
        postgresql_where=sa.text("verdict = 'look_up_pending'"),
        sqlite_where=sa.text("verdict = 'look_up_pending'"),
    ),
    sa.Index(
        "ix_submission_external",
        "source_id",
        "id",
        postgresql_where=sa.text("source IN ('external_form', 'chatflow')"),
        sqlite_where=sa.text("source IN ('external_form', 'chatflow')"),
    ),
    comment="`session` joins what one visitor of a chat did, until it is known who it was.",
)

conflicting_delivery = sa.Table(
    "conflicting_delivery",
    metadata,
    sa.Column("id", Hex, primary_key=True),
    _required("portal_id", sa.Integer),
    _required("once_key", Hex),
    _required("digest", Hex),
    _required("source", sa.Text),
    _required("source_id", sa.Text),
    _required("received_at", Instant),
    _required("content", sa.JSON),
    sa.Index("ix_conflicting_delivery_once_key", "once_key"),
    comment="Deliveries whose id was accepted before with another body, kept as evidence.",
)

outbox = sa.Table(
    "outbox",
    metadata,
    sa.Column("id", Key, primary_key=True),
    _required("contact_id", sa.BigInteger),
    _required("version", sa.Integer),
    _required("created_at", Instant),
    sa.Column("claimed_until", Instant),
    sqlite_autoincrement=True,
    comment="Status changes to publish; the row that remains is the row to retry.",
)

ledger_line = sa.Table(
    "ledger_line",
    metadata,
    sa.Column("contact_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("stint", sa.Integer, primary_key=True, autoincrement=False),
    _required("portal_id", sa.Integer),
    _required("version", sa.Integer),
    _required("since", Instant),
    _required("until", Instant),
    sa.Column("replaced_until", Instant),
    _required("reason_type", sa.Text),
    _required("reason_id", sa.Text),
    sa.Index("ix_ledger_line_portal_id_since_until", "portal_id", "since", "until"),
    comment="The ledger: the newest version of each stint; `until` is 9999-12-31 when no end is known.",
)

ledger_counter = sa.Table(
    "ledger_counter",
    metadata,
    sa.Column("portal_id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("until", Instant, primary_key=True),
    _required("contacts", sa.BigInteger),
    comment="Sums of the ledger's lines per portal and end.",
)

tier_change = sa.Table(
    "tier_change",
    metadata,
    sa.Column("id", Key, primary_key=True),
    sa.Column("portal_id", sa.Integer, nullable=False, index=True),
    _required("at", Instant),
    _required("before", sa.Integer),
    _required("after", sa.Integer),
    _required("count", sa.BigInteger),
)

notice = sa.Table(
    "notice",
    metadata,
    sa.Column("portal_id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("update_date", Instant, primary_key=True),
    sa.Column("tier", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("percentage", sa.Integer, primary_key=True, autoincrement=False),
    _required("at", Instant),
    _required("count", sa.BigInteger),
    comment="Once per crossing and period; the period is named by the update date that ends it.",
)

dead_letter = sa.Table(
    "dead_letter",
    metadata,
    sa.Column("id", Key, primary_key=True),
    _required("consumer", sa.Text),
    _required("reason", sa.Text),
    _required("detail", sa.Text),
    _required("body", sa.LargeBinary),
    _required("at", Instant),
    comment="Messages that no retry can mend, kept before they are acknowledged.",
)

endpoint = sa.Table(
    "endpoint",
    metadata,
    sa.Column("id", Key, primary_key=True),
    sa.Column("portal_id", sa.ForeignKey("portal.id"), nullable=False, index=True),
    _required("provider", sa.Text),
    _required("name", sa.Text),
    _required("state", sa.Text),
    _required("sealed", sa.LargeBinary),
    _required("options", Document),
    _required("version", sa.Integer),
    _required("created_at", Instant),
    _required("updated_at", Instant),
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
    _required("last_seen_at", Instant),
    _required("last_outcome", sa.Text),
    sa.Column("preview", sa.JSON),
    comment="What was sent last, redacted; written behind the requests, now and then.",
)

external_form = sa.Table(
    "external_form",
    metadata,
    sa.Column("id", Key, primary_key=True),
    sa.Column("endpoint_id", sa.ForeignKey("endpoint.id"), nullable=False),
    sa.Column("portal_id", sa.Integer, nullable=False, index=True),
    _required("kind", sa.Text),
    _required("key", sa.Text),
    _required("name", sa.Text),
    sa.Column("marketing_default", sa.Boolean),
    _required("mapping", Document),
    _required("fields", Document),
    _required("version", sa.Integer),
    _required("is_new", sa.Boolean),
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
    _required("portal_id", sa.Integer),
    _required("digest", Hex),
    _required("reason", sa.Text),
    _required("received_at", Instant),
    _required("last_received_at", Instant),
    _required("times", sa.Integer),
    _required("size", sa.Integer),
    _required("preview", sa.JSON),
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
    _required("portal_id", sa.Integer),
    _required("endpoint_id", sa.BigInteger),
    _required("attempts", sa.Integer),
    _required("since", Instant),
    sa.Column("not_before", Instant),
    sa.Column("claimed_until", Instant),
    _required("reason", sa.Text),
    _required("updated_at", Instant),
    sa.Index("ix_look_up_endpoint_id_not_before", "endpoint_id", "not_before"),
    sa.Index("ix_look_up_not_before", "not_before"),
    comment="Persons to ask vendors for: when next, by whose claim, why not yet; no `not_before` means given up.",
)
