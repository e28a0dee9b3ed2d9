"""Meta Lead Ads: the answers of one lead, by the Graph API.

It answers most errors with 400 and says which in the body (developers.facebook.com, Graph API, Handling errors).
"""

from collections.abc import Mapping
from typing import Any

from service.providers.lookups.asking import Plugin, Question, identity
from service.providers.lookups.calling import Answer, Caller, delayed, failure
from service.providers.lookups.refusals import (
    DelayedReason,
    LookUpDelayed,
    LookUpError,
    LookUpRefused,
)

_FIELDS = "id,created_time,form_id,field_data,custom_disclaimer_responses"
_ERRORS_IN_BODY = frozenset({400, 403})
_REASONS = {
    **dict.fromkeys((1, 2), DelayedReason.VENDOR_AWAY),
    **dict.fromkeys((4, 17, 32, 341, 368, 613, *range(80_000, 80_015)), DelayedReason.RATE_LIMITED),
    **dict.fromkeys((3, 10, 102, 190, *range(200, 300)), DelayedReason.ACCESS_TOKEN_REFUSED),
}
_WRONG = 100
_NOT_THERE = 33
"""Subcode of 100. Meta doesn't tell a lead that the token may not see from one that is gone.

A lead that was announced is hardly gone, and a person can mend the token.
"""


def _ask(question: Question, caller: Caller) -> Mapping[str, Any]:
    lead = identity(question.event.event_id)
    answer = caller.request(f"/{lead}", {"fields": _FIELDS})
    if answer.is_ok:
        return answer.document()
    raise _failure(answer)


def _failure(answer: Answer) -> LookUpError:
    code, subcode = _codes(answer) if answer.status in _ERRORS_IN_BODY else (0, 0)
    reason = _REASONS.get(code)
    if reason is not None:
        return delayed(reason, answer)
    if (code, subcode) == (_WRONG, _NOT_THERE):
        return LookUpDelayed(
            DelayedReason.ACCESS_TOKEN_REFUSED, "Meta doesn't show the lead to this access token"
        )
    return failure(answer)


def _codes(answer: Answer) -> tuple[int, int]:
    try:
        error = answer.document().get("error")
    except LookUpRefused:
        return 0, 0
    codes = (error.get("code"), error.get("error_subcode")) if isinstance(error, dict) else (0, 0)
    first, second = (code if isinstance(code, int) else 0 for code in codes)
    return first, second


META_LEAD = Plugin(
    name="meta_lead",
    title="Meta Lead Ads",
    needs=(
        "A page access token that doesn't expire, of a person with access to the page's leads, "
        "with `leads_retrieval`, `pages_show_list`, `pages_read_engagement` and `pages_manage_ads`."
    ),
    home="https://graph.facebook.com/v26.0",
    ask=_ask,
)
