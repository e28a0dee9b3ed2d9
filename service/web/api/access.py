"""Who may call our own API: an access token with the scope; and how a request that is not as described is refused."""

from collections.abc import Iterator, Mapping
from typing import Any

from flask import Response, current_app, g, request
from flask_smorest import Blueprint
from werkzeug.exceptions import HTTPException

from service.domain.actors import Actor, ActorKind
from service.domain.model import Default
from service.domain.people import Maker
from service.domain.portals import AccessToken, Scope
from service.endpoints import Endpoints
from service.errors import Forbidden, InvalidInput, NotFound, Unauthenticated
from service.web import problems
from service.web.api.effects import Effect, Marker, marker_of
from service.web.services import services

BEARER = "bearer "
PORTAL = "/api/v1/portals/<int:portal_id>"
NUMBER = "int"
"""What a path holds for a number of ours; `guard` finds nothing for one that the database can't hold."""
LARGEST = 2**63 - 1
"""Of the numbers that the database can hold."""
SCOPE = "marketable_scope"
"""The attribute of a blueprint that says which scope its calls need, for the test of the isolation."""
WRONG_BODY, BODY, WHOLE = "the body", "json", "_schema"


def require(portal_id: int, scope: Scope | None) -> None:
    """Let the request pass if its access token is this portal's and has the scope; `actor` is who it is then.

    Raises Unauthenticated or Forbidden; a portal of somebody else is refused like one that does not exist. What was
    taken from a token or its user holds at once: the configuration is looked at anew for each request.
    """
    header = request.headers.get("Authorization", "")
    secret = header[len(BEARER) :].strip() if header.lower().startswith(BEARER) else ""
    configuration = services().configuration
    if secret:
        configuration.refresh()
    token = configuration.token(secret) if secret else None
    if token is None:
        raise Unauthenticated(
            "send 'Authorization: Bearer <token>'; "
            f"'marketable token create --portal {portal_id}{f' --scope {scope}' if scope else ''}' makes one"
        )
    if token.portal_id != portal_id:
        message = f"the access token is not one of portal {portal_id}"
        raise Forbidden(message)
    if scope is not None:
        token.check(scope, writing=_marker().effect is not Effect.READS)
    g.token, g.actor = token, actor_of(token)


def actor_of(token: AccessToken) -> Actor:
    """Return who acts by an access token: its user, or the integration that it was made for."""
    if token.user_id is not None:
        return Actor(ActorKind.USER, token.user_id, token.marketing_access)
    default = Default(token.marketing_default, token.default_version)
    return Actor(ActorKind.TOKEN, token.id, token.marketing_access, default)


def actor() -> Actor:
    """Return who makes this request; `require` has let it pass."""
    found: Actor = g.actor
    return found


def current_token() -> AccessToken:
    """Return what this request is made by; `require` has let it pass."""
    found: AccessToken = g.token
    return found


def maker() -> Maker:
    """Return who makes this request, and what they have to give."""
    token = current_token()
    return Maker(actor(), token.scopes, token.read_only)


def guard(blueprint: Blueprint, scope: Scope | None) -> Blueprint:
    """Let nothing of a blueprint be reached without the scope, and tell where a request is wrong.

    Without the marketing contacts access, nothing is reached that sets a status or a default (`effects`). A scope
    of None lets every token of the portal pass.
    """

    def check() -> None:
        named = request.view_args or {}
        require(named["portal_id"], scope)
        marker = _marker()
        if marker.sets_status(request.get_json(silent=True) if marker.fields else None):
            actor().check_marketing_access()
        for name, number in named.items():
            if isinstance(number, int) and number > LARGEST:
                raise NotFound(name.removesuffix("_id"), number)

    setattr(blueprint, SCOPE, scope)
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
    return Endpoints(current.database, current.configuration.vault(), current.catalogue, current.now, actor())


def origin() -> str:
    """Return where senders reach this service: as the setting says, or as this request did."""
    return services().settings.public_url or request.host_url.rstrip("/")


def _marker() -> Marker:
    """Return what the view of this request says of it."""
    view = current_app.view_functions.get(request.endpoint or "")
    return marker_of(view, request.method) or Marker(Effect.CHANGES)


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
