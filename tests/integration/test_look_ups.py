import subprocess
import sys
import threading
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest

from consumers.asking import Answer, Delayed, Refused, ask_vendor
from consumers.found import Question, make_fact
from consumers.holds import OF_ALL, OF_MANY
from consumers.lookups import (
    ENDPOINT_DELETED,
    LEASE,
    PATIENCE,
    PATIENCE_WITHOUT_TOKEN,
    REFUSED_BY_DATABASE,
    TOKEN_MISSING,
    UNEXPECTED_ERROR,
)
from service.domain.endpoints import EndpointOptions
from service.errors import SealBroken
from service.providers.events import Event, EventKind, KeptReason
from service.providers.lookups import DelayedReason, RefusedReason
from service.store import look_ups
from service.store.tables import contact, dead_letter
from service.vault import Vault, new_key
from tests.chats import CATALOGUE, Chats, Vendor, held_vendor, thin_event
from tests.e2e.waiting import eventually
from tests.facts import NOW, PORTAL
from tests.vendors.cases import BY_PLUGIN
from tests.vendors.intercom import Intercom
from tests.vendors.server import TOKEN
from tests.world import World

PAGE = Path(__file__).parents[2] / "docs" / "look-ups.md"
ADA = "ada@example.com"
AWAY = Delayed("vendor_away", "the vendor's API answered 500")


@pytest.fixture
def chats(world: World) -> Chats:
    return Chats(world)


@pytest.fixture
def vendor() -> Vendor:
    return Vendor()


def keep_one(chats: Chats, answer: Answer | Exception, vendor: Vendor) -> str:
    """Keep one thin event, about which the vendor answers so; returns the submission's id."""
    event = thin_event()
    vendor.answers[event.event_id or ""] = answer
    return chats.keep(chats.endpoint(), event)[0]


def test_what_the_vendor_tells_raises_the_contact(chats: Chats, vendor: Vendor) -> None:
    event = thin_event()
    vendor.knows(event, email=ADA, first_name="Ada")
    (first,) = chats.keep(chats.endpoint(), event)
    chats.make_look_ups(vendor)
    (person,) = chats.world.rows(contact)
    assert (person.email, person.properties) == (ADA, {"email": ADA, "firstname": "Ada"})
    assert (chats.submission(first).verdict, chats.submission(first).contact_id) == ("looked_up", person.id)
    assert (chats.second_of(first).verdict, chats.second_of(first).contact_id) == ("raised", person.id)
    assert chats.waiting() == []


def test_the_second_fact_happened_when_the_first_one_did(chats: Chats, vendor: Vendor) -> None:
    event = thin_event(occurred_at=NOW - timedelta(hours=1))
    vendor.knows(event, email=ADA)
    (first,) = chats.keep(chats.endpoint(), event)
    chats.world.pass_by(hours=2)
    chats.make_look_ups(vendor)
    second = chats.second_of(first)
    assert (second.submitted_at, second.received_at) == (NOW - timedelta(hours=1), NOW + timedelta(hours=2))
    assert (second.source, second.source_id) == ("external_form", chats.submission(first).source_id)


def test_a_persons_mapping_is_applied_to_what_the_vendor_tells(chats: Chats, vendor: Vendor) -> None:
    event = thin_event()
    vendor.knows(event, email=ADA, fields={"work_mail": "work@example.com"})
    endpoint = chats.endpoint()
    chats.keep(endpoint, event)
    chats.change_form(chats.form(endpoint, event), mapping={"email": "work_mail"})
    chats.make_look_ups(vendor)
    assert [row.email for row in chats.world.rows(contact)] == ["work@example.com"]


def test_what_a_colleague_did_is_kept_and_raises_nobody(chats: Chats, vendor: Vendor) -> None:
    event = thin_event()
    vendor.knows(event, email=ADA, kept=KeptReason.AGENT)
    (first,) = chats.keep(chats.endpoint(), event)
    chats.make_look_ups(vendor)
    assert (chats.submission(first).verdict, chats.second_of(first).verdict) == ("looked_up", "agent")
    assert chats.world.rows(contact) == []


def test_consumers_that_work_at_the_same_time_ask_for_each_person_once(chats: Chats, vendor: Vendor) -> None:
    events = [thin_event() for _ in range(40)]
    for number, event in enumerate(events):
        vendor.knows(event, email=f"{number}@example.com")
    endpoints = [chats.endpoint() for _ in range(8)]
    for number, event in enumerate(events):
        chats.keep(endpoints[number % 8], event)
    stop = threading.Event()
    threads = [threading.Thread(target=chats.look_ups(vendor).run, args=(stop,)) for _ in range(3)]
    for thread in threads:
        thread.start()
    eventually(lambda: chats.world.number_of(contact) == 40 and not chats.waiting(), "all are found")
    stop.set()
    for thread in threads:
        thread.join()
    assert Counter(vendor.asked) == {event.event_id: 1 for event in events}


def test_the_claim_of_a_killed_consumer_runs_out(chats: Chats, vendor: Vendor) -> None:
    (first,) = [keep_one(chats, AWAY, vendor)]
    killed = chats.look_ups(vendor)
    with held_vendor(vendor) as ask:
        killed = chats.look_ups(ask)
        killed.step()
        chats.make_look_ups(vendor)
        chats.world.pass_by(seconds=LEASE.total_seconds() - 1)
        chats.make_look_ups(vendor)
        assert len(vendor.asked) == 1
        chats.world.pass_by(seconds=2)
        chats.make_look_ups(vendor)
    assert len(vendor.asked) == 2
    assert chats.submission(first).verdict == "look_up_pending"


def test_a_kill_between_recording_and_settling_makes_nothing_twice(chats: Chats, vendor: Vendor) -> None:
    endpoint, event = chats.endpoint(), thin_event()
    vendor.knows(event, email=ADA, phone="+44 20 7946 0018")
    (first,) = chats.keep(endpoint, event)
    chats.look_ups(vendor).step()
    chats.world.pass_by(minutes=6)
    with chats.world.database.writing() as connection:
        (claim,) = look_ups.claim(connection, [first], chats.world.now(), chats.world.now())
    question = Question(claim, endpoint, chats.form(endpoint, event))
    told = Event(kind=event.kind, form_id="form", email=ADA, phone="+44 20 7946 0000")
    chats.world.record(make_fact(question, told, chats.world.now()))
    chats.make_look_ups(vendor)
    assert chats.submission(first).verdict == "looked_up"
    assert chats.second_of(first).contact_id == chats.submission(first).contact_id
    assert chats.world.rows(contact)[0].properties["phone"] == "+44 20 7946 0000"


def test_a_final_refusal_is_kept_as_failed_and_as_a_dead_letter(chats: Chats, vendor: Vendor) -> None:
    first = keep_one(chats, Refused("not_found", "nobody goes by this id"), vendor)
    chats.make_look_ups(vendor)
    (letter,), (row,) = chats.world.rows(dead_letter), chats.waiting()
    assert chats.submission(first).verdict == "look_up_failed"
    assert (letter.consumer, letter.reason, letter.body) == ("lookups", "not_found", first.encode())
    assert (row.reason, row.not_before, row.attempts) == ("not_found", None, 1)
    chats.world.pass_by(days=100)
    chats.make_look_ups(vendor)
    assert len(vendor.asked) == 1


def test_a_vendor_that_names_a_time_is_asked_then(chats: Chats, vendor: Vendor) -> None:
    keep_one(chats, Delayed("rate_limited", "asked too often", 90.0), vendor)
    chats.make_look_ups(vendor)
    assert chats.put_off() == 90
    chats.world.pass_by(seconds=89)
    chats.make_look_ups(vendor)
    assert len(vendor.asked) == 1
    chats.world.pass_by(seconds=2)
    chats.make_look_ups(vendor)
    assert len(vendor.asked) == 2


def test_pauses_double_from_seconds_to_an_hour(chats: Chats, vendor: Vendor) -> None:
    keep_one(chats, AWAY, vendor)
    pauses: list[float] = []
    for _ in range(13):
        chats.make_look_ups(vendor)
        pauses.append(chats.put_off())
        chats.world.pass_by(seconds=pauses[-1])
    expected = [min(5 * 2**failures, 3_600) for failures in range(13)]
    assert all(most / 2 <= pause <= most for pause, most in zip(pauses, expected, strict=True))


@pytest.mark.parametrize(
    ("reason", "patience"),
    [("vendor_away", PATIENCE), ("access_token_missing", PATIENCE_WITHOUT_TOKEN)],
    ids=["vendor away", "token missing"],
)
def test_patience_ends(chats: Chats, vendor: Vendor, reason: str, patience: timedelta) -> None:
    first = keep_one(chats, Delayed(reason, "for now"), vendor)
    chats.make_look_ups(vendor)
    chats.world.pass_by(seconds=patience.total_seconds() - 3_700)
    chats.make_look_ups(vendor)
    assert chats.submission(first).verdict == "look_up_pending"
    chats.world.pass_by(seconds=3_701)
    chats.make_look_ups(vendor)
    assert chats.submission(first).verdict == "look_up_failed"
    assert [row.reason for row in chats.waiting()] == [reason]


def test_of_a_deleted_endpoint_nobody_is_asked(chats: Chats, vendor: Vendor) -> None:
    endpoint = chats.endpoint()
    (first,) = chats.keep(endpoint, thin_event())
    chats.delete(endpoint)
    chats.make_look_ups(vendor)
    assert (chats.submission(first).verdict, chats.waiting()[0].reason) == (
        "look_up_failed",
        "endpoint_deleted",
    )
    assert vendor.asked == []


def test_a_vendor_is_asked_two_things_at_a_time(chats: Chats, vendor: Vendor) -> None:
    events = [thin_event() for _ in range(5)]
    chats.keep(chats.endpoint(), *events)
    with held_vendor(vendor) as ask:
        consumer = chats.look_ups(ask)
        consumer.step()
        eventually(lambda: len(vendor.asked) == 2, "two are asked")
        consumer.step()
        assert len(vendor.asked) == 2
    consumer.finish(10.0)


def test_a_vendor_that_is_left_alone_holds_up_no_other(chats: Chats, vendor: Vendor) -> None:
    crowded, calm = [thin_event() for _ in range(6)], thin_event()
    vendor.answers = {event.event_id or "": Delayed("rate_limited", "", 60.0) for event in crowded}
    vendor.knows(calm, email=ADA)
    chats.keep(chats.endpoint(), *crowded)
    chats.keep(chats.endpoint(), calm)
    for _ in range(3):
        chats.make_look_ups(vendor)
    assert Counter(name == calm.event_id for name in vendor.asked) == {False: 2, True: 1}
    assert {row.not_before for row in chats.waiting()} == {chats.world.now() + timedelta(seconds=60)}


def test_one_question_that_always_fails_holds_up_no_other(chats: Chats, vendor: Vendor) -> None:
    events = [thin_event() for _ in range(6)]
    for event in events[1:]:
        vendor.knows(event, email=f"{event.event_id}@example.com")
    vendor.answers[events[0].event_id or ""] = AWAY
    chats.keep(chats.endpoint(), *events)
    consumer = chats.look_ups(vendor)
    for number in (2, 4, 6):
        consumer.step()
        eventually(lambda number=number: len(vendor.asked) == number, f"{number} are asked")  # type: ignore[misc]
        consumer.finish(10.0)
    assert chats.world.number_of(contact) == 5


def test_what_breaks_one_look_up_breaks_no_other(chats: Chats, vendor: Vendor) -> None:
    broken, whole = thin_event(), thin_event()
    vendor.answers[broken.event_id or ""] = ZeroDivisionError("of a plug-in")
    vendor.knows(whole, email=ADA)
    chats.keep(chats.endpoint(), broken, whole)
    chats.make_look_ups(vendor)
    assert chats.world.number_of(contact) == 1
    assert [row.reason for row in chats.waiting()] == ["unexpected_error"]


def test_with_another_key_look_ups_wait(chats: Chats, vendor: Vendor) -> None:
    first = keep_one(chats, AWAY, vendor)
    chats.vault = Vault(new_key())
    chats.make_look_ups(vendor)
    assert [row.reason for row in chats.waiting()] == ["seal_broken"]
    assert chats.submission(first).verdict == "look_up_pending"


def test_a_retry_asks_for_failed_ones_again(chats: Chats, vendor: Vendor) -> None:
    endpoint, event = chats.endpoint(), thin_event()
    (first,) = chats.keep(endpoint, event)
    chats.make_look_ups(vendor)
    assert chats.submission(first).verdict == "look_up_failed"
    vendor.knows(event, email=ADA)
    with chats.world.database.writing() as connection:
        assert look_ups.retry(connection, PORTAL, endpoint.id + 1, chats.world.now()) == 0
        assert look_ups.retry(connection, PORTAL, endpoint.id, chats.world.now()) == 1
    chats.make_look_ups(vendor)
    assert (chats.submission(first).verdict, chats.world.number_of(contact)) == ("looked_up", 1)


def test_a_retry_during_a_question_is_not_forgotten(chats: Chats, vendor: Vendor) -> None:
    keep_one(chats, Delayed("access_token_refused", "401"), vendor)
    with held_vendor(vendor) as ask:
        consumer = chats.look_ups(ask)
        consumer.step()
        chats.world.pass_by(seconds=1)
        with chats.world.database.writing() as connection:
            look_ups.retry(connection, PORTAL, None, chats.world.now())
    consumer.finish(10.0)
    assert (chats.waiting()[0].claimed_until, chats.waiting()[0].attempts) == (None, 0)
    assert chats.put_off() <= 0


def test_a_stop_gives_back_what_is_still_being_asked(chats: Chats, vendor: Vendor) -> None:
    keep_one(chats, AWAY, vendor)
    with held_vendor(vendor) as ask:
        consumer = chats.look_ups(ask)
        consumer.step()
        assert chats.waiting()[0].claimed_until
        consumer.finish(0)
    assert chats.waiting()[0].claimed_until is None


def test_what_people_see_of_look_ups(chats: Chats, vendor: Vendor) -> None:
    failed, waits = keep_one(chats, Refused("refused", ""), vendor), keep_one(chats, AWAY, vendor)
    chats.make_look_ups(vendor)
    with chats.world.database.reading() as connection:
        seen = {each.submission_id: each for each in look_ups.list_all(connection, PORTAL)}
        of_one = look_ups.list_all(connection, PORTAL, seen[failed].endpoint_id)
        oldest = look_ups.oldest_due(connection, chats.world.now() + timedelta(hours=1))
    assert (seen[failed].not_before, seen[failed].reason) == (None, "refused")
    assert (seen[waits].not_before, seen[waits].reason) == (oldest, "vendor_away")
    assert [each.submission_id for each in of_one] == [failed]


def test_an_address_that_only_the_vendor_tells_joins_the_session(chats: Chats, vendor: Vendor) -> None:
    event = thin_event(kind=EventKind.CHAT, session="visitor-1", fetch="intercom_contact")
    vendor.knows(event, email=ADA)
    (first,) = chats.keep(chats.endpoint("intercom"), event)
    chats.make_look_ups(vendor)
    assert chats.second_of(first).session == chats.submission(first).session
    assert chats.second_of(first).contact_id == chats.submission(first).contact_id


def test_a_real_question_over_http_finds_the_person(chats: Chats) -> None:
    case = BY_PLUGIN["intercom_contact"]
    with Intercom() as vendor:
        endpoint = chats.endpoint_of(vendor.url, case.provider, TOKEN)
        (first,) = chats.keep(endpoint, case.event())
        chats.make_look_ups(ask_vendor)
    (person,) = chats.world.rows(contact)
    assert (person.email, person.properties["firstname"]) == (ADA, "Ada")
    assert chats.submission(first).contact_id == person.id


@pytest.mark.parametrize(
    ("mood", "token", "verdict", "reason"),
    [
        ("being_mended", TOKEN, "look_up_pending", "vendor_away"),
        ("rate_limited", TOKEN, "look_up_pending", "rate_limited"),
        ("wrong_question", TOKEN, "look_up_failed", "refused"),
        ("garbage", TOKEN, "look_up_failed", "unreadable_answer"),
        ("", "another", "look_up_pending", "access_token_refused"),
        ("", "", "look_up_pending", "access_token_missing"),
    ],
)
def test_real_vendors_answers_are_told_apart(
    chats: Chats, mood: str, token: str, verdict: str, reason: str
) -> None:
    case = BY_PLUGIN["intercom_contact"]
    with Intercom(mood) as vendor:
        options = EndpointOptions(api_url=vendor.url)
        endpoint = chats.endpoint(case.provider, access_token=token, options=options)
        (first,) = chats.keep(endpoint, case.event())
        chats.make_look_ups(ask_vendor)
    assert (chats.submission(first).verdict, chats.waiting()[0].reason) == (verdict, reason)


def test_a_worker_loads_vendors_clients_with_the_first_look_up_only() -> None:
    asked = "import sys, consumers.__main__; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert {"urllib3", "hubspot", "service.providers.lookups"}.isdisjoint(loaded.stdout.split())


def test_each_look_up_of_the_catalogue_has_its_row() -> None:
    fetched = {name: found.fetch.plugin for name, found in CATALOGUE.items() if found.fetch is not None}
    text = PAGE.read_text(encoding="utf-8")
    missing = [name for name, plugin in fetched.items() if f"\n| `{name}` | `{plugin}` |" not in text]
    assert missing == []


def test_each_reason_has_its_row() -> None:
    own = {ENDPOINT_DELETED, UNEXPECTED_ERROR, REFUSED_BY_DATABASE, SealBroken.reason}
    text = PAGE.read_text(encoding="utf-8")
    assert [
        reason for reason in {*DelayedReason, *RefusedReason, *own} if f"\n| `{reason}` |" not in text
    ] == []


def test_reasons_that_hold_an_endpoint_are_known() -> None:
    assert {*DelayedReason, SealBroken.reason} >= OF_ALL | OF_MANY
    assert TOKEN_MISSING == DelayedReason.ACCESS_TOKEN_MISSING
