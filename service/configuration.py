"""Portals, forms, endpoints and tokens as requests need them: from memory, checked against the database.

The cache knows the configuration's version. It looks for a newer one when its last look is older than
`FRESH_FOR`, when a request is about to be refused, and whenever a transaction proves it stale; so nothing is
refused or decided by a form as it was.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from service.domain.billing import Product, next_update_date
from service.domain.endpoints import Endpoint, ExternalForm, ExternalKind
from service.domain.forms import Form
from service.domain.model import Default, Fact, Source
from service.domain.portals import AccessToken, Portal
from service.errors import InvalidInput, SealBroken
from service.store import endpoints, external_forms, portals
from service.store.session import Database
from service.vault import Vault

FRESH_FOR = 1.0
"""Seconds."""
MOST_ENTRIES = 100_000
Key = TypeVar("Key")
Entry = TypeVar("Entry")
NOT_READ = -1


@dataclass(slots=True)
class _Snapshot:
    version: int
    portals: dict[int, Portal] = field(default_factory=dict)
    forms: dict[tuple[int, str], Form] = field(default_factory=dict)
    tokens: dict[str, AccessToken] = field(default_factory=dict)
    endpoints: dict[str, Endpoint] = field(default_factory=dict)
    external_forms: dict[int, ExternalForm] = field(default_factory=dict)
    external_keys: dict[tuple[int, ExternalKind, str], int] = field(default_factory=dict)
    update_dates: dict[int, datetime] = field(default_factory=dict)

    def size(self) -> int:
        found = (self.portals, self.forms, self.tokens, self.endpoints, self.external_keys)
        return sum(len(each) for each in found)


class Configuration:
    """Everything it returns is at least as new as `version`."""

    def __init__(self, database: Database, open_vault: Callable[[], Vault] | None = None) -> None:
        """`open_vault` is called when an endpoint is asked for first; who asks for none needs no key."""
        self._database = database
        self._open_vault = open_vault
        self._vault: Vault | None = None
        self._snapshot = _Snapshot(NOT_READ)
        self._looked_at = float("-inf")

    @property
    def version(self) -> int:
        """The version that all answers since the last refresh belong to."""
        return self._current().version

    def portal(self, portal_id: int) -> Portal | None:
        """Return the portal, or None."""
        return self._known(
            self._current().portals, portal_id, lambda connection: portals.find_portal(connection, portal_id)
        )

    def form(self, portal_id: int, guid: str) -> Form | None:
        """Return the form, archived ones too, or None; `guid` is a UUID as text."""
        return self._known(
            self._current().forms,
            (portal_id, guid),
            lambda connection: portals.find_form(connection, portal_id, guid),
        )

    def token(self, secret: str) -> AccessToken | None:
        """Return the token with this secret unless it is unknown or revoked."""
        return self._known(
            self._current().tokens,
            portals.hash_secret(secret),
            lambda connection: portals.find_token(connection, secret),
        )

    def endpoint(self, token: str) -> Endpoint | None:
        """Return the endpoint that an address leads to, paused ones too, or None.

        Raises SealBroken when its secrets can't be opened.
        """
        return self._known(
            self._current().endpoints,
            token,
            lambda connection: endpoints.find_by_token(connection, self.vault(), token),
        )

    def vault(self) -> Vault:
        """Return what secrets are sealed with; raises SealBroken when there is no key."""
        if self._vault is None:
            if self._open_vault is None:
                raise LookupError("this process has been given no key")
            try:
                self._vault = self._open_vault()
            except InvalidInput as error:
                raise SealBroken(str(error)) from error
        return self._vault

    def see_external_form(
        self, endpoint: Endpoint, kind: ExternalKind, key: str, now: datetime
    ) -> ExternalForm:
        """Return the form or chatflow that the provider calls `key`; one that nobody has seen is kept as new."""
        snapshot = self._current()
        number = snapshot.external_keys.get((endpoint.id, kind, key))
        if number is not None:
            return snapshot.external_forms[number]
        with self._database.reading() as connection:
            found = external_forms.find_by_key(connection, endpoint.id, kind, key)
        if found is None:
            with self._database.writing() as connection:
                found = external_forms.see(connection, endpoint.id, endpoint.portal_id, kind, key, now)
        snapshot.external_forms[found.id] = found
        snapshot.external_keys[endpoint.id, kind, key] = found.id
        return found

    def default_of(self, fact: Fact) -> Default:
        """Return the default marketing status that speaks for a fact (rule 5); without a product, off (rule 9)."""
        portal = self.portal(fact.portal_id)
        if portal is None or portal.product is Product.NONE:
            return Default(on=False)
        if fact.source is Source.HUBSPOT_FORM:
            form = self.form(fact.portal_id, fact.source_id)
            if form is not None:
                return Default(form.marketing_default, form.version)
        if fact.source in {Source.EXTERNAL_FORM, Source.CHATFLOW}:
            return self._external_default(fact)
        return Default(on=False)

    def _external_default(self, fact: Fact) -> Default:
        form, portal = self._external_form(int(fact.source_id)), self.portal(fact.portal_id)
        if form is None or portal is None:
            return Default(on=False)
        is_own = form.marketing_default is not None
        return Default(form.default(of_portal=portal.external_forms), form.version if is_own else 0)

    def _external_form(self, number: int) -> ExternalForm | None:
        return self._known(
            self._current().external_forms,
            number,
            lambda connection: external_forms.find(connection, number),
        )

    def _known(self, known: dict[Key, Entry], key: Key, find: Callable[[Any], Entry | None]) -> Entry | None:
        """Return what is known by a key, or what the database has, which is known from then on."""
        found = known.get(key)
        if found is None:
            with self._database.reading() as connection:
                found = find(connection)
            if found is not None:
                known[key] = found
        return found

    def update_date(self, portal_id: int, now: datetime) -> datetime:
        """Return the portal's next update date."""
        dates = self._current().update_dates
        found = dates.get(portal_id)
        if found is None or found <= now:
            portal = self.portal(portal_id)
            if portal is None:
                message = f"portal {portal_id} has gone"
                raise LookupError(message)
            found = dates[portal_id] = next_update_date(portal.subscription, now)
        return found

    def refresh(self) -> bool:
        """Look for a newer version; True when there was one and all is read anew."""
        with self._database.reading() as connection:
            version = portals.version(connection)
        self._looked_at = time.monotonic()
        if version == self._snapshot.version and self._snapshot.size() <= MOST_ENTRIES:
            return False
        self._snapshot = _Snapshot(version)
        return True

    def _current(self) -> _Snapshot:
        if time.monotonic() - self._looked_at > FRESH_FOR or self._snapshot.version == NOT_READ:
            self._look()
        return self._snapshot

    def _look(self) -> None:
        """Refresh; whoever asks meanwhile has the answers of a moment ago instead of a query of its own."""
        self._looked_at = time.monotonic()
        try:
            self.refresh()
        except BaseException:
            self._looked_at = float("-inf")
            raise
