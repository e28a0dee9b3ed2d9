"""What each plug-in makes of its vendor's answer."""

from dataclasses import replace

import pytest

from service.providers.events import KeptReason
from tests.vendors.cases import BY_PLUGIN, CASES, Case
from tests.vendors.freshchat import Freshchat
from tests.vendors.hubspot import HubSpot
from tests.vendors.intercom import Intercom
from tests.vendors.linkedin import LinkedIn
from tests.vendors.meta import Meta
from tests.vendors.server import TOKEN
from tests.vendors.slack import Slack
from tests.vendors.surveymonkey import SurveyMonkey

HUBSPOT = BY_PLUGIN["hubspot_object"]
SLACK = BY_PLUGIN["slack_user"]
PHONES = {
    "acuity_appointment": "+44 20 7946 0018",
    "drift_contact": "+44 20 7946 0018",
    "freshchat_user": "+442079460018",
    "hubspot_object": "+442079460018",
    "meta_lead": "+442079460018",
}
COMPANIES = dict.fromkeys(("hubspot_object", "meta_lead", "surveymonkey_response"), "Analytical Engines")
CONSENTS = {
    "acuity_appointment": (True, "Send me the newsletter"),
    "freshchat_user": (False, "newsletter"),
    "linkedin_lead": (True, "Send me your news"),
    "meta_lead": (True, "newsletter"),
    "surveymonkey_response": (True, "Send me the newsletter"),
}


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_person_is_filled_in(case: Case) -> None:
    with case.vendor() as vendor:
        event = case.ask(vendor)
    assert (event.email, event.first_name, event.last_name) == ("ada@example.com", "Ada", "Lovelace")
    assert event.phone == PHONES.get(case.plugin)
    assert event.company == COMPANIES.get(case.plugin)
    assert (event.consent, event.consent_text) == CONSENTS.get(case.plugin, (None, None))
    assert (event.kept, event.fetch) == (None, None)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_what_the_delivery_told_stays(case: Case) -> None:
    thin = case.event()
    with case.vendor() as vendor:
        event = case.ask(vendor)
    for name in ("kind", "form_id", "event_id", "session", "occurred_at"):
        assert getattr(event, name) == getattr(thin, name)
    assert thin.fields.items() <= event.fields.items()


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_token_may_come_with_the_end_of_its_line(case: Case) -> None:
    with case.vendor() as vendor:
        assert case.ask(vendor, token=f"{TOKEN}\n").email == "ada@example.com"


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_token_travels_in_one_header_only(case: Case) -> None:
    with case.vendor() as vendor:
        case.ask(vendor)
    for asked in vendor.asked:
        assert "vendor:token" not in f"{asked.path}{asked.query}"
        assert [name for name, value in asked.headers.items() if "token" in value] in ([], ["authorization"])


def test_answers_of_a_linkedin_lead_have_their_questions_and_options() -> None:
    with LinkedIn() as vendor:
        event = BY_PLUGIN["linkedin_lead"].ask(vendor)
    assert event.fields["size"] == "Large"
    assert event.labels["size"] == "How large is your company?"
    assert event.types["WORK_EMAIL"] == "WORK_EMAIL"
    assert event.form_name == "Demo request"


def test_an_unticked_box_of_a_linkedin_lead_is_a_no() -> None:
    with LinkedIn() as vendor:
        vendor.accepted = False
        event = BY_PLUGIN["linkedin_lead"].ask(vendor)
    assert (event.consent, event.consent_text) == (False, "Send me your news")


def test_a_test_lead_of_linkedin_is_kept_only() -> None:
    with LinkedIn() as vendor:
        vendor.is_test = True
        assert BY_PLUGIN["linkedin_lead"].ask(vendor).kept is KeptReason.TEST


def test_several_answers_to_a_question_of_meta_are_one_field() -> None:
    with Meta() as vendor:
        event = BY_PLUGIN["meta_lead"].ask(vendor)
    assert event.fields["which_product?"] == "Engine;Cards"


def test_answers_of_a_survey_have_their_headings_and_options() -> None:
    with SurveyMonkey() as vendor:
        event = BY_PLUGIN["surveymonkey_response"].ask(vendor)
    assert event.fields["1.13"] == "ada@example.com"
    assert event.labels["1.13"] == "Email Address"
    assert event.fields["2"] == "Send me the newsletter;Write to me"
    assert (event.fields["3"], event.labels["3"]) == ("Splendid", "Anything else?")
    assert event.form_name == "How did we do?"


def test_a_preview_of_a_survey_is_kept_only() -> None:
    with SurveyMonkey() as vendor:
        vendor.collection_mode = "preview"
        assert BY_PLUGIN["surveymonkey_response"].ask(vendor).kept is KeptReason.TEST


def test_an_unsubscribed_contact_of_intercom_is_a_no() -> None:
    with Intercom() as vendor:
        vendor.contact["unsubscribed_from_emails"] = True
        assert BY_PLUGIN["intercom_contact"].ask(vendor).consent is False


def test_a_person_without_an_address_is_found_all_the_same() -> None:
    with Intercom() as vendor:
        vendor.contact["email"] = None
        event = BY_PLUGIN["intercom_contact"].ask(vendor)
    assert (event.email, event.first_name, event.fetch) == (None, "Ada", None)


def test_properties_of_a_freshchat_user_are_fields() -> None:
    with Freshchat() as vendor:
        event = BY_PLUGIN["freshchat_user"].ask(vendor)
    assert (event.fields["plan"], event.fields["message"]) == ("pro", "Hi")


@pytest.mark.parametrize(
    ("changes", "kept"),
    [
        ({}, None),
        ({"team_id": "T1"}, KeptReason.AGENT),
        ({"team_id": "T1", "is_restricted": True}, None),
        ({"is_bot": True}, KeptReason.AGENT),
    ],
)
def test_members_of_the_own_workspace_are_colleagues_and_guests_are_not(
    changes: dict[str, object], kept: KeptReason | None
) -> None:
    with Slack() as vendor:
        vendor.user |= changes
        event = SLACK.ask(vendor)
    assert event.kept is kept
    assert event.email == (None if kept else "ada@example.com")


@pytest.mark.parametrize(
    ("changes", "kept"),
    [
        ({}, None),
        ({"direction": "OUTGOING"}, KeptReason.AGENT),
        ({"type": "COMMENT"}, KeptReason.AGENT),
        ({"type": "WELCOME_MESSAGE"}, KeptReason.AGENT),
    ],
)
def test_a_colleagues_message_in_hubspot_is_left_out(
    changes: dict[str, object], kept: KeptReason | None
) -> None:
    with HubSpot() as vendor:
        vendor.message |= changes
        event = HUBSPOT.ask(vendor)
    assert event.kept is kept
    assert event.email == (None if kept else "ada@example.com")


def test_a_thread_that_hubspot_holds_for_spam_is_kept_only() -> None:
    with HubSpot() as vendor:
        vendor.thread["spam"] = True
        event = HUBSPOT.ask(vendor)
    assert (event.kept, event.email) == (KeptReason.SPAM, None)


def test_a_new_conversation_of_hubspot_is_looked_up_without_a_message() -> None:
    thin = HUBSPOT.event()
    fields = {"event": "conversation.creation", "objectId": "5550001"}
    with HubSpot() as vendor:
        event = HUBSPOT.ask(vendor, replace(thin, fields=fields))
    assert event.email == "ada@example.com"
    assert [asked.path.rpartition("/")[2] for asked in vendor.asked] == ["5550001", "77"]


def test_a_new_contact_of_hubspot_is_asked_for_at_once() -> None:
    thin = HUBSPOT.event()
    fields = {"event": "contact.creation", "objectId": "77"}
    with HubSpot() as vendor:
        event = HUBSPOT.ask(vendor, replace(thin, fields=fields))
    assert event.email == "ada@example.com"
    assert [asked.path for asked in vendor.asked] == ["/crm/v3/objects/contacts/77"]


def test_what_hubspot_knows_nothing_of_is_left_open() -> None:
    with HubSpot() as vendor:
        vendor.properties |= {"email": None, "phone": "", "company": None}
        event = HUBSPOT.ask(vendor)
    assert (event.email, event.phone, event.company, event.first_name) == (None, None, None, "Ada")
