"""The rules of the bill in plain Python: whom they raise, lower and let go, and how many count at an instant.

Written from the rules in `docs/architecture.md`, not from the code. It knows people and stretches of time, neither
databases nor messages.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count

FOR_EVER = datetime.max.replace(tzinfo=UTC)


@dataclass(eq=False)
class Person:
    """Whoever counts, or may; `stints` are [since, until)."""

    number: int = field(default_factory=count().__next__)
    stints: list[list[datetime]] = field(default_factory=list)
    is_deleted: bool = False
    is_known_to_match: bool = False
    """The workflow has seen that its filter matches."""
    times_enrolled: int = 0
    properties: dict[str, str] = field(default_factory=dict)

    def counts(self, at: datetime) -> bool:
        return any(since <= at < until for since, until in self.stints)


@dataclass
class Rules:
    """One portal: rules 2, 3, 6, 11 and 13."""

    people: dict[str, Person] = field(default_factory=dict)
    """By address; two that have merged share one."""
    gone: list[Person] = field(default_factory=list)
    """Merged into others, or erased: they count to their end."""
    delete_counts: bool = True
    most: int | None = None
    """The brake's limit."""
    held: list[Person] = field(default_factory=list)
    """Whose raises wait, in the order in which they were held."""
    workflow: tuple[str, bool] | None = None
    """Whom the workflow that is on sets, by country, and to what."""

    def count(self, at: datetime) -> int:
        return sum(person.counts(at) for person in {*self.people.values(), *self.gone})

    def live(self) -> list[Person]:
        return [person for person in dict.fromkeys(self.people.values()) if not person.is_deleted]

    def raise_now(self, person: Person, now: datetime, *, passes: bool = False) -> None:
        if person.counts(now):
            person.stints[-1][1] = FOR_EVER
        elif self.most is not None and self.count(now) >= self.most and not passes:
            if person not in self.held:
                self.held.append(person)
        else:
            person.stints.append([now, FOR_EVER])
            self.let_wait_no_more(person)

    def let_wait_no_more(self, person: Person) -> None:
        if person in self.held:
            self.held.remove(person)

    def lower_later(self, person: Person, now: datetime, update_date: datetime) -> None:
        if person.counts(now) and person.stints[-1][1] == FOR_EVER:
            person.stints[-1][1] = update_date

    def let_go(self, person: Person, now: datetime, update_date: datetime) -> None:
        self.let_wait_no_more(person)
        if self.delete_counts:
            self.lower_later(person, now, update_date)
        elif person.counts(now):
            person.stints[-1][1] = now

    def set(self, person: Person, now: datetime, update_date: datetime, *, marketing: bool) -> None:
        if marketing:
            self.raise_now(person, now)
        else:
            self.lower_later(person, now, update_date)

    def look(self, person: Person, now: datetime, update_date: datetime) -> None:
        """Have the workflow look at somebody who has changed: it enrols who comes to match, once."""
        if self.workflow is None or person.is_deleted:
            return
        country, marketing = self.workflow
        matches = person.properties.get("country") == country
        if matches and not person.is_known_to_match and not person.times_enrolled:
            person.times_enrolled += 1
            self.set(person, now, update_date, marketing=marketing)
        person.is_known_to_match = matches
