"""Endpoints, and the forms and chatflows that were seen there."""

from typing import Any

from service.domain.endpoints import ExternalForm, ExternalKind, dump_options
from service.endpoints import Endpoints, Shown, hook_path
from service.instants import iso

OWN, OF_PORTAL, OF_CHATFLOWS = "own", "portal", "chatflow"
"""Whose default decides about a form or chatflow."""


def describe_endpoint(shown: Shown, base: str) -> dict[str, Any]:
    """Return an endpoint's document; `base` is where senders reach this service."""
    endpoint, description, activity = shown.endpoint, shown.description, shown.activity
    previous = endpoint.tokens[1] if len(endpoint.tokens) > 1 else None
    return {
        "id": endpoint.id,
        "provider": endpoint.provider,
        "title": description.title if description else endpoint.provider,
        "name": endpoint.name,
        "state": endpoint.state.value,
        "url": base + hook_path(endpoint),
        "previous_url": base + hook_path(endpoint, previous) if previous else None,
        "needs_secret": description is not None and description.signature.needs_secret,
        "secrets": len(endpoint.secrets),
        "secret_set_at": iso(endpoint.secret_set_at),
        "needs_access_token": description is not None and description.fetch is not None,
        "has_access_token": bool(endpoint.access_token),
        "has_captcha_secret": bool(endpoint.captcha_secret),
        "options": dump_options(endpoint.options),
        "version": endpoint.version,
        "created_at": endpoint.created_at.isoformat(),
        "last_seen_at": activity.last_seen_at.isoformat() if activity else None,
        "last_outcome": activity.last_outcome if activity else None,
    }


def describe_forms(endpoints: Endpoints, portal_id: int, forms: list[ExternalForm]) -> list[dict[str, Any]]:
    """Return a document for each form or chatflow of a portal."""
    portal_default = endpoints.external_default(portal_id)
    numbers = endpoints.count_submissions(forms)
    return [_describe(form, portal_default=portal_default, submissions=numbers[form.id]) for form in forms]


def _describe(form: ExternalForm, *, portal_default: bool, submissions: int) -> dict[str, Any]:
    return {
        "id": form.id,
        "endpoint": form.endpoint_id,
        "kind": form.kind.value,
        "key": form.key,
        "name": form.name,
        "marketing_default": form.marketing_default,
        "default_in_effect": form.default(of_portal=portal_default),
        "default_from": _told_by(form),
        "mapping": dict(form.mapping),
        "fields": dict(form.fields),
        "is_new": form.is_new,
        "first_seen_at": iso(form.first_seen_at),
        "last_seen_at": iso(form.last_seen_at),
        "submissions": submissions,
        "version": form.version,
    }


def _told_by(form: ExternalForm) -> str:
    """Return whose the default is that decides."""
    if form.marketing_default is not None:
        return OWN
    return OF_PORTAL if form.kind is ExternalKind.FORM else OF_CHATFLOWS
