"""The `legalConsentOptions` of a submission, kept as evidence: whether they are whole and what is asked."""

from collections.abc import Iterator, Mapping

from service.domain.legal import LegalSettings, LegalType
from service.web.hubspot.problems import ErrorType, Problem
from service.web.hubspot.texts import LONGEST_TEXT

ROOT = "legalConsentOptions"
MOST_COMMUNICATIONS = 1_000
LEGAL_BASES = ("CUSTOMER", "LEAD", "OTHER")

Consent = dict[str, object]


def problems_of_consent(given: object) -> list[Problem]:
    """Return what is wrong with the options by themselves, whatever the form."""
    if type(given) is not dict:
        return [_malformed(ROOT, "Send an object")]
    kinds = [key for key in ("consent", "legitimateInterest") if given.get(key) is not None]
    if len(kinds) != 1:
        return [_malformed(ROOT, "Send either 'consent' or 'legitimateInterest', and not both")]
    kind, path = kinds[0], f"{ROOT}.{kinds[0]}"
    content = given[kind]
    if type(content) is not dict:
        return [_malformed(path, "Send an object")]
    return list(_of_consent(content, path) if kind == "consent" else _of_interest(content, path))


def problems_with_form(given: Consent | None, legal: LegalSettings) -> Iterator[Problem]:
    """Yield what the form asks and whole options (or none) do not give."""
    consent = (given or {}).get("consent")
    if legal.type is LegalType.EXPLICIT_CONSENT and not isinstance(consent, dict):
        yield Problem(
            ErrorType.MISSING_PROCESSING_CONSENT,
            f"{ROOT}.consent",
            "The form asks for explicit consent. Send 'consent' with 'consentToProcess' true",
        )
        return
    communications = consent.get("communications") if isinstance(consent, dict) else None
    ticked = {
        communication["subscriptionTypeId"]
        for communication in communications or ()
        if communication["value"] is True
    }
    for box in legal.boxes:
        if box.required and box.subscription_type_id not in ticked:
            yield Problem(
                ErrorType.REQUIRED_FIELD,
                f"{ROOT}.consent.communications",
                f"Required consent to subscription type {box.subscription_type_id} is missing",
            )


def _of_consent(content: Mapping[str, object], path: str) -> Iterator[Problem]:
    yield from _of_processing(content.get("consentToProcess"), f"{path}.consentToProcess")
    yield from _of_text(content, path, ErrorType.MISSING_PROCESSING_CONSENT_TEXT)
    communications = content.get("communications")
    path = f"{path}.communications"
    if communications is None:
        return
    if type(communications) is not list or len(communications) > MOST_COMMUNICATIONS:
        yield _malformed(path, f"Send a list of up to {MOST_COMMUNICATIONS}")
        return
    seen = set()
    for number, communication in enumerate(communications):
        here = f"{path}.{number}"
        if type(communication) is not dict:
            yield _malformed(here, "Send an object")
            continue
        yield from _of_communication(communication, here)
        subscription_type_id = communication.get("subscriptionTypeId")
        if type(subscription_type_id) is int and subscription_type_id in seen:
            text = f"Subscription type {subscription_type_id} stands there twice"
            yield Problem(ErrorType.DUPLICATE_SUBSCRIPTION_TYPE_ID, f"{here}.subscriptionTypeId", text)
        elif type(subscription_type_id) is int:
            seen.add(subscription_type_id)


def _of_communication(communication: Mapping[str, object], path: str) -> Iterator[Problem]:
    if type(communication.get("value")) is not bool:
        yield _malformed(f"{path}.value", "Send true or false")
    yield from _of_subscription(communication, path)
    yield from _of_text(communication, path, ErrorType.MISSING_COMMUNICATION_CONSENT_TEXT)


def _of_interest(content: Mapping[str, object], path: str) -> Iterator[Problem]:
    yield from _of_processing(content.get("value"), f"{path}.value")
    yield from _of_subscription(content, path)
    if content.get("legalBasis") not in LEGAL_BASES:
        yield _malformed(f"{path}.legalBasis", f"Send one of {', '.join(LEGAL_BASES)}")
    yield from _of_text(content, path, ErrorType.MISSING_LEGITIMATE_INTEREST_TEXT)


def _of_processing(value: object, path: str) -> Iterator[Problem]:
    if value is None or value is False:
        yield Problem(
            ErrorType.MISSING_PROCESSING_CONSENT, path, "Without consent to process nothing can be kept"
        )
    elif value is not True:
        yield _malformed(path, "Send true or false")


def _of_subscription(content: Mapping[str, object], path: str) -> Iterator[Problem]:
    if type(content.get("subscriptionTypeId")) is not int:
        yield _malformed(f"{path}.subscriptionTypeId", "Send the number of the subscription type")


def _of_text(content: Mapping[str, object], path: str, error_type: ErrorType) -> Iterator[Problem]:
    text = content.get("text")
    if text is None or (isinstance(text, str) and not text.strip()):
        yield Problem(error_type, f"{path}.text", "Send the text that the visitor was shown")
    elif not isinstance(text, str):
        yield _malformed(f"{path}.text", "Send a text")
    elif len(text) > LONGEST_TEXT:
        yield Problem(ErrorType.INPUT_TOO_LARGE, f"{path}.text", f"Send up to {LONGEST_TEXT} characters")


def _malformed(path: str, text: str) -> Problem:
    return Problem(ErrorType.INVALID_LEGAL_OPTION_FORMAT, path, text)
