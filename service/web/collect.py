"""`/collect.js` and `/collect/<token>`: a script for any page, and where it sends what the page's forms submit."""

import gzip
import hashlib
from functools import cache
from pathlib import Path

from flask import Blueprint, Response, request
from werkzeug.exceptions import HTTPException

from service.endpoints import COLLECTED
from service.errors import MarketableError
from service.web import hooks
from service.web.services import services

SCRIPT = Path(__file__).parent / "static" / "collect.js"
HEADERS = {
    "Access-Control-Allow-Origin": "*",
    "Cache-Control": "public, max-age=3600",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Vary": "Accept-Encoding",
    "X-Content-Type-Options": "nosniff",
}

blueprint = Blueprint("collect", __name__)
blueprint.register_error_handler(MarketableError, hooks.answer_error)
blueprint.register_error_handler(HTTPException, hooks.answer_http_exception)
blueprint.register_error_handler(Exception, hooks.answer_unexpected)


@blueprint.route("/collect.js", provide_automatic_options=False)
def script() -> Response:
    """Return the script, or say that the browser has it already."""
    body, tag = _script()
    answered = Response(body, headers=HEADERS, content_type="text/javascript; charset=utf-8")
    if request.accept_encodings["gzip"]:
        answered.set_data(_compressed())
        answered.headers["Content-Encoding"] = "gzip"
        tag += "-gzip"
    answered.set_etag(tag)
    answered.make_conditional(request.environ)
    return answered


@blueprint.route("/collect/<token>", methods=["POST", "OPTIONS"], provide_automatic_options=False)
def take(token: str) -> Response:
    """Take in what a form of a page submitted, or tell a browser that the page may send it."""
    return hooks.answer(services(), COLLECTED, token)


@cache
def _script() -> tuple[bytes, str]:
    body = SCRIPT.read_bytes()
    return body, hashlib.sha256(body).hexdigest()[:32]


@cache
def _compressed() -> bytes:
    return gzip.compress(_script()[0], mtime=0)
