"""A portal and the access tokens that programs use with it."""

import enum
from dataclasses import dataclass
from datetime import datetime

from service.domain.billing import Product, Subscription


class Scope(enum.StrEnum):
    """What an access token may do."""

    FORMS = "forms"
    BILLING = "billing"
    ENDPOINTS = "endpoints"


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


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A program's key to one portal; its secret is kept as a hash only."""

    id: int
    portal_id: int
    name: str
    scopes: frozenset[str]
    created_at: datetime
    revoked_at: datetime | None = None
