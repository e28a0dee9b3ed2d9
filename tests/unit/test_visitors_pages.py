import base64
import hashlib
import re

import pytest
from flask import Response

from service.documents import dumps
from service.web import visitors
from service.web.pages.rendering import LANGUAGES
from tests.browsers import BROWSER, ORIGIN, SCRIPT
from tests.unit.test_visitors import answered, endpoint, submission

SLIPPERY = "<script>alert(1)</script>\"'&"


def text_of(reply: Response) -> str:
    return reply.get_data(as_text=True)


def problem(status: int, reason: str = "not_a_form", **headers: str) -> Response:
    document = {"title": "T", "status": status, "detail": "<b>inside</b>", "reason": reason}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(dumps(document), status, named, content_type="application/problem+json")


@pytest.mark.parametrize(
    ("asked", "language"),
    [
        ("de-AT,de;q=0.9,en;q=0.5", "de"),
        ("fr", "fr"),
        ("es-MX", "es"),
        ("it;q=0.4, nl;q=0.8", "nl"),
        ("pt-BR", "pt"),
        ("it", "it"),
        ("tlh", "en"),
        ("*", "en"),
        ("", "en"),
        (";;;q=x,\x7f", "en"),
    ],
)
def test_thanks_are_said_in_the_visitors_language(asked: str, language: str) -> None:
    page = text_of(answered(submission(Accept_Language=asked)))
    assert f'<html lang="{language}">' in page
    assert f"<h1>{LANGUAGES[language]['thanks'][0]}</h1>" in page


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_language_has_all_there_is_to_say(language: str) -> None:
    assert LANGUAGES[language].keys() == LANGUAGES["en"].keys()
    assert all(len(texts) == 2 and all(texts) for texts in LANGUAGES[language].values())


def test_the_endpoints_own_thanks_stand_alone() -> None:
    page = text_of(answered(submission(), thanks_text="Merci, Ada\nÀ bientôt"))
    assert "<title>Merci, Ada</title>" in page
    assert "<p>Merci, Ada\nÀ bientôt</p>" in page
    assert "<h1>" not in page
    assert "<html>" in page


def test_nothing_that_somebody_wrote_becomes_markup() -> None:
    slippery = submission(Referer=f"https://www.example.com/{SLIPPERY}")
    page = text_of(answered(slippery, thanks_text=SLIPPERY))
    assert "<script" not in page
    assert 'href="https://www.example.com/%3Cscript%3Ealert(1)%3C/script%3E%22&#39;&amp;"' in page


@pytest.mark.parametrize("page", ["javascript:alert(1)", "https://a@b.example/", "data:,x", ""])
def test_the_way_back_leads_to_web_pages_only(page: str) -> None:
    assert "href" not in text_of(answered(submission(Referer=page, Origin="null")))


def test_a_page_runs_nothing_loads_nothing_and_stays_in_no_cache() -> None:
    reply = answered(submission())
    (style,) = re.findall("<style>(.*?)</style>", text_of(reply), re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = reply.headers["Content-Security-Policy"]
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    assert reply.headers["X-Content-Type-Options"] == "nosniff"
    assert reply.headers["Cache-Control"] == "no-store"
    assert "Set-Cookie" not in reply.headers


@pytest.mark.parametrize(
    ("status", "occasion"),
    [
        (400, "not_kept"),
        (401, "not_kept"),
        (404, "nowhere"),
        (405, "nowhere"),
        (413, "too_large"),
        (422, "not_kept"),
        (429, "too_many"),
        (500, "later"),
        (503, "later"),
    ],
)
def test_a_refusal_is_a_page_that_says_what_to_do(status: int, occasion: str) -> None:
    reply = visitors.refuse(endpoint(), submission(), problem(status, Retry_After="300"))
    assert reply.status_code == status
    assert reply.headers["Retry-After"] == "300"
    assert LANGUAGES["en"][occasion][1] in text_of(reply)
    assert "inside" not in text_of(reply)


def test_a_form_that_was_read_and_is_too_large_is_told_so_too() -> None:
    reply = visitors.refuse(endpoint(), submission(), problem(422, "too_large"))
    assert LANGUAGES["en"]["too_large"][1] in text_of(reply)


def test_a_script_gets_the_problem_as_it_is_and_may_read_it() -> None:
    reply = visitors.refuse(endpoint(), submission(headers=SCRIPT), problem(503, Retry_After="300"))
    assert reply.get_json()["reason"] == "not_a_form"
    assert reply.content_type == "application/problem+json"
    assert reply.headers["Access-Control-Allow-Origin"] == "*"
    assert reply.headers["Access-Control-Expose-Headers"] == "Retry-After"


@pytest.mark.parametrize("headers", [BROWSER, SCRIPT])
def test_an_address_that_leads_nowhere_answers_as_others_do(headers: dict[str, str]) -> None:
    reply = visitors.refuse(None, submission(headers=headers), problem(404))
    assert reply.status_code == 404
    assert reply.headers["Access-Control-Allow-Origin"] == "*"


def test_a_listed_page_may_read_its_refusal_and_no_other() -> None:
    listed = endpoint(allowed_origins=(ORIGIN,))
    refused = visitors.refuse(listed, submission(headers=SCRIPT), problem(422))
    hidden = visitors.refuse(listed, submission(headers=SCRIPT, Origin="https://evil.example"), problem(422))
    assert refused.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert "Access-Control-Allow-Origin" not in hidden.headers
