"""HubSpot: the contact of a chat, by way of message and thread, or the contact that an event is about.

The official client reads contacts. It has no conversations, and its raw requests know no time limit, so threads and
messages are asked for directly; and its contact requests go out by the same caller, with the same limits.
"""

from collections.abc import Mapping
from typing import Any

from service.providers.lookups.asking import Plugin, Question, identity
from service.providers.lookups.calling import Answer, Caller, failure
from service.providers.lookups.refusals import DelayedReason, LookUpDelayed, LookUpRefused, RefusedReason
from service.providers.values import text_of

_PROPERTIES = ("email", "firstname", "lastname", "phone", "company")
_THREADS = "/conversations/v3/conversations/threads"
_OF_COLLEAGUES = frozenset({"COMMENT", "WELCOME_MESSAGE"})


def _ask(question: Question, caller: Caller) -> Mapping[str, Any] | None:
    fields = question.event.fields
    number = identity(fields.get("objectId"))
    if not fields.get("event", "").startswith("conversation."):
        return {"contact": _contact(number, caller)}
    message = fields.get("messageId")
    if message and _is_of_colleague(caller.get(f"{_THREADS}/{number}/messages/{identity(message)}")):
        return None
    thread = caller.get(f"{_THREADS}/{number}")
    if thread.get("spam") is True:
        return {"thread": thread}
    return {"thread": thread, "contact": _contact_of(thread, caller)}


def _is_of_colleague(message: Mapping[str, Any]) -> bool:
    return message.get("direction") == "OUTGOING" or text_of(message.get("type")) in _OF_COLLEAGUES


def _contact_of(thread: Mapping[str, Any], caller: Caller) -> Mapping[str, Any]:
    """Until the visitor leaves an address, the id is a visitor's, whom the CRM doesn't know."""
    number = str(thread.get("associatedContactId") or "")
    try:
        return _contact(identity(number), caller)
    except LookUpRefused as refusal:
        if refusal.reason != RefusedReason.NOT_FOUND:
            raise
        raise LookUpDelayed(
            DelayedReason.NO_CONTACT_YET, "the visitor of the chat is no contact yet"
        ) from None


def _contact(number: str, caller: Caller) -> Mapping[str, Any]:
    from hubspot import HubSpot  # noqa: PLC0415 - it is large, and of all processes only one looks anybody up

    contacts = HubSpot(access_token=caller.token, host=caller.base).crm.contacts.basic_api
    contacts.api_client.rest_client.pool_manager = _Requests(caller)
    answer: Answer = contacts.get_by_id(number, properties=list(_PROPERTIES), _preload_content=False)
    return answer.document()


class _Requests:
    """Stands where the official client has its connections.

    Its own know other limits: they follow redirects, read answers of any size, and fail on errors that are not UTF-8.
    """

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def request(self, _method: str, url: str, *, fields: Any, headers: Mapping[str, str], **_: Any) -> Answer:
        """Called by the client, whose questions here are all GET."""
        answer = self._caller.fetch(url, fields, headers)
        if not answer.is_ok:
            raise failure(answer)
        return answer


HUBSPOT_OBJECT = Plugin(
    name="hubspot_object",
    title="HubSpot",
    needs=(
        "The access token of a private app with the scopes `conversations.read` and `crm.objects.contacts.read`."
    ),
    home="https://api.hubapi.com",
    ask=_ask,
)
