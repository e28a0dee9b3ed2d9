"""The use case by which every default is read and set; whose it is, since when and by whom stands beside it.

Guarantees: what is set is in the history with who did it, what stood before and after; a roll-back is a change like
any other. The ways of old (`form`, `external-form`, tokens) go through the same part of the store.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from service.domain.actors import Actor
from service.domain.defaults import EXTERNAL_FORMS, Kept, Subject, Value, Whose, load_value
from service.domain.portals import DeleteCounts
from service.errors import InvalidInput, NotFound
from service.store import defaults
from service.store.defaults import Noted
from service.store.session import Database


@dataclass(frozen=True, slots=True)
class Shown:
    """A default, with what is in effect and where that comes from."""

    kept: Kept
    in_effect: bool | DeleteCounts
    since: datetime | None
    """None for what was never set and has not been seen yet."""
    by: str | None
    """An actor; None for what nobody has set."""


class Defaults:
    """The defaults of all portals."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now

    def every(self, portal_id: int) -> list[Shown]:
        """Return all defaults of a portal in a fixed order; raises NotFound."""
        with self._database.reading() as connection:
            return show_all(connection, portal_id)

    def show(self, portal_id: int, subject: Subject) -> Shown:
        """Return one default; raises NotFound."""
        with self._database.reading() as connection:
            return _show_one(connection, portal_id, subject)

    def set(self, actor: Actor, portal_id: int, subject: Subject, value: Value) -> Shown:
        """Set one default; what is so already is left alone. Raises NotFound, NoMarketingAccess, NotIncluded."""
        with self._database.writing() as connection:
            defaults.set_default(connection, portal_id, actor, subject, value, self._now())
            return _show_one(connection, portal_id, subject)

    def set_all(self, actor: Actor, portal_id: int, values: Mapping[Subject, Value]) -> list[Shown]:
        """Set several in one transaction, and return all defaults; raises what `set` raises."""
        with self._database.writing() as connection:
            defaults.set_all(connection, portal_id, actor, values, self._now())
            return show_all(connection, portal_id)

    def history(
        self, portal_id: int, subject: Subject, *, before: int | None = None, limit: int = 100
    ) -> list[Noted]:
        """Return a default's changes, the newest first; raises NotFound."""
        with self._database.reading() as connection:
            _show_one(connection, portal_id, subject)
            return defaults.history(connection, portal_id, subject, before=before, limit=limit)

    def roll_back(self, actor: Actor, portal_id: int, subject: Subject, entry_id: int | None = None) -> Shown:
        """Set again what stood before an entry of the history: it and all later ones are undone, by a new one.

        Without an entry the latest is meant. Raises NotFound, InvalidInput, NoMarketingAccess, NotIncluded.
        """
        with self._database.writing() as connection:
            _show_one(connection, portal_id, subject)
            entry = _entry(connection, portal_id, subject, entry_id)
            if entry.before is None:
                raise InvalidInput(
                    f"{subject} was made with entry {entry.id}: nothing stood before it",
                    field="entry",
                    mend="name a later one",
                )
            value = load_value(subject, entry.before)
            defaults.set_default(connection, portal_id, actor, subject, value, self._now())
            return _show_one(connection, portal_id, subject)


def show_all(connection: Any, portal_id: int) -> list[Shown]:
    """Return all defaults of a portal in a fixed order; raises NotFound."""
    kept = defaults.list_all(connection, portal_id)
    latest = defaults.latest(connection, portal_id)
    switch = next(each for each in kept if each.subject == EXTERNAL_FORMS)
    return [_shown(each, switch, latest) for each in kept]


def _show_one(connection: Any, portal_id: int, subject: Subject) -> Shown:
    switch = defaults.find(connection, portal_id, EXTERNAL_FORMS)
    if switch is None:
        raise NotFound("portal", portal_id)
    kept = defaults.find(connection, portal_id, subject)
    if kept is None:
        raise NotFound("default", subject)
    entries = {
        str(each): entry
        for each in (EXTERNAL_FORMS, subject)
        for entry in defaults.history(connection, portal_id, each, limit=1)
    }
    return _shown(kept, switch, entries)


def _shown(kept: Kept, switch: Kept, latest: Mapping[str, Noted]) -> Shown:
    said = [latest[str(kept.subject)]] if str(kept.subject) in latest else []
    if kept.whose is Whose.PORTAL and str(EXTERNAL_FORMS) in latest:
        said.append(latest[str(EXTERNAL_FORMS)])
    last = max(said, key=lambda entry: (entry.at, entry.id), default=None)
    return Shown(
        kept,
        kept.in_effect(of_portal=bool(switch.own)),
        last.at if last else kept.made_at,
        last.actor if last else None,
    )


def _entry(connection: Any, portal_id: int, subject: Subject, entry_id: int | None) -> Noted:
    """Return the entry that is meant; one of another default is none."""
    if entry_id is None:
        found = next(iter(defaults.history(connection, portal_id, subject, limit=1)), None)
        if found is None:
            raise InvalidInput(
                f"{subject} has never been set", field="entry", mend="there is nothing to undo"
            )
        return found
    found = defaults.find_noted(connection, portal_id, entry_id)
    if found is None or found.subject != str(subject):
        raise NotFound("entry", entry_id)
    return found
