"""HubSpot-style form submissions: v3, its authenticated twin, and v2.

A request is read and checked against its form, then handed to the committer; 200, 204 or 302 is answered only
after the commit. Nothing is refused by a form, portal or token as it was: before such a refusal the
configuration is looked at anew, and the request is read once more if it has changed.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TypeVar

import orjson
import structlog
from flask import Blueprint, Response, g, redirect, request
from werkzeug.exceptions import MethodNotAllowed
from werkzeug.wrappers import Response as AnyResponse

from service.domain.forms import DEFAULT_THANKS, Form, PostSubmitType
from service.domain.portals import AccessToken, Scope
from service.errors import Forbidden, NotFound, Unauthenticated
from service.identifiers import as_correlation_id
from service.web.hubspot import errors
from service.web.hubspot.deliveries import make_fact
from service.web.hubspot.pairs import parse_pairs
from service.web.hubspot.parsing import ParsedSubmission, parse_submission
from service.web.hubspot.problems import ArchivedForm, InvalidSubmission, shown
from service.web.hubspot.requests import JSON, Environment, form_boundary, read_body, require_json
from service.web.limits import network_of, submission_limits
from service.web.services import Services, services

PUBLIC = "/submissions/v3/integration/submit/<portal_id>/<form_guid>"
SECURE = "/submissions/v3/integration/secure/submit/<portal_id>/<form_guid>"
PAIRS = "/uploads/form/v2/<portal_id>/<form_guid>"
ALLOWED = ["POST", "OPTIONS"]
OTHERS = ["GET", "HEAD", "PUT", "PATCH", "DELETE", "TRACE", "CONNECT"]
ALL_ORIGINS = {"Access-Control-Allow-Origin": "*"}
"""Pages of all origins may read the answers of the public routes, refusals as well."""
NO_ORIGINS: Mapping[str, str] = {}
LARGEST_PORTAL_ID = 2**31 - 1
PREFLIGHT_SECONDS = "7200"

Read = TypeVar("Read")
Headers = Mapping[str, str]

log = structlog.get_logger()

blueprint = Blueprint("submissions", __name__)
errors.install(blueprint, ALL_ORIGINS)
_secure = Blueprint("secure", __name__)
errors.install(_secure, NO_ORIGINS)

_is_portal_id = re.compile(r"[1-9][0-9]{0,9}").fullmatch
_is_guid = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}").fullmatch
_are_header_names = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~, -]{1,1000}").fullmatch


@blueprint.route(PUBLIC, methods=["POST"], provide_automatic_options=False)
def submit(portal_id: str, form_guid: str) -> AnyResponse:
    """Take a v3 submission from anywhere."""
    current, environment = services(), request.environ
    _limit_public(current, environment, portal_id)
    return _submit_json(current, environment, portal_id, form_guid, ALL_ORIGINS)


@_secure.route(SECURE, methods=["POST"], provide_automatic_options=False)
def submit_securely(portal_id: str, form_guid: str) -> AnyResponse:
    """Take a v3 submission from the bearer of an access token."""
    current, environment = services(), request.environ
    token = _freshly(current, lambda: _token_of(current, environment, portal_id))
    submission_limits().secure.check(token.id)
    return _submit_json(current, environment, portal_id, form_guid, NO_ORIGINS)


@blueprint.route(PAIRS, methods=["POST"], provide_automatic_options=False)
def submit_pairs(portal_id: str, form_guid: str) -> AnyResponse:
    """Take a v2 submission from anywhere."""
    current, environment = services(), request.environ
    _limit_public(current, environment, portal_id)
    boundary = form_boundary(environment)
    body, now = read_body(environment, current.settings.max_body_bytes), current.now()

    def read() -> tuple[Form, ParsedSubmission, str | None]:
        form = _form(current, portal_id, form_guid)
        return form, *parse_pairs(body, boundary, form, now)

    form, submission, wanted = _freshly(current, read)
    _keep(current, environment, form, submission, now)
    if form.post_submit.type is PostSubmitType.REDIRECT:
        wanted = form.post_submit.value
    answer = redirect(wanted, 302) if wanted else Response(status=204)
    answer.headers.update(ALL_ORIGINS)
    return answer


@blueprint.route(PUBLIC, methods=["OPTIONS"], provide_automatic_options=False)
@blueprint.route(PAIRS, methods=["OPTIONS"], provide_automatic_options=False)
def preflight(portal_id: str, form_guid: str) -> AnyResponse:  # noqa: ARG001 - the same for all forms
    """Tell a browser that any page may submit."""
    asked = request.headers.get("Access-Control-Request-Headers", "")
    more = f", {asked}" if _are_header_names(asked) else ""
    headers = {
        **ALL_ORIGINS,
        "Allow": ", ".join(ALLOWED),
        "Access-Control-Allow-Methods": "POST",
        "Access-Control-Allow-Headers": f"content-type{more}",
        "Access-Control-Max-Age": PREFLIGHT_SECONDS,
        "Vary": "Access-Control-Request-Headers",
    }
    return Response(status=204, headers=headers)


@_secure.route(SECURE, methods=["OPTIONS"], provide_automatic_options=False)
def say_options(portal_id: str, form_guid: str) -> AnyResponse:  # noqa: ARG001 - the same for all forms
    """Say what is allowed; pages of other origins are not."""
    return Response(status=204, headers={"Allow": ", ".join(ALLOWED)})


@blueprint.route(PUBLIC, methods=OTHERS, provide_automatic_options=False)
@blueprint.route(PAIRS, methods=OTHERS, provide_automatic_options=False)
@_secure.route(SECURE, methods=OTHERS, provide_automatic_options=False)
def refuse_method(portal_id: str, form_guid: str) -> AnyResponse:  # noqa: ARG001 - the same for all forms
    """Refuse every other method."""
    raise MethodNotAllowed(ALLOWED, "Submissions are sent with POST")


blueprint.register_blueprint(_secure)


def _limit_public(current: Services, environment: Environment, portal_id: str) -> None:
    """Count the request; all portals that do not exist share one count, so that a guesser gains nothing."""
    limit = submission_limits().public
    if limit.is_on:
        number = _number(portal_id)
        is_known = number is not None and current.configuration.portal(number) is not None
        limit.check(number if is_known else 0, network_of(environment.get("REMOTE_ADDR")))


def _submit_json(
    current: Services, environment: Environment, portal_id: str, form_guid: str, headers: Headers
) -> AnyResponse:
    require_json(environment)
    body, now = read_body(environment, current.settings.max_body_bytes), current.now()

    def read() -> tuple[Form, ParsedSubmission]:
        form = _form(current, portal_id, form_guid)
        return form, parse_submission(body, form, now)

    form, submission = _freshly(current, read)
    _keep(current, environment, form, submission, now)
    if form.post_submit.type is PostSubmitType.REDIRECT:
        answer = {"redirectUri": form.post_submit.value}
    else:
        answer = {"inlineMessage": form.post_submit.value or DEFAULT_THANKS}
    return Response(orjson.dumps(answer), headers={**headers, "Content-Type": JSON})


def _freshly(current: Services, read: Callable[[], Read]) -> Read:
    """Return what `read` does; a refusal is believed only when the configuration has not changed since."""
    try:
        return read()
    except (NotFound, Unauthenticated, Forbidden, InvalidSubmission):
        if not current.configuration.refresh():
            raise
    return read()


def _keep(
    current: Services, environment: Environment, form: Form, submission: ParsedSubmission, now: datetime
) -> None:
    """Return when the submission is durable."""
    fact = make_fact(form, submission, now, environment.get("HTTP_IDEMPOTENCY_KEY"))
    g.submission_id = fact.submission_id
    recorded = current.committer.record(fact)
    log.debug(
        "submission_kept",
        correlation_id=as_correlation_id(fact.submission_id),
        portal_id=fact.portal_id,
        form=fact.source_id,
        contact_id=recorded.contact_id,
        verdict=recorded.verdict,
    )


def _form(current: Services, portal_id: str, guid: str) -> Form:
    number, guid = _number(portal_id), guid.lower()
    form = current.configuration.form(number, guid) if number is not None and _is_guid(guid) else None
    if form is None:
        if number is None or current.configuration.portal(number) is None:
            raise NotFound("portal", shown(portal_id))
        raise NotFound("form", f"{shown(guid)} in portal {number}")
    if form.archived:
        raise ArchivedForm(form.guid)
    return form


def _token_of(current: Services, environment: Environment, portal_id: str) -> AccessToken:
    scheme, _, secret = environment.get("HTTP_AUTHORIZATION", "").partition(" ")
    token = current.configuration.token(secret.strip()) if scheme.lower() == "bearer" else None
    if token is None:
        raise Unauthenticated("Send the header 'Authorization: Bearer <access token>' with a known token")
    if token.portal_id != _number(portal_id):
        raise Forbidden("The access token belongs to another portal")
    if Scope.FORMS not in token.scopes - token.read_only:
        raise Forbidden(f"The access token lacks the scope '{Scope.FORMS}', or its user only reads forms")
    return token


def _number(portal_id: str) -> int | None:
    """Return the portal's id, or None for what can be no portal's."""
    number = int(portal_id) if _is_portal_id(portal_id) else LARGEST_PORTAL_ID + 1
    return number if number <= LARGEST_PORTAL_ID else None
