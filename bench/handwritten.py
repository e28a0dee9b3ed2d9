"""The same service as a competent team would write it in an afternoon: the second thing to be measured against.

A Flask view, a marshmallow schema, one SQLAlchemy session and one transaction per request, and the same rules:
form, repeats within ten minutes, cookie before address, decision, status change and outbox entry.
"""

import hashlib
import json
import os
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Blueprint, Flask, Response, current_app, jsonify, request
from marshmallow import EXCLUDE, Schema, ValidationError, fields, validate
from sqlalchemy import (
    JSON,
    BigInteger,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Text,
    UniqueConstraint,
    create_engine,
    select,
)
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, sessionmaker

DATABASE_VARIABLE = "BENCH_DATABASE_URL"
POOL_VARIABLE = "BENCH_POOL_SIZE"
REPEAT_WINDOW = timedelta(minutes=10)
ATTEMPTS = 5
DATABASE_OPTIONS = "-c synchronous_commit=on -c jit=off"
Instant = DateTime(timezone=True)


class Base(DeclarativeBase):
    type_annotation_map = {str: Text, datetime: Instant, dict[str, Any]: JSON, list[str]: JSON}  # noqa: RUF012


class Portal(Base):
    __tablename__ = "portal"
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    name: Mapped[str]


class Form(Base):
    __tablename__ = "form"
    portal_id: Mapped[int] = mapped_column(ForeignKey("portal.id"), primary_key=True)
    guid: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    field_names: Mapped[list[str]]
    required: Mapped[list[str]]
    marketing_default: Mapped[bool]
    archived: Mapped[bool] = mapped_column(default=False)
    thanks: Mapped[str]


class Contact(Base):
    __tablename__ = "contact"
    __table_args__ = (UniqueConstraint("portal_id", "email"),)
    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    portal_id: Mapped[int]
    email: Mapped[str | None]
    properties: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    status_version: Mapped[int] = mapped_column(default=0)
    stint: Mapped[int] = mapped_column(default=0)
    since: Mapped[datetime | None]
    until: Mapped[datetime | None]
    reason_type: Mapped[str | None]
    reason_id: Mapped[str | None]

    def is_marketing(self, now: datetime) -> bool:
        since, until = self.since, self.until
        return since is not None and since <= now and (until is None or now < until)


class Visitor(Base):
    __tablename__ = "visitor"
    portal_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    cookie: Mapped[str] = mapped_column(primary_key=True)
    contact_id: Mapped[int] = mapped_column(ForeignKey("contact.id"))


class Submission(Base):
    __tablename__ = "submission"
    __table_args__ = (
        ForeignKeyConstraint(["portal_id", "form_guid"], ["form.portal_id", "form.guid"]),
        UniqueConstraint("digest", "window"),
        Index("ix_submission_digest_received_at", "digest", "received_at"),
    )
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    portal_id: Mapped[int]
    form_guid: Mapped[uuid.UUID]
    contact_id: Mapped[int | None] = mapped_column(ForeignKey("contact.id"))
    digest: Mapped[str]
    window: Mapped[int]
    received_at: Mapped[datetime]
    submitted_at: Mapped[datetime]
    content: Mapped[dict[str, Any]]


class StatusChange(Base):
    __tablename__ = "status_change"
    contact_id: Mapped[int] = mapped_column(ForeignKey("contact.id"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    submission_id: Mapped[uuid.UUID]
    at: Mapped[datetime]
    before: Mapped[bool]
    after: Mapped[bool]
    stint: Mapped[int]
    since: Mapped[datetime | None]
    until: Mapped[datetime | None]
    reason_type: Mapped[str | None]
    reason_id: Mapped[str | None]


class OutboxEntry(Base):
    __tablename__ = "outbox"
    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    contact_id: Mapped[int] = mapped_column(BigInteger)
    version: Mapped[int]
    created_at: Mapped[datetime]


class ValueSchema(Schema):
    class Meta:
        unknown = EXCLUDE

    object_type_id = fields.String(data_key="objectTypeId", load_default="0-1")
    name = fields.String(required=True, validate=validate.Length(min=1, max=255))
    value = fields.String(required=True, validate=validate.Length(max=65_536))


class ContextSchema(Schema):
    hutk = fields.String(validate=validate.Regexp("^[0-9a-fA-F]{32}$"))
    page_uri = fields.Url(data_key="pageUri")
    page_name = fields.String(data_key="pageName")
    page_id = fields.String(data_key="pageId")
    ip_address = fields.IP(data_key="ipAddress")


class SubmissionSchema(Schema):
    class Meta:
        unknown = EXCLUDE

    submitted_at = fields.Integer(data_key="submittedAt", load_default=None, allow_none=True)
    values = fields.List(
        fields.Nested(ValueSchema), data_key="fields", required=True, validate=validate.Length(max=1_000)
    )
    context = fields.Nested(ContextSchema, load_default=dict)
    consent = fields.Dict(data_key="legalConsentOptions", load_default=None, allow_none=True)


schema = SubmissionSchema()
check_email = validate.Email()
blueprint = Blueprint("submissions", __name__)


class Refused(Exception):
    """A submission that the form does not take; the text says why."""


@blueprint.post("/submissions/v3/integration/submit/<int:portal_id>/<uuid:form_guid>")
def submit(portal_id: int, form_guid: uuid.UUID) -> Response:
    submission = schema.load(request.get_json())
    sessions: sessionmaker[Session] = current_app.extensions["sessions"]
    for attempt in range(ATTEMPTS):
        try:
            with sessions.begin() as session:
                form = session.get(Form, (portal_id, form_guid))
                if form is None or form.archived:
                    raise Refused("There is no such form")
                record(session, form, submission, datetime.now(UTC))
                thanks = form.thanks
            return jsonify(inlineMessage=thanks)
        except (IntegrityError, OperationalError):
            # Somebody else wrote the same contact, cookie or submission at the same moment.
            if attempt == ATTEMPTS - 1:
                raise
    raise AssertionError("unreachable")


def record(session: Session, form: Form, submission: dict[str, Any], now: datetime) -> None:
    """Keep one submission and all that follows from it."""
    values = read_values(form, submission)
    context = submission["context"]
    digest = digest_of(form, values, submission)
    window = int(now.timestamp() // REPEAT_WINDOW.total_seconds())
    repeated = select(Submission.id).where(
        Submission.digest == digest, Submission.received_at > now - REPEAT_WINDOW
    )
    if session.scalars(repeated).first() is not None:
        return
    cookie = context["hutk"].lower() if "hutk" in context else None
    contact = find_contact(session, form, values.get("email"), cookie, now)
    kept = Submission(
        id=uuid.uuid4(),
        portal_id=form.portal_id,
        form_guid=form.guid,
        contact_id=contact.id if contact else None,
        digest=digest,
        window=window,
        received_at=now,
        submitted_at=submitted_at(submission, now),
        content={"fields": values, "context": {key: str(value) for key, value in context.items()}},
    )
    session.add(kept)
    if contact is not None:
        contact.properties = {**contact.properties, **values}
        contact.updated_at = now
        if form.marketing_default:
            raise_status(session, contact, kept, now)


def read_values(form: Form, submission: dict[str, Any]) -> dict[str, str]:
    """Hold the values against the form, and bring the address into one spelling."""
    values: dict[str, str] = {value["name"]: value["value"] for value in submission["values"]}
    unknown = values.keys() - set(form.field_names)
    if unknown:
        raise Refused(f"The form has no field {', '.join(sorted(unknown))}")
    missing = [name for name in form.required if not values.get(name, "").strip()]
    if missing:
        raise Refused(f"Required field {', '.join(missing)} is missing")
    if values.get("email"):
        values["email"] = values["email"].strip().lower()
        check_email(values["email"])
    return values


def digest_of(form: Form, values: dict[str, str], submission: dict[str, Any]) -> str:
    """Hash what was sent; when and from which address tell no two submissions apart."""
    context = {
        key: value for key, value in submission["context"].items() if key not in {"ip_address", "hutk"}
    }
    cookie = submission["context"].get("hutk")
    sent = [form.portal_id, str(form.guid), values, context, cookie, submission["consent"]]
    return hashlib.sha256(json.dumps(sent, sort_keys=True).encode()).hexdigest()


def submitted_at(submission: dict[str, Any], now: datetime) -> datetime:
    if submission["submitted_at"] is None:
        return now
    moment = datetime.fromtimestamp(submission["submitted_at"] / 1_000, UTC)
    if not now - timedelta(days=31) <= moment <= now + timedelta(minutes=5):
        raise Refused("Send a time within the last month")
    return moment


def find_contact(
    session: Session, form: Form, email: str | None, cookie: str | None, now: datetime
) -> Contact | None:
    """Return whose submission it is, locked: the cookie's contact first, then the address's, else a new one."""
    visitor = session.get(Visitor, (form.portal_id, cookie)) if cookie else None
    contact = session.get(Contact, visitor.contact_id, with_for_update=True) if visitor else None
    if email and (contact is None or contact.email != email):
        holder = session.scalars(
            select(Contact)
            .where(Contact.portal_id == form.portal_id, Contact.email == email)
            .with_for_update()
        ).first()
        if holder is not None:
            contact = holder
        elif contact is not None:
            contact.email = email
        else:
            contact = Contact(
                portal_id=form.portal_id, email=email, properties={}, created_at=now, updated_at=now
            )
            session.add(contact)
            session.flush()
    if contact is not None and cookie and visitor is None:
        session.add(Visitor(portal_id=form.portal_id, cookie=cookie, contact_id=contact.id))
    elif contact is not None and visitor is not None:
        visitor.contact_id = contact.id
    return contact


def raise_status(session: Session, contact: Contact, submission: Submission, now: datetime) -> None:
    """Make the contact a marketing contact, or take back its leaving; announce it if anything changed."""
    before = contact.is_marketing(now)
    if before and contact.until is None:
        return
    if not before:
        contact.stint = (contact.stint or 0) + 1
        contact.since = now
        contact.reason_type, contact.reason_id = "FORM_SUBMISSION", str(submission.form_guid)
    contact.until = None
    contact.status_version = (contact.status_version or 0) + 1
    change = StatusChange(
        contact_id=contact.id,
        version=contact.status_version,
        submission_id=submission.id,
        at=now,
        before=before,
        after=True,
        stint=contact.stint,
        since=contact.since,
        until=None,
        reason_type=contact.reason_type,
        reason_id=contact.reason_id,
    )
    session.add(change)
    session.add(OutboxEntry(contact_id=contact.id, version=contact.status_version, created_at=now))


@blueprint.errorhandler(ValidationError)
def refuse_shape(error: ValidationError) -> tuple[Response, int]:
    return jsonify(status="error", message="The request body is invalid", errors=error.messages), 400


@blueprint.errorhandler(Refused)
def refuse(error: Refused) -> tuple[Response, int]:
    return jsonify(status="error", message=str(error)), 400


@blueprint.errorhandler(OperationalError)
def database_away(_: OperationalError) -> tuple[Response, int, dict[str, str]]:
    return jsonify(status="error", message="The database does not answer"), 503, {"Retry-After": "1"}


def create_app() -> Flask:
    """Make the application; its connections are opened by the worker's first requests."""
    engine = create_engine(
        os.environ[DATABASE_VARIABLE],
        pool_size=int(os.environ[POOL_VARIABLE]),
        max_overflow=0,
        connect_args={"options": DATABASE_OPTIONS},
    )
    application = Flask("handwritten", static_folder=None)
    application.extensions["sessions"] = sessionmaker(engine, expire_on_commit=False)
    application.register_blueprint(blueprint)
    return application
