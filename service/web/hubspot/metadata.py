"""The `context` of a submission: the page, the cookie, the visitor's address."""

import ipaddress
import re
from collections.abc import Callable, Mapping
from itertools import islice

from service.domain.forms import is_web_address
from service.web.hubspot.problems import ErrorType, Problem, shown
from service.web.hubspot.texts import LONGEST_TEXT, as_text

LONGEST_ADDRESS = 8_192
"""Characters of a page's address."""
MOST_UNKNOWN_KEYS = 20
"""Unknown keys that an answer lists."""

_is_cookie = re.compile(r"[0-9a-fA-F]{32}").fullmatch
_is_digits = re.compile(r"[0-9]{1,32}").fullmatch
_BYTE = r"(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_is_ipv4 = re.compile(rf"{_BYTE}(?:\.{_BYTE}){{3}}").fullmatch


def _is_ip_address(text: str) -> bool:
    if _is_ipv4(text):
        return True
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    return not getattr(address, "scope_id", None)


def _is_page_uri(text: str) -> bool:
    return len(text) <= LONGEST_ADDRESS and is_web_address(text) is not None


def _is_bounded(text: str) -> bool:
    return len(text) <= LONGEST_TEXT


CHECKS: Mapping[str, tuple[Callable[[str], object], ErrorType, str]] = {
    "hutk": (_is_cookie, ErrorType.INVALID_HUTK, "Send the 32 hexadecimal digits of the tracking cookie"),
    "ipAddress": (_is_ip_address, ErrorType.INVALID_IP_ADDRESS, "Send an IPv4 or IPv6 address"),
    "pageUri": (
        _is_page_uri,
        ErrorType.INVALID_PAGE_URI,
        f"Send an absolute http or https address of up to {LONGEST_ADDRESS} characters",
    ),
    "pageName": (_is_bounded, ErrorType.INPUT_TOO_LARGE, f"Send up to {LONGEST_TEXT} characters"),
    "pageId": (_is_bounded, ErrorType.INPUT_TOO_LARGE, f"Send up to {LONGEST_TEXT} characters"),
    "sfdcCampaignId": (_is_bounded, ErrorType.INPUT_TOO_LARGE, f"Send up to {LONGEST_TEXT} characters"),
    "goToWebinarWebinarKey": (
        _is_digits,
        ErrorType.INVALID_GOTOWEBINAR_WEBINAR_KEY,
        "Send the webinar's key, which is made of digits",
    ),
}
"""What each key takes, what it is called when it is wrong, and the mend."""


def read_quickly(context: Mapping[str, object]) -> bool:
    """Whether every key is known and holds a right text that is not empty; False says nothing."""
    for key, value in context.items():
        check = CHECKS.get(key)
        if check is None or type(value) is not str or not value or not check[0](value):
            return False
    return True


def read_metadata(context: object) -> tuple[dict[str, str], list[Problem]]:
    """Return what is right in the context, and what is wrong with it; null and empty values are absent."""
    if type(context) is not dict:
        return {}, [Problem(ErrorType.INVALID_METADATA, "context", "Send an object")]
    values: dict[str, str] = {}
    problems = []
    for key in (key for key in context if key in CHECKS):
        value = as_text(context[key])
        is_right, error_type, mend = CHECKS[key]
        if value is None and is_right is _is_bounded:
            problems.append(Problem(ErrorType.INVALID_METADATA, f"context.{key}", "Send a text"))
        elif value is None or (value and not is_right(value)):
            problems.append(Problem(error_type, f"context.{key}", mend))
        elif value:
            values[key] = value
    unknown = islice((key for key in context if key not in CHECKS), MOST_UNKNOWN_KEYS)
    mend = f"It is not known. Send any of {', '.join(CHECKS)}"
    problems += [Problem(ErrorType.INVALID_METADATA, f"context.{shown(key)}", mend) for key in unknown]
    return values, problems
