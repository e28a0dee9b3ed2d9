"""What senders see of the submission routes, on a real SQLite database."""

import io
import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from werkzeug.test import TestResponse

from config.settings import Settings
from service.app import open_services
from service.domain.billing import Commitment, Product, Subscription
from service.domain.forms import DEFAULT_THANKS, Form, read_definition
from service.domain.portals import Portal
from service.instants import utc_now
from service.store import portals
from service.store.schema import migrate
from service.store.session import Database
from service.store.tables import contact, submission
from service.web.hubspot.submissions import OTHERS
from service.web.services import Services
from tests.applications import application
from tests.submission_samples import COOKIE, EMAIL, FIRSTNAME, GUID, entry, make_body, milliseconds

PUBLIC = f"/submissions/v3/integration/submit/1/{GUID}"
SECURE = f"/submissions/v3/integration/secure/submit/1/{GUID}"
PAIRS = f"/uploads/form/v2/1/{GUID}"
ADA = make_body(entry("email", "ada@example.com"))
JSON = "application/json"
UNKNOWN_GUID = "22222222-2222-4222-8222-222222222222"


class Site:
    """One web process on a database of its own, with portals 1 and 2; form GUID belongs to portal 1."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        given = Settings(data_dir=folder, **settings)
        self.services: Services = open_services(given)
        migrate(self.services.database)
        with self.services.database.writing() as connection:
            for portal_id in (1, 2):
                portals.add_portal(connection, _portal(portal_id))
        self.save_form()
        self._lent = ExitStack()
        self.client = self._lent.enter_context(application(given, self.services)).test_client()

    def close(self) -> None:
        self.services.close()
        self._lent.close()

    @property
    def database(self) -> Database:
        return self.services.database

    def save_form(
        self, *, guid: str = GUID, archived: bool = False, version: int = 1, **document: Any
    ) -> None:
        definition = read_definition({"name": "F", "fields": [EMAIL, FIRSTNAME], **document})
        form = Form.of(definition, portal_id=1, guid=guid, version=version, archived=archived)
        with self.database.writing() as connection:
            portals.save_form(connection, form, utc_now())

    def add_token(self, secret: str, *scopes: str, portal_id: int = 1) -> None:
        with self.database.writing() as connection:
            portals.add_token(connection, portal_id, "t", secret, scopes, utc_now())

    def post(
        self, url: str = PUBLIC, body: bytes = ADA, content_type: str = JSON, **more: Any
    ) -> TestResponse:
        return self.client.post(url, data=body, content_type=content_type, **more)

    def kept(self) -> int:
        with self.database.reading() as connection:
            return connection.execute(sa.select(sa.func.count()).select_from(submission)).scalar_one()

    def contacts(self) -> list[str]:
        with self.database.reading() as connection:
            return list(connection.execute(sa.select(contact.c.email)).scalars())


def _portal(portal_id: int) -> Portal:
    subscription = Subscription(Commitment.MONTHLY, date(2026, 1, 1))
    return Portal(portal_id, f"Portal {portal_id}", subscription, Product.STARTER, 1_000, utc_now())


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Site]]:
    sites: list[Site] = []

    def open_site(**settings: Any) -> Site:
        sites.append(Site(tmp_path / str(len(sites)), **settings))
        return sites[-1]

    yield open_site
    for site in sites:
        site.close()


@pytest.fixture
def site(start: Callable[..., Site]) -> Site:
    return start()


def refusal(answer: TestResponse, status: int) -> dict[str, Any]:
    """Return the body of a refusal after a look at its shape."""
    assert answer.status_code == status, answer.text
    assert answer.mimetype == JSON
    body: dict[str, Any] = answer.get_json()
    assert body["status"] == "error"
    assert str(uuid.UUID(body["correlationId"])) == body["correlationId"]
    return body


def test_a_submission_is_kept_before_it_is_thanked_for(site: Site) -> None:
    answer = site.post()
    assert answer.status_code == 200
    assert answer.get_json() == {"inlineMessage": DEFAULT_THANKS}
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert site.contacts() == ["ada@example.com"]


def test_the_forms_own_thanks_or_redirect_is_answered(site: Site) -> None:
    site.save_form(postSubmitAction={"type": "thank_you", "value": "<b>Hi</b>"}, version=2)
    site.services.configuration.refresh()
    assert site.post().get_json() == {"inlineMessage": "<b>Hi</b>"}
    site.save_form(postSubmitAction={"type": "redirect_url", "value": "https://example.com/"}, version=3)
    site.services.configuration.refresh()
    assert site.post().get_json() == {"redirectUri": "https://example.com/"}


def test_the_same_again_is_answered_the_same_and_does_nothing(site: Site) -> None:
    assert [site.post().status_code for _ in range(3)] == [200, 200, 200]
    assert site.kept() == 1


def test_an_id_makes_a_delivery_one_and_another_body_under_it_a_conflict(site: Site) -> None:
    headers = {"Idempotency-Key": "order-7"}
    bob = make_body(entry("email", "bob@example.com"))
    assert site.post(headers=headers).status_code == 200
    assert site.post(headers=headers).status_code == 200
    assert "Idempotency-Key" in refusal(site.post(headers=headers, body=bob), 409)["message"]
    assert refusal(site.post(headers={"Idempotency-Key": "a b"}), 400)
    assert site.contacts() == ["ada@example.com"]


def test_a_guid_may_be_written_in_capitals(site: Site) -> None:
    guid = "abcdef01-2345-4678-9abc-def012345678"
    site.save_form(guid=guid)
    assert (
        site.post(
            PUBLIC.upper().replace("/SUBMISSIONS/V3/INTEGRATION/SUBMIT", "/submissions/v3/integration/submit")
        ).status_code
        == 200
    )


def test_all_errors_of_a_body_are_listed_and_nothing_is_kept(site: Site) -> None:
    answer = site.post(body=make_body(entry("email", "x"), entry("size", "9"), context={"hutk": "x"}))
    body = refusal(answer, 400)
    assert body["message"] == "The request is not valid"
    assert [error["errorType"] for error in body["errors"]] == [
        "INVALID_HUTK",
        "INVALID_EMAIL",
        "FIELD_NOT_IN_FORM_DEFINITION",
    ]
    assert body["errors"][1]["message"].startswith("Error in 'fields.email'. ")
    assert site.kept() == 0


@pytest.mark.parametrize(
    ("url", "words"),
    [
        (PUBLIC.replace("/1/", "/9/"), "portal 9"),
        (PUBLIC.replace("/1/", "/x/"), "portal x"),
        (PUBLIC.replace("/1/", "/-1/"), "portal -1"),
        (PUBLIC.replace("/1/", "/99999999999999999999/"), "portal 9999"),
        (PUBLIC.replace("/1/", "/4294967297/"), "portal 4294967297"),
        (PUBLIC.replace("/1/", "/１/"), "portal"),  # noqa: RUF001 - a digit that is not ASCII
        (PUBLIC.replace("/1/", "/2/"), "form"),
        (PUBLIC.replace(GUID, UNKNOWN_GUID), UNKNOWN_GUID),
        (PUBLIC.replace(GUID, "contact-us"), "form contact-us"),
        (PUBLIC.replace(GUID, GUID.replace("-", "")), "form"),
        (PUBLIC.replace(GUID, "%00"), "form"),
        (PAIRS.replace(GUID, UNKNOWN_GUID), UNKNOWN_GUID),
    ],
)
def test_an_unknown_portal_or_form_is_not_found(site: Site, url: str, words: str) -> None:
    content_type = JSON if url.startswith("/sub") else "application/x-www-form-urlencoded"
    assert words in refusal(site.post(url, content_type=content_type), 404)["message"]


def test_an_archived_form_says_so(site: Site) -> None:
    site.save_form(archived=True, version=2)
    assert "archived" in refusal(site.post(), 404)["message"]


def test_no_refusal_comes_from_a_form_as_it_was(site: Site) -> None:
    body = make_body(entry("email", "ada@example.com"), entry("town", "London"))
    assert refusal(site.post(body=body), 400)
    town = {"name": "town", "fieldType": "single_line_text"}
    site.save_form(fields=[EMAIL, FIRSTNAME, town], version=2)
    assert site.post(body=body).status_code == 200


def test_no_refusal_comes_from_before_a_form_or_token_was_made(site: Site) -> None:
    assert refusal(site.post(SECURE, headers={"Authorization": "Bearer new"}), 401)
    site.add_token("new", "forms")
    assert site.post(SECURE, headers={"Authorization": "Bearer new"}).status_code == 200


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer ", "Bearer wrong", "Basic right", "right", "Bearer é"]
)
def test_the_secure_route_needs_a_known_token(site: Site, header: str | None) -> None:
    site.add_token("right", "forms")
    answer = site.post(SECURE, headers={} if header is None else {"Authorization": header})
    assert refusal(answer, 401)
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert site.kept() == 0


def test_the_secure_route_needs_a_token_of_the_portal_with_the_scope(site: Site) -> None:
    site.add_token("other", "forms", portal_id=2)
    site.add_token("billing", "billing")
    site.add_token("right", "forms")
    assert (
        "another portal"
        in refusal(site.post(SECURE, headers={"Authorization": "Bearer other"}), 403)["message"]
    )
    assert "scope" in refusal(site.post(SECURE, headers={"Authorization": "Bearer billing"}), 403)["message"]
    answer = site.post(SECURE, headers={"Authorization": "bearer right"})
    assert answer.status_code == 200
    assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize("url", [PUBLIC, PAIRS])
def test_any_page_may_submit(site: Site, url: str) -> None:
    headers = {"Origin": "https://example.com", "Access-Control-Request-Headers": "x-one, X-Two"}
    answer = site.client.options(url, headers=headers)
    assert answer.status_code == 204
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert answer.headers["Access-Control-Allow-Methods"] == "POST"
    assert answer.headers["Access-Control-Allow-Headers"] == "content-type, x-one, X-Two"
    assert int(answer.headers["Access-Control-Max-Age"]) > 0


def test_a_preflight_repeats_no_odd_headers(site: Site) -> None:
    answer = site.client.options(PUBLIC, headers={"Access-Control-Request-Headers": "x" * 2_000})
    assert answer.headers["Access-Control-Allow-Headers"] == "content-type"


def test_pages_may_read_refusals_as_well(site: Site) -> None:
    assert site.post(body=b"{").headers["Access-Control-Allow-Origin"] == "*"
    assert site.post(PUBLIC.replace("/1/", "/9/")).headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize("url", [PUBLIC, SECURE, PAIRS])
@pytest.mark.parametrize("method", OTHERS)
def test_other_methods_are_refused(site: Site, url: str, method: str) -> None:
    answer = site.client.open(url, method=method)
    assert answer.status_code == 405
    assert set(answer.headers["Allow"].split(", ")) == {"POST", "OPTIONS"}
    assert method == "HEAD" or refusal(answer, 405)


def test_the_secure_route_answers_options_to_no_page(site: Site) -> None:
    answer = site.client.options(SECURE)
    assert answer.status_code == 204
    assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize(
    "content_type", [JSON, "Application/JSON; charset=UTF-8", "application/json;charset=utf8", ""]
)
def test_json_in_utf8_is_taken(site: Site, content_type: str) -> None:
    assert site.post(content_type=content_type).status_code == 200


@pytest.mark.parametrize(
    ("url", "content_type", "mend"),
    [
        (PUBLIC, "application/x-www-form-urlencoded", "application/json"),
        (PUBLIC, "text/plain", "application/json"),
        (PUBLIC, "application/json; charset=utf-16", "UTF-8"),
        (PUBLIC, "application/json; charset=iso-8859-1", "UTF-8"),
        (PUBLIC, "nonsense", "application/json"),
        (PAIRS, JSON, "multipart/form-data"),
        (PAIRS, "application/x-www-form-urlencoded; charset=iso-8859-1", "UTF-8"),
    ],
)
def test_other_media_types_are_refused_with_the_mend(
    site: Site, url: str, content_type: str, mend: str
) -> None:
    assert mend in refusal(site.post(url, content_type=content_type), 415)["message"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "line 1, column 1"),
        (b"{fields", "Invalid input JSON on line 1, column 2: "),
        (b'{"fields":"\xff"}', "not UTF-8"),
        (b"[]", "not an object"),
        (b'{"fields":[],"fields":[]}', "'fields' stands twice"),
        (b'{"fields":[{"name":"email","value":"\\u0000"}]}', "NUL"),
        (b'{"fields":' + b"[" * 50 + b"]" * 50 + b"}", "levels"),
        (b'{"fields":' + b"[" * 5_000, "Invalid input JSON"),
    ],
)
def test_hostile_bodies_are_refused(site: Site, body: bytes, words: str) -> None:
    answer = refusal(site.post(body=body), 400)
    assert words in answer["message"]
    assert "errors" not in answer


def test_a_body_over_the_limit_is_refused(start: Callable[..., Site]) -> None:
    site = start(max_body_bytes=1_024)
    just = make_body(entry("email", "ada@example.com"), other="")
    just = just.replace(b'"other":""', b'"other":"' + b"x" * (1_024 - len(just)) + b'"')
    assert site.post(body=just).status_code == 200
    assert "1024" in refusal(site.post(body=just + b" "), 413)["message"]


def test_a_chunked_body_over_the_limit_is_refused(start: Callable[..., Site]) -> None:
    site = start(max_body_bytes=1_024)

    def chunked(body: bytes) -> TestResponse:
        return site.client.post(
            PUBLIC,
            input_stream=io.BytesIO(body),
            content_type=JSON,
            headers={"Transfer-Encoding": "chunked"},
            environ_overrides={"wsgi.input_terminated": True},
        )

    assert chunked(ADA).status_code == 200
    assert "1024" in refusal(chunked(ADA + b" " * 2_000), 413)["message"]


@pytest.mark.parametrize("terminated", [True, False])
def test_a_body_that_breaks_off_is_refused(site: Site, terminated: bool) -> None:  # noqa: FBT001 - a table's column
    environment: dict[str, object] = {"wsgi.input_terminated": True} if terminated else {}
    answer = site.client.post(
        PAIRS,
        input_stream=io.BytesIO(b"email=ada%40example.com"),
        content_type="application/x-www-form-urlencoded",
        environ_overrides={**environment, "CONTENT_LENGTH": "40"},
    )
    assert refusal(answer, 400)
    assert site.kept() == 0


class _BrokenStream:
    def read(self, _size: int = -1) -> bytes:
        raise RuntimeError("the chunk has no end")


def test_a_garbled_chunk_is_the_senders_fault(site: Site) -> None:
    environment = {"wsgi.input": _BrokenStream(), "wsgi.input_terminated": True}
    answer = site.client.open(
        PUBLIC,
        method="POST",
        content_type=JSON,
        environ_overrides=environment,
    )
    assert refusal(answer, 400)


def test_over_the_rate_limit_senders_are_told_when_to_come_back(start: Callable[..., Site]) -> None:
    site = start(rate_limit_public=2, rate_limit_secure=1)
    site.add_token("right", "forms")
    assert [site.post().status_code for _ in range(3)] == [200, 200, 429]
    answer = site.post()
    body = refusal(answer, 429)
    assert body["policyName"] == "TEN_SECONDLY_ROLLING"
    assert 1 <= int(answer.headers["Retry-After"]) <= 10
    other = {"REMOTE_ADDR": "203.0.113.9"}
    assert site.post(environ_overrides=other).status_code == 200
    bearer = {"Authorization": "Bearer right"}
    assert [site.post(SECURE, headers=bearer).status_code for _ in range(2)] == [200, 429]


def test_guessing_portals_is_limited_as_one(start: Callable[..., Site]) -> None:
    site = start(rate_limit_public=3)
    urls = [PUBLIC.replace("/1/", f"/{number}/") for number in range(100, 105)]
    assert [site.post(url).status_code for url in urls] == [404, 404, 404, 429, 429]


def test_what_cannot_be_kept_now_is_answered_503(start: Callable[..., Site]) -> None:
    site = start(commit_timeout=0.1)
    assert site.post().status_code == 200
    with site.database.writer_lock():
        answer = site.post(body=make_body(entry("email", "bob@example.com")))
        assert refusal(answer, 503)
        assert int(answer.headers["Retry-After"]) >= 1


def test_times_and_cookies_are_kept(site: Site) -> None:
    sent = utc_now() - timedelta(days=3)
    body = make_body(
        entry("email", "ada@example.com"), submittedAt=milliseconds(sent), context={"hutk": COOKIE}
    )
    assert site.post(body=body).status_code == 200
    assert refusal(site.post(body=make_body(submittedAt=milliseconds(sent - timedelta(days=40)))), 400)


def test_v2_answers_204_or_302(site: Site) -> None:
    pairs = {"email": "ada@example.com"}
    answer = site.client.post(PAIRS, data=pairs)
    assert (answer.status_code, answer.data) == (204, b"")
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    wanted = {**pairs, "hs_context": json.dumps({"redirectUrl": "https://example.com/a?b=ä"})}
    answer = site.client.post(PAIRS, data=wanted, content_type="multipart/form-data")
    assert (answer.status_code, answer.location) == (302, "https://example.com/a?b=%C3%A4")
    site.save_form(postSubmitAction={"type": "redirect_url", "value": "https://example.com/own"}, version=2)
    site.services.configuration.refresh()
    assert site.client.post(PAIRS, data=wanted).location == "https://example.com/own"
    assert site.contacts() == ["ada@example.com"]


@pytest.mark.parametrize("body", [b"email=%zz", b"email=%ff", b"email=%00", b"hs_context=x", b"email=x", b""])
def test_v2_refuses_in_the_same_shape(site: Site, body: bytes) -> None:
    assert refusal(site.post(PAIRS, body=body, content_type="application/x-www-form-urlencoded"), 400)
    assert site.kept() == 0


def test_the_correlation_id_of_a_conflict_is_the_one_its_evidence_is_kept_under(site: Site) -> None:
    headers = {"Idempotency-Key": "7"}
    site.post(headers=headers)
    body = refusal(site.post(headers=headers, body=make_body(entry("email", "bob@example.com"))), 409)
    with site.database.reading() as connection:
        kept = connection.execute(sa.text("SELECT id FROM conflicting_delivery")).scalar_one()
    assert uuid.UUID(str(kept)) == uuid.UUID(body["correlationId"])
