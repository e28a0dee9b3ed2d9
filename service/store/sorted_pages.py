"""Finds contacts in the order of a value: along the index that has this order, a bounded stretch at a time."""

import base64
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from service.documents import dumps, loads
from service.domain.filters.indexing import LAST_MODIFIED, is_number
from service.domain.reading import is_storable
from service.errors import InvalidInput
from service.store.filters import compile_filter
from service.store.pages import FIRST_SLICE, IS_LIVE, LARGEST, LARGEST_SLICE, Budget, Search
from service.store.property_indexes import key_of
from service.store.tables import contact


@dataclass(frozen=True, slots=True)
class Found:
    """A page."""

    ids: list[int]
    after: str | None
    """Where to go on: the value and number of a contact, sealed for nobody; None at the end."""
    is_whole: bool


def find(
    search: Search, name: str, after: str | None, limit: int, budget: Budget, *, ascending: bool
) -> Found:
    """Return the next contacts that match, in the order of a property that has an index, or of their addresses.

    Contacts without a value are not among them. Texts are in order by their first characters, small.
    """
    keys = (contact.c.email, contact.c.id) if name == "email" else (key_of(name), contact.c.id)
    place = _read_place(after, name)
    found: list[int] = []
    size = FIRST_SLICE
    while True:
        rows = _slice(search, keys, place, size, ascending=ascending)
        for row in rows:
            place = (row.key, row.id)
            if row.fits:
                found.append(row.id)
            if len(found) == limit:
                is_end = row is rows[-1] and len(rows) < size
                return Found(found, None if is_end else _write_place(place), is_whole=True)
        if len(rows) < size:
            return Found(found, None, is_whole=True)
        if budget.is_over and place is not None:
            return Found(found, _write_place(place), is_whole=False)
        size = min(size * 2, LARGEST_SLICE // 10)


def _slice(
    search: Search, keys: tuple[Any, Any], place: tuple[Any, int] | None, size: int, *, ascending: bool
) -> list[Any]:
    fits = sa.and_(IS_LIVE, compile_filter(search.filter, search.now)).label("fits")
    query = sa.select(keys[0].label("key"), contact.c.id, fits).where(
        contact.c.portal_id == search.portal_id, keys[0].is_not(None)
    )
    if place is not None:
        here, there = sa.tuple_(*keys), sa.tuple_(sa.literal(place[0], keys[0].type), sa.literal(place[1]))
        query = query.where(here > there if ascending else here < there)
    order = keys if ascending else tuple(key.desc() for key in keys)
    return list(search.connection.execute(query.order_by(*order).limit(size)))


def _write_place(place: tuple[Any, int]) -> str:
    value, number = place
    written = value.isoformat() if isinstance(value, datetime) else value
    return base64.urlsafe_b64encode(dumps([written, number]).encode()).decode()


def _read_place(after: str | None, name: str) -> tuple[Any, int] | None:
    if not after:
        return None
    try:
        value, number = loads(base64.urlsafe_b64decode(after.encode()))
        if name == LAST_MODIFIED:
            value = datetime.fromisoformat(value)
    except (ValueError, TypeError):
        value = number = None
    if type(number) is not int or not 0 <= number <= LARGEST or not _is_value(value, name):
        mend = "send back what the page before gave, with the same sort"
        raise InvalidInput(f"after is {after[:50]!r}", field="after", mend=mend)
    return value, number


def _is_value(value: object, name: str) -> bool:
    """Whether a contact can have this as its key."""
    if isinstance(value, datetime):
        return value.tzinfo is not None
    if is_number(name):
        return isinstance(value, float)
    return isinstance(value, str) and is_storable(value)
