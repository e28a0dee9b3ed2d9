"""Freshchat: the user who wrote a message."""

from collections.abc import Mapping
from typing import Any

from service.providers.lookups.asking import Plugin, Question, identity
from service.providers.lookups.calling import Caller


def _ask(question: Question, caller: Caller) -> Mapping[str, Any]:
    return caller.get(f"/users/{identity(question.event.session)}")


FRESHCHAT_USER = Plugin(
    name="freshchat_user",
    title="Freshchat",
    needs="An API token of the account that may read users; most accounts have an API address of their own.",
    home="https://api.freshchat.com/v2",
    ask=_ask,
)
