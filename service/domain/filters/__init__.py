"""Filters over contacts, as HubSpot's search has them: one meaning for search, views, workflows and bulk.

A filter is groups of conditions: a contact matches when all conditions of any one group hold; without a group
all contacts do. `service.store.filters` says the same in SQL, and a test holds the two against each other.

- A contact without the property, or with an empty text for it, fulfils `NOT_HAS_PROPERTY` and nothing else: a
  negation speaks of contacts that have a value. The same holds for a value that is none of its type, such as
  a number property that says "many", but that is a value: it fulfils `HAS_PROPERTY`.
- *Text* (and enumerations, and bools as `true` and `false`) is equal without regard to case: two characters
  are the same when they are each other's only capital and small letter. `ß` and `SS` are not. In order
  (`LT` to `BETWEEN`) only ASCII letters lose their case, and code points decide.
- *Numbers* are written with digits, at the most 15 of them, one point, a sign and blanks around: `1e5` is none.
- *Dates and times* are `2026-03-10`, `2026-03-10T09:30:00Z`, `2026-03-10T09:30:00.250Z` or milliseconds since
  1970; a day is its midnight in UTC. They are compared to the millisecond. Of a stored one the shape is looked
  at and not the calendar.
- `CONTAINS_TOKEN` looks for its value anywhere in the text, again without regard to case. `*` stands for any
  characters or none. A word at either edge of the value has to be a whole word of the text, unless a `*` is
  at that edge: `sales` is in "Head of Sales, EMEA" and not in "Salesforce", where `sales*` is;
  `*@example.com`, `@example.com` and `example.com` are all in "ada@example.com". Words are made of
  `WORD_CHARACTERS`; a text is read as if it had a blank at both ends.
- `BETWEEN` includes both ends.
"""

from service.domain.filters.matching import Subject, matches
from service.domain.filters.model import KNOWN, Condition, Filter, Operator, PropertyType
from service.domain.filters.reading import dump_filter, read_filter

__all__ = [
    "KNOWN",
    "Condition",
    "Filter",
    "Operator",
    "PropertyType",
    "Subject",
    "dump_filter",
    "matches",
    "read_filter",
]
