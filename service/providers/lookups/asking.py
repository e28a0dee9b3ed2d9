"""What is asked, with what access, and what a plug-in is."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from service.providers.events import Event
from service.providers.lookups.calling import Caller
from service.providers.lookups.refusals import LookUpRefused, RefusedReason

_is_identity = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:=-]{0,199}").fullmatch


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Who is the person of this event."""

    provider: str
    event: Event
    """As it was read from the delivery: it has ids and lacks the person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """How to reach the vendor's API."""

    token: str = field(repr=False)
    api_url: str = ""
    """Replaces the plug-in's `home` when set: for regional hosts, proxies and tests."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plugin:
    """One vendor's way of telling who a person is."""

    name: str
    title: str
    needs: str
    """What the access token has to be, in one sentence."""
    home: str
    """The address that paths of the API are added to, without a slash at its end."""
    ask: Callable[[Question, Caller], Mapping[str, Any] | None]
    """Returns what `readings/<name>` describes; None when the event is of a colleague and not of a contact."""
    basic: bool = False
    """The token is `user:password` and is sent as such, not as a bearer token."""


def identity(text: str | None) -> str:
    """Return an id that may stand in a path; raises LookUpRefused when the event has none."""
    if text is None or _is_identity(text) is None:
        raise LookUpRefused(RefusedReason.NOT_FOUND, "the event has no id that could be asked for")
    return text


def part(document: Any, name: str) -> dict[str, Any]:
    """Return the object that has to be there; raises LookUpRefused."""
    found = document.get(name) if isinstance(document, dict) else None
    if not isinstance(found, dict):
        raise LookUpRefused(RefusedReason.UNREADABLE_ANSWER, f"the vendor's answer has no object {name!r}")
    return found


def objects(document: Any, *path: str) -> list[dict[str, Any]]:
    """Return the objects of a list that may be there; of anything else, nothing."""
    for name in path:
        document = document.get(name) if isinstance(document, dict) else None
    return [item for item in document if isinstance(item, dict)] if isinstance(document, list) else []
