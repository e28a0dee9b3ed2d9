"""One web process to send deliveries to, as tools send them: a database, a client, a time that only a test moves."""

import itertools
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import sqlalchemy as sa
from werkzeug.test import TestResponse

from config.settings import Settings
from service.app import open_services
from service.delivery import Delivery
from service.documents import dumps
from service.domain.endpoints import Endpoint
from service.endpoints import Endpoints, Wanted, hook_path
from service.providers.catalogue import load_catalogue
from service.providers.description import Description
from service.signatures import Scheme, new_secret, sign
from service.signatures.keys import SecretPair
from service.signatures.shared import Place
from service.store import portals
from service.vault import vault_of
from tests.applications import application
from tests.facts import make_portal

ORIGIN = "https://forms.example.com"
CATALOGUE = load_catalogue()
NO_SECRET = SecretPair("", "")
_UNSENT = frozenset({"host", "content-length"})
_numbers = itertools.count(1_000)


class Site:
    """A web process on a migrated database, with portals and endpoints as they are asked for."""

    def __init__(self, database_url: str, folder: Path, **settings: Any) -> None:
        self.time = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
        given = Settings(
            data_dir=folder,
            database_url=database_url,
            public_url=ORIGIN,
            **{"rate_limit_public": 0} | settings,
        )
        self.services = open_services(given, self.now)
        self.database = self.services.database
        self.endpoints = Endpoints(self.database, vault_of(given), CATALOGUE, self.now)
        self._lent = ExitStack()
        self.client = self._lent.enter_context(application(given, self.services)).test_client()

    def now(self) -> datetime:
        return self.time

    def pass_by(self, **lapse: float) -> None:
        """Let time pass."""
        self.time += timedelta(**lapse)

    def portal(self) -> int:
        """Make a new portal; returns its id."""
        number = next(_numbers)
        with self.database.writing() as connection:
            portals.add_portal(connection, make_portal(number))
        return number

    def endpoint(self, provider: str, secret: str = "", *, portal_id: int = 0, **options: Any) -> Endpoint:
        """Make an endpoint, in a new portal if none is named."""
        wanted = Wanted(secret=secret, options=options)
        return self.endpoints.create(portal_id or self.portal(), provider, wanted)

    def send(self, endpoint: Endpoint | str, delivery: Delivery) -> TestResponse:
        """Send a delivery to an endpoint, or to a path."""
        parts = urlsplit(delivery.url)
        path = endpoint if isinstance(endpoint, str) else hook_path(endpoint)
        if parts.path.startswith(path):
            path = parts.path
        headers = [(name, value) for name, value in delivery.headers if name.lower() not in _UNSENT]
        return self.client.open(
            f"{path}?{parts.query}" if parts.query else path,
            method=delivery.method,
            data=delivery.body,
            headers=headers,
        )

    def post(self, endpoint: Endpoint | str, document: object, **headers: str) -> TestResponse:
        """Send a JSON document; `X_Secret` stands for the header `X-Secret`."""
        path = endpoint if isinstance(endpoint, str) else hook_path(endpoint)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.post(path, data=dumps(document), content_type="application/json", headers=named)

    def rows(self, table: sa.Table, portal_id: int | None = None) -> Sequence[sa.Row[Any]]:
        """Return a table's rows, or those of one portal, the oldest first."""
        query = sa.select(table).order_by(*table.primary_key.columns)
        if portal_id is not None:
            query = query.where(table.c.portal_id == portal_id)
        with self.database.reading() as connection:
            return connection.execute(query).all()

    def close(self) -> None:
        self.services.close()
        self._lent.close()


def secret_for(description: Description) -> SecretPair:
    """Return what the provider signs with and what is stored; nothing where it signs nothing."""
    return new_secret(description.signature) if description.signature.ways else NO_SECRET


def sent_to(endpoint: Endpoint, delivery: Delivery, signing: str, at: datetime) -> Delivery:
    """Return a delivery as the provider sends it to the endpoint at a time: with that address, and signed anew."""
    scheme = CATALOGUE[endpoint.provider].signature
    parts = urlsplit(delivery.url)
    rest = "".join(f"/{part}" for part in parts.path.split("/")[4:])
    queries = [
        (name, value)
        for name, value in parse_qsl(parts.query, keep_blank_values=True)
        if name not in _secrets_of(scheme)
    ]
    query = f"?{urlencode(queries)}" if queries else ""
    moved = replace(delivery, url=f"{ORIGIN}{hook_path(endpoint)}{rest}{query}")
    return sign(scheme, moved, signing, at, "delivery-1", way=0) if signing else moved


def _secrets_of(scheme: Scheme) -> set[str]:
    return {way.name for way in scheme.secret_places if way.place is Place.QUERY}
