"""All plug-ins by the name that `[fetch]` of a provider's description gives, and the look-up itself."""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from service.providers.events import Event, KeptReason
from service.providers.lookups.acuity_appointment import ACUITY_APPOINTMENT
from service.providers.lookups.asking import Access, Plugin, Question
from service.providers.lookups.calling import READ_TIMEOUT, Caller, authorization
from service.providers.lookups.drift_contact import DRIFT_CONTACT
from service.providers.lookups.freshchat_user import FRESHCHAT_USER
from service.providers.lookups.hubspot_object import HUBSPOT_OBJECT
from service.providers.lookups.intercom_contact import INTERCOM_CONTACT
from service.providers.lookups.linkedin_lead import LINKEDIN_LEAD
from service.providers.lookups.meta_lead import META_LEAD
from service.providers.lookups.reading import fill_in
from service.providers.lookups.refusals import LookUpRefused, RefusedReason
from service.providers.lookups.slack_user import SLACK_USER
from service.providers.lookups.surveymonkey_response import SURVEYMONKEY_RESPONSE

_ALL = (
    ACUITY_APPOINTMENT,
    DRIFT_CONTACT,
    FRESHCHAT_USER,
    HUBSPOT_OBJECT,
    INTERCOM_CONTACT,
    LINKEDIN_LEAD,
    META_LEAD,
    SLACK_USER,
    SURVEYMONKEY_RESPONSE,
)
_PLUGINS: Mapping[str, Plugin] = MappingProxyType({plugin.name: plugin for plugin in _ALL})


def plugins() -> Mapping[str, Plugin]:
    """Return all plug-ins by name, in alphabetical order."""
    return _PLUGINS


def look_up(plugin: str, question: Question, access: Access, *, read_timeout: float = READ_TIMEOUT) -> Event:
    """Return the event filled in with its person, who may have no address; raises LookUpError.

    It is kept for its reason when the vendor tells that a colleague wrote it, or that it was a test. One to three
    requests are made, each within the time limits of `calling`; none is repeated.
    """
    found = _PLUGINS.get(plugin)
    if found is None:
        raise LookUpRefused(RefusedReason.UNKNOWN_PLUGIN, f"there is no look-up {plugin[:60]!r}")
    base = (access.api_url or found.home).rstrip("/")
    token = access.token.strip()
    caller = Caller(base, token, authorization(token, basic=found.basic), read_timeout)
    document = found.ask(question, caller)
    if document is None:
        return replace(question.event, kept=KeptReason.AGENT, fetch=None)
    return fill_in(question.event, plugin, document)
