from collections.abc import Mapping
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain.fields import CHOICE_TYPES, FieldRule, FieldType, Validation
from service.domain.forms import (
    Form,
    FormDefinition,
    PostSubmit,
    PostSubmitType,
    dump_definition,
    is_web_address,
    read_definition,
)
from service.domain.legal import TEXTS, ConsentBox, LawfulBasis, LegalSettings, LegalType
from service.errors import InvalidInput
from tests.submission_samples import EMAIL, FIRSTNAME, choice, field

texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
names = st.text("abcdefghijklmnopqrstuvwxyz_0123456789", min_size=1, max_size=20)
domains = st.sampled_from(["example.com", "xn--bcher-kva.example", "spam@example.org", "a.test"])
limits = st.floats(-1e9, 1e9)


@st.composite
def validations(draw: st.DrawFn, kind: FieldType) -> Validation:
    is_email = kind is FieldType.EMAIL
    digits = sorted(draw(st.tuples(st.integers(0, 20), st.integers(0, 20))))
    bounds = sorted(draw(st.tuples(limits, limits)))
    return Validation(
        blocked_addresses=draw(st.frozensets(domains)) if is_email else frozenset(),
        use_default_block_list=draw(st.booleans()) and is_email,
        least_digits=draw(st.none() | st.just(digits[0])),
        most_digits=draw(st.none() | st.just(digits[1])),
        least=draw(st.none() | st.just(bounds[0])),
        most=draw(st.none() | st.just(bounds[1])),
    )


@st.composite
def rules(draw: st.DrawFn) -> FieldRule:
    kind = draw(st.sampled_from(FieldType))
    name = draw(names.filter(lambda name: name != "email"))
    options = st.dictionaries(texts.filter(str.strip), texts, min_size=1, max_size=4)
    return FieldRule(
        object_type_id=draw(st.sampled_from(["0-1", "0-2", "2-123456"])),
        name=name,
        type=kind,
        label=draw(texts),
        required=draw(st.booleans()),
        hidden=draw(st.booleans()),
        options=draw(options) if kind in CHOICE_TYPES else {},
        validation=draw(validations(kind)),
    )


legal_settings = st.builds(
    LegalSettings,
    type=st.sampled_from(LegalType),
    boxes=st.lists(
        st.builds(ConsentBox, st.integers(0, 2**63 - 1), texts, st.booleans()),
        max_size=3,
        unique_by=lambda box: box.subscription_type_id,
    ).map(tuple),
    subscription_type_ids=st.lists(st.integers(0, 999), max_size=3).map(tuple),
    lawful_basis=st.none() | st.sampled_from(LawfulBasis),
    texts=st.dictionaries(st.sampled_from(TEXTS), texts),
)
post_submits = st.builds(PostSubmit, st.just(PostSubmitType.THANK_YOU), texts) | st.just(
    PostSubmit(PostSubmitType.REDIRECT, "https://example.com/thanks?a=b#c")
)
definitions = st.builds(
    FormDefinition,
    name=texts.map(str.strip).filter(bool),
    fields=st.lists(rules(), min_size=1, max_size=5).map(lambda found: {rule.key: rule for rule in found}),
    legal=legal_settings,
    post_submit=post_submits,
    recaptcha=st.booleans(),
    new_contact_for_new_email=st.booleans(),
    marketing_default=st.booleans(),
)


@given(definitions)
def test_a_dumped_definition_reads_as_the_same(definition: FormDefinition) -> None:
    assert read_definition(dump_definition(definition)) == definition


def test_a_form_has_the_definition_of_its_place() -> None:
    definition = read_definition({"name": "F", "fields": [EMAIL], "marketingDefault": False})
    form = Form.of(definition, portal_id=7, guid="g", version=3, archived=True)
    assert (form.portal_id, form.guid, form.version, form.archived) == (7, "g", 3, True)
    assert not form.marketing_default
    assert dump_definition(form) == dump_definition(definition)


def test_a_form_is_read_as_hubspot_writes_it() -> None:
    definition = read_definition(
        {
            "formType": "hubspot",
            "id": "abc",
            "name": "Newsletter",
            "archived": False,
            "createdAt": "2026-01-01T00:00:00Z",
            "fieldGroups": [
                {
                    "groupType": "default_group",
                    "richTextType": "text",
                    "fields": [{**EMAIL, "objectTypeId": "0-1"}],
                },
                {"groupType": "default_group", "fields": [{**FIRSTNAME, "dependentFields": []}]},
            ],
            "configuration": {
                "language": "en",
                "createNewContactForNewEmail": True,
                "recaptchaEnabled": True,
                "postSubmitAction": {"type": "redirect_url", "value": "https://example.com/"},
            },
            "displayOptions": {"theme": "default_style"},
            "legalConsentOptions": {"type": "none"},
        }
    )
    assert list(definition.fields) == ["0-1/email", "0-1/firstname"]
    assert definition.required == ("0-1/email",)
    assert definition.marketing_default
    assert definition.recaptcha
    assert definition.new_contact_for_new_email
    assert definition.post_submit == PostSubmit(PostSubmitType.REDIRECT, "https://example.com/")


def test_dependent_fields_are_optional() -> None:
    town = {"dependentField": field("town", "single_line_text", required=True)}
    state = {"dependentField": field("state", "dropdown", required=True, options=[{"value": "x"}])}
    state["dependentField"]["dependentFields"] = [town]
    country = {**choice("country", "dropdown", "at", "us"), "dependentFields": [state, state]}
    definition = read_definition({"name": "F", "fields": [EMAIL, country]})
    assert list(definition.fields) == ["0-1/email", "0-1/country", "0-1/state", "0-1/town"]
    assert definition.required == ("0-1/email",)


def test_a_post_submit_action_may_stand_at_the_top() -> None:
    definition = read_definition(
        {"name": "F", "fields": [EMAIL], "postSubmitAction": {"type": "thank_you", "value": "<b>Hi</b>"}}
    )
    assert definition.post_submit == PostSubmit(PostSubmitType.THANK_YOU, "<b>Hi</b>")


def test_blocked_domains_are_compared_in_ascii_and_lower_case() -> None:
    blocked = {"blockedEmailDomains": ["@Bücher.example", "SPAM@example.org"], "useDefaultBlockList": True}
    validation = (
        read_definition({"name": "F", "fields": [{**EMAIL, "validation": blocked}]})
        .fields["0-1/email"]
        .validation
    )
    assert validation.blocks("a@xn--bcher-kva.example")
    assert validation.blocks("spam@example.org")
    assert validation.blocks("ada@gmail.com")
    assert not validation.blocks("ham@example.org")


@pytest.mark.parametrize(
    ("document", "path", "words"),
    [
        ({"fields": [EMAIL]}, "name", "is missing"),
        ({"name": 7, "fields": [EMAIL]}, "name", "is the number 7"),
        ({"name": "a\0", "fields": [EMAIL]}, "name", "NUL"),
        ({"name": "F"}, "fieldGroups", "hold no field"),
        ({"name": "F", "fieldGroups": {}}, "fieldGroups", "make it a list"),
        (
            {"name": "F", "fieldGroups": [{"fields": ["email"]}]},
            "fieldGroups[0].fields[0]",
            "make it an object",
        ),
        ({"name": "F", "fields": [EMAIL, EMAIL]}, "fields[1].name", "twice"),
        ({"name": "F", "fields": [{"name": "a"}]}, "fields[0].fieldType", "is missing"),
        ({"name": "F", "fields": [field("a", "checkbox")]}, "fields[0].fieldType", "choose one of email"),
        ({"name": "F", "fields": [field("email", "number")]}, "fields[0].fieldType", "write 'email'"),
        ({"name": "F", "fields": [{"fieldType": "file"}]}, "fields[0].name", "is missing"),
        ({"name": "F", "fields": [field("a b", "file")]}, "fields[0].name", "without spaces"),
        ({"name": "F", "fields": [field("0-2/a", "file")]}, "fields[0].name", "without spaces and '/'"),
        ({"name": "F", "fields": [field("a", "file", objectTypeId="x")]}, "fields[0].objectTypeId", "'0-1'"),
        (
            {"name": "F", "fields": [field("a", "file", required="yes")]},
            "fields[0].required",
            "without quotes",
        ),
        ({"name": "F", "fields": [field("a", "file", requierd=True)]}, "fields[0].requierd", "'required'"),
        ({"name": "F", "fields": [field("a", "radio")]}, "fields[0].options", "are missing"),
        ({"name": "F", "fields": [choice("a", "radio", "x", "x")]}, "fields[0].options[1].value", "twice"),
        ({"name": "F", "fields": [choice("a", "radio", "")]}, "fields[0].options[0].value", "is missing"),
        (
            {"name": "F", "fields": [field("a", "number", validation={"min": 2, "max": 1})]},
            "fields[0].validation.min",
            "above max",
        ),
        (
            {"name": "F", "fields": [field("a", "phone", validation={"minAllowedDigits": -1})]},
            "fields[0].validation.minAllowedDigits",
            "0 or more",
        ),
        (
            {"name": "F", "fields": [field("a", "phone", validation={"useDefaultBlockList": True})]},
            "fields[0].validation",
            "e-mail field",
        ),
        (
            {"name": "F", "fields": [{**EMAIL, "validation": {"blockedEmailDomains": ["a b.com", 7]}}]},
            "fields[0].validation.blockedEmailDomains[1]",
            "make it a text",
        ),
        (
            {"name": "F", "fields": [EMAIL], "marketing_default": False},
            "marketing_default",
            "'marketingDefault'",
        ),
        ({"name": "F", "fields": [EMAIL], "marketingDefault": 1}, "marketingDefault", "true or false"),
        ({"name": "F", "fields": [EMAIL], "configuration": []}, "configuration", "make it an object"),
        (
            {
                "name": "F",
                "fields": [EMAIL],
                "postSubmitAction": {"type": "redirect_url", "value": "/thanks"},
            },
            "postSubmitAction.value",
            "https://",
        ),
        (
            {"name": "F", "fields": [EMAIL], "postSubmitAction": {"type": "go"}},
            "postSubmitAction.type",
            "thank_you, redirect_url",
        ),
        (
            {"name": "F", "fields": [EMAIL], "legalConsentOptions": {"type": "gdpr"}},
            "legalConsentOptions.type",
            "",
        ),
        (
            {"name": "F", "fields": [EMAIL], "legalConsentOptions": {"privacyText": "x"}},
            "legalConsentOptions.type",
            "is missing",
        ),
        (
            {
                "name": "F",
                "fields": [EMAIL],
                "legalConsentOptions": {"type": "none", "communicationsCheckboxes": [{"label": "x"}]},
            },
            "legalConsentOptions.communicationsCheckboxes[0].subscriptionTypeId",
            "is missing",
        ),
    ],
)
def test_a_mistake_is_named_with_its_place_and_mend(
    document: Mapping[str, object], path: str, words: str
) -> None:
    with pytest.raises(InvalidInput) as refusal:
        read_definition(document)
    line = next(line for line in refusal.value.message.splitlines() if line.startswith(f"- {path} "))
    assert words in line


def test_all_mistakes_are_listed_together() -> None:
    with pytest.raises(InvalidInput, match="has 3 mistake") as refusal:
        read_definition({"fields": [field("a", "nothing"), field("b", "radio")]})
    assert refusal.value.field
    assert len(refusal.value.message.splitlines()) == 4


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | texts,
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                texts
                | st.sampled_from(
                    ["name", "fields", "fieldGroups", "fieldType", "options", "validation", "type"]
                )
                | st.sampled_from(
                    ["configuration", "legalConsentOptions", "postSubmitAction", "dependentFields"]
                ),
                inner,
                max_size=4,
            )
        ),
        max_leaves=20,
    )
)
def test_any_document_is_read_or_refused(document: object) -> None:
    with suppress(InvalidInput):
        read_definition(document)  # type: ignore[arg-type]  # that is the point


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("https://example.com", True),
        ("HTTP://example.com:8080/a?b=c#d", True),
        ("https://bücher.example/ä", True),
        ("//example.com", False),
        ("ftp://example.com", False),
        ("javascript:alert(1)", False),
        ("https://", False),
        ("https://example.com/a b", False),
        ("https://example.com\n", False),
        ("https://example.com/\x01", False),
        ("https:/\\example.com", False),
    ],
)
def test_web_addresses_are_absolute(text: str, is_one: bool) -> None:  # noqa: FBT001 - a table's column
    assert bool(is_web_address(text)) is is_one
