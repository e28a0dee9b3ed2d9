from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import Schema, ValidationError

from service.domain.forms import Form
from service.errors import InvalidInput
from service.web.hubspot.parsing import parse_submission
from service.web.hubspot.problems import ErrorType, InvalidSubmission
from service.web.hubspot.schema import SubmissionSchema, load_quickly
from tests.submission_samples import (
    COOKIE,
    EMAIL,
    FIRSTNAME,
    NOW,
    choice,
    entry,
    field,
    make_body,
    make_form,
    milliseconds,
)

FORM = make_form()
COMMUNICATION = {"value": True, "subscriptionTypeId": 5, "text": "News"}
CONSENT = {"consentToProcess": True, "text": "I agree", "communications": [COMMUNICATION]}
INTEREST = {"value": True, "subscriptionTypeId": 5, "legalBasis": "LEAD", "text": "We may write"}


def problems(body: bytes, form: Form = FORM) -> list[tuple[ErrorType, str]]:
    with pytest.raises(InvalidSubmission) as refusal:
        parse_submission(body, form, NOW)
    return [(problem.type, problem.path) for problem in refusal.value.problems]


def test_a_whole_submission_is_read() -> None:
    form = make_form(EMAIL, FIRSTNAME, field("name", "single_line_text", objectTypeId="0-2"))
    submission = parse_submission(
        make_body(
            entry("email", " Ada@Example.com "),
            entry("firstname", ""),
            entry("name", "Analytical Engines", "0-2"),
            context={"hutk": COOKIE, "pageUri": "https://example.com/", "pageName": "Home"},
            legalConsentOptions={"consent": CONSENT},
            submittedAt=str(milliseconds(NOW) - 1_000),
            skipValidation=True,
        ),
        form,
        NOW,
    )
    assert submission.email == "ada@example.com"
    assert submission.cookie == COOKIE.lower()
    assert submission.properties == {"email": "ada@example.com"}
    assert submission.fields == {
        "email": "ada@example.com",
        "firstname": "",
        "0-2/name": "Analytical Engines",
    }
    assert submission.context["pageName"] == "Home"
    assert submission.consent == {"consent": CONSENT}
    assert submission.submitted_at == NOW - timedelta(seconds=1)


def test_the_least_submission_is_read() -> None:
    submission = parse_submission(b'{"fields":[]}', make_form(FIRSTNAME), NOW)
    assert (submission.email, submission.cookie, submission.consent) == (None, None, None)
    assert submission.properties == submission.context == {}
    assert submission.submitted_at == NOW


def test_fields_without_an_object_type_are_the_contacts() -> None:
    body = orjson.dumps({"fields": [{"name": "email", "value": "a@b.co"}]})
    assert parse_submission(body, FORM, NOW).email == "a@b.co"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (12, "12"),
        (12.5, "12.5"),
        (3.0, "3"),
        (True, "true"),
        (False, "false"),
        (None, ""),
        (2**60, str(2**60)),
    ],
)
def test_scalars_become_text(value: object, text: str) -> None:
    form = make_form(FIRSTNAME)
    assert parse_submission(make_body(entry("firstname", value)), form, NOW).fields == {"firstname": text}


@pytest.mark.parametrize(
    ("field_document", "sent", "kept"),
    [
        (choice("c", "multiple_checkboxes", "a", "b", "c"), ["c", "a", "c"], "a;c"),
        (choice("c", "multiple_checkboxes", "a", "b", "c"), ["c; a;"], "a;c"),
        (choice("c", "multiple_checkboxes", "a;b"), ["a;b"], "a;b"),
        (choice("c", "dropdown", "a", "b"), ["b"], "b"),
        (choice("c", "radio", "a", "b"), ["b"], "b"),
        (choice("c", "payment_link_radio", "a", "b"), ["b"], "b"),
        (field("c", "payment_link_radio"), ["any"], "any"),
        (field("c", "single_checkbox"), ["TRUE"], "true"),
        (field("c", "single_checkbox"), [False], "false"),
        (field("c", "single_checkbox"), ["on"], "true"),
        (choice("c", "single_checkbox", "Yes"), ["Yes"], "Yes"),
        (field("c", "number"), [" 12.50 "], "12.50"),
        (field("c", "number"), [-3], "-3"),
        (field("c", "number"), ["1e5"], "1e5"),
        (field("c", "number", validation={"min": 0.1, "max": 9}), ["0.1"], "0.1"),
        (field("c", "phone"), ["+44 20 7946 0000"], "+44 20 7946 0000"),
        (field("c", "mobile_phone", validation={"minAllowedDigits": 3}), ["112"], "112"),
        (field("c", "datepicker"), ["2026-02-28"], "2026-02-28"),
        (field("c", "datepicker"), [-86_400_000], "-86400000"),
        (field("c", "single_line_text"), ["a", "", "b"], "a;b"),
        (field("c", "multi_line_text"), ["a\r\nb\t\\u0000 😀"], "a\r\nb\t\\u0000 😀"),
        (field("c", "file"), ["https://example.com/cv.pdf"], "https://example.com/cv.pdf"),
        (field("c", "email"), ["Ada@Example.com"], "ada@example.com"),
    ],
)
def test_values_are_kept_in_one_spelling(
    field_document: Mapping[str, object], sent: list[object], kept: str
) -> None:
    body = make_body(*(entry("c", value) for value in sent))
    assert parse_submission(body, make_form(field_document), NOW).fields == {"c": kept}


@pytest.mark.parametrize(
    ("field_document", "value", "error_type"),
    [
        (EMAIL, "ada", ErrorType.INVALID_EMAIL),
        (EMAIL, "a@b.co;c@d.co", ErrorType.INVALID_EMAIL),
        ({**EMAIL, "validation": {"blockedEmailDomains": ["b.co"]}}, "a@B.co", ErrorType.BLOCKED_EMAIL),
        ({**EMAIL, "validation": {"useDefaultBlockList": True}}, "a@gmail.com", ErrorType.BLOCKED_EMAIL),
        (EMAIL, "", ErrorType.REQUIRED_FIELD),
        (EMAIL, " \t", ErrorType.REQUIRED_FIELD),
        (EMAIL, None, ErrorType.REQUIRED_FIELD),
        (field("email", "email"), "x" * 65_537, ErrorType.INPUT_TOO_LARGE),
        (field("email", "email"), {"a": 1}, ErrorType.INVALID_REQUEST),
        (field("email", "email"), ["a@b.co"], ErrorType.INVALID_REQUEST),
        (field("n", "number"), "twelve", ErrorType.INVALID_NUMBER),
        (field("n", "number"), "1,5", ErrorType.INVALID_NUMBER),
        (field("n", "number"), "１２", ErrorType.INVALID_NUMBER),  # noqa: RUF001 - digits that are not ASCII
        (field("n", "number"), "NaN", ErrorType.INVALID_NUMBER),
        (field("n", "number"), "Infinity", ErrorType.INVALID_NUMBER),
        (field("n", "number"), "1" * 101, ErrorType.INVALID_NUMBER),
        (field("n", "number"), 1e300, ErrorType.INVALID_NUMBER),
        (field("n", "single_line_text"), 1e22, ErrorType.INVALID_NUMBER),
        (field("n", "number", validation={"min": 1}), 0, ErrorType.NUMBER_OUT_OF_RANGE),
        (field("n", "number", validation={"max": 1}), "1.01", ErrorType.NUMBER_OUT_OF_RANGE),
        (field("n", "number", validation={"maxAllowedDigits": 3}), 1234, ErrorType.NUMBER_OUT_OF_RANGE),
        (field("n", "number", validation={"minAllowedDigits": 3}), 12, ErrorType.NUMBER_OUT_OF_RANGE),
        (field("n", "phone"), "123", ErrorType.NUMBER_OUT_OF_RANGE),
        (field("n", "phone"), "unknown", ErrorType.NUMBER_OUT_OF_RANGE),
        (field("n", "mobile_phone"), "1" * 21, ErrorType.NUMBER_OUT_OF_RANGE),
        (choice("n", "dropdown", "a", "b"), "c", ErrorType.VALUE_NOT_IN_FIELD_DEFINITION),
        (choice("n", "radio", "a", "b"), "a;b", ErrorType.VALUE_NOT_IN_FIELD_DEFINITION),
        (choice("n", "multiple_checkboxes", "a", "b"), "a;c", ErrorType.VALUE_NOT_IN_FIELD_DEFINITION),
        (choice("n", "single_checkbox", "Yes"), "true", ErrorType.VALUE_NOT_IN_FIELD_DEFINITION),
        (field("n", "single_checkbox"), "perhaps", ErrorType.VALUE_NOT_IN_FIELD_DEFINITION),
        (field("n", "datepicker"), "2026-02-30", ErrorType.VALUE_NOT_IN_FIELD_DEFINITION),
        (field("n", "datepicker"), "tomorrow", ErrorType.VALUE_NOT_IN_FIELD_DEFINITION),
    ],
)
def test_a_wrong_value_is_named_once_by_its_field(
    field_document: Mapping[str, object], value: object, error_type: ErrorType
) -> None:
    name = field_document["name"]
    assert problems(make_body(entry(name, value)), make_form(field_document)) == [
        (error_type, f"fields.{name}")
    ]


def test_messages_are_in_hubspots_form() -> None:
    form = make_form(EMAIL, field("name", "single_line_text", objectTypeId="0-2", required=True))
    with pytest.raises(InvalidSubmission, match="The request is not valid") as refusal:
        parse_submission(b'{"fields":[]}', form, NOW)
    assert [problem.message for problem in refusal.value.problems] == [
        "Error in 'fields.email'. Required field 'email' is missing",
        "Error in 'fields.0-2/name'. Required field '0-2/name' is missing",
    ]


def test_a_field_that_is_not_on_the_form_is_refused() -> None:
    body = make_body(entry("email", "a@b.co"), entry("shoesize", "9"), entry("email", "a@b.co", "0-2"))
    assert problems(body) == [
        (ErrorType.FIELD_NOT_IN_FORM_DEFINITION, "fields.shoesize"),
        (ErrorType.FIELD_NOT_IN_FORM_DEFINITION, "fields.0-2/email"),
    ]


def test_the_senders_own_text_is_repeated_only_in_part() -> None:
    with pytest.raises(InvalidSubmission) as refusal:
        parse_submission(make_body(entry("x" * 255, "")), make_form(FIRSTNAME), NOW)
    assert len(refusal.value.problems[0].message) < 300


def test_no_more_than_a_thousand_values_are_taken() -> None:
    form = make_form(choice("c", "multiple_checkboxes", "a"))
    values = [entry("c", "a")] * 1_000
    assert parse_submission(make_body(*values), form, NOW).fields == {"c": "a"}
    error_type = ErrorType.MAX_NUMBER_OF_SUBMITTED_VALUES_EXCEEDED
    assert problems(make_body(*values, entry("c", "a")), form) == [(error_type, "fields")]


def test_a_value_may_have_65536_characters_and_no_more_with_all_its_parts() -> None:
    form = make_form(FIRSTNAME)
    long = "ä" * 65_536
    assert parse_submission(make_body(entry("firstname", long)), form, NOW).fields == {"firstname": long}
    halves = make_body(entry("firstname", "a" * 40_000), entry("firstname", "b" * 40_000))
    assert problems(halves, form) == [(ErrorType.INPUT_TOO_LARGE, "fields.firstname")]


@pytest.mark.parametrize(
    ("context", "error_type", "path"),
    [
        ([], ErrorType.INVALID_METADATA, "context"),
        ("x", ErrorType.INVALID_METADATA, "context"),
        ({"colour": "red"}, ErrorType.INVALID_METADATA, "context.colour"),
        ({"pageName": {}}, ErrorType.INVALID_METADATA, "context.pageName"),
        ({"pageName": "x" * 65_537}, ErrorType.INPUT_TOO_LARGE, "context.pageName"),
        ({"hutk": "xyz"}, ErrorType.INVALID_HUTK, "context.hutk"),
        ({"hutk": COOKIE + "0"}, ErrorType.INVALID_HUTK, "context.hutk"),
        ({"hutk": 7}, ErrorType.INVALID_HUTK, "context.hutk"),
        ({"hutk": []}, ErrorType.INVALID_HUTK, "context.hutk"),
        ({"ipAddress": "256.1.1.1"}, ErrorType.INVALID_IP_ADDRESS, "context.ipAddress"),
        ({"ipAddress": "fe80::1%eth0"}, ErrorType.INVALID_IP_ADDRESS, "context.ipAddress"),
        ({"ipAddress": 2_130_706_433}, ErrorType.INVALID_IP_ADDRESS, "context.ipAddress"),
        ({"pageUri": "/contact"}, ErrorType.INVALID_PAGE_URI, "context.pageUri"),
        ({"pageUri": "javascript:alert(1)"}, ErrorType.INVALID_PAGE_URI, "context.pageUri"),
        ({"pageUri": "https://example.com/" + "x" * 8_192}, ErrorType.INVALID_PAGE_URI, "context.pageUri"),
        (
            {"goToWebinarWebinarKey": "12-34"},
            ErrorType.INVALID_GOTOWEBINAR_WEBINAR_KEY,
            "context.goToWebinarWebinarKey",
        ),
    ],
)
def test_a_wrong_context_is_named(context: object, error_type: ErrorType, path: str) -> None:
    assert problems(make_body(context=context)) == [(error_type, path)]


def test_a_right_context_is_kept_without_what_is_empty() -> None:
    context = {
        "hutk": "",
        "ipAddress": "2001:db8::1",
        "pageUri": "http://localhost:3000/a?b=c",
        "pageName": None,
        "pageId": 12,
        "sfdcCampaignId": "701",
        "goToWebinarWebinarKey": 123456789,
    }
    submission = parse_submission(make_body(context=context), FORM, NOW)
    assert submission.context == {
        "ipAddress": "2001:db8::1",
        "pageUri": "http://localhost:3000/a?b=c",
        "pageId": "12",
        "sfdcCampaignId": "701",
        "goToWebinarWebinarKey": "123456789",
    }
    assert submission.cookie is None


def test_no_more_than_twenty_unknown_keys_of_the_context_are_listed() -> None:
    assert len(problems(make_body(context={f"key{number}": "" for number in range(500)}))) == 20


@pytest.mark.parametrize(
    "sent_at",
    [
        datetime(2026, 2, 28, 12, 0, tzinfo=UTC),
        datetime(2026, 3, 1, tzinfo=UTC),
        NOW,
        NOW + timedelta(minutes=5),
    ],
)
def test_a_submission_may_be_a_month_old(sent_at: datetime) -> None:
    body = make_body(submittedAt=milliseconds(sent_at))
    assert parse_submission(body, FORM, NOW).submitted_at == sent_at


@pytest.mark.parametrize(
    "submitted_at",
    [
        milliseconds(datetime(2026, 2, 28, 11, 59, 59, tzinfo=UTC)),
        milliseconds(NOW + timedelta(minutes=5, milliseconds=1)),
        0,
        -1,
        10**18,
        "9" * 16,
        "9" * 5_000,
        1e22,
        1.5,
        True,
        "yesterday",
        [],
        "2026-03-31T12:00:00Z",
    ],
)
def test_other_times_are_refused(submitted_at: object) -> None:
    assert problems(make_body(submittedAt=submitted_at)) == [(ErrorType.INVALID_METADATA, "submittedAt")]


@pytest.mark.parametrize("submitted_at", [None, "", " "])
def test_no_time_is_now(submitted_at: object) -> None:
    assert parse_submission(make_body(submittedAt=submitted_at), FORM, NOW).submitted_at == NOW


@pytest.mark.parametrize(
    ("options", "error_type", "path"),
    [
        ([], ErrorType.INVALID_LEGAL_OPTION_FORMAT, ""),
        ({}, ErrorType.INVALID_LEGAL_OPTION_FORMAT, ""),
        ({"consent": CONSENT, "legitimateInterest": INTEREST}, ErrorType.INVALID_LEGAL_OPTION_FORMAT, ""),
        ({"consent": "yes"}, ErrorType.INVALID_LEGAL_OPTION_FORMAT, ".consent"),
        (
            {"consent": {**CONSENT, "consentToProcess": False}},
            ErrorType.MISSING_PROCESSING_CONSENT,
            ".consent.consentToProcess",
        ),
        ({"consent": {"text": "x"}}, ErrorType.MISSING_PROCESSING_CONSENT, ".consent.consentToProcess"),
        (
            {"consent": {**CONSENT, "consentToProcess": "true"}},
            ErrorType.INVALID_LEGAL_OPTION_FORMAT,
            ".consent.consentToProcess",
        ),
        ({"consent": {**CONSENT, "text": " "}}, ErrorType.MISSING_PROCESSING_CONSENT_TEXT, ".consent.text"),
        ({"consent": {**CONSENT, "text": 7}}, ErrorType.INVALID_LEGAL_OPTION_FORMAT, ".consent.text"),
        ({"consent": {**CONSENT, "text": "x" * 65_537}}, ErrorType.INPUT_TOO_LARGE, ".consent.text"),
        (
            {"consent": {**CONSENT, "communications": {}}},
            ErrorType.INVALID_LEGAL_OPTION_FORMAT,
            ".consent.communications",
        ),
        (
            {"consent": {**CONSENT, "communications": [7]}},
            ErrorType.INVALID_LEGAL_OPTION_FORMAT,
            ".consent.communications.0",
        ),
        (
            {"consent": {**CONSENT, "communications": [{**COMMUNICATION, "value": 1}]}},
            ErrorType.INVALID_LEGAL_OPTION_FORMAT,
            ".consent.communications.0.value",
        ),
        (
            {"consent": {**CONSENT, "communications": [{**COMMUNICATION, "subscriptionTypeId": "5"}]}},
            ErrorType.INVALID_LEGAL_OPTION_FORMAT,
            ".consent.communications.0.subscriptionTypeId",
        ),
        (
            {"consent": {**CONSENT, "communications": [{**COMMUNICATION, "text": ""}]}},
            ErrorType.MISSING_COMMUNICATION_CONSENT_TEXT,
            ".consent.communications.0.text",
        ),
        (
            {"consent": {**CONSENT, "communications": [COMMUNICATION, COMMUNICATION]}},
            ErrorType.DUPLICATE_SUBSCRIPTION_TYPE_ID,
            ".consent.communications.1.subscriptionTypeId",
        ),
        (
            {"consent": {**CONSENT, "communications": [COMMUNICATION] * 1_001}},
            ErrorType.INVALID_LEGAL_OPTION_FORMAT,
            ".consent.communications",
        ),
        ({"legitimateInterest": 1}, ErrorType.INVALID_LEGAL_OPTION_FORMAT, ".legitimateInterest"),
        (
            {"legitimateInterest": {**INTEREST, "value": False}},
            ErrorType.MISSING_PROCESSING_CONSENT,
            ".legitimateInterest.value",
        ),
        (
            {"legitimateInterest": {**INTEREST, "text": None}},
            ErrorType.MISSING_LEGITIMATE_INTEREST_TEXT,
            ".legitimateInterest.text",
        ),
        (
            {"legitimateInterest": {**INTEREST, "legalBasis": []}},
            ErrorType.INVALID_LEGAL_OPTION_FORMAT,
            ".legitimateInterest.legalBasis",
        ),
        (
            {"legitimateInterest": {**INTEREST, "subscriptionTypeId": None}},
            ErrorType.INVALID_LEGAL_OPTION_FORMAT,
            ".legitimateInterest.subscriptionTypeId",
        ),
    ],
)
def test_wrong_legal_options_are_named(options: object, error_type: ErrorType, path: str) -> None:
    body = make_body(legalConsentOptions=options)
    assert problems(body) == [(error_type, f"legalConsentOptions{path}")]


@pytest.mark.parametrize(
    "options",
    [
        None,
        {"consent": CONSENT},
        {"consent": {"consentToProcess": True, "text": "x"}},
        {"consent": {**CONSENT, "communications": None}, "legitimateInterest": None},
        {"legitimateInterest": INTEREST},
        {"legitimateInterest": {**INTEREST, "legalBasis": "CUSTOMER"}},
    ],
)
def test_right_legal_options_are_kept_as_given(options: object) -> None:
    body = make_body(legalConsentOptions=options)
    assert parse_submission(body, FORM, NOW).consent == options


def legal_form(kind: str, *, required: bool = False) -> Form:
    boxes = [{"subscriptionTypeId": 5, "label": "News", "required": required}]
    return make_form(EMAIL, legalConsentOptions={"type": kind, "communicationsCheckboxes": boxes})


def test_a_form_with_explicit_consent_needs_it() -> None:
    form = legal_form("explicit_consent_to_process")
    missing = [(ErrorType.MISSING_PROCESSING_CONSENT, "legalConsentOptions.consent")]
    assert problems(make_body(), form) == missing
    assert problems(make_body(legalConsentOptions={"legitimateInterest": INTEREST}), form) == missing
    assert parse_submission(make_body(legalConsentOptions={"consent": CONSENT}), form, NOW).consent


@pytest.mark.parametrize("kind", ["explicit_consent_to_process", "implicit_consent_to_process"])
def test_a_required_box_must_be_ticked(kind: str) -> None:
    form = legal_form(kind, required=True)
    unticked = {**CONSENT, "communications": [{**COMMUNICATION, "value": False}]}
    missing = [(ErrorType.REQUIRED_FIELD, "legalConsentOptions.consent.communications")]
    assert problems(make_body(legalConsentOptions={"consent": unticked}), form) == missing
    assert parse_submission(make_body(legalConsentOptions={"consent": CONSENT}), form, NOW).consent


@pytest.mark.parametrize("kind", ["none", "legitimate_interest", "implicit_consent_to_process"])
def test_other_forms_need_no_legal_options(kind: str) -> None:
    assert parse_submission(make_body(), legal_form(kind), NOW).consent is None


def test_a_form_with_captcha_takes_no_submissions() -> None:
    form = make_form(EMAIL, configuration={"recaptchaEnabled": True})
    assert problems(make_body(), form) == [(ErrorType.FORM_HAS_RECAPTCHA_ENABLED, "form")]


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({}, "fields"),
        (None, "fields"),
        ("email", "fields"),
        (["email"], "fields.0"),
        ([None], "fields.0"),
        ([{"value": "x"}], "fields.0.name"),
        ([{"name": 7, "value": "x"}], "fields.0.name"),
        ([{"name": "", "value": "x"}], "fields.0.name"),
        ([{"name": "x" * 256, "value": "x"}], "fields.0.name"),
        ([entry("firstname", "x", "contact")], "fields.0.objectTypeId"),
        ([entry("firstname", "x", 1)], "fields.0.objectTypeId"),
        ([entry("firstname", "x", [])], "fields.0.objectTypeId"),
    ],
)
def test_fields_of_the_wrong_shape_are_named(fields: object, path: str) -> None:
    body = orjson.dumps({"fields": fields})
    assert problems(body, make_form(FIRSTNAME)) == [(ErrorType.INVALID_REQUEST, path)]


def test_fields_must_be_there() -> None:
    assert problems(b"{}") == [(ErrorType.INVALID_REQUEST, "fields")]


def test_all_that_is_wrong_is_listed_together() -> None:
    body = make_body(
        entry("firstname", {}),
        7,
        entry("shoesize", "9"),
        context={"hutk": "x", "colour": "red"},
        legalConsentOptions={},
        submittedAt="x",
    )
    form = make_form(EMAIL, FIRSTNAME, configuration={"recaptchaEnabled": True})
    assert set(problems(body, form)) == {
        (ErrorType.INVALID_REQUEST, "fields.firstname"),
        (ErrorType.INVALID_REQUEST, "fields.1"),
        (ErrorType.FIELD_NOT_IN_FORM_DEFINITION, "fields.shoesize"),
        (ErrorType.REQUIRED_FIELD, "fields.email"),
        (ErrorType.INVALID_HUTK, "context.hutk"),
        (ErrorType.INVALID_METADATA, "context.colour"),
        (ErrorType.INVALID_LEGAL_OPTION_FORMAT, "legalConsentOptions"),
        (ErrorType.INVALID_METADATA, "submittedAt"),
        (ErrorType.FORM_HAS_RECAPTCHA_ENABLED, "form"),
    }


texts = st.text(max_size=8) | st.sampled_from(["a@b.co", "12", "", "x" * 65_537])
scalars = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | texts
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)
entries = st.fixed_dictionaries(
    {"name": st.sampled_from(["email", "firstname", "x", ""]) | anything, "value": texts | anything},
    optional={"objectTypeId": st.sampled_from(["0-1", "0-1", "0-2"]) | anything},
)
contexts = st.dictionaries(
    st.sampled_from(["hutk", "ipAddress", "pageUri", "pageName", "pageId", "goToWebinarWebinarKey", "x"]),
    st.sampled_from([COOKIE, "203.0.113.9", "::1", "https://example.com/", "123"]) | anything,
    max_size=3,
)
consents = st.fixed_dictionaries(
    {},
    optional={
        "consent": st.fixed_dictionaries(
            {},
            optional={
                "consentToProcess": st.just(value=True) | anything,
                "text": texts | anything,
                "communications": st.lists(st.just(COMMUNICATION) | anything, max_size=2) | anything,
            },
        )
        | anything,
        "legitimateInterest": st.just(INTEREST) | anything,
    },
)
documents = st.fixed_dictionaries(
    {},
    optional={
        "fields": st.lists(entries | anything, max_size=4) | anything,
        "context": contexts | anything,
        "legalConsentOptions": consents | anything,
        "submittedAt": st.integers(0, 2**50) | st.integers(0, 2**50).map(str) | anything,
        "other": anything,
    },
)


def _load_slowly(document: Mapping[str, object]) -> object:
    return Schema.load(SubmissionSchema(), document)


@given(documents)
def test_the_quick_way_and_the_schema_agree(document: Mapping[str, object]) -> None:
    quick = load_quickly(document)
    if quick is not None:
        assert quick == _load_slowly(document)


@given(
    st.lists(texts.filter(bool), min_size=1, max_size=5, unique=True),
    st.dictionaries(st.sampled_from(["pageName", "pageId"]), texts.filter(lambda text: 0 < len(text) < 9)),
    st.integers(0, 2**50),
)
def test_a_plainly_right_body_takes_the_quick_way(
    names: list[str], context: Mapping[str, str], submitted_at: int
) -> None:
    short = [name[:255] for name in names]
    document = {
        "fields": [entry(name, "x") for name in short],
        "context": context,
        "submittedAt": submitted_at,
    }
    quick = load_quickly(document)
    assert quick is not None
    assert quick == _load_slowly(document)


@given(documents)
def test_any_body_is_read_or_refused(document: Mapping[str, object]) -> None:
    try:
        body = orjson.dumps(document)
    except TypeError:
        return
    form = legal_form("explicit_consent_to_process", required=True)
    with suppress(InvalidInput):
        parse_submission(body, form, NOW)


@given(documents)
def test_the_schema_itself_raises_nothing_but_its_own_error(document: Mapping[str, object]) -> None:
    with suppress(ValidationError):
        _load_slowly(document)
