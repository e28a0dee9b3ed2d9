"""A portal and the access tokens that programs use with it."""

import enum
from dataclasses import dataclass
from datetime import datetime

from service.domain.billing import Product, Subscription
from service.errors import Forbidden


class Scope(enum.StrEnum):
    """What an access token may do."""

    FORMS = "forms"
    BILLING = "billing"
    ENDPOINTS = "endpoints"
    CONTACTS = "contacts"
    """Contacts, their status, views, imports and other jobs."""
    SETTINGS = "settings"
    """Defaults, workflows, brakes, and what the portal is set up with."""
    USERS = "users"
    """Users, access tokens and the audit."""


class DeleteCounts(enum.StrEnum):
    """How long a deleted contact counts that counted when it was deleted (rule 13)."""

    UNTIL_UPDATE_DATE = "until_update_date"
    NOT = "not"


@dataclass(frozen=True, slots=True)
class Portal:
    """One customer's account: who is billed."""

    id: int
    name: str
    subscription: Subscription
    product: Product
    tier: int
    """Marketing contacts that are paid for."""
    created_at: datetime
    external_forms: bool = True
    """The default marketing status of forms that are not HubSpot's, where the form has none of its own (rule 5)."""
    delete_counts: DeleteCounts = DeleteCounts.UNTIL_UPDATE_DATE
    is_braked: bool = False
    """There is a brake, of the portal or of a form: whoever raises contacts asks it first (rule 11)."""
    runs_workflows: bool = False
    """A workflow is on: contacts that change are noted for it."""
    closed_until: datetime | None = None
    """Where the last period ends that has a statement, or is getting one: right under the portal's lock only."""


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A program's key to one portal; its secret is kept as a hash only."""

    id: int
    portal_id: int
    name: str
    scopes: frozenset[str]
    """Of a user's token, as far as the user's role has them today."""
    created_at: datetime
    revoked_at: datetime | None = None
    user_id: int | None = None
    """Who acts by it; None for an integration."""
    marketing_access: bool = True
    """An integration's 'marketing contacts access'; a user's token has its user's."""
    marketing_default: bool = False
    """Of contacts that an integration creates (rule 5)."""
    default_version: int = 0
    """How often the default has changed."""
    role: str = ""
    """Its user's; empty for an integration."""
    read_only: frozenset[str] = frozenset()
    """Of the scopes, those by which the user's role changes nothing."""

    def check(self, scope: Scope, *, writing: bool) -> None:
        """Raise Forbidden unless the token may read, or change, what the scope is about."""
        if scope not in self.scopes:
            of_whom = f" of a user with the role {self.role}" if self.role else ""
            raise Forbidden(f"the access token{of_whom} lacks the scope {scope!s}")
        if writing and scope in self.read_only:
            raise Forbidden(f"the role {self.role} reads {scope!s} and changes nothing there")
