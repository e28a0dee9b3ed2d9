"""Finds and counts contacts by a filter, a bounded stretch at a time: never is a table gone through without an end.

Each group of a filter has the shortest way that an index gives: a list of candidates, or a walk in the order of the
contacts' numbers, slice by slice, with the filter asked of each. When the time is over, the answer says how far
it goes. Numbers are given in the order in which contacts are made, so an old number is an old contact; a filter on
`createdate` is turned into numbers, with `SLACK` for clocks that differ.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from service.documents import loads
from service.domain.filters import Condition, Filter
from service.store import property_indexes
from service.store.filters import compile_filter
from service.store.sources import EVERYBODY, Branch, Source, Truth, created_within, sources_of
from service.store.tables import contact

IS_LIVE = sa.and_(contact.c.deleted_at.is_(None), contact.c.merged_into.is_(None))
"""Neither deleted, nor erased, nor merged into another."""
SLACK = timedelta(days=1)
"""How much later than the next contact's a contact's `created_at` may be."""
FIRST_SLICE, LARGEST_SLICE = 1_000, 100_000
QUICK, SLOW = 0.03, 0.15
"""Seconds for a slice: the next one is larger, or smaller."""
MOST_CANDIDATES = 10_000
FEW = 2_000
NEAR = 1_000
LARGEST = 2**63 - 1
"""Of the numbers that a contact can have."""
BY_INDEX = sa.text(
    "SELECT set_config('plan_cache_mode', 'force_custom_plan', true), set_config(name, 'off', true)"
    " FROM unnest(ARRAY['enable_seqscan', 'enable_bitmapscan', 'enable_sort']) AS name"
)
"""For the transaction: each statement follows the one index that gives its order, whatever statistics say."""


@dataclass(slots=True)
class Budget:
    """Seconds that a search may take; None for as long as it takes."""

    seconds: float | None
    began: float = field(default_factory=time.monotonic)

    @property
    def is_over(self) -> bool:
        """Whether the time is over."""
        return self.seconds is not None and time.monotonic() - self.began > self.seconds


@dataclass(frozen=True, slots=True)
class Search:
    """Which contacts are looked for; open it with `open_search`."""

    connection: sa.Connection
    portal_id: int
    filter: Filter
    now: datetime
    indexed: frozenset[str]
    """Properties that have an index of their own."""
    upto: int | None = None
    """The largest number to look at."""

    @property
    def groups(self) -> tuple[tuple[Condition, ...], ...]:
        """The filter's groups; one without conditions for a filter that takes everybody."""
        return self.filter.groups or ((),)


@dataclass(frozen=True, slots=True)
class Found:
    """A page."""

    ids: list[int]
    after: int | None
    """Where to go on; None at the end."""
    is_whole: bool = True
    """False when the time was over before there were enough; nobody before `after` was left out."""


@dataclass(frozen=True, slots=True)
class Counted:
    """How many match."""

    number: int
    is_exact: bool
    """False when there may be more."""


def open_search(
    connection: sa.Connection, portal_id: int, wanted: Filter, now: datetime, upto: int | None = None
) -> Search:
    """Set the transaction up for a search."""
    if connection.dialect.name != "sqlite":
        connection.execute(BY_INDEX)
    return Search(connection, portal_id, wanted, now, property_indexes.ready(connection), upto)


def find(search: Search, after: int | None, limit: int, budget: Budget, *, ascending: bool = False) -> Found:
    """Return the numbers of the next contacts that match: the newest first, or the oldest."""
    sign = 1 if ascending else -1
    walks = [walk for group in search.groups for walk in _walks(search, group, after, sign)]
    for walk in walks:
        walk.advance()
    while True:
        open_ends = [sign * walk.reached for walk in walks if not walk.is_finished]
        frontier = min(open_ends, default=None)
        found = {number for walk in walks for number in walk.found}
        ready = sorted(sign * each for each in found if frontier is None or sign * each <= frontier)
        if len(ready) > limit or frontier is None or budget.is_over:
            break
        next(walk for walk in walks if not walk.is_finished and sign * walk.reached == frontier).advance()
    page = [sign * each for each in ready[:limit]]
    if len(ready) > limit:
        return Found(page, page[-1])
    return Found(page, None) if frontier is None else Found(page, sign * frontier, is_whole=False)


def count(search: Search, budget: Budget, most: int | None = None) -> Counted:
    """Count those that match: up to `most`, and as long as there is time."""
    plans = [_plan(search, group) for group in search.groups]
    if all(isinstance(plan, set) for plan in plans):
        return Counted(len(set[int]().union(*plans)), is_exact=True)  # type: ignore[arg-type]
    branches = plans[0].branches if len(plans) == 1 and isinstance(plans[0], Source) else (EVERYBODY,)
    span = _span(search, search.groups[0]) if len(search.groups) == 1 else _Span(None, search.upto)
    number = 0
    for branch in branches:
        walk = _Walk(search, branch, compile_filter(search.filter, search.now), span, sign=-1)
        while not walk.is_finished:
            number += walk.count()
            if most is not None and number > most:
                return Counted(most, is_exact=False)
            if budget.is_over:
                return Counted(number, is_exact=False)
    return Counted(number, is_exact=True)


def rows_of(connection: sa.Connection, ids: Sequence[int]) -> list[Any]:
    """Return the rows of these contacts, in this order."""
    rows = {row.id: row for row in connection.execute(sa.select(contact).where(contact.c.id.in_(ids)))}
    return [rows[each] for each in ids]


class _Collected(FunctionElement[Any]):
    """The numbers of the rows that fit, as one value."""

    inherit_cache = True


class _Fitting(FunctionElement[Any]):
    """How many of the rows fit."""

    inherit_cache = True


def has_more_than(connection: sa.Connection, portal_id: int, number: int) -> bool:
    """Whether a portal has more contacts than a number, those who are gone as well."""
    query = sa.select(contact.c.id).where(*between(portal_id, 0, LARGEST))
    query = query.order_by(contact.c.portal_id, contact.c.id)
    if connection.dialect.name != "sqlite":
        connection.execute(BY_INDEX)
    return connection.execute(query.offset(number).limit(1)).first() is not None


@dataclass(frozen=True, slots=True)
class _Span:
    """Numbers to look at; both ends are inclusive, None is none."""

    first: int | None
    last: int | None


class _Walk:
    """Goes along one index in the order of numbers, `sign` 1 for up and -1 for down."""

    def __init__(self, search: Search, branch: Branch, wanted: Truth, span: _Span, sign: int) -> None:
        self.found: list[int] = []
        self.reached = 0
        """Up to here everything has been looked at."""
        self.is_finished = False
        self._search, self._sign, self._span, self._size = search, sign, span, FIRST_SLICE
        self._branch = branch
        self._fits = sa.and_(IS_LIVE, wanted).label("fits")

    def advance(self) -> None:
        """Look at the next slice, and keep whom it has."""
        self.found += _numbers(self._look(_Collected))

    def count(self) -> int:
        """Look at the next slice, and count whom it has."""
        return int(self._look(_Fitting))

    def length(self, most: int) -> int:
        """Return how many contacts the index has, as far as it matters."""
        self._size = most
        query = sa.select(sa.func.count()).select_from(self._slice().subquery("slice"))
        return int(self._search.connection.execute(query).scalar_one())

    def _look(self, summed_up: type[FunctionElement[Any]]) -> Any:
        cut = self._slice().subquery("slice")
        end = sa.func.max(cut.c.id) if self._sign > 0 else sa.func.min(cut.c.id)
        query = sa.select(sa.func.count(), end, summed_up(cut.c.id, cut.c.fits)).select_from(cut)
        began = time.monotonic()
        looked_at, reached, found = self._search.connection.execute(query).one()
        self._move(reached, looked_at, time.monotonic() - began)
        return found

    def _slice(self) -> sa.Select[Any]:
        first = self._span.first or 0
        last = LARGEST if self._span.last is None else self._span.last
        number, order = contact.c.id, [contact.c.portal_id, contact.c.id]
        here: tuple[Truth, ...] = between(self._search.portal_id, first, last)
        if self._branch.has_key:
            here = (contact.c.portal_id == self._search.portal_id, number >= first, number <= last)
        return (
            sa.select(number, self._fits)
            .where(self._branch.condition, *here)
            .order_by(*(order if self._sign > 0 else [column.desc() for column in order]))
            .limit(self._size)
        )

    def _move(self, reached: int | None, looked_at: int, took: float) -> None:
        self.is_finished = reached is None or looked_at < self._size
        if reached is not None:
            self.reached = reached
            beyond = reached + self._sign
            self._span = _Span(beyond, self._span.last) if self._sign > 0 else _Span(self._span.first, beyond)
        if took < QUICK:
            self._size = min(self._size * (4 if took < QUICK / 4 else 2), LARGEST_SLICE)
        elif took > SLOW:
            self._size = max(self._size // 2, FIRST_SLICE)


@dataclass(frozen=True, slots=True)
class _Listed:
    """All that an index knows of, got in one go."""

    found: list[int]
    reached: int = 0
    is_finished: bool = True

    def advance(self) -> None:
        """Everything has been looked at."""


def _walks(
    search: Search, group: tuple[Condition, ...], after: int | None, sign: int
) -> Sequence[_Walk | _Listed]:
    plan = _plan(search, group)
    if isinstance(plan, set):
        return [_Listed([each for each in plan if after is None or sign * each > sign * after])]
    span = _beyond(_span(search, group), after, sign)
    wanted = compile_filter(Filter((group,)), search.now) if group else sa.true()
    branches = plan.branches if plan is not None else (EVERYBODY,)
    return [_Walk(search, branch, wanted, span, sign) for branch in branches]


def _plan(search: Search, group: tuple[Condition, ...]) -> Source | set[int] | None:
    """Return who matches, if an index has few who can; else the index to go along, None for that of all contacts."""
    sources = list(sources_of(group, search.now, search.indexed))
    walkable = [source for source in sources if not source.listed]
    sizes = [_size(search, source) for source in walkable] if len(sources) > 1 else []
    shortest = (
        min(zip(sizes, walkable, strict=True), key=lambda pair: pair[0], default=None) if sizes else None
    )
    if shortest is not None and shortest[0] <= FEW:
        return shortest[1]
    for source in sources:
        candidates = _candidates(search, source, group) if source.listed else None
        if candidates is not None:
            return candidates
    return shortest[1] if shortest is not None else next(iter(walkable), None)


def between(portal_id: int, first: int, last: int) -> tuple[Truth, Truth]:
    """Return the condition for a portal's contacts from a number to another.

    It is of pairs, which keeps PostgreSQL from going along the primary key, past the contacts of other portals.
    """
    pair = sa.tuple_(contact.c.portal_id, contact.c.id)
    ends = (sa.tuple_(sa.literal(portal_id), sa.literal(each, sa.BigInteger)) for each in (first, last))
    return pair >= next(ends), pair <= next(ends)


def _size(search: Search, source: Source) -> int:
    """Return how many entries an index has for a source, as far as it matters."""
    number = 0
    for branch in source.branches:
        walk = _Walk(search, branch, sa.true(), _Span(None, search.upto), sign=1)
        number += walk.length(FEW + 1)
    return number


def _candidates(search: Search, source: Source, group: tuple[Condition, ...]) -> set[int] | None:
    """Return who matches the group, None when more than `MOST_CANDIDATES` can."""
    fits = sa.and_(IS_LIVE, compile_filter(Filter((group,)), search.now)).label("fits")
    upto = [contact.c.id <= search.upto] if search.upto is not None else []
    found: set[int] = set()
    for listed in source.listed:
        cut = (
            sa.select(contact.c.id, fits)
            .where(contact.c.portal_id == search.portal_id, listed, *upto)
            .order_by(*source.order)
            .limit(MOST_CANDIDATES + 1)
            .subquery("slice")
        )
        query = sa.select(sa.func.count(), _Collected(cut.c.id, cut.c.fits)).select_from(cut)
        looked_at, collected = search.connection.execute(query).one()
        if looked_at > MOST_CANDIDATES:
            return None
        found.update(_numbers(collected))
    return found


def _span(search: Search, group: tuple[Condition, ...]) -> _Span:
    created = created_within(group)
    first = _around(search, created.since - SLACK)[0] if created.since is not None else None
    last = _around(search, created.before + SLACK)[1] if created.before is not None else None
    ends = [each for each in (last, search.upto) if each is not None]
    return _Span(first, min(ends, default=None))


def _beyond(span: _Span, after: int | None, sign: int) -> _Span:
    """Return the part of a span that comes after a number."""
    if after is None:
        return span
    if sign > 0:
        return _Span(max(after + 1, span.first or 0), span.last)
    return _Span(span.first, after - 1 if span.last is None else min(after - 1, span.last))


def _around(search: Search, instant: datetime) -> tuple[int | None, int | None]:
    """Return a number before which and one behind which an instant lies, close together.

    The first is of a contact made before the instant, the second of one made then or later; None where there is none.
    """
    first, last = _end(search), _end(search, oldest=False)
    if first is None or last is None or first.created_at >= instant:
        return None, first.id if first is not None else None
    if last.created_at < instant:
        return last.id, None
    low, high = first.id, last.id
    while high - low > NEAR:
        middle = (low + high) // 2
        row = _end(search, first=middle)
        if row.id >= high or row.created_at >= instant:
            high = middle
        else:
            low = row.id
    return low, high


def _end(search: Search, *, oldest: bool = True, first: int = 0) -> Any:
    """Return the portal's oldest contact from a number on, or its newest."""
    columns = [contact.c.portal_id, contact.c.id]
    query = sa.select(contact.c.id, contact.c.created_at).where(*between(search.portal_id, first, LARGEST))
    order = columns if oldest else [column.desc() for column in columns]
    return search.connection.execute(query.order_by(*order).limit(1)).first()


def _numbers(collected: Any) -> list[int]:
    """Return what was collected, in no order: an array, a text that is one, or nothing."""
    found: list[int] = loads(collected) if isinstance(collected, str) else collected or []
    return found


@compiles(_Collected, "postgresql")
def _collected_on_postgresql(element: _Collected, compiler: SQLCompiler, **options: Any) -> str:
    number, fits = (compiler.process(each, **options) for each in element.clauses)
    return f"array_agg({number}) FILTER (WHERE {fits})"


@compiles(_Collected, "sqlite")
def _collected_on_sqlite(element: _Collected, compiler: SQLCompiler, **options: Any) -> str:
    number, fits = (compiler.process(each, **options) for each in element.clauses)
    return f"json_group_array({number}) FILTER (WHERE {fits})"


@compiles(_Fitting)
def _fitting(element: _Fitting, compiler: SQLCompiler, **options: Any) -> str:
    _, fits = (compiler.process(each, **options) for each in element.clauses)
    return f"count(*) FILTER (WHERE {fits})"
