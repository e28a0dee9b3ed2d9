"""Deliveries of other people's tools, from the route to the contact, on both engines."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from service import billing
from service.defaults.every import Defaults
from service.domain.actors import COMMAND
from service.domain.defaults import EXTERNAL_FORMS
from service.domain.endpoints import Endpoint, EndpointState, ExternalForm, ExternalKind
from service.domain.model import Verdict
from service.endpoints import hook_path
from service.store import external_forms
from service.store.tables import conflicting_delivery, contact, delivery, status_change, submission
from service.vault import new_key
from service.web.documents.billing import explain
from tests.hooking import CATALOGUE, Site, secret_for, sent_to
from tests.provider_samples import SAMPLES
from tests.world import World, on_sqlite

ADA, BOB = "ada@example.com", "bob@example.com"
SECRET = "X_Marketable_Secret"  # noqa: S105 - a header's name
KEY = new_key()


@pytest.fixture
def open_site(world: World, tmp_path: Path) -> Iterator[Callable[[], Site]]:
    """Open a web process on the world's database; another one each time."""
    opened: list[Site] = []

    def open_one() -> Site:
        opened.append(Site(world.stack.database_url, tmp_path, secret_key=KEY))
        return opened[-1]

    yield open_one
    for site in opened:
        site.close()


@pytest.fixture
def site(open_site: Callable[[], Site]) -> Site:
    return open_site()


@pytest.fixture
def endpoint(site: Site) -> Endpoint:
    return site.endpoint("generic_json")


def submit(site: Site, endpoint: Endpoint, email: str | None = ADA, **more: Any) -> Verdict:
    """Send one submission that is kept; returns what was decided."""
    site.pass_by(milliseconds=2)
    address = {} if email is None else {"email": email}
    answer = site.post(endpoint, {**address, "form": "contact", "n": f"{site.now()}"} | more)
    assert answer.status_code == 200, answer.text
    return Verdict(site.rows(submission, endpoint.portal_id)[-1].verdict)


def set_switch(site: Site, endpoint: Endpoint, *, on: bool) -> None:
    """Set the portal's default for forms that are not HubSpot's."""
    Defaults(site.database, site.now).set(COMMAND, endpoint.portal_id, EXTERNAL_FORMS, on)


def form_of(site: Site, endpoint: Endpoint, key: str = "contact") -> ExternalForm:
    (found,) = [form for form in site.endpoints.forms(endpoint.portal_id) if form.key == key]
    return found


def test_a_submission_raises_its_contact(site: Site, endpoint: Endpoint) -> None:
    assert submit(site, endpoint, first_name="Ada") is Verdict.RAISED
    (row,) = site.rows(contact, endpoint.portal_id)
    assert (row.email, row.properties["firstname"]) == (ADA, "Ada")
    (change,) = site.rows(status_change, endpoint.portal_id)
    assert change.source == "external_form"
    assert change.reason_type == "FORM_SUBMISSION"
    assert change.reason_id == str(form_of(site, endpoint).id)


def test_why_a_contact_counts_names_the_form_that_raised_it(site: Site, endpoint: Endpoint) -> None:
    submit(site, endpoint)
    form = form_of(site, endpoint)
    site.endpoints.choose(endpoint.portal_id, form.id, name="Contact page")
    (row,) = site.rows(contact, endpoint.portal_id)
    found = billing.why(site.database, endpoint.portal_id, row.id)
    assert found.names == {("FORM_SUBMISSION", str(form.id)): "Contact page"}
    (change,) = explain(found, site.now())["changes"]
    assert (change["source"], change["source_name"]) == ("external_form", "Contact page")


def test_the_portal_s_switch_decides_for_forms_without_a_choice(site: Site, endpoint: Endpoint) -> None:
    set_switch(site, endpoint, on=False)
    assert submit(site, endpoint) is Verdict.DEFAULT_OFF
    set_switch(site, endpoint, on=True)
    assert submit(site, endpoint) is Verdict.RAISED


@pytest.mark.parametrize("chosen", [True, False])
def test_a_form_s_own_choice_is_stronger_than_the_portal_s(
    site: Site, endpoint: Endpoint, *, chosen: bool
) -> None:
    set_switch(site, endpoint, on=not chosen)
    submit(site, endpoint, None)
    site.endpoints.choose(endpoint.portal_id, form_of(site, endpoint).id, marketing_default=chosen)
    assert submit(site, endpoint) is (Verdict.RAISED if chosen else Verdict.DEFAULT_OFF)
    site.endpoints.choose(endpoint.portal_id, form_of(site, endpoint).id, marketing_default=None)
    assert submit(site, endpoint, BOB) is (Verdict.DEFAULT_OFF if chosen else Verdict.RAISED)


def test_a_form_that_is_off_leaves_a_contact_as_it_is(site: Site, endpoint: Endpoint) -> None:
    submit(site, endpoint)
    site.endpoints.choose(endpoint.portal_id, form_of(site, endpoint).id, marketing_default=False)
    assert submit(site, endpoint) is Verdict.ALREADY_MARKETING


def crisp(event: str, session: str = "session_1", **data: Any) -> dict[str, Any]:
    """Return what Crisp sends of a visitor's session."""
    inner = {"website_id": "w-1", "session_id": session, **data}
    return {"website_id": "w-1", "event": event, "data": inner, "timestamp": 1_772_445_642_100}


def message(number: int, session: str = "session_1") -> dict[str, Any]:
    said = {"type": "text", "content": "Hi", "from": "user", "origin": "chat", "fingerprint": number}
    return crisp("message:send", session, **said)


def test_a_chatflow_is_off_until_somebody_switches_it_on_for_new_contacts(site: Site) -> None:
    chat = site.endpoint("crisp")
    assert site.post(chat, crisp("session:set_email", "one", email=ADA)).status_code == 200
    (flow,) = site.endpoints.forms(chat.portal_id)
    assert flow.kind is ExternalKind.CHATFLOW
    site.endpoints.choose(chat.portal_id, flow.id, marketing_default=True)
    for session, email in (("two", ADA), ("three", BOB)):
        assert site.post(chat, crisp("session:set_email", session, email=email)).status_code == 200
    verdicts = sorted(row.verdict for row in site.rows(submission, chat.portal_id))
    assert verdicts == ["default_off", "new_contacts_only", "raised"]


def test_a_message_after_the_address_belongs_to_the_same_contact(site: Site) -> None:
    chat = site.endpoint("crisp")
    for body in (crisp("session:set_email", email=ADA), message(1), message(2, "another")):
        assert site.post(chat, body).status_code == 200
    (ada,) = site.rows(contact, chat.portal_id)
    owners = {row.content["session"]: row.contact_id for row in site.rows(submission, chat.portal_id)}
    assert owners == {"session_1": ada.id, "another": None}


def test_sessions_of_two_endpoints_are_nobody_else_s(site: Site) -> None:
    one = site.endpoint("crisp")
    other = site.endpoint("crisp", portal_id=one.portal_id)
    site.post(one, crisp("session:set_email", email=ADA))
    site.post(other, message(1))
    assert [row.contact_id is None for row in site.rows(submission, one.portal_id)].count(True) == 1


def test_who_said_no_is_kept_and_not_raised(site: Site, endpoint: Endpoint) -> None:
    assert submit(site, endpoint, consent=False) is Verdict.CONSENT_REFUSED
    assert submit(site, endpoint, consent=True) is Verdict.RAISED
    assert submit(site, endpoint, consent=False) is Verdict.ALREADY_MARKETING


@pytest.mark.parametrize("trap", ["_gotcha", "bot-field", "website"])
def test_a_form_that_a_robot_filled_in_is_kept_and_touches_nobody(site: Site, trap: str) -> None:
    page = site.endpoint("html_form", honeypots=["website"])
    assert site.post(page, {"email": ADA, trap: "https://spam.example"}).status_code in {200, 302, 303}
    (row,) = site.rows(submission, page.portal_id)
    assert (row.verdict, row.contact_id) == ("spam", None)
    assert site.rows(contact, page.portal_id) == []


def test_a_trap_that_is_empty_catches_nobody(site: Site) -> None:
    page = site.endpoint("html_form", honeypots=["website"])
    site.post(page, {"email": ADA, "website": "", "_gotcha": ""})
    assert [row.verdict for row in site.rows(submission, page.portal_id)] == ["raised"]


def test_a_form_nobody_has_seen_is_listed_as_new_with_its_fields(site: Site, endpoint: Endpoint) -> None:
    submit(site, endpoint, form_name="Contact us", colour="red")
    site.services.activity.flush()
    (form,) = site.endpoints.forms(endpoint.portal_id, only_new=True)
    assert (form.key, form.name, form.kind) == ("contact", "Contact us", ExternalKind.FORM)
    assert {"email", "colour"} <= form.fields.keys()
    site.endpoints.choose(endpoint.portal_id, form.id, name="Ours")
    assert site.endpoints.forms(endpoint.portal_id, only_new=True) == []


def test_names_of_forms_that_are_made_up_end_as_the_endpoint_s_own(
    site: Site, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(external_forms, "MOST_FORMS", 3)
    for number in range(8):
        assert submit(site, endpoint, form=f"form {number}") in {Verdict.RAISED, Verdict.ALREADY_MARKETING}
    keys = {form.key for form in site.endpoints.forms(endpoint.portal_id)}
    assert keys == {"form 0", "form 1", "form 2", ""}


def test_names_of_fields_that_are_made_up_are_not_all_kept(
    site: Site, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(external_forms, "MOST_FIELDS", 10)
    for number in range(4):
        submit(site, endpoint, **{f"field {number} {each}": "x" for each in range(6)})
        site.services.activity.flush()
    fields = form_of(site, endpoint).fields
    assert len(fields) == 10
    assert {f"field 3 {each}" for each in range(6)} <= fields.keys()


def test_a_mapping_wins_over_what_is_detected(site: Site, endpoint: Endpoint) -> None:
    submit(site, endpoint, None)
    mapping = {"email": "contact_by", "first_name": "called"}
    site.endpoints.choose(endpoint.portal_id, form_of(site, endpoint).id, mapping=mapping)
    site.services.configuration.refresh()
    submit(site, endpoint, ADA, contact_by=BOB, called="Bob", first_name="Ada")
    (row,) = site.rows(contact, endpoint.portal_id)
    assert (row.email, row.properties["firstname"]) == (BOB, "Bob")
    kept = site.rows(submission, endpoint.portal_id)[-1].content
    assert (kept["email"], kept["mapping"]) == (ADA, mapping)


def test_the_same_again_does_nothing_and_another_body_is_refused(site: Site, endpoint: Endpoint) -> None:
    body = {"email": ADA, "form": "contact", "id": "row-1"}
    answers = [site.post(endpoint, each) for each in (body, body, body | {"email": BOB}, body)]
    assert [answer.status_code for answer in answers] == [200, 200, 409, 200]
    assert len(site.rows(submission, endpoint.portal_id)) == 1
    assert [row.email for row in site.rows(contact, endpoint.portal_id)] == [ADA]
    (evidence,) = site.rows(conflicting_delivery, endpoint.portal_id)
    assert evidence.content["email"] == BOB


def test_the_same_id_at_another_form_or_endpoint_is_another(site: Site, endpoint: Endpoint) -> None:
    other = site.endpoint("generic_json", portal_id=endpoint.portal_id)
    for each, form in ((endpoint, "one"), (endpoint, "two"), (other, "one")):
        assert site.post(each, {"email": ADA, "form": form, "id": "1"}).status_code == 200
    assert len(site.rows(submission, endpoint.portal_id)) == 3


@pytest.mark.parametrize(("minutes", "number"), [(0, 1), (9, 1), (10, 2), (25, 2)])
def test_without_an_id_the_same_counts_once_for_ten_minutes(
    site: Site, endpoint: Endpoint, minutes: int, number: int
) -> None:
    body = {"email": ADA, "form": "contact"}
    site.post(endpoint, body)
    site.pass_by(minutes=minutes)
    assert site.post(endpoint, body).status_code == 200
    assert len(site.rows(submission, endpoint.portal_id)) == number


def batch(*calls: tuple[str, str]) -> dict[str, Any]:
    """Return calls as Segment sends them together: id and address."""
    return {
        "batch": [
            {"type": "identify", "messageId": number, "anonymousId": number, "traits": {"email": email}}
            for number, email in calls
        ]
    }


def test_one_conflict_among_several_events_does_not_refuse_the_others(site: Site) -> None:
    bus = site.endpoint("segment")
    assert site.post(bus, batch(("1", ADA))).status_code == 200
    assert site.post(bus, batch(("1", BOB), ("2", "eve@example.com"))).status_code == 200
    assert {row.email for row in site.rows(contact, bus.portal_id)} == {ADA, "eve@example.com"}
    assert len(site.rows(conflicting_delivery, bus.portal_id)) == 1
    assert site.post(bus, batch(("1", BOB), ("2", "kim@example.com"))).status_code == 409


def test_the_events_of_one_delivery_about_one_person_are_taken_in_order(site: Site) -> None:
    bus = site.endpoint("segment")
    assert site.post(bus, batch(("1", ADA), ("2", ADA), ("1", ADA))).status_code == 200
    assert len(site.rows(submission, bus.portal_id)) == 2
    assert len(site.rows(status_change, bus.portal_id)) == 1


def test_a_paused_endpoint_asks_for_the_same_again_later(site: Site, endpoint: Endpoint) -> None:
    site.endpoints.set(endpoint.portal_id, endpoint.id, state=EndpointState.PAUSED)
    answer = site.post(endpoint, {"email": ADA})
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "300")
    assert site.rows(delivery, endpoint.portal_id) == []
    site.endpoints.set(endpoint.portal_id, endpoint.id, state=EndpointState.ACTIVE)
    assert site.post(endpoint, {"email": ADA}).status_code == 200


def test_an_address_that_leads_nowhere_is_answered_404(site: Site, endpoint: Endpoint) -> None:
    deleted = site.endpoint("generic_json")
    site.endpoints.delete(deleted.portal_id, deleted.id)
    token = endpoint.token
    nowhere = [hook_path(deleted), "/hooks/generic_json/ep_unknown", f"/hooks/tally/{token}"]
    nowhere += [f"/hooks/generic_json/{token[:-1]}", f"/hooks/generic_json/{'x' * 10_000}", "/hooks/x/y"]
    assert {site.post(path, {"email": ADA}).status_code for path in nowhere} == {404}
    assert {site.client.get(path).status_code for path in nowhere} == {404}


def proved(site: Site, endpoint: Endpoint, secret: str) -> int:
    site.pass_by(seconds=1)
    return site.post(endpoint, {"email": ADA, "n": f"{site.now()}"}, **{SECRET: secret}).status_code


def test_both_secrets_prove_until_the_rotation_is_finished(site: Site) -> None:
    endpoint = site.endpoint("generic_json", "first secret")
    portal_id, number = endpoint.portal_id, endpoint.id
    site.endpoints.rotate_secret(portal_id, number, "second secret")
    assert [proved(site, endpoint, secret) for secret in ("first secret", "second secret", "x")] == [
        200,
        200,
        401,
    ]
    site.endpoints.finish_rotation(portal_id, number)
    assert [proved(site, endpoint, secret) for secret in ("second secret", "x")] == [200, 401]


def test_the_old_secret_is_worth_nothing_after_it(site: Site) -> None:
    endpoint = site.endpoint("generic_json", "first secret")
    site.endpoints.rotate_secret(endpoint.portal_id, endpoint.id, "second secret")
    site.endpoints.finish_rotation(endpoint.portal_id, endpoint.id)
    assert proved(site, endpoint, "first secret") == 401


def test_both_addresses_lead_to_the_endpoint_until_the_rotation_is_finished(site: Site) -> None:
    old = site.endpoint("generic_json")
    new = site.endpoints.rotate_address(old.portal_id, old.id)
    assert [proved(site, each, "") for each in (old, new)] == [200, 200]
    site.endpoints.finish_rotation(old.portal_id, old.id)
    site.services.configuration.refresh()
    assert [proved(site, each, "") for each in (old, new)] == [404, 200]


def test_what_another_process_knows_from_before_refuses_nothing(open_site: Callable[[], Site]) -> None:
    """Its cache may be a second old: before it refuses, it looks anew."""
    desk, web = open_site(), open_site()
    endpoint = desk.endpoint("generic_json", "first secret")
    place = endpoint.portal_id, endpoint.id
    assert proved(web, endpoint, "first secret") == 200
    desk.endpoints.rotate_secret(*place, "second secret")
    assert proved(web, endpoint, "second secret") == 200
    moved = desk.endpoints.rotate_address(*place)
    assert proved(web, moved, "second secret") == 200
    desk.endpoints.set(*place, state=EndpointState.PAUSED)
    web.services.configuration.refresh()
    assert proved(web, moved, "second secret") == 503
    desk.endpoints.set(*place, state=EndpointState.ACTIVE)
    assert proved(web, moved, "second secret") == 200
    assert web.rows(delivery, endpoint.portal_id) == []


def test_what_is_refused_right_after_a_change_is_kept_all_the_same(open_site: Callable[[], Site]) -> None:
    desk, web = open_site(), open_site()
    endpoint = desk.endpoint("generic_json", "first secret")
    assert proved(web, endpoint, "first secret") == 200
    desk.portal()
    assert proved(web, endpoint, "another secret") == 401
    assert [row.reason for row in web.rows(delivery, endpoint.portal_id)] == ["signature_wrong"]


@on_sqlite
def test_a_longer_tolerance_takes_older_signatures(site: Site) -> None:
    pair = secret_for(CATALOGUE["calendly"])
    sample = next(each for each in SAMPLES if str(each) == "calendly/invitee_created")
    endpoint = site.endpoint("calendly", pair.verifying)
    old = sent_to(endpoint, sample.delivery, pair.signing, site.now() - timedelta(hours=2))
    assert site.send(endpoint, old).status_code == 401
    site.endpoints.set(endpoint.portal_id, endpoint.id, options={"tolerance": 3 * 3_600})
    assert site.send(endpoint, old).status_code == 200


def test_submissions_of_a_deleted_endpoint_stay(site: Site, endpoint: Endpoint) -> None:
    submit(site, endpoint)
    site.endpoints.delete(endpoint.portal_id, endpoint.id)
    assert len(site.rows(submission, endpoint.portal_id)) == 1
    assert site.endpoints.forms(endpoint.portal_id) == []
