"""Slack: who wrote in a channel. Errors come with status 200 and are told by name in the body.

Full members of the workspace that the app is in are colleagues; its guests, and people of other workspaces, are not.
"""

from collections.abc import Mapping
from typing import Any

from service.providers.lookups.asking import Plugin, Question, identity, part
from service.providers.lookups.calling import Caller
from service.providers.lookups.refusals import (
    DelayedReason,
    LookUpDelayed,
    LookUpError,
    LookUpRefused,
    RefusedReason,
)
from service.providers.values import text_of

_NOBODY = frozenset({"user_not_found", "user_not_visible", "users_not_found"})
_TOKEN = frozenset(
    {"access_denied", "account_inactive", "ekm_access_denied", "enterprise_is_restricted", "invalid_auth"}
    | {"missing_scope", "no_permission", "not_allowed_token_type", "not_authed", "org_login_required"}
    | {"team_access_not_granted", "token_expired", "token_revoked", "two_factor_setup_required"}
)
_PASSING = frozenset(
    {"fatal_error", "internal_error", "request_timeout", "service_unavailable", "team_added_to_org"}
)


def _ask(question: Question, caller: Caller) -> Mapping[str, Any] | None:
    event = question.event
    document = caller.get("/users.info", {"user": identity(event.fields.get("user") or event.session)})
    if document.get("ok") is not True:
        raise _failure(text_of(document.get("error")))
    user = part(document, "user")
    return None if _is_colleague(user, event.fields.get("team")) else user


def _is_colleague(user: Mapping[str, Any], team: str | None) -> bool:
    is_guest = user.get("is_restricted") is True or user.get("is_ultra_restricted") is True
    return user.get("is_bot") is True or (team is not None and user.get("team_id") == team and not is_guest)


def _failure(error: str | None) -> LookUpError:
    if error in _NOBODY:
        return LookUpRefused(RefusedReason.NOT_FOUND, "Slack knows no such user")
    if error in _TOKEN:
        return LookUpDelayed(DelayedReason.ACCESS_TOKEN_REFUSED, f"Slack refused the access token ({error})")
    if error in _PASSING:
        return LookUpDelayed(DelayedReason.VENDOR_AWAY, f"Slack has a passing fault ({error})")
    if error in {"ratelimited", "rate_limited"}:
        return LookUpDelayed(DelayedReason.RATE_LIMITED, "Slack was asked too often")
    return LookUpRefused(RefusedReason.REFUSED, "Slack refused the question")


SLACK_USER = Plugin(
    name="slack_user",
    title="Slack",
    needs="The bot token of the app (`xoxb-…`) with the scopes `users:read` and `users:read.email`.",
    home="https://slack.com/api",
    ask=_ask,
)
