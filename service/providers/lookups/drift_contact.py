"""Drift: the contact of a chat."""

from collections.abc import Mapping
from typing import Any

from service.providers.lookups.asking import Plugin, Question, identity, part
from service.providers.lookups.calling import Caller


def _ask(question: Question, caller: Caller) -> Mapping[str, Any]:
    contact = caller.get(f"/contacts/{identity(question.event.session)}")
    return part(part(contact, "data"), "attributes")


DRIFT_CONTACT = Plugin(
    name="drift_contact",
    title="Drift",
    needs="An OAuth access token of the app with the scope `contact_read`.",
    home="https://driftapi.com",
    ask=_ask,
)
