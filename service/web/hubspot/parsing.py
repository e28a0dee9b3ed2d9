"""Reads the body of a submission to a form: all of it, or all that is wrong with it."""

import calendar
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import cast

from marshmallow import ValidationError

from service.domain.forms import Form
from service.domain.legal import LegalType
from service.web.hubspot.consent import ROOT as CONSENT
from service.web.hubspot.consent import Consent, problems_with_form
from service.web.hubspot.documents import read_document
from service.web.hubspot.problems import ErrorType, InvalidSubmission, Problem
from service.web.hubspot.schema import Body, SubmissionSchema, problems_of
from service.web.hubspot.values import check_values

FURTHEST_AHEAD = 300_000
"""Milliseconds that a sender's clock may be ahead."""
_SHORTEST_MONTH = 28 * 86_400_000

_schema = SubmissionSchema()
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_NO_CONTEXT: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class ParsedSubmission:
    """A submission that the form takes."""

    email: str | None
    """Normalised."""
    cookie: str | None
    """`hutk`, in lower case."""
    properties: Mapping[str, str]
    """The contact's, those that are not empty."""
    fields: Mapping[str, str]
    """All that were sent, by name; those of other object types as `0-2/name`."""
    context: Mapping[str, str]
    consent: Consent | None
    submitted_at: datetime


def parse_submission(body: bytes, form: Form, now: datetime) -> ParsedSubmission:
    """Read the JSON body of a v3 submission.

    Raises InvalidSubmission with all that is wrong, or InvalidInput when the body cannot be read at all.
    """
    return read_submission(read_document(body), form, now)


def read_submission(document: Mapping[str, object], form: Form, now: datetime) -> ParsedSubmission:
    """Read a v3 submission that was decoded already."""
    try:
        body = cast("Body", _schema.load(document))
    except ValidationError as error:
        raise InvalidSubmission(_all_problems(error, form, now)) from None
    problems = _problems_with_form(body, form, now)
    if problems:
        raise InvalidSubmission(problems)
    context = body["context"] or _NO_CONTEXT
    fields = {key.removeprefix("0-1/"): value for key, value in body["values"].items()}
    cookie, milliseconds = context.get("hutk"), body["submitted_at"]
    return ParsedSubmission(
        email=fields.get("email") or None,
        cookie=cookie and cookie.lower(),
        properties={name: value for name, value in fields.items() if value and "/" not in name},
        fields=fields,
        context=context,
        consent=body["consent"],
        submitted_at=now if milliseconds is None else _EPOCH + timedelta(milliseconds=milliseconds),
    )


def _all_problems(error: ValidationError, form: Form, now: datetime) -> list[Problem]:
    """Add to the problems of shape what the form says of those parts that have the right shape."""
    problems = problems_of(error)
    known = {problem.path for problem in problems}
    roots = {path.partition(".")[0] for path in known}
    readable = cast("Mapping[str, object]", error.valid_data)
    parts = Body(
        values=cast("dict[str, str]", readable.get("values", {})),
        context=None,
        consent=cast("Consent | None", readable.get("consent")),
        submitted_at=cast("int | None", readable.get("submitted_at")),
    )
    return problems + [
        problem
        for problem in _problems_with_form(parts, form, now)
        if problem.path not in known
        and not ("fields" in known and problem.path.startswith("fields."))
        and not (CONSENT in roots and problem.path.startswith(CONSENT))
    ]


def _problems_with_form(body: Body, form: Form, now: datetime) -> list[Problem]:
    problems = check_values(form, body["values"])
    if form.legal.type is not LegalType.NONE:
        problems += problems_with_form(body["consent"], form.legal)
    if body["submitted_at"] is not None and not _is_recent(body["submitted_at"], now):
        text = "Send a time within the last month, and not in the future"
        problems.append(Problem(ErrorType.INVALID_METADATA, "submittedAt", text))
    if form.recaptcha:
        text = "The form has CAPTCHA enabled and takes no submissions by API"
        problems.append(Problem(ErrorType.FORM_HAS_RECAPTCHA_ENABLED, "form", text))
    return problems


def _is_recent(milliseconds: int, now: datetime) -> bool:
    """Whether a time lies within the last calendar month, and not further ahead than clocks may be."""
    age = (now - _EPOCH) // _MILLISECOND - milliseconds
    if age <= _SHORTEST_MONTH:
        return age >= -FURTHEST_AHEAD
    year, month = (now.year, now.month - 1) if now.month > 1 else (now.year - 1, 12)
    day = min(now.day, calendar.monthrange(year, month)[1])
    return age <= (now - now.replace(year=year, month=month, day=day)) // _MILLISECOND
