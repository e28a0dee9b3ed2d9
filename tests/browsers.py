"""A web process with one portal, for tests that come to it as browsers do."""

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from werkzeug.test import TestResponse

from config.settings import Settings
from service.app import open_services
from service.domain.endpoints import Endpoint
from service.endpoints import Endpoints, Wanted, hook_path
from service.providers.catalogue import load_catalogue
from service.store.tables import contact, submission
from service.vault import new_key, vault_of
from tests.applications import application
from tests.facts import PORTAL
from tests.world import World

PAGE = "https://www.example.com/contact"
ORIGIN = "https://www.example.com"
BROWSER = {
    "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "Origin": ORIGIN,
    "Referer": PAGE,
    "Sec-Fetch-Mode": "navigate",
    "Sec-Fetch-Dest": "document",
}
"""What a browser sends of itself when a person submits a form."""
SCRIPT = {"Accept": "*/*", "Origin": ORIGIN, "Referer": PAGE, "Sec-Fetch-Mode": "cors"}
"""What it sends when a script of the page does."""
ADA = {"email": "ada@example.com", "name": "Ada Lovelace"}


class Site:
    """One web process on a test's database."""

    def __init__(self, world: World, folder: Path, **settings: Any) -> None:
        given = Settings(
            data_dir=folder, database_url=world.stack.database_url, secret_key=new_key(), **settings
        )
        self.services = open_services(given)
        self.endpoints = Endpoints(
            self.services.database, vault_of(given), load_catalogue(), self.services.now
        )
        self._lent = ExitStack()
        self.client = self._lent.enter_context(application(given, self.services)).test_client()

    def close(self) -> None:
        self.services.close()
        self._lent.close()

    def endpoint(self, provider: str = "html_form", captcha_secret: str = "", **options: Any) -> Endpoint:
        wanted = Wanted(captcha_secret=captcha_secret, options=options)
        return self.endpoints.create(PORTAL, provider, wanted)

    def submit(self, endpoint: Endpoint, data: Any = None, headers: Any = None, **more: Any) -> TestResponse:
        """Post fields as a browser does, or as other headers say."""
        data = ADA if data is None else data
        return self.client.post(
            hook_path(endpoint), data=data, headers=BROWSER if headers is None else headers, **more
        )

    def contents(self) -> list[Any]:
        """Return what was kept, in the order of its arrival."""
        with self.services.database.reading() as connection:
            return list(
                connection.execute(sa.select(submission.c.content).order_by(submission.c.id)).scalars()
            )

    def verdicts(self) -> list[str]:
        with self.services.database.reading() as connection:
            return list(
                connection.execute(sa.select(submission.c.verdict).order_by(submission.c.id)).scalars()
            )

    def contacts(self) -> list[str]:
        with self.services.database.reading() as connection:
            return list(connection.execute(sa.select(contact.c.email)).scalars())
