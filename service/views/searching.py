"""Pages of contacts. One takes about `SECONDS` at the most: what it can't look at in that time, the next one does."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from service.domain.filters import Filter, Subject
from service.domain.filters.indexing import STATUS, is_indexable
from service.domain.filters.matching import value_of
from service.domain.filters.values import read_id
from service.errors import InvalidInput
from service.store import pages, portals, sorted_pages
from service.store.filters import subject_of
from service.store.pages import Budget, Search
from service.store.session import Database

SECONDS = 1.0
"""For a page."""
TOTAL_SECONDS = 0.1
MOST_TOTAL = 10_000
"""Up to here a total is exact, if the time allows."""
MOST_RESULTS, MOST_CONTACTS = 200, 100
BY_NUMBER = frozenset({"hs_object_id", "createdate"})
EVERYBODY = Filter()


@dataclass(frozen=True, slots=True)
class Sort:
    """What a search goes by."""

    name: str = "createdate"
    ascending: bool = False


@dataclass(frozen=True, slots=True)
class Listed:
    """A contact in a page, and the values that were asked for."""

    subject: Subject
    properties: dict[str, str]


@dataclass(frozen=True, slots=True)
class Page:
    """Contacts, and where to go on."""

    contacts: list[Listed]
    after: str | None
    """None at the end."""
    is_whole: bool
    """False when the time was over before there were enough: go on from `after`; nobody was left out."""


@dataclass(frozen=True, slots=True)
class Total:
    """How many match."""

    number: int
    is_exact: bool
    """False when there are more, or may be."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked for of a portal's contacts."""

    filter: Filter = EVERYBODY
    sort: Sort = Sort()
    after: str | None = None
    limit: int = 10
    properties: Sequence[str] = ()


def list_contacts(database: Database, portal_id: int, asked: Asked, now: datetime) -> Page:
    """Return a page of contacts that match; raises NotFound and InvalidInput."""
    with database.reading() as connection:
        return _page(_open(connection, portal_id, asked, now), asked)


def search(database: Database, portal_id: int, asked: Asked, now: datetime) -> tuple[Page, Total]:
    """Return a page, and how many match: up to 10,000, as far as a tenth of a second lets them be counted."""
    with database.reading() as connection:
        looked = _open(connection, portal_id, asked, now)
        page = _page(looked, asked)
        if asked.sort.name in BY_NUMBER and not asked.after and page.after is None:
            return page, Total(len(page.contacts), is_exact=True)
        counted = pages.count(looked, Budget(TOTAL_SECONDS), MOST_TOTAL)
    least = max(counted.number, len(page.contacts))
    return page, Total(least, is_exact=counted.is_exact)


def read_number(after: str | None) -> int | None:
    """Read where a page goes on; raises InvalidInput for what no page has given."""
    if not after:
        return None
    number = read_id(after)
    if number is None:
        raise InvalidInput(
            f"after is {after[:50]!r}", field="after", mend="send back what the page before gave"
        )
    return number


def _open(connection: Any, portal_id: int, asked: Asked, now: datetime) -> Search:
    portals.get_portal(connection, portal_id)
    return pages.open_search(connection, portal_id, asked.filter, now)


def _page(looked: Search, asked: Asked) -> Page:
    if asked.sort.name in BY_NUMBER:
        found = pages.find(
            looked, read_number(asked.after), asked.limit, Budget(SECONDS), ascending=asked.sort.ascending
        )
        ids, after, is_whole = found.ids, None if found.after is None else str(found.after), found.is_whole
    else:
        _check_sort(asked.sort, looked.indexed)
        by_value = sorted_pages.find(
            looked, asked.sort.name, asked.after, asked.limit, Budget(SECONDS), ascending=asked.sort.ascending
        )
        ids, after, is_whole = by_value.ids, by_value.after, by_value.is_whole
    rows = pages.rows_of(looked.connection, ids)
    return Page([_listed(subject_of(row), asked.properties, looked.now) for row in rows], after, is_whole)


def _check_sort(sort: Sort, indexed: frozenset[str]) -> None:
    if sort.name == STATUS or (sort.name != "email" and sort.name not in indexed):
        mend = "sort by createdate or email"
        if sort.name != STATUS and is_indexable(sort.name):
            mend += f", or have an index made: 'marketable property index {sort.name}'"
        raise InvalidInput(f"contacts can't be sorted by {sort.name}", field="sorts", mend=mend)


def _listed(subject: Subject, names: Sequence[str], now: datetime) -> Listed:
    values = {name: value_of(subject, name, now) for name in names}
    return Listed(subject, {name: _written(value) for name, value in values.items() if value is not None})


def _written(value: str | int | datetime) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
