"""One web process on a test's world: it takes deliveries at endpoints and answers our own API."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from werkzeug.test import TestResponse

from config.settings import Settings
from service.app import open_services
from service.delivery import Delivery
from service.documents import dumps
from service.domain.portals import Scope
from service.endpoints import Endpoints, Wanted, hook_path
from service.providers.catalogue import load_catalogue
from service.replay import Replay
from service.signatures import sign
from service.store import portals
from service.vault import new_key
from tests.applications import application
from tests.facts import NOW, PORTAL, make_portal
from tests.world import World

OTHER_PORTAL = 2
SECRET = "a-secret-of-the-tool"  # noqa: S105 - of tests only
API = "/api/v1/portals"
CATALOGUE = load_catalogue()


def answer_of(email: str = "ada@example.com", event_id: str = "ev-1", form: str = "abc") -> bytes:
    """Return what Typeform sends."""
    response = {
        "form_id": form,
        "submitted_at": "2026-03-10T11:59:00Z",
        "definition": {"title": "Newsletter", "fields": [{"id": "q1", "ref": "mail", "title": "Mail?"}]},
        "answers": [{"type": "email", "email": email, "field": {"id": "q1", "ref": "mail", "type": "email"}}],
    }
    return dumps({"event_id": event_id, "event_type": "form_response", "form_response": response}).encode()


class Site:
    """Portals 1 and 2, each with a token for everything."""

    def __init__(self, world: World, folder: Path, **given: Any) -> None:
        self.key = new_key()
        settings = Settings(
            database_url=world.stack.database_url,
            data_dir=folder,
            secret_key=self.key,
            log_level="error",
            **given,
        )
        self.world = world
        self.services = open_services(settings, world.now)
        self._lent = ExitStack()
        self.client = self._lent.enter_context(application(settings, self.services)).test_client()
        self.endpoints = Endpoints(world.database, self.services.configuration.vault(), CATALOGUE, world.now)
        with world.database.writing() as connection:
            portals.add_portal(connection, make_portal(OTHER_PORTAL))
            for portal_id in (PORTAL, OTHER_PORTAL):
                portals.add_token(connection, portal_id, "t", _token(portal_id), list(Scope), NOW)

    def close(self) -> None:
        """Stop its threads and give back what it was lent."""
        self.services.close()
        self._lent.close()

    def ask(
        self, method: str, path: str, body: Any = None, *, portal: int = PORTAL, token: str | None = None
    ) -> TestResponse:
        """Ask the API about a portal, as the same portal unless there is another token."""
        bearer = {"Authorization": f"Bearer {token or _token(portal)}"}
        return self.client.open(f"{API}/{portal}{path}", method=method, json=body, headers=bearer)

    def made(self, provider: str = "typeform", portal: int = PORTAL, **wanted: Any) -> int:
        """Make an endpoint; returns its number."""
        return self.endpoints.create(portal, provider, Wanted(**wanted)).id

    def path(self, number: int, portal: int = PORTAL) -> str:
        return hook_path(self.endpoints.show(portal, number).endpoint)

    def send(self, number: int, body: bytes, secret: str = "", portal: int = PORTAL) -> TestResponse:
        """Send a delivery to an endpoint, signed as its provider signs if there is a secret."""
        path = self.path(number, portal)
        given = Delivery(
            method="POST",
            url=f"http://localhost{path}",
            headers=(("Content-Type", "application/json"),),
            body=body,
            received_at=self.world.now(),
        )
        if secret:
            scheme = CATALOGUE[self.endpoints.show(portal, number).endpoint.provider].signature
            given = sign(scheme, given, secret, self.world.now(), "d-1")
        answer: TestResponse = self.client.post(path, data=given.body, headers=list(given.headers))
        self.services.activity.flush()
        return answer

    def refused(self, portal: int = PORTAL) -> list[str]:
        """Return the ids of what was refused and not replayed."""
        return self.replay().waiting(portal)

    def replay(self) -> Replay:
        vault = self.services.configuration.vault
        return Replay(
            self.world.database, vault, self.services.reception, self.services.activity, self.world.now
        )


@contextmanager
def opened_site(world: World, folder: Path, **settings: Any) -> Iterator[Site]:
    """Open a site; its threads are stopped at the end."""
    site = Site(world, folder, **settings)
    try:
        yield site
    finally:
        site.close()


def _token(portal_id: int) -> str:
    return f"mk_of_portal_{portal_id}"
