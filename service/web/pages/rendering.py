"""Makes the pages, in the visitor's language; no scripts, no cookies, nothing loaded from anywhere."""

import base64
import hashlib
import tomllib
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path

from flask import Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from werkzeug.datastructures import LanguageAccept
from werkzeug.http import parse_accept_header

from service.delivery import Delivery
from service.providers.events import UnreadableReason
from service.web.problems import PROBLEM_JSON
from service.web.urls import WebUrl

LONGEST_TITLE = 80
LONGEST_ACCEPT_LANGUAGE = 200
_HERE = Path(__file__).parent
LANGUAGES: Mapping[str, Mapping[str, list[str]]] = tomllib.loads(
    (_HERE / "texts.toml").read_text(encoding="utf-8")
)
"""Language, occasion, and the title and text of its page."""
_USUAL_LANGUAGE = "en"
_STYLE = Markup((_HERE / "page.css").read_text(encoding="utf-8"))  # noqa: S704 - a file of ours
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_page = Environment(loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined).get_template(
    "page.html"
)
_HEADERS = {
    # Forms stand in frames of site builders, and so does what follows them: no 'frame-ancestors'.
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; form-action 'none'"
    ),
    "Referrer-Policy": "no-referrer",
}
_OCCASIONS: Mapping[int, str] = {
    HTTPStatus.NOT_FOUND: "nowhere",
    HTTPStatus.METHOD_NOT_ALLOWED: "nowhere",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "too_large",
    HTTPStatus.TOO_MANY_REQUESTS: "too_many",
    HTTPStatus.INTERNAL_SERVER_ERROR: "later",
    HTTPStatus.SERVICE_UNAVAILABLE: "later",
}
_OTHERWISE = "not_kept"


def thanks(delivery: Delivery, text: str, page: WebUrl | None) -> Response:
    """Return the page of thanks; `text` is what the endpoint says, in a language that nobody knows."""
    if text:
        return _render(title=text.strip().partition("\n")[0][:LONGEST_TITLE], text=text, back=page)
    language = _language(delivery)
    title, text = LANGUAGES[language]["thanks"]
    return _render(language=language, title=title, heading=title, text=text, back=page)


def refusal(delivery: Delivery, problem: Response, page: WebUrl | None) -> Response:
    """Return the page in place of a problem; it says what to do, and nothing of what was sent."""
    language = _language(delivery)
    status = problem.status_code
    title, text = LANGUAGES[language][_occasion(problem)]
    shown = _render(language=language, title=title, heading=title, text=text, back=page, code=status)
    shown.status_code = status
    for name, value in problem.headers.items():
        if name.lower() not in {"content-type", "content-length"}:
            shown.headers[name] = value
    return shown


def _occasion(problem: Response) -> str:
    """Return what to speak of: of the status, or of the one reason that the visitor can do more about."""
    document = problem.get_json(silent=True) if problem.mimetype == PROBLEM_JSON else None
    if isinstance(document, dict) and document.get("reason") == UnreadableReason.TOO_LARGE:
        return "too_large"
    return _OCCASIONS.get(problem.status_code, _OTHERWISE)


def _render(*, title: str, text: str, back: WebUrl | None, **more: str | int) -> Response:
    """`more` has, where there is one, the language, the heading, and the status of a refusal."""
    parts = {"language": "", "heading": "", "code": "", **more}
    body = _page.render(title=title, text=text, back=back, style=_STYLE, **parts)
    return Response(body, headers=_HEADERS, content_type="text/html; charset=utf-8")


def _language(delivery: Delivery) -> str:
    header = (delivery.header("Accept-Language") or "")[:LONGEST_ACCEPT_LANGUAGE]
    found = parse_accept_header(header, LanguageAccept).best_match(LANGUAGES, _USUAL_LANGUAGE)
    return found or _USUAL_LANGUAGE
