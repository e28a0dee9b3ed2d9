"""What `/hooks` does with what nobody should send, and while the database is away."""

import contextlib
import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from service.delivery import Delivery
from service.domain.endpoints import Endpoint
from service.endpoints import COLLECTED, hook_path
from service.errors import InvalidInput
from service.providers.bodies import check_depth
from service.providers.limits import MOST_EVENTS, MOST_FIELDS
from service.signatures.keys import SecretPair
from service.store.schema import migrate
from service.store.tables import contact, delivery, endpoint_activity, submission
from service.vault import new_key
from tests.hooking import CATALOGUE, Site, secret_for, sent_to
from tests.provider_samples import SAMPLES, Sample, multipart
from tests.world import World

ADA = {"email": "ada@example.com", "form": "contact"}
EVENTS = [sample for sample in SAMPLES if not sample.is_handshake and sample.folder.name != COLLECTED]
PROVIDERS = sorted({sample.folder.name for sample in EVENTS})
LIMIT = 65_536


@pytest.fixture
def site(world: World, tmp_path: Path) -> Iterator[Site]:
    site = Site(world.stack.database_url, tmp_path, secret_key=new_key(), commit_timeout=2.0)
    yield site
    site.close()


@contextlib.contextmanager
def hidden(site: Site, table: str) -> Iterator[None]:
    """Take a table away for a while, as a database is that was restored only in part, or stands still."""
    with site.database.writing() as connection:
        connection.execute(sa.text(f"ALTER TABLE {table} RENAME TO hidden"))
    try:
        yield
    finally:
        with site.database.writing() as connection:
            connection.execute(sa.text(f"ALTER TABLE hidden RENAME TO {table}"))


@pytest.mark.parametrize(
    "table", ["submission", "contact", "external_form", "endpoint_token", "configuration"]
)
def test_while_the_database_is_away_the_same_is_asked_for_again_and_kept_once(site: Site, table: str) -> None:
    endpoint = site.endpoint("generic_json")
    with hidden(site, table):
        answers = [site.post(endpoint, ADA) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [503, 503]
        assert all(int(answer.headers["Retry-After"]) > 0 for answer in answers)
        assert "Traceback" not in answers[0].text
    assert [site.post(endpoint, ADA).status_code for _ in range(2)] == [200, 200]
    assert [row.verdict for row in site.rows(submission, endpoint.portal_id)] == ["raised"]
    assert len(site.rows(contact, endpoint.portal_id)) == 1


def test_a_commit_that_comes_too_late_to_be_told_is_found_by_the_repeat(world: World, tmp_path: Path) -> None:
    site = Site(world.stack.database_url, tmp_path, secret_key=new_key(), commit_timeout=0.3)
    endpoint = site.endpoint("generic_json")
    site.post(endpoint, {"form": "contact"})
    with site.database.writing() as connection:
        if not site.database.is_sqlite:
            connection.execute(sa.text("LOCK TABLE submission IN ACCESS EXCLUSIVE MODE"))
        assert site.post(endpoint, ADA).status_code == 503
    assert site.post(endpoint, ADA).status_code in {200, 503}
    site.services.committer.close()
    assert len([row for row in site.rows(submission, endpoint.portal_id) if row.contact_id]) == 1
    site.close()


@pytest.mark.parametrize("table", ["delivery", "endpoint_activity"])
def test_what_is_only_for_people_hinders_no_answer(site: Site, table: str) -> None:
    endpoint = site.endpoint("generic_json", "s3cret")
    with hidden(site, table):
        assert site.post(endpoint, ADA).status_code == 401
        assert site.post(endpoint, ADA, X_Marketable_Secret="s3cret").status_code == 200  # noqa: S106
        site.services.activity.flush()
    assert site.rows(delivery if table == "delivery" else endpoint_activity) == []


def test_the_same_at_once_from_many_is_kept_once(site: Site) -> None:
    endpoint = site.endpoint("generic_json")
    statuses: list[int] = []

    def send() -> None:
        statuses.append(site.post(endpoint, ADA | {"id": "1"}).status_code)

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * 8
    assert len(site.rows(submission, endpoint.portal_id)) == 1
    assert len(site.endpoints.forms(endpoint.portal_id)) == 1


Opened = dict[str, tuple[Endpoint, SecretPair]]
"""One endpoint for each provider, with its secret."""


def test_a_key_that_opens_no_secret_is_a_fault_of_ours_that_senders_wait_out(
    world: World, tmp_path: Path
) -> None:
    sites = [Site(world.stack.database_url, tmp_path, secret_key=new_key()) for _ in range(2)]
    endpoint = sites[0].endpoint("generic_json", "s3cret")
    answer = sites[1].post(endpoint, ADA, X_Marketable_Secret="s3cret")  # noqa: S106
    assert answer.status_code >= 500
    assert "s3cret" not in answer.text
    for site in sites:
        site.close()


def test_too_many_requests_are_asked_to_come_later(world: World, tmp_path: Path) -> None:
    site = Site(world.stack.database_url, tmp_path, secret_key=new_key(), rate_limit_public=3)
    endpoint = site.endpoint("generic_json")
    statuses = [site.post(endpoint, ADA).status_code for _ in range(5)]
    assert statuses == [200, 200, 200, 429, 429]
    assert [site.post(f"/hooks/x/{number}", ADA).status_code for number in range(5)] == [
        404,
        404,
        404,
        429,
        429,
    ]
    site.close()


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site on SQLite that all tests about odd requests send to."""
    folder = tmp_path_factory.mktemp("odd")
    site = Site(f"sqlite:///{folder}/marketable.db", folder, max_body_bytes=LIMIT)
    migrate(site.database)
    yield site
    site.close()


@pytest.fixture(scope="module")
def endpoints(target: Site) -> Opened:
    pairs = {name: secret_for(CATALOGUE[name]) for name in PROVIDERS}
    portal_id = target.portal()
    return {
        name: (target.endpoint(name, pair.verifying, portal_id=portal_id), pair)
        for name, pair in pairs.items()
    }


values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 2**70) | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)


def samples_of(provider: str) -> list[Sample]:
    return [sample for sample in EVENTS if sample.folder.name == provider]


def check(site: Site, opened: tuple[Endpoint, SecretPair], odd: Delivery) -> None:
    """Send what is odd, signed where it can be: it is kept or refused, never a fault, and what is kept is bounded."""
    endpoint, pair = opened
    before = len(site.rows(submission, endpoint.portal_id))
    try:
        sent = sent_to(endpoint, odd, pair.signing, site.now())
    except (InvalidInput, ValueError):
        sent = replace(odd, url=f"https://forms.example.com{hook_path(endpoint)}")
    answer = site.send(endpoint, sent)
    assert answer.status_code == 200 or 300 <= answer.status_code < 500, (sent, answer.text)
    kept = site.rows(submission, endpoint.portal_id)
    assert len(kept) - before <= MOST_EVENTS
    for row in kept[before:]:
        check_depth(row.content)
        assert len(row.content.get("fields", ())) <= MOST_FIELDS
        assert len(json.dumps(row.content)) <= 20 * LIMIT


each_provider = pytest.mark.parametrize("provider", PROVIDERS)
few = settings(max_examples=8)


@each_provider
@few
@given(body=st.binary(max_size=200))
def test_random_bytes_are_kept_or_refused(
    target: Site, endpoints: Opened, provider: str, body: bytes
) -> None:
    check(target, endpoints[provider], replace(samples_of(provider)[0].delivery, body=body))


@each_provider
@few
@given(data=st.data())
def test_samples_with_anything_anywhere_are_kept_or_refused(
    target: Site, endpoints: Opened, provider: str, data: st.DataObject
) -> None:
    sample = data.draw(st.sampled_from(samples_of(provider)))
    try:
        document = json.loads(sample.delivery.body)
    except ValueError:
        body = cut(data, sample.delivery.body)
    else:
        body = json.dumps(exchanged(data, document)).encode()
    check(target, endpoints[provider], replace(sample.delivery, body=body))


def cut(data: st.DataObject, body: bytes) -> bytes:
    """Exchange a stretch of a body."""
    begin = data.draw(st.integers(0, len(body)))
    end = data.draw(st.integers(begin, len(body)))
    return body[:begin] + data.draw(st.binary(max_size=20)) + body[end:]


def exchanged(data: st.DataObject, document: Any) -> Any:
    """Exchange one value of a document."""
    keys = list(document) if isinstance(document, dict) else list(range(len(document)))
    if not keys:
        return data.draw(values)
    key = data.draw(st.sampled_from(keys))
    inner = document[key]
    deeper = isinstance(inner, dict | list) and data.draw(st.booleans())
    document[key] = exchanged(data, inner) if deeper else data.draw(values)
    return document


HUGE: dict[str, bytes] = {
    "deep lists": b"[" * 20_000 + b"]" * 20_000,
    "deep objects": b'{"a":' * 9_000 + b"1" + b"}" * 9_000,
    "many keys": json.dumps({f"k{number}": "v" for number in range(4_000)}).encode(),
    "many items": json.dumps([{"email": f"{number}@example.com"} for number in range(2_000)]).encode(),
    "a long text": json.dumps({"email": "a@example.com", "note": "x" * 60_000}).encode(),
    "a long key": json.dumps({"x" * 60_000: "a@example.com"}).encode(),
    "a huge number": b'{"id":' + b"9" * 5_000 + b"}",
    "a lone surrogate": b'{"id":"\\ud800","email":"a@example.com"}',
    "a nul": b'{"id":"a\\u0000b","email":"a@example.com","form":"\\u0000"}',
    "too large": b'{"a":"' + b"x" * LIMIT + b'"}',
    "infinity": b'{"id":Infinity,"email":NaN}',
    "a bom": b'\xef\xbb\xbf{"email":"a@example.com"}',
}


@pytest.mark.parametrize("name", HUGE)
@pytest.mark.parametrize("provider", ["generic_json", "segment", "typeform", "html_form"])
def test_huge_and_odd_documents_are_kept_or_refused(
    target: Site, endpoints: Opened, provider: str, name: str
) -> None:
    sample = replace(samples_of(provider)[0].delivery, headers=(("Content-Type", "application/json"),))
    check(target, endpoints[provider], replace(sample, body=HUGE[name]))


ODD_TYPES = [
    "", "application/json; charset=klingon", "multipart/form-data", "multipart/form-data; boundary=",
    "multipart/form-data; boundary=XBOUND", "application/x-www-form-urlencoded; charset=utf-16", "text/plain",
    "a/b;" * 50, "\xff", "application/cloudevents-batch+json",
]  # fmt: skip


@pytest.mark.parametrize("content_type", ODD_TYPES)
@pytest.mark.parametrize("provider", ["html_form", "jotform", "cloudevents", "generic_json"])
def test_odd_types_of_content_are_kept_or_refused(
    target: Site, endpoints: Opened, provider: str, content_type: str
) -> None:
    parts = [(f'name="f{number}"', "x") for number in range(1_100)]
    for body in (b"a=%zz&b=%00&email=a%40example.com", multipart(*parts), b"--XBOUND", b"\xff" * 50):
        odd = replace(samples_of(provider)[0].delivery, headers=(("Content-Type", content_type),), body=body)
        check(target, endpoints[provider], odd)


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "GET"])
def test_other_methods_are_refused(target: Site, endpoints: Opened, method: str) -> None:
    path = hook_path(endpoints["generic_json"][0])
    assert target.client.open(path, method=method).status_code == 405


def test_a_body_over_the_limit_is_refused_and_not_kept(target: Site) -> None:
    endpoint = target.endpoint("generic_json")
    answer = target.client.post(hook_path(endpoint), data=HUGE["too large"], content_type="application/json")
    assert answer.status_code == 413
    assert target.rows(delivery, endpoint.portal_id) == []


def test_a_flood_of_refusals_is_answered_and_only_some_are_kept(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.refused.MOST_A_SECOND", 2)
    endpoint = site.endpoint("generic_json", "s3cret")
    statuses = {site.post(endpoint, {"n": number}).status_code for number in range(100)}
    assert statuses == {401}
    assert 1 <= len(site.rows(delivery, endpoint.portal_id)) < 100
