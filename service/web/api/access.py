"""Who may call our own API: an access token with the scope; and how a request that is not as described is refused."""

from collections.abc import Iterator, Mapping
from typing import Any

from flask import Response, request
from flask_smorest import Blueprint
from werkzeug.exceptions import HTTPException

from service.domain.portals import Scope
from service.endpoints import Endpoints
from service.errors import Forbidden, InvalidInput, NotFound, Unauthenticated
from service.web import problems
from service.web.services import services

BEARER = "bearer "
PORTAL = "/api/v1/portals/<int:portal_id>"
NUMBER = "int"
"""What a path holds for a number of ours; `guard` finds nothing for one that the database can't hold."""
LARGEST = 2**63 - 1
"""Of the numbers that the database can hold."""
WRONG_BODY, BODY, WHOLE = "the body", "json", "_schema"


def require(portal_id: int, scope: Scope) -> None:
    """Let the request pass if its access token is this portal's and has the scope.

    Raises Unauthenticated or Forbidden; a portal of somebody else is refused like one that does not exist.
    """
    header = request.headers.get("Authorization", "")
    secret = header[len(BEARER) :].strip() if header.lower().startswith(BEARER) else ""
    token = services().configuration.token(secret) if secret else None
    if token is None:
        message = (
            "send 'Authorization: Bearer <token>'; "
            f"'marketable token create --portal {portal_id} --scope {scope}' makes one"
        )
        raise Unauthenticated(message)
    if token.portal_id != portal_id:
        message = f"the access token is not one of portal {portal_id}"
        raise Forbidden(message)
    if scope not in token.scopes:
        message = f"the access token lacks the scope {scope!s}"
        raise Forbidden(message)


def guard(blueprint: Blueprint, scope: Scope) -> Blueprint:
    """Let nothing of a blueprint be reached without the scope, and tell where a request is wrong."""

    def check() -> None:
        named = request.view_args or {}
        require(named["portal_id"], scope)
        for name, number in named.items():
            if isinstance(number, int) and number > LARGEST:
                raise NotFound(name.removesuffix("_id"), number)

    blueprint.before_request(check)
    blueprint.register_error_handler(HTTPException, answer_http_exception)
    return blueprint


def answer_http_exception(error: HTTPException) -> Response:
    """Answer a request that its schema refuses with the field and the mend, and others as everywhere."""
    messages = (getattr(error, "data", None) or {}).get("messages")
    if messages is None:
        return problems.answer_http_exception(error)
    place, wrong = next(_mistakes(messages))
    field = place.partition(".")[2].removesuffix(WHOLE)
    about = field or (WRONG_BODY if place == BODY else place)
    mend = "'/openapi.json' describes what is taken"
    return problems.answer_error(InvalidInput(f"{about}: {wrong}", field=field, mend=mend))


def all_endpoints() -> Endpoints:
    """Return what the views of endpoints call."""
    current = services()
    return Endpoints(current.database, current.configuration.vault(), current.catalogue, current.now)


def origin() -> str:
    """Return where senders reach this service: as the setting says, or as this request did."""
    return services().settings.public_url or request.host_url.rstrip("/")


def _mistakes(messages: Any, place: str = "") -> Iterator[tuple[str, str]]:
    """Yield each mistake with its place, as 'json.options.captcha'."""
    if isinstance(messages, Mapping):
        for key, inner in messages.items():
            yield from _mistakes(inner, f"{place}.{key}" if place else str(key))
    elif isinstance(messages, list):
        for each in messages:
            yield from _mistakes(each, place)
    else:
        yield place, str(messages).rstrip(".")
