"""A saved view: a filter with a name."""

from dataclasses import dataclass
from datetime import datetime

from service.domain.filters import Filter
from service.domain.reading import is_storable
from service.errors import InvalidInput

LONGEST_NAME = 200


@dataclass(frozen=True, slots=True)
class View:
    """A view as it is kept."""

    id: int
    portal_id: int
    name: str
    filter: Filter
    version: int
    created_by: str
    created_at: datetime
    updated_at: datetime


def check_name(name: str) -> str:
    """Return a view's name without blanks around it; raises InvalidInput for one that can't be kept."""
    trimmed = name.strip()
    if not 0 < len(trimmed) <= LONGEST_NAME or not is_storable(trimmed):
        raise InvalidInput("a view needs a name", field="name", mend=f"write 1 to {LONGEST_NAME} characters")
    return trimmed
