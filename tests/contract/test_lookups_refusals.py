"""What a look-up that brings no person says: for good or for now, and never whose it was."""

import socket
import threading
import traceback
from dataclasses import replace

import pytest

from service.providers.lookups import Access, LookUpDelayed, LookUpError, LookUpRefused, Question, look_up
from tests.vendors.cases import BY_PLUGIN, CASES, Case, elsewhere
from tests.vendors.hubspot import HubSpot
from tests.vendors.meta import Meta, error
from tests.vendors.server import MOODS, TOKEN, Reply, Vendor
from tests.vendors.slack import Slack

each_case = pytest.mark.parametrize("case", CASES, ids=str)
META = BY_PLUGIN["meta_lead"]
SLACK = BY_PLUGIN["slack_user"]
HUBSPOT = BY_PLUGIN["hubspot_object"]
DELAYED = {
    "away": ("vendor_away", None),
    "being_mended": ("vendor_away", 7.0),
    "rate_limited": ("rate_limited", 17.0),
    "rate_limited_until": ("rate_limited", 90.0),
    "rate_limited_for_ever": ("rate_limited", 86_400.0),
    "rate_limited_in_riddles": ("rate_limited", None),
    "version_retired": ("version_retired", None),
    "elsewhere": ("vendor_away", None),
    "silent": ("vendor_away", None),
    "trickling": ("vendor_away", None),
}
UNKNOWN = {"meta_lead": "access_token_refused"}
"""Of vendors who don't tell somebody unknown from somebody hidden."""
REFUSED = {
    "garbage": "unreadable_answer",
    "no_object": "unreadable_answer",
    "too_large": "unreadable_answer",
    "wrong_question": "refused",
}


def refusal(case: Case, vendor: Vendor) -> LookUpError:
    with pytest.raises(LookUpError) as caught:
        case.ask(vendor)
    return caught.value


def hang_up(listener: socket.socket) -> None:
    caller, _ = listener.accept()
    caller.close()


def test_each_mood_has_an_outcome() -> None:
    assert (DELAYED.keys() | REFUSED.keys()) == (MOODS.keys() | {"silent", "trickling"})


@each_case
@pytest.mark.parametrize("mood", DELAYED)
def test_a_passing_fault_delays(case: Case, mood: str) -> None:
    with case.vendor(mood) as vendor, pytest.raises(LookUpDelayed) as caught:
        case.ask(vendor)
    assert (caught.value.reason, caught.value.retry_after) == DELAYED[mood]


@each_case
@pytest.mark.parametrize("mood", REFUSED)
def test_an_answer_that_would_come_again_is_final(case: Case, mood: str) -> None:
    with case.vendor(mood) as vendor, pytest.raises(LookUpRefused) as caught:
        case.ask(vendor)
    assert caught.value.reason == REFUSED[mood]
    assert len(vendor.asked) == 1


@each_case
def test_somebody_whom_the_vendor_does_not_know_is_not_found(case: Case) -> None:
    with case.vendor() as vendor, pytest.raises(LookUpError) as caught:
        case.ask(vendor, elsewhere(case))
    assert caught.value.reason == UNKNOWN.get(case.plugin, "not_found")
    assert vendor.asked


@each_case
@pytest.mark.parametrize("number", [None, "", "..", "1/../2", "a?b=c", "é"])
def test_an_event_without_an_id_that_can_be_asked_for_is_not_found(case: Case, number: str | None) -> None:
    event = replace(case.event(), event_id=number, session=number, fields={"objectId": number or ""})
    with case.vendor() as vendor, pytest.raises(LookUpRefused) as caught:
        case.ask(vendor, event)
    assert caught.value.reason == "not_found"


@each_case
@pytest.mark.parametrize(
    ("token", "reason"),
    [
        ("", "access_token_missing"),
        ("another:token", "access_token_refused"),
        ("to:ken\r\nX-Injected: 1", "access_token_refused"),
        ("tokén:é", "access_token_refused"),
    ],
)
def test_a_token_that_will_not_do_delays_until_somebody_mends_it(case: Case, token: str, reason: str) -> None:
    with case.vendor() as vendor, pytest.raises(LookUpDelayed) as caught:
        case.ask(vendor, token=token)
    assert caught.value.reason == reason
    assert all("x-injected" not in asked.headers for asked in vendor.asked)


def test_a_basic_token_needs_a_colon() -> None:
    case = BY_PLUGIN["acuity_appointment"]
    half = TOKEN.partition(":")[2]
    with case.vendor() as vendor, pytest.raises(LookUpDelayed, match="user:password"):
        case.ask(vendor, token=half)
    assert not vendor.asked


@each_case
@pytest.mark.parametrize("mood", ["away", "garbage", "wrong_question", "elsewhere", "silent", "refused"])
def test_an_error_tells_neither_token_nor_person(case: Case, mood: str) -> None:
    token = TOKEN if mood != "refused" else "stolen:token-0123456789"
    with case.vendor(mood) as vendor, pytest.raises(LookUpError) as caught:
        case.ask(vendor, token=token)
    told = "".join(traceback.format_exception(caught.value)) + repr(vars(caught.value))
    for secret in ("token-0123456789", "dmVuZG9y", "c3RvbGVu", "example.com"):
        assert secret not in told


def test_access_does_not_show_its_token() -> None:
    assert TOKEN not in repr(Access(token=TOKEN, api_url="https://api.example.com"))


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "http://", "gopher://127.0.0.1", "http://[", "x"])
def test_an_address_that_leads_nowhere_delays(url: str) -> None:
    question = Question(provider="meta_lead_ads", event=META.event())
    with pytest.raises(LookUpDelayed) as caught:
        look_up("meta_lead", question, Access(token=TOKEN, api_url=url))
    assert caught.value.reason == "vendor_away"


def test_a_vendor_that_hangs_up_is_away() -> None:
    question = Question(provider="slack", event=SLACK.event())
    with socket.create_server(("127.0.0.1", 0)) as listener:
        host, port = listener.getsockname()
        hanging_up = threading.Thread(target=hang_up, args=(listener,))
        hanging_up.start()
        with pytest.raises(LookUpDelayed) as caught:
            look_up("slack_user", question, Access(token=TOKEN, api_url=f"http://{host}:{port}"))
        hanging_up.join()
    assert caught.value.reason == "vendor_away"


def test_an_unknown_plug_in_is_refused() -> None:
    question = Question(provider="own", event=SLACK.event())
    with pytest.raises(LookUpRefused) as caught:
        look_up("own_person", question, Access(token=TOKEN))
    assert caught.value.reason == "unknown_plugin"


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (error(1), "vendor_away"),
        (error(2, status=500), "vendor_away"),
        (error(4, status=403), "rate_limited"),
        (error(80_004), "rate_limited"),
        (error(190, 460), "access_token_refused"),
        (error(200, status=403), "access_token_refused"),
        (error(100, 33), "access_token_refused"),
        (error(100), "refused"),
        (Reply({"error": "odd"}, 400), "refused"),
        (Reply(b"odd", 400), "refused"),
    ],
)
def test_errors_of_meta_are_told_by_their_codes(reply: Reply, reason: str) -> None:
    with Meta() as vendor:
        vendor.error = reply
        assert refusal(META, vendor).reason == reason


@pytest.mark.parametrize(
    ("named", "reason"),
    [
        ("user_not_visible", "not_found"),
        ("missing_scope", "access_token_refused"),
        ("token_revoked", "access_token_refused"),
        ("internal_error", "vendor_away"),
        ("ratelimited", "rate_limited"),
        ("invalid_arguments", "refused"),
    ],
)
def test_errors_of_slack_are_told_by_their_names(named: str, reason: str) -> None:
    with Slack() as vendor:
        vendor.error = named
        assert refusal(SLACK, vendor).reason == reason


@pytest.mark.parametrize("visitor", ["17089", 17090, None, ""])
def test_a_visitor_of_hubspot_who_is_no_contact_yet_delays(visitor: object) -> None:
    with HubSpot() as vendor:
        vendor.thread["associatedContactId"] = visitor
        found = refusal(HUBSPOT, vendor)
    assert isinstance(found, LookUpDelayed)
    assert (found.reason, found.retry_after) == ("no_contact_yet", None)


def test_a_contact_of_hubspot_that_is_gone_is_not_found() -> None:
    event = replace(HUBSPOT.event(), fields={"event": "contact.creation", "objectId": "78"})
    with HubSpot() as vendor, pytest.raises(LookUpRefused) as caught:
        HUBSPOT.ask(vendor, event)
    assert caught.value.reason == "not_found"
