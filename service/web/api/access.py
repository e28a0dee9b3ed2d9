"""Who may call our own API: an access token of the portal with the right scope."""

from flask import request

from service.domain.portals import Scope
from service.errors import Forbidden, Unauthenticated
from service.web.services import services

BEARER = "bearer "


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
