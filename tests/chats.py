"""Endpoints, events that hold ids only, and vendors: what tests of look-ups and joins start from."""

import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from consumers.asking import Answer, Ask, Asking, Refused, Told
from consumers.lookups import LookUps
from service.configuration import Configuration
from service.domain.endpoints import Endpoint, EndpointOptions, EndpointState, ExternalForm
from service.domain.model import Fact
from service.providers.catalogue import load_catalogue
from service.providers.events import Event, EventKind
from service.reception import KINDS, make_fact
from service.store import endpoints, external_forms
from service.store.tables import look_up, submission
from service.vault import Vault, new_key
from tests.facts import PORTAL
from tests.world import World

PATIENCE = 10.0
CATALOGUE = load_catalogue()
_numbers = itertools.count(1)


@dataclass
class Vendor:
    """Tells what it was given to tell, by the id of the event; of all others it knows nobody."""

    answers: dict[str, Answer | Exception | Callable[[Asking], Answer]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def __call__(self, asking: Asking) -> Answer:
        name = asking.event.event_id or ""
        self.asked.append(name)
        answer = self.answers.get(name, Refused("not_found", "nobody goes by this id"))
        if isinstance(answer, Exception):
            raise answer
        return answer(asking) if callable(answer) else answer

    def knows(self, event: Event, **person: Any) -> None:
        """Have it tell the event with its person."""
        values = {name: getattr(event, name) for name in Event.__slots__}
        self.answers[event.event_id or ""] = Told(Event(**{**values, "fetch": None, **person}))


@dataclass
class Chats:
    """A world with endpoints."""

    world: World
    vault: Vault = field(default_factory=lambda: Vault(new_key()))

    def endpoint(self, provider: str = "meta_lead_ads", **more: Any) -> Endpoint:
        values: dict[str, Any] = {
            "id": 0,
            "portal_id": PORTAL,
            "provider": provider,
            "name": provider,
            "state": EndpointState.ACTIVE,
            "tokens": (f"ep_{next(_numbers)}",),
            "access_token": "token",
            "created_at": self.world.now(),
        }
        with self.world.database.writing() as connection:
            number = endpoints.add(connection, self.vault, Endpoint(**{**values, **more}))
            found = endpoints.find_by_id(connection, self.vault, number)
        assert found
        return found

    def endpoint_of(self, url: str, provider: str, token: str) -> Endpoint:
        """Make an endpoint whose vendor answers at this address."""
        return self.endpoint(provider, access_token=token, options=EndpointOptions(api_url=url))

    def form(self, endpoint: Endpoint, event: Event) -> ExternalForm:
        kind, key = KINDS[event.kind], event.form_id or ""
        with self.world.database.writing() as connection:
            return external_forms.see(connection, endpoint.id, PORTAL, kind, key, self.world.now())

    def fact(self, endpoint: Endpoint, event: Event) -> Fact:
        description = CATALOGUE[endpoint.provider]
        return make_fact(endpoint, description, self.form(endpoint, event), event, self.world.now())

    def keep(self, endpoint: Endpoint, *events: Event) -> list[str]:
        """Record events as the web does; returns the submissions' ids."""
        facts = [self.fact(endpoint, event) for event in events]
        self.world.record(*facts)
        return [fact.submission_id for fact in facts]

    def look_ups(self, ask: Ask) -> LookUps:
        """Open a consumer, as each process has one."""
        world = self.world
        return LookUps(world.database, Configuration(world.database, lambda: self.vault), ask, world.now)

    def make_look_ups(self, ask: Ask) -> None:
        """Have all that is due asked and settled."""
        consumer = self.look_ups(ask)
        consumer.step()
        consumer.finish(PATIENCE)

    def submission(self, submission_id: str) -> Any:
        (row,) = [row for row in self.world.rows(submission) if _hex(row.id) == submission_id]
        return row

    def second_of(self, submission_id: str) -> Any:
        """The submission that holds what was told about another one."""
        rows = self.world.rows(submission)
        (row,) = [row for row in rows if row.content.get("look_up_of") == submission_id]
        return row

    def waiting(self) -> list[Any]:
        return list(self.world.rows(look_up, look_up.c.submission_id))

    def put_off(self) -> float:
        """How many seconds the one look-up there is has been put off."""
        (row,) = self.waiting()
        return float((row.not_before - self.world.now()).total_seconds())

    def change_form(self, form: ExternalForm, **choice: Any) -> None:
        with self.world.database.writing() as connection:
            external_forms.choose(connection, form.id, **choice)

    def delete(self, endpoint: Endpoint) -> None:
        with self.world.database.writing() as connection:
            endpoints.delete(connection, self.vault, endpoint.id, self.world.now())


def thin_event(**more: Any) -> Event:
    """Return an event that tells nothing of its person but an id."""
    number = next(_numbers)
    values: dict[str, Any] = {
        "kind": EventKind.SUBMISSION,
        "form_id": "form",
        "event_id": f"lead-{number}",
        "fields": {"leadgen_id": str(number)},
        "fetch": "meta_lead",
    }
    return Event(**{**values, **more})


def chat_event(session: str, **more: Any) -> Event:
    """Return an event of a chat."""
    number = next(_numbers)
    values: dict[str, Any] = {"kind": EventKind.CHAT, "event_id": f"message-{number}", "session": session}
    return Event(**{**values, **more})


@contextmanager
def held_vendor(vendor: Vendor) -> Iterator[Callable[[Asking], Answer]]:
    """Give a vendor that answers when the block ends."""
    gate = threading.Event()

    def ask(asking: Asking) -> Answer:
        answer = vendor(asking)
        gate.wait(PATIENCE)
        return answer

    try:
        yield ask
    finally:
        gate.set()


def _hex(text: str) -> str:
    return str(text).replace("-", "")
