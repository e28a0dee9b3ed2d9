"""Users of a portal, what their roles let them do, and that nobody gives more than they have (rule 8)."""

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from service.domain.actors import COMMAND, Actor
from service.domain.portals import Scope
from service.errors import Forbidden, NoMarketingAccess


class Role(enum.StrEnum):
    """What a user is to a portal; `ROLES` says what follows."""

    ADMIN = "admin"
    MARKETING = "marketing"
    BILLING = "billing"
    VIEWER = "viewer"


@dataclass(frozen=True, slots=True)
class Powers:
    """What a role may do."""

    about: str
    writes: frozenset[Scope] = frozenset()
    """Read and change."""
    reads: frozenset[Scope] = frozenset()
    """Read, and change nothing."""

    @property
    def scopes(self) -> frozenset[Scope]:
        """Those that are read, whether they are changed or not."""
        return self.writes | self.reads


ROLES: Mapping[Role, Powers] = {
    Role.ADMIN: Powers("Everything, users and access tokens too.", frozenset(Scope)),
    Role.MARKETING: Powers(
        "Contacts, forms, endpoints and what the portal is set up with; sees the bill.",
        frozenset({Scope.CONTACTS, Scope.SETTINGS, Scope.FORMS, Scope.ENDPOINTS}),
        frozenset({Scope.BILLING}),
    ),
    Role.BILLING: Powers(
        "The bill and its statements; sees contacts, defaults and brakes.",
        frozenset({Scope.BILLING}),
        frozenset({Scope.CONTACTS, Scope.SETTINGS}),
    ),
    # Not endpoints: whoever reads an endpoint's address can send to it, and so raise contacts.
    Role.VIEWER: Powers(
        "Sees contacts, forms, defaults and the bill; changes nothing.",
        reads=frozenset({Scope.CONTACTS, Scope.SETTINGS, Scope.FORMS, Scope.BILLING}),
    ),
}


@dataclass(frozen=True, slots=True)
class User:
    """A person who works with one portal; acts by access tokens of their own."""

    id: int
    portal_id: int
    email: str
    """Normalised; belongs to one user of a portal."""
    name: str
    role: Role
    marketing_access: bool
    """HubSpot's 'marketing contacts access'."""
    created_at: datetime
    updated_at: datetime
    deactivated_at: datetime | None = None

    @property
    def is_active(self) -> bool:
        """Whether the user can do anything at all."""
        return self.deactivated_at is None


@dataclass(frozen=True, slots=True)
class Maker:
    """Who makes users and tokens or changes them, and all that they have to give."""

    actor: Actor
    scopes: frozenset[str]
    read_only: frozenset[str] = frozenset()
    """Of the scopes, those by which nothing may be changed."""

    def check_scopes(self, writes: Iterable[str], reads: Iterable[str] = ()) -> None:
        """Raise Forbidden when somebody would get a scope that the maker lacks."""
        beyond = set(writes) - (self.scopes - self.read_only) | (set(reads) - self.scopes)
        if beyond:
            raise Forbidden(f"{self.actor} can't give what it lacks: {', '.join(sorted(beyond))}")

    def check_role(self, role: Role) -> None:
        """Raise Forbidden for a role that may do more than the maker."""
        powers = ROLES[role]
        self.check_scopes(powers.writes, powers.reads)

    def check_access(self, *, given: bool) -> None:
        """Raise NoMarketingAccess when a token would have the access that its maker lacks."""
        if given and not self.actor.marketing_access:
            raise NoMarketingAccess(self.actor)

    def check_gives_others(self, user_id: int) -> None:
        """Raise Forbidden for a user who would give the marketing contacts access to themselves."""
        if str(self.actor) == f"user:{user_id}":
            raise Forbidden("nobody gives the marketing contacts access to themselves; another user has to")


BY_COMMAND = Maker(COMMAND, frozenset(Scope))
"""Somebody with a shell on the server has everything to give."""
