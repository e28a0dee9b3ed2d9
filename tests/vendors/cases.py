"""Every plug-in with its vendor, the thin event that starts it, and a way to ask."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from service.providers.events import Event
from service.providers.lookups import Access, Question, look_up
from service.providers.reader import read
from tests.provider_samples import SAMPLES, described
from tests.vendors.acuity import Acuity
from tests.vendors.drift import Drift
from tests.vendors.freshchat import Freshchat
from tests.vendors.hubspot import HubSpot
from tests.vendors.intercom import Intercom
from tests.vendors.linkedin import LinkedIn
from tests.vendors.meta import Meta
from tests.vendors.server import TOKEN, Vendor
from tests.vendors.slack import Slack
from tests.vendors.surveymonkey import SurveyMonkey


@dataclass(frozen=True, slots=True)
class Case:
    plugin: str
    vendor: type[Vendor]
    provider: str
    sample: str
    more: Mapping[str, str] = field(default_factory=dict)
    """Fields that the event has besides those of the sample, or with other values."""

    def __str__(self) -> str:
        return self.plugin

    def event(self) -> Event:
        """Return the first event that the provider's sample holds."""
        sample = next(
            sample for sample in SAMPLES if (sample.folder.name, sample.name) == (self.provider, self.sample)
        )
        event = read(described(sample.folder), sample.delivery)[0]
        assert event.fetch == self.plugin
        return replace(event, fields={**event.fields, **self.more})

    def ask(self, vendor: Vendor, event: Event | None = None, *, token: str = TOKEN) -> Event:
        """Look the event up; the vendor is given 200 ms where it keeps silent."""
        question = Question(provider=self.provider, event=event or self.event())
        patience = 0.2 if vendor.mood in {"silent", "trickling"} else 10.0
        return look_up(self.plugin, question, Access(token=token, api_url=vendor.url), read_timeout=patience)


OF_A_MESSAGE = {"event": "conversation.newMessage", "messageId": "m1"}
CASES = [
    Case("acuity_appointment", Acuity, "acuity", "scheduled"),
    Case("drift_contact", Drift, "drift", "message"),
    Case("freshchat_user", Freshchat, "freshchat", "message"),
    Case("hubspot_object", HubSpot, "hubspot", "chat_events", OF_A_MESSAGE),
    Case("intercom_contact", Intercom, "intercom", "conversation_without_address"),
    Case("linkedin_lead", LinkedIn, "linkedin_lead_gen", "created"),
    Case("meta_lead", Meta, "meta_lead_ads", "leads"),
    Case("slack_user", Slack, "slack", "message"),
    Case("surveymonkey_response", SurveyMonkey, "surveymonkey", "response_completed"),
]
BY_PLUGIN = {case.plugin: case for case in CASES}


def elsewhere(case: Case) -> Event:
    """Return an event that asks for somebody whom the vendor doesn't know."""
    event = case.event()
    fields = {**event.fields, "objectId": "999", "user": "U999", "response_id": "999"}
    return replace(event, event_id="urn:x:999", session="999", fields=fields)
