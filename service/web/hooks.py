"""`/hooks/<provider>/<token>`: where all other people's form and chat tools send to, browsers included.

A delivery is proved, read, and answered 200 after its events are durable. What can't be proved or read is kept,
encrypted and for a set time, and refused. An endpoint that is paused asks for the same again later; only an address
that leads nowhere is answered 404, for some senders stop for good at that.
"""

from collections.abc import Sequence

import structlog
from flask import Blueprint, Response, g, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from service.delivery import Delivery
from service.domain.endpoints import Endpoint, EndpointState
from service.errors import (
    ConflictingDelivery,
    EndpointPaused,
    InvalidSignature,
    MarketableError,
    NotFound,
    Unreadable,
)
from service.observe import DELIVERIES
from service.providers.description import Description, HandshakeKind, Reply
from service.providers.handshakes import HandshakeReply, shake_hands
from service.reception import Taken, as_spam
from service.web import problems, visitors
from service.web.deliveries import make_delivery
from service.web.hubspot.requests import MULTIPART, read_body
from service.web.limits import network_of, submission_limits
from service.web.services import Services, services

PATH = "/hooks/<provider>/<token>"
METHODS = ["GET", "HEAD", "POST", "OPTIONS"]
LONGEST_TOKEN = 200
KEPT = "kept"
KEPT_DELIVERIES = DELIVERIES.labels(KEPT)

log = structlog.get_logger()

blueprint = Blueprint("hooks", __name__)


@blueprint.route(PATH, methods=METHODS, provide_automatic_options=False)
@blueprint.route(f"{PATH}/<path:rest>", methods=METHODS, provide_automatic_options=False)
def take(provider: str, token: str, rest: str = "") -> Response:  # noqa: ARG001 - some tools add a path of theirs
    """Take a delivery, or shake hands."""
    return answer(services(), provider, token)


def answer(current: Services, provider: str, token: str) -> Response:
    """Answer a request to an endpoint."""
    environment = request.environ
    _limit(current, provider, token)
    body = read_body(environment, _largest(current)) if request.method == "POST" else b""
    delivery = make_delivery(environment, body, current.settings.public_url, current.now())
    version = current.configuration.version
    try:
        try:
            return _respond(current, provider, token, delivery)
        except (NotFound, InvalidSignature, EndpointPaused):
            # Nothing is refused by an endpoint as it was.
            current.configuration.refresh()
            if current.configuration.version == version:
                raise
        return _respond(current, provider, token, delivery)
    except (InvalidSignature, Unreadable) as refusal:
        _keep_refused(current, refusal)
        raise


def _largest(current: Services) -> int:
    """Return how large the body may be: a form with files, which are passed over, may be larger than all else."""
    media_type: str = request.environ.get("CONTENT_TYPE", "")
    has_files = media_type.lower().startswith(MULTIPART)
    return current.settings.max_upload_bytes if has_files else current.settings.max_body_bytes


def _limit(current: Services, provider: str, token: str) -> None:
    """Count the request; all addresses that lead nowhere share one count, so that a guesser gains nothing."""
    limit = submission_limits().public
    if limit.is_on:
        endpoint = _find(current, provider, token)
        limit.check(endpoint.portal_id if endpoint else 0, network_of(request.environ.get("REMOTE_ADDR")))


def _find(current: Services, provider: str, token: str) -> Endpoint | None:
    endpoint = current.configuration.endpoint(token) if len(token) <= LONGEST_TOKEN else None
    return endpoint if endpoint is not None and endpoint.provider == provider else None


def _respond(current: Services, provider: str, token: str, delivery: Delivery) -> Response:
    endpoint = _find(current, provider, token)
    if endpoint is None:
        raise NotFound("endpoint", "at this address")
    g.endpoint, g.delivery = endpoint, delivery
    description = current.reception.describe(endpoint)
    if delivery.method != "POST":
        return _shake(endpoint, description, delivery, token)
    if endpoint.state is EndpointState.PAUSED:
        raise EndpointPaused
    return _take(current, endpoint, description, delivery, token)


def _keep_refused(current: Services, refusal: InvalidSignature | Unreadable) -> None:
    endpoint, delivery = g.endpoint, g.delivery
    description = current.reception.describe(endpoint)
    current.refused.keep(endpoint, description, delivery, refusal)
    current.activity.note(endpoint, description, delivery, refusal.reason)


def _shake(endpoint: Endpoint, description: Description, delivery: Delivery, token: str) -> Response:
    """Answer what isn't sent to be kept: a handshake, a browser's question, or somebody who looks by."""
    reply = shake_hands(description, delivery, endpoint.secrets, token)
    if reply is not None:
        return _from_handshake(reply)
    if delivery.method == "OPTIONS":
        return visitors.preflight(endpoint, delivery)
    if delivery.method == "HEAD":
        return Response(status=200)
    raise MethodNotAllowed(["POST", "HEAD", "OPTIONS"], "This address takes submissions by POST")


def _take(
    current: Services, endpoint: Endpoint, description: Description, delivery: Delivery, token: str
) -> Response:
    current.reception.prove(endpoint, delivery, delivery.received_at)
    document = current.reception.decode(endpoint, delivery)
    handshake = description.handshake
    if handshake is not None and handshake.kind is HandshakeKind.ECHO_JSON:
        reply = shake_hands(description, delivery, endpoint.secrets, token, document)
        if reply is not None:
            return _from_handshake(reply)
    events = current.reception.read(endpoint, delivery, document)
    is_open = description.reply.browser and any(event.kept is None for event in events)
    if is_open and not visitors.is_human(endpoint, description, delivery, document):
        events = as_spam(events)
    taken = current.reception.keep(endpoint, events, delivery.received_at)
    _note(current, endpoint, description, delivery, taken)
    if description.reply.browser:
        return visitors.answer(endpoint, description, delivery, document)
    return _reply(description.reply)


def _note(
    current: Services,
    endpoint: Endpoint,
    description: Description,
    delivery: Delivery,
    taken: Sequence[Taken],
) -> None:
    KEPT_DELIVERIES.inc()
    current.activity.note(endpoint, description, delivery, KEPT)
    current.activity.note_events([(each.form, each.event) for each in taken], delivery.received_at)
    log.debug("delivery_kept", endpoint=endpoint.id, provider=endpoint.provider, events=len(taken))


def _from_handshake(reply: HandshakeReply) -> Response:
    DELIVERIES.labels("handshake").inc()
    return Response(reply.body, reply.status, reply.headers, content_type=reply.content_type)


def _reply(reply: Reply) -> Response:
    return Response(reply.body, reply.status, content_type=reply.content_type)


@blueprint.errorhandler(MarketableError)
def answer_error(error: MarketableError) -> Response:
    """Refuse in the shape that the sender reads."""
    if isinstance(error, ConflictingDelivery):
        DELIVERIES.labels("conflict").inc()
    return _shaped(problems.answer_error(error))


@blueprint.errorhandler(HTTPException)
def answer_http_exception(error: HTTPException) -> Response:
    """Refuse what Flask refuses by itself."""
    return _shaped(problems.answer_http_exception(error))


@blueprint.errorhandler(Exception)
def answer_unexpected(error: Exception) -> Response:
    """Answer a fault of ours, without a word of its inside."""
    return _shaped(problems.answer_unexpected(error))


def _shaped(problem: Response) -> Response:
    current = services()
    delivery = g.get("delivery") or make_delivery(
        request.environ, b"", current.settings.public_url, current.now()
    )
    return visitors.refuse(g.get("endpoint"), delivery, problem)
