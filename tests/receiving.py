"""Deliveries taken in without a web process: a world, its endpoints, and events as a reading gives them."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from service.configuration import Configuration
from service.domain.endpoints import Endpoint, ExternalForm
from service.domain.model import Fact, Recorded
from service.endpoints import Endpoints, Wanted
from service.providers.catalogue import Catalogue, load_catalogue
from service.providers.events import Event, EventKind
from service.reception import Reception, Taken
from service.vault import Vault, new_key
from tests.facts import PORTAL
from tests.world import World

CATALOGUE: Catalogue = load_catalogue()
KEY = new_key()


class Desk:
    """Takes events in at endpoints of the world's portal."""

    def __init__(self, world: World, provider: str = "generic_json") -> None:
        self.world = world
        self.configuration = Configuration(world.database, lambda: Vault(KEY))
        self.endpoints = Endpoints(world.database, Vault(KEY), CATALOGUE, world.now)
        self.reception = Reception(self.configuration, CATALOGUE, self._record)
        self._intake = world.intake()
        self.endpoint: Endpoint = self.endpoints.create(PORTAL, provider, Wanted())

    def _record(self, facts: Sequence[Fact]) -> list[Recorded | Exception]:
        outcomes = {fact.submission_id: outcome for fact, outcome in self._intake.record(facts)}
        return [outcomes[fact.submission_id] for fact in facts]

    def keep(self, *events: Event) -> list[Taken]:
        """Take the events of one delivery in; a moment passes."""
        self.world.time += timedelta(milliseconds=2)
        return self.reception.keep(self.endpoint, events, self.world.now())

    def take(self, event: Event) -> Recorded:
        """Take one event in."""
        (taken,) = self.keep(event)
        assert isinstance(taken.outcome, Recorded)
        return taken.outcome

    def form(self, key: str = "form") -> ExternalForm:
        """Return the form of this key, as it stands."""
        return self.endpoints.tell_of_form(PORTAL, self.endpoint.id, key)

    def choose(self, key: str = "form", **chosen: Any) -> ExternalForm:
        """Choose for a form as a person does, and let the process know at once."""
        form = self.endpoints.choose(PORTAL, self.form(key).id, **chosen)
        self.configuration.refresh()
        return form


def said(fields: Mapping[str, str], **more: Any) -> Event:
    """Return the submission of form 'form' whose reading found `more`."""
    return Event(**{"kind": EventKind.SUBMISSION, "form_id": "form", "fields": fields, **more})
