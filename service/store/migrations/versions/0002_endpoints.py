"""Endpoints, external forms, refused deliveries and look-ups."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
DOCUMENT = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
INSTANT = sa.DateTime(timezone=True)
UNJOINED = sa.text("contact_id IS NULL AND session IS NOT NULL")
JOINED = sa.text("contact_id IS NOT NULL AND session IS NOT NULL")
LOOKED_UP = sa.text("verdict = 'look_up_pending'")
EXTERNAL = sa.text("source IN ('external_form', 'chatflow')")


def upgrade() -> None:
    op.add_column(
        "portal", sa.Column("external_forms", sa.Boolean(), server_default=sa.true(), nullable=False)
    )
    op.add_column("submission", sa.Column("session", sa.Text(), nullable=True))
    _add_index("ix_submission_unjoined", ["portal_id", "session"], UNJOINED)
    _add_index("ix_submission_joined", ["id"], JOINED)
    _add_index("ix_submission_looked_up", ["id"], LOOKED_UP)
    _add_index("ix_submission_external", ["source_id", "id"], EXTERNAL)
    if op.get_bind().dialect.name != "sqlite":
        _comment()
    _make_endpoints()
    _make_external_forms()
    _make_deliveries()
    _make_look_ups()


def downgrade() -> None:
    for table in ("look_up", "delivery", "external_form", "endpoint_activity", "endpoint_token", "endpoint"):
        op.drop_table(table)
    for name in ("external", "looked_up", "joined", "unjoined"):
        op.drop_index(f"ix_submission_{name}", "submission")
    op.drop_column("submission", "session")
    op.drop_column("portal", "external_forms")
    if op.get_bind().dialect.name != "sqlite":
        op.drop_table_comment("portal")
        op.drop_table_comment("submission")


def _comment() -> None:
    op.create_table_comment("portal", "`external_forms` is the default of forms that are not HubSpot's.")
    op.create_table_comment(
        "submission", "`session` joins what one visitor of a chat did, until it is known who it was."
    )


def _add_index(name: str, columns: list[str], where: sa.TextClause) -> None:
    op.create_index(name, "submission", columns, unique=False, postgresql_where=where, sqlite_where=where)


def _make_endpoints() -> None:
    op.create_table(
        "endpoint",
        sa.Column("id", KEY, nullable=False),
        sa.Column("portal_id", sa.Integer(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("options", DOCUMENT, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.Column("deleted_at", INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("id", name=("pk_endpoint")),
        sa.ForeignKeyConstraint(["portal_id"], ["portal.id"]),
        sqlite_autoincrement=True,
        comment="`sealed` holds the tokens of its addresses and all secrets, encrypted.",
    )
    op.create_index("ix_endpoint_portal_id", "endpoint", ["portal_id"], unique=False)
    op.create_table(
        "endpoint_token",
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("endpoint_id", KEY, nullable=False),
        sa.PrimaryKeyConstraint("token_hash", name=("pk_endpoint_token")),
        sa.ForeignKeyConstraint(["endpoint_id"], ["endpoint.id"]),
        comment="By which the endpoint of a request is found; no token can be read from it.",
    )
    op.create_index("ix_endpoint_token_endpoint_id", "endpoint_token", ["endpoint_id"], unique=False)
    op.create_table(
        "endpoint_activity",
        sa.Column("endpoint_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("last_seen_at", INSTANT, nullable=False),
        sa.Column("last_outcome", sa.Text(), nullable=False),
        sa.Column("preview", sa.JSON(), nullable=True),
        sa.PrimaryKeyConstraint("endpoint_id", name=("pk_endpoint_activity")),
        comment="What was sent last, redacted; written behind the requests, now and then.",
    )


def _make_external_forms() -> None:
    op.create_table(
        "external_form",
        sa.Column("id", KEY, nullable=False),
        sa.Column("endpoint_id", KEY, nullable=False),
        sa.Column("portal_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("marketing_default", sa.Boolean(), nullable=True),
        sa.Column("mapping", DOCUMENT, nullable=False),
        sa.Column("fields", DOCUMENT, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("is_new", sa.Boolean(), nullable=False),
        sa.Column("first_seen_at", INSTANT, nullable=True),
        sa.Column("last_seen_at", INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("id", name=("pk_external_form")),
        sa.ForeignKeyConstraint(["endpoint_id"], ["endpoint.id"]),
        sa.UniqueConstraint("endpoint_id", "kind", "key", name=("uq_external_form_endpoint_id_kind_key")),
        sqlite_autoincrement=True,
        comment="Forms and chatflows that were seen at endpoints, with what a person chose for them.",
    )
    op.create_index("ix_external_form_portal_id", "external_form", ["portal_id"], unique=False)


def _make_deliveries() -> None:
    op.create_table(
        "delivery",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("endpoint_id", KEY, nullable=False),
        sa.Column("portal_id", sa.Integer(), nullable=False),
        sa.Column("digest", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("received_at", INSTANT, nullable=False),
        sa.Column("last_received_at", INSTANT, nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("preview", sa.JSON(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("replayed_at", INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("id", name=("pk_delivery")),
        sa.ForeignKeyConstraint(["endpoint_id"], ["endpoint.id"]),
        sa.UniqueConstraint("endpoint_id", "digest", name=("uq_delivery_endpoint_id_digest")),
        comment="Deliveries that were refused, whole and encrypted, for a set time; equal ones once.",
    )
    op.create_index(
        "ix_delivery_portal_id_last_received_at", "delivery", ["portal_id", "last_received_at"], unique=False
    )
    op.create_index("ix_delivery_last_received_at", "delivery", ["last_received_at"], unique=False)


def _make_look_ups() -> None:
    op.create_table(
        "look_up",
        sa.Column("submission_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("portal_id", sa.Integer(), nullable=False),
        sa.Column("endpoint_id", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("since", INSTANT, nullable=False),
        sa.Column("not_before", INSTANT, nullable=True),
        sa.Column("claimed_until", INSTANT, nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("submission_id", name=("pk_look_up")),
        comment=(
            "Persons to ask vendors for: when next, by whose claim, why not yet; no `not_before` means given up."
        ),
    )
    op.create_index(
        "ix_look_up_endpoint_id_not_before", "look_up", ["endpoint_id", "not_before"], unique=False
    )
    op.create_index("ix_look_up_not_before", "look_up", ["not_before"], unique=False)
