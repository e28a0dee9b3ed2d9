"""Intercom: the contact of a conversation."""

from collections.abc import Mapping
from typing import Any

from service.providers.lookups.asking import Plugin, Question, identity
from service.providers.lookups.calling import Caller

_VERSION = "2.11"


def _ask(question: Question, caller: Caller) -> Mapping[str, Any]:
    return caller.get(f"/contacts/{identity(question.event.session)}", Intercom_Version=_VERSION)


INTERCOM_CONTACT = Plugin(
    name="intercom_contact",
    title="Intercom",
    needs="An access token of the app with the permission to read one user and one company (`read_single_user`).",
    home="https://api.intercom.io",
    ask=_ask,
)
