"""Saved views: what people do with them. A view whose filter would be slow has an index asked for."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

from service.domain.actors import Actor
from service.domain.filters import Filter
from service.domain.filters.indexing import worth_an_index
from service.domain.views import View, check_name
from service.errors import Conflict, NotFound
from service.store import audit, pages, portals, views
from service.store.pages import Budget, Counted
from service.store.session import Database
from service.views.indexing import Indexing
from service.views.searching import Asked, Page, list_contacts

MOST_VIEWS = 1_000
COUNT_SECONDS = 20.0


class SavedViews:
    """The use cases; one instance for any number of calls."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now
        self._indexing = Indexing(database, now)

    def create(self, actor: Actor, portal_id: int, name: str, wanted: Filter) -> View:
        """Save a view; raises Conflict when its name is taken."""
        now, checked = self._now(), check_name(name)
        with self._database.writing() as connection:
            portals.get_portal(connection, portal_id)
            if views.count(connection, portal_id) >= MOST_VIEWS:
                raise Conflict(f"portal {portal_id} has {MOST_VIEWS} views, which is the most; delete one")
            made = views.add(connection, portal_id, checked, wanted, str(actor), now)
            _note(connection, actor, "view_created", None, made, now)
        self._indexing.ask_for_view(actor, made)
        return made

    def change(
        self,
        actor: Actor,
        portal_id: int,
        view_id: int,
        *,
        name: str | None = None,
        wanted: Filter | None = None,
        version: int | None = None,
    ) -> View:
        """Change a view; what is None stays. Raises Conflict when it is not the version that was meant."""
        now = self._now()
        with self._database.writing() as connection:
            known = _find(connection, portal_id, view_id, version)
            new_name = known.name if name is None else check_name(name)
            changed = views.change(
                connection, known, new_name, known.filter if wanted is None else wanted, now
            )
            _note(connection, actor, "view_changed", known, changed, now)
        self._indexing.ask_for_view(actor, changed)
        return changed

    def delete(self, actor: Actor, portal_id: int, view_id: int, version: int | None = None) -> None:
        """Delete a view; its contacts stay as they are."""
        now = self._now()
        with self._database.writing() as connection:
            known = _find(connection, portal_id, view_id, version)
            views.delete(connection, known)
            _note(connection, actor, "view_deleted", known, None, now)

    def every(self, portal_id: int) -> list[View]:
        """Return a portal's views by name; raises NotFound."""
        with self._database.reading() as connection:
            portals.get_portal(connection, portal_id)
            return views.every(connection, portal_id)

    def find(self, portal_id: int, view_id: int) -> View:
        """Return a view; raises NotFound."""
        with self._database.reading() as connection:
            return _find(connection, portal_id, view_id)

    def named(self, portal_id: int, name: str) -> View:
        """Return the view with this name; raises NotFound."""
        found = [each for each in self.every(portal_id) if each.name == name]
        if not found:
            raise NotFound("view", repr(name))
        return found[0]

    def contacts(self, actor: Actor, known: View, asked: Asked) -> Page:
        """Return a page of a view's contacts; one that could not be whole in time asks for an index."""
        asked = replace(asked, filter=known.filter)
        page = list_contacts(self._database, known.portal_id, asked, self._now())
        if not page.is_whole:
            self._indexing.ask_for_view(actor, known, is_slow=True)
        return page

    def count(self, known: View, seconds: float = COUNT_SECONDS) -> Counted:
        """Count a view's contacts, as long as there is time."""
        with self._database.reading() as connection:
            search = pages.open_search(connection, known.portal_id, known.filter, self._now())
            return pages.count(search, Budget(seconds))


def index_names(known: View) -> list[str]:
    """Return properties by whose index the view is quick."""
    return worth_an_index(known.filter)


def _find(connection: Any, portal_id: int, view_id: int, version: int | None = None) -> View:
    known = views.find(connection, portal_id, view_id)
    if known is None:
        raise NotFound("view", view_id)
    if version is not None and known.version != version:
        raise Conflict(f"view {view_id} is at version {known.version}, not {version}; read it and try again")
    return known


def _note(
    connection: Any, actor: Actor, action: str, before: View | None, after: View | None, now: datetime
) -> None:
    known = after or before
    if known is None:
        return
    entry = audit.Entry(str(actor), action, f"view:{known.id}", _told(before), _told(after))
    audit.note(connection, known.portal_id, entry, now)


def _told(known: View | None) -> dict[str, object] | None:
    """Return what the audit keeps of a view: values of a filter may be somebody's."""
    if known is None:
        return None
    asked = {condition.property_name for group in known.filter.groups for condition in group}
    return {"name": known.name, "properties": sorted(asked), "version": known.version}
