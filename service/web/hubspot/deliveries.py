"""Makes the fact of a parsed submission, with the keys by which one delivery is kept once (rule 14)."""

import re
from collections.abc import Mapping
from datetime import datetime

import orjson

from service.domain.forms import Form
from service.domain.model import Fact, ReasonType, Source
from service.errors import InvalidInput
from service.identifiers import new_submission_id
from service.once import hash_of, keys_in_window
from service.web.hubspot.consent import Consent
from service.web.hubspot.parsing import ParsedSubmission

_VOLATILE = frozenset({"ipAddress"})
"""What may differ between two sends of one submission; `submittedAt` is no part of the content anyway."""

_is_delivery_id = re.compile(r"[\x21-\x7e]{1,255}").fullmatch


def make_fact(form: Form, submission: ParsedSubmission, now: datetime, delivery_id: str | None) -> Fact:
    """Return the fact that `submission` was made to `form`; raises InvalidInput for an id that is none."""
    digest = _digest(form, submission)
    once_key: str
    earlier_key: str | None
    if delivery_id is None:
        once_key, earlier_key = keys_in_window(f"content/{digest}", now)
    else:
        once_key, earlier_key = _once_key_of_id(form, delivery_id), None
    return Fact(
        submission_id=new_submission_id(now),
        portal_id=form.portal_id,
        source=Source.HUBSPOT_FORM,
        source_id=form.guid,
        email=submission.email,
        cookie=submission.cookie,
        properties=submission.properties,
        content=_content(submission),
        received_at=now,
        submitted_at=submission.submitted_at,
        once_key=once_key,
        earlier_key=earlier_key,
        digest=digest,
        reason_type=ReasonType.FORM_SUBMISSION,
        new_contact_for_new_email=form.new_contact_for_new_email,
    )


def _once_key_of_id(form: Form, delivery_id: str) -> str:
    if not _is_delivery_id(delivery_id):
        raise InvalidInput(
            "The header Idempotency-Key is not 1 to 255 visible ASCII characters",
            field="Idempotency-Key",
            mend="send a UUID, the same with each repeat",
        )
    return hash_of(f"id/{form.portal_id}/{form.guid}/{delivery_id}".encode())


def _content(submission: ParsedSubmission) -> str:
    """Return the submission as it is kept."""
    content: dict[str, object] = {"fields": submission.fields}
    if submission.context:
        content["context"] = submission.context
    if submission.consent is not None:
        content["legalConsentOptions"] = submission.consent
    return orjson.dumps(content).decode()


def _digest(form: Form, submission: ParsedSubmission) -> str:
    """Hash what was sent, so that order tells nothing where it means nothing."""
    context = submission.context
    if not _VOLATILE.isdisjoint(context):
        context = {key: value for key, value in context.items() if key not in _VOLATILE}
    consent = submission.consent and _in_order(submission.consent)
    sent = [form.portal_id, form.guid, submission.fields, context, consent]
    return hash_of(orjson.dumps(sent, option=orjson.OPT_SORT_KEYS))


def _in_order(consent: Consent) -> Mapping[str, object]:
    """Return the consent with its communications in the order of their subscription types."""
    given = consent.get("consent")
    if not isinstance(given, dict) or not given.get("communications"):
        return consent
    ordered = sorted(given["communications"], key=lambda communication: communication["subscriptionTypeId"])
    return {**consent, "consent": {**given, "communications": ordered}}
