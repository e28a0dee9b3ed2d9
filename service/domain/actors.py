"""Who does something, and what they may do (rules 7 to 9)."""

import enum
from dataclasses import dataclass

from service.domain.billing import Product
from service.domain.model import Cause, Default, Intent, ReasonType, Source
from service.domain.portals import Portal
from service.errors import NoMarketingAccess, NotIncluded

NO_DEFAULT = Default(on=False)
CLOCK = "clock"
"""The actor's name where time alone has changed something."""
WITH_WORKFLOWS = frozenset({Product.PROFESSIONAL, Product.ENTERPRISE})


class ActorKind(enum.StrEnum):
    """Who can act; the first part of an actor's name."""

    USER = "user"
    TOKEN = "token"  # noqa: S105 - the kind of an actor, not a secret
    COMMAND = "command"
    """Somebody with a shell on the server."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks for a change; `str` of it stands in status changes and in the audit."""

    kind: ActorKind
    id: int = 0
    marketing_access: bool = True
    """HubSpot's 'marketing contacts access' (rule 8)."""
    default: Default = NO_DEFAULT
    """An integration's own, for contacts that it creates (rule 5)."""

    def __str__(self) -> str:
        return self.kind.value if self.kind is ActorKind.COMMAND else f"{self.kind}:{self.id}"

    def cause(self, intent: Intent) -> Cause:
        """Return the cause of what this actor does to one contact, or to many, by hand or by the API."""
        if self.kind is ActorKind.TOKEN:
            source, reason_type = Source.TOKEN, ReasonType.INTEGRATOR_SET
        else:
            source, reason_type = Source.BY_HAND, ReasonType.USER_SET
        reason_id = str(self.id) if self.id else self.kind.value
        default = self.default if intent is Intent.DEFAULT else NO_DEFAULT
        return Cause(intent, source, reason_type, reason_id, actor=str(self), default=default)

    def check_marketing_access(self) -> None:
        """Raise NoMarketingAccess for an actor who may change no status and no default."""
        if not self.marketing_access:
            raise NoMarketingAccess(self)


COMMAND = Actor(ActorKind.COMMAND)


def actor_from(name: str) -> Actor:
    """Return the actor that `str` has named; its access is the business of when it asked."""
    kind, _, number = name.partition(":")
    return Actor(ActorKind(kind), int(number or 0))


def check_marketing_contacts(portal: Portal) -> None:
    """Raise NotIncluded for a portal without a product: it has no marketing contacts (rule 9)."""
    if portal.product is Product.NONE:
        raise NotIncluded("marketing contacts", portal.product.value, "Starter, Professional or Enterprise")


def check_workflows(portal: Portal) -> None:
    """Raise NotIncluded for a portal whose product has no workflows (rule 7)."""
    if portal.product not in WITH_WORKFLOWS:
        raise NotIncluded("workflows", portal.product.value, "Professional or Enterprise")
