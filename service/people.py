"""What people do with users and access tokens; the same for the API and the command.

Nobody gives more than they have, and a portal that has an admin keeps one. Every change is in the audit, in the
same transaction, and holds from the next request to our own API on.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from service.addresses import normalise_email
from service.demo import new_secret
from service.domain.actors import check_marketing_contacts
from service.domain.endpoints import LONGEST_NAME, check_name
from service.domain.people import ROLES, Maker, Role, User
from service.domain.portals import AccessToken, Scope
from service.domain.reading import is_storable
from service.errors import Conflict, InvalidInput
from service.store import audit, defaults, people, portals
from service.store.audit import Entry
from service.store.session import Database

ONE_ADMIN = "the portal would be left without an active admin; make another user admin first"
OF_USERS = "a user's token has its user's"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewUser:
    """A user to make."""

    email: str
    role: Role
    name: str = ""
    """The e-mail address if empty."""
    marketing_access: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class NewToken:
    """A token to make: of a user, or of an integration."""

    name: str = "token"
    scopes: Sequence[str] | None = None
    """All that the user's role has, or the maker, if left out."""
    user_id: int | None = None
    marketing_access: bool | None = None
    """Of an integration only; its maker's if left out."""
    marketing_default: bool = False
    """Of an integration only: of contacts that it creates (rule 5)."""


class People:
    """The users and access tokens of all portals."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now

    def users(self, portal_id: int) -> list[User]:
        """Return a portal's users, deactivated ones too; raises NotFound for a portal that does not exist."""
        with self._database.reading() as connection:
            portals.get_portal(connection, portal_id)
            return people.list_all(connection, portal_id)

    def user(self, portal_id: int, user_id: int) -> User:
        """Return one user; raises NotFound."""
        with self._database.reading() as connection:
            return people.get(connection, portal_id, user_id)

    def create_user(self, maker: Maker, portal_id: int, wanted: NewUser) -> User:
        """Make a user; raises InvalidInput, Forbidden, NotFound, and Conflict when the address is taken."""
        maker.check_role(wanted.role)
        email, now = normalise_email(wanted.email), self._now()
        if email is None:
            raise InvalidInput(
                "this is not an e-mail address", field="email", mend="give one, as ada@example.com"
            )
        name, access = _name(wanted.name or email[:LONGEST_NAME]), wanted.marketing_access
        made = User(0, portal_id, email, name, wanted.role, access, now, now)
        with self._database.writing() as connection:
            portals.get_portal(connection, portal_id)
            user_id = people.add(connection, made)
            if user_id is None:
                raise Conflict("a user of this portal has this e-mail address; change or activate that one")
            made = replace(made, id=user_id)
            self._note(connection, maker, portal_id, f"user:{user_id}", "created", after=_of_user(made))
        return made

    def change_user(
        self,
        maker: Maker,
        portal_id: int,
        user_id: int,
        *,
        name: str | None = None,
        role: Role | None = None,
        marketing_access: bool | None = None,
    ) -> User:
        """Change what is given; raises NotFound, Forbidden, InvalidInput, and Conflict for the last admin."""
        changes: dict[str, Any] = {} if name is None else {"name": _name(name)}
        changes |= {} if role is None else {"role": role}
        changes |= {} if marketing_access is None else {"marketing_access": marketing_access}
        with self._database.writing() as connection:
            admins = people.lock_admins(connection, portal_id)
            before = people.get(connection, portal_id, user_id, for_update=True)
            after = replace(before, **changes, updated_at=self._now())
            if after.role is not before.role:
                maker.check_role(after.role)
                _check_not_last(admins, user_id)
            if after.marketing_access and not before.marketing_access:
                maker.check_gives_others(user_id)
            people.save(connection, after)
            documents = {"before": _of_user(before), "after": _of_user(after)}
            self._note(connection, maker, portal_id, f"user:{user_id}", "changed", **documents)
        return after

    def deactivate(self, maker: Maker, portal_id: int, user_id: int) -> User:
        """Have a user do nothing any more, by any token; raises NotFound, and Conflict for the last admin."""
        with self._database.writing() as connection:
            admins, now = people.lock_admins(connection, portal_id), self._now()
            before = people.get(connection, portal_id, user_id, for_update=True)
            if not before.is_active:
                return before
            _check_not_last(admins, user_id)
            after = replace(before, deactivated_at=now, updated_at=now)
            people.save(connection, after)
            self._note(connection, maker, portal_id, f"user:{user_id}", "deactivated")
            for token_id in people.revoke_tokens(connection, user_id, now):
                self._note(connection, maker, portal_id, f"token:{token_id}", "revoked")
        return after

    def activate(self, maker: Maker, portal_id: int, user_id: int) -> User:
        """Take a user back; tokens from before stay revoked. Raises NotFound, Forbidden."""
        with self._database.writing() as connection:
            before = people.get(connection, portal_id, user_id, for_update=True)
            maker.check_role(before.role)
            if before.is_active:
                return before
            after = replace(before, deactivated_at=None, updated_at=self._now())
            people.save(connection, after)
            self._note(connection, maker, portal_id, f"user:{user_id}", "activated")
        return after

    def tokens(self, portal_id: int) -> list[AccessToken]:
        """Return a portal's tokens, revoked ones too, without secrets; raises NotFound."""
        with self._database.reading() as connection:
            portals.get_portal(connection, portal_id)
            return portals.list_tokens(connection, portal_id)

    def token(self, portal_id: int, token_id: int) -> AccessToken:
        """Return one token, without its secret; raises NotFound."""
        with self._database.reading() as connection:
            return portals.get_token(connection, portal_id, token_id)

    def create_token(self, maker: Maker, portal_id: int, wanted: NewToken) -> tuple[AccessToken, str]:
        """Make a token; returns it with its secret, which nobody can read afterwards.

        Raises NotFound, InvalidInput, Forbidden for scopes that the maker lacks, NoMarketingAccess, NotIncluded, and
        Conflict for a user who is deactivated.
        """
        name, secret = _name(wanted.name), new_secret()
        with self._database.writing() as connection:
            portal = portals.get_portal(connection, portal_id)
            new = AccessToken(0, portal_id, name, frozenset(), self._now())
            if wanted.user_id is None:
                new = _integration(maker, new, wanted)
            else:
                user = people.get(connection, portal_id, wanted.user_id, for_update=True)
                new = _of_whom(maker, new, wanted, user)
            if wanted.marketing_default:
                maker.actor.check_marketing_access()
                check_marketing_contacts(portal)
            made = portals.get_token(connection, portal_id, portals.add_access_token(connection, new, secret))
            self._note(connection, maker, portal_id, f"token:{made.id}", "created", after=_of_token(made))
        return made, secret

    def change_token(
        self,
        maker: Maker,
        portal_id: int,
        token_id: int,
        *,
        name: str | None = None,
        marketing_access: bool | None = None,
    ) -> AccessToken:
        """Rename a token, or give or take an integration's access; raises NotFound, InvalidInput, Forbidden."""
        with self._database.writing() as connection:
            before = portals.get_token(connection, portal_id, token_id)
            if marketing_access is not None and before.user_id is not None:
                mend = f"change user {before.user_id}"
                raise InvalidInput(f"{OF_USERS} access", field="marketing_access", mend=mend)
            maker.check_access(given=bool(marketing_access) and not before.marketing_access)
            changes: dict[str, Any] = {} if name is None else {"name": _name(name)}
            changes |= {} if marketing_access is None else {"marketing_access": marketing_access}
            portals.set_token(connection, portal_id, token_id, changes)
            after = portals.get_token(connection, portal_id, token_id)
            documents = {"before": _of_token(before), "after": _of_token(after)}
            self._note(connection, maker, portal_id, f"token:{token_id}", "changed", **documents)
        return after

    def set_token_default(self, maker: Maker, portal_id: int, token_id: int, *, on: bool) -> None:
        """Set the default of contacts that an integration creates from now on (rule 5).

        Raises NotFound for a token that is revoked or a user's, NoMarketingAccess, NotIncluded.
        """
        with self._database.writing() as connection:
            defaults.set_token_default(connection, portal_id, token_id, maker.actor, self._now(), on=on)

    def revoke_token(self, maker: Maker, portal_id: int, token_id: int) -> None:
        """Make a token useless from now on; once more does nothing. Raises NotFound."""
        with self._database.writing() as connection:
            portals.get_token(connection, portal_id, token_id)
            if portals.revoke_token(connection, portal_id, token_id, self._now()):
                self._note(connection, maker, portal_id, f"token:{token_id}", "revoked")

    def _note(
        self,
        connection: Any,
        maker: Maker,
        portal_id: int,
        subject: str,
        action: str,
        **documents: Mapping[str, Any],
    ) -> None:
        entry = Entry(str(maker.actor), action, subject, **documents)
        audit.note(connection, portal_id, entry, self._now())


def _integration(maker: Maker, new: AccessToken, wanted: NewToken) -> AccessToken:
    scopes = _scopes(maker.scopes - maker.read_only if wanted.scopes is None else wanted.scopes)
    maker.check_scopes(scopes)
    access = maker.actor.marketing_access if wanted.marketing_access is None else wanted.marketing_access
    maker.check_access(given=access)
    return replace(new, scopes=scopes, marketing_access=access, marketing_default=wanted.marketing_default)


def _of_whom(maker: Maker, new: AccessToken, wanted: NewToken, user: User) -> AccessToken:
    """Its maker gets to know the secret: so it must not do anything that the maker can't."""
    if wanted.marketing_access is not None or wanted.marketing_default:
        field = "marketing_default" if wanted.marketing_access is None else "marketing_access"
        what = "role, and no default" if wanted.marketing_access is None else "access"
        raise InvalidInput(f"{OF_USERS} {what}", field=field, mend="leave it out")
    if not user.is_active:
        raise Conflict(f"user {user.id} is deactivated; activate the user first")
    powers = ROLES[user.role]
    scopes = _scopes(powers.scopes if wanted.scopes is None else wanted.scopes)
    if not scopes <= powers.scopes:
        beyond = ", ".join(sorted(scopes - powers.scopes))
        mend = f"leave them out: {', '.join(sorted(powers.scopes))} are there"
        raise InvalidInput(f"the role {user.role} lacks {beyond}", field="scopes", mend=mend)
    maker.check_scopes(scopes & powers.writes, scopes & powers.reads)
    maker.check_access(given=user.marketing_access)
    return replace(new, scopes=scopes, user_id=user.id)


def _scopes(names: Sequence[str] | frozenset[str]) -> frozenset[str]:
    scopes = frozenset(str(name) for name in names)
    if not scopes or not scopes <= set(Scope):
        raise InvalidInput(
            "a token needs scopes that there are", field="scopes", mend=f"choose of {', '.join(Scope)}"
        )
    return scopes


def _name(name: str) -> str:
    if not is_storable(name):
        raise InvalidInput("the name holds what no text holds", field="name", mend="write it again")
    return check_name(name)


def _check_not_last(admins: Sequence[int], user_id: int) -> None:
    if list(admins) == [user_id]:
        raise Conflict(ONE_ADMIN)


def _of_user(user: User) -> dict[str, Any]:
    return {"name": user.name, "role": user.role.value, "marketing_access": user.marketing_access}


def _of_token(token: AccessToken) -> dict[str, Any]:
    return {
        "name": token.name,
        "user": token.user_id,
        "scopes": sorted(token.scopes),
        "marketing_access": token.marketing_access,
        "marketing_default": token.marketing_default,
    }
