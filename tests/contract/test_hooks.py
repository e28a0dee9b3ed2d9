"""What senders see of `/hooks`: every provider's samples over the real route, on a real SQLite database."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from service.delivery import Delivery
from service.documents import dumps
from service.domain.endpoints import Endpoint
from service.domain.model import Verdict
from service.endpoints import COLLECTED, hook_path
from service.providers.description import BodyKind, HandshakeKind
from service.providers.events import UnreadableReason
from service.signatures import sign
from service.signatures.keys import SecretPair
from service.signatures.refusals import Reason
from service.signatures.shared import Place
from service.signatures.signed import Signed
from service.signatures.tokens import BodyHashToken
from service.store.schema import migrate
from service.store.tables import contact, delivery, endpoint_activity, status_change, submission
from tests.hooking import CATALOGUE, Site, secret_for, sent_to
from tests.provider_samples import FOLDERS, NOW, SAMPLES, Sample

EVENTS = [sample for sample in SAMPLES if not sample.is_handshake and sample.folder.name != COLLECTED]
HANDSHAKES = [sample for sample in SAMPLES if sample.is_handshake]
SIGNED = [folder.name for folder in FOLDERS if CATALOGUE[folder.name].signature.ways]
STRICT = [name for name in SIGNED if isinstance(CATALOGUE[name].signature.ways[0], Signed | BodyHashToken)]
TIMED = [
    name
    for name in STRICT
    if isinstance(way := CATALOGUE[name].signature.ways[0], Signed)
    and way.time is not None
    and way.time.tolerance is not None
]
JSON_ONLY = [
    folder.name
    for folder in FOLDERS
    if folder.name != COLLECTED
    and CATALOGUE[folder.name].decode.body is BodyKind.JSON
    and not any(way.place is Place.BODY for way in CATALOGUE[folder.name].signature.secret_places)
]
NOBODY = {Verdict.NO_ADDRESS, Verdict.LOOK_UP_PENDING}
DECIDED = {Verdict.RAISED, Verdict.ALREADY_MARKETING, Verdict.DEFAULT_OFF, Verdict.CONSENT_REFUSED}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("hooks")
    site = Site(f"sqlite:///{folder}/marketable.db", folder)
    migrate(site.database)
    site.time = NOW
    yield site
    site.close()


def first_of(provider: str) -> Sample:
    return next(sample for sample in EVENTS if sample.folder.name == provider)


def opened(site: Site, provider: str) -> tuple[Endpoint, SecretPair]:
    pair = secret_for(CATALOGUE[provider])
    return site.endpoint(provider, pair.verifying), pair


def as_it_reads(event: dict[str, Any]) -> dict[str, Any]:
    told = {name: value for name, value in event.items() if name != "event_id"}
    if "occurred_at" in told:
        told["occurred_at"] = datetime.fromisoformat(told["occurred_at"]).timestamp()
    return told


def fits(event: dict[str, Any], verdict: Verdict) -> bool:
    if "kept" in event:
        return verdict.value == str(event["kept"])
    if "fetch" in event:
        return verdict is Verdict.LOOK_UP_PENDING
    if event.get("email") is None:
        return verdict in NOBODY | DECIDED
    return verdict in DECIDED


@pytest.mark.parametrize("sample", EVENTS, ids=str)
def test_a_sample_is_answered_and_its_events_are_kept_once(site: Site, sample: Sample) -> None:
    endpoint, secret = opened(site, sample.folder.name)
    sent = sent_to(endpoint, sample.delivery, secret.signing, site.now())
    answers = [site.send(endpoint, sent) for _ in range(2)]
    reply = CATALOGUE[endpoint.provider].reply
    assert [answer.status_code for answer in answers] == [reply.status, reply.status]
    if not reply.browser:
        assert answers[0].text == reply.body
    rows = site.rows(submission, endpoint.portal_id)
    wanted = [{"provider": endpoint.provider, **event} for event in sample.expected]
    assert as_kept(row.content for row in rows) == as_kept(wanted)
    assert all(fits(row.content, Verdict(row.verdict)) for row in rows)
    check_contacts(site, endpoint.portal_id)


def as_kept(documents: Iterable[dict[str, Any]]) -> list[str]:
    """Let contents compare in any order, their times as instants, whatever id a delivery was signed with."""
    return sorted(json.dumps(as_it_reads(each), sort_keys=True) for each in documents)


def check_contacts(site: Site, portal_id: int) -> None:
    """Contacts are those whose address an event that counts has told; each is raised once at the most."""
    rows = site.rows(submission, portal_id)
    addresses = {
        row.content["email"]
        for row in rows
        if "email" in row.content and not row.content.keys() & {"kept", "fetch"}
    }
    assert {row.email for row in site.rows(contact, portal_id)} == addresses
    assert all(row.contact_id is None for row in rows if row.content.keys() & {"kept", "fetch"})
    raised = [row for row in rows if row.verdict == Verdict.RAISED]
    assert len(site.rows(status_change, portal_id)) == len(raised) <= len(addresses)


@pytest.mark.parametrize("sample", HANDSHAKES, ids=str)
def test_a_handshake_is_answered_over_the_route(site: Site, sample: Sample) -> None:
    description = CATALOGUE[sample.folder.name]
    endpoint = site.endpoint(sample.folder.name, sample.secret if description.signature.ways else "")
    assert description.handshake is not None
    asked = for_address(sample, endpoint)
    if description.handshake.kind is HandshakeKind.ECHO_JSON:
        asked = sign(description.signature, asked, sample.secret, site.now(), "delivery-1", way=0)
    answer = site.send(endpoint, asked)
    expected = sample.expected["handshake"]
    assert answer.status_code == expected["status"]
    assert expected.get("headers", {}).items() <= dict(answer.headers).items()
    assert site.rows(submission, endpoint.portal_id) == []


def for_address(sample: Sample, endpoint: Endpoint) -> Delivery:
    """Return the sample as it is sent to an address of ours, whose token some tools repeat."""
    token = sample.delivery.url.partition("?")[0].rpartition("/")[2]
    query = sample.delivery.url.partition("?")[2].replace(token, endpoint.token)
    return replace(sample.delivery, url=f"https://forms.example.com{hook_path(endpoint)}?{query}".rstrip("?"))


@pytest.mark.parametrize("kind", HandshakeKind)
def test_each_kind_of_handshake_is_tried(kind: HandshakeKind) -> None:
    kinds = {CATALOGUE[sample.folder.name].handshake for sample in HANDSHAKES}
    assert kind in {handshake.kind for handshake in kinds if handshake is not None}


@pytest.mark.parametrize("provider", ["meta_lead_ads", "linkedin_lead_gen", "slack"])
def test_a_handshake_with_the_wrong_token_or_secret_is_refused(site: Site, provider: str) -> None:
    sample = next(sample for sample in HANDSHAKES if sample.folder.name == provider)
    endpoint = site.endpoint(provider) if provider == "linkedin_lead_gen" else opened(site, provider)[0]
    answer = site.send(endpoint, sample.delivery)
    assert answer.status_code in {401, 403}


def changed(sent: Delivery) -> Delivery:
    """Return the delivery with another byte in the middle of its body."""
    place = len(sent.body) // 2
    body = sent.body[:place] + bytes([sent.body[place] ^ 1]) + sent.body[place + 1 :]
    return replace(sent, body=body)


def refused_twice(site: Site, endpoint: Endpoint, sent: Delivery) -> tuple[int, str, Any]:
    """Send twice; returns how it is answered, and what is kept of it."""
    (status, reason), again = (
        (answer.status_code, (answer.json or {}).get("reason", ""))
        for answer in (site.send(endpoint, sent), site.send(endpoint, sent))
    )
    assert again == (status, reason)
    (row,) = site.rows(delivery, endpoint.portal_id)
    assert (row.reason, row.times, row.size) == (reason, 2, len(sent.body))
    assert site.rows(submission, endpoint.portal_id) == []
    return status, reason, row


@pytest.fixture
def unhurried(site: Site, monkeypatch: pytest.MonkeyPatch) -> Site:
    """A site that keeps as many refused deliveries as a test brings about."""
    monkeypatch.setattr("service.refused.MOST_A_SECOND", 1_000_000)
    return site


@pytest.mark.parametrize("provider", SIGNED)
def test_another_secret_proves_nothing_and_what_was_sent_is_kept_once(unhurried: Site, provider: str) -> None:
    site = unhurried
    endpoint, secret = opened(site, provider)
    other = secret_for(CATALOGUE[provider])
    sent = sent_to(endpoint, first_of(provider).delivery, other.signing, site.now())
    status, reason, row = refused_twice(site, endpoint, sent)
    assert (status, reason) == (401, Reason.SIGNATURE_WRONG)
    check_hidden(dumps(row.preview), secret.verifying, secret.signing, other.signing, endpoint.token)


@pytest.mark.parametrize("provider", SIGNED)
def test_what_is_shown_of_the_latest_delivery_holds_no_secret(site: Site, provider: str) -> None:
    endpoint, secret = opened(site, provider)
    site.send(endpoint, sent_to(endpoint, first_of(provider).delivery, secret.signing, site.now()))
    site.services.activity.flush()
    (row,) = [row for row in site.rows(endpoint_activity) if row.endpoint_id == endpoint.id]
    assert row.last_outcome == "kept"
    check_hidden(dumps(row.preview), secret.verifying, secret.signing, endpoint.token)


def check_hidden(shown: str, *secrets: str) -> None:
    for hidden in secrets:
        assert hidden not in shown
        assert dumps(hidden)[1:-1] not in shown


@pytest.mark.parametrize("provider", STRICT)
def test_a_changed_byte_is_refused(unhurried: Site, provider: str) -> None:
    endpoint, secret = opened(unhurried, provider)
    sent = sent_to(endpoint, first_of(provider).delivery, secret.signing, unhurried.now())
    assert refused_twice(unhurried, endpoint, changed(sent))[0] == 401


@pytest.mark.parametrize("provider", TIMED)
@pytest.mark.parametrize(
    ("days", "reason"), [(-8, Reason.TIMESTAMP_TOO_OLD), (8, Reason.TIMESTAMP_IN_FUTURE)]
)
def test_an_old_or_early_signature_is_refused(
    unhurried: Site, provider: str, days: int, reason: Reason
) -> None:
    endpoint, secret = opened(unhurried, provider)
    at = unhurried.now() + timedelta(days=days)
    sent = sent_to(endpoint, first_of(provider).delivery, secret.signing, at)
    assert refused_twice(unhurried, endpoint, sent)[:2] == (401, reason)


@pytest.mark.parametrize("provider", JSON_ONLY)
def test_what_cannot_be_read_is_refused_and_kept(unhurried: Site, provider: str) -> None:
    endpoint, secret = opened(unhurried, provider)
    broken = replace(first_of(provider).delivery, body=b'{"broken')
    sent = sent_to(endpoint, broken, secret.signing, unhurried.now())
    status, reason, row = refused_twice(unhurried, endpoint, sent)
    assert (status, reason) == (422, UnreadableReason.NOT_JSON)
    assert row.sealed is not None
