"""What a call does, said at its view; who may make the call follows from it, and a test demands it of every call.

`guard` refuses by it before the view runs: reading roles change nothing, and who lacks the marketing contacts access
sets no status and no default (rule 8). A call that says nothing is taken for one that changes something.
"""

import enum
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from service.documents import dumps

View = TypeVar("View", bound=Callable[..., Any])
ATTRIBUTE = "_marketable_effect"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class Effect(enum.Enum):
    """How far a call goes."""

    READS = "reads"
    """It changes nothing, whatever its method."""
    CHANGES = "changes"
    """It changes something, but no status and no default."""
    MAY_SET_STATUS = "may_set_status"
    """It sets a status or not, as things stand: the use case asks for the marketing contacts access then."""
    SETS_STATUS = "sets_status"
    """It sets the status of contacts, or a default by which statuses are set."""


@dataclass(frozen=True, slots=True)
class Marker:
    """What a view says of itself."""

    effect: Effect
    fields: tuple[str, ...] = ()
    """Of the body: only with one of them the call sets a status or a default; none: always."""

    def sets_status(self, body: Any) -> bool:
        """Whether a call with this body sets a status or a default."""
        if self.effect is not Effect.SETS_STATUS or not self.fields:
            return self.effect is Effect.SETS_STATUS
        return any(_is_in(field, body) for field in self.fields)


def reads(view: View) -> View:
    """Mark a call that changes nothing though its method could: who may only read may make it."""
    return _mark(view, Marker(Effect.READS))


def changes(view: View) -> View:
    """Mark a call that changes something, but no status and no default."""
    return _mark(view, Marker(Effect.CHANGES))


def may_set_status(view: View) -> View:
    """Mark a call that sets a status as things stand, as a contact that is deleted is lowered if it counts."""
    return _mark(view, Marker(Effect.MAY_SET_STATUS))


def sets_status(*fields: str) -> Callable[[View], View]:
    """Mark a call that sets a status or a default: always, or when the body has one of these fields, not null.

    A field may be inside others: `inputs.marketing` is that of any member of the list `inputs`. `dry_run=false` is
    a field with this value, as JSON writes it.
    """
    return lambda view: _mark(view, Marker(Effect.SETS_STATUS, fields))


def marker_of(view: Any, method: str) -> Marker | None:
    """Return what the view of a route says for a method; None when it says nothing."""
    if method in SAFE_METHODS:
        return Marker(Effect.READS)
    of_method = getattr(getattr(view, "view_class", None), method.lower(), view)
    return getattr(of_method, ATTRIBUTE, None)


def _mark(view: View, marker: Marker) -> View:
    setattr(view, ATTRIBUTE, marker)
    return view


def _is_in(field: str, body: Any) -> bool:
    path, _, wanted = field.partition("=")
    found = [value for value in _values(body, path.split(".")) if value is not None]
    return any(dumps(value) == wanted for value in found) if wanted else bool(found)


def _values(body: Any, path: list[str]) -> Iterator[Any]:
    """Yield what a body has at a path."""
    if isinstance(body, list):
        for each in body:
            yield from _values(each, path)
    elif not path:
        yield body
    elif isinstance(body, dict) and path[0] in body:
        yield from _values(body[path[0]], path[1:])
