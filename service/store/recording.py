"""What recording facts takes and gives, the same on both databases."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from service.domain.brake import OPEN, Gate
from service.domain.planning import Findings, Group, Plan


class Planner(Protocol):
    """Plans one group on what is known or guessed."""

    def __call__(self, group: Group, findings: Findings, gate: Gate = OPEN) -> Plan:
        """Return the plan; `gate` is what raises of the group's portal have to pass."""


class Contention(Exception):
    """Another process was in the way; nothing was written, and the same again will do."""


@dataclass(frozen=True, slots=True)
class Earlier:
    """The submission that a repeated delivery was accepted as."""

    submission_id: str
    contact_id: int | None
    digest: str


@dataclass(slots=True)
class Round:
    """What one attempt came to, by the groups' places in the list that was given."""

    configuration_version: int
    """As it was in the database; when it is not the one that the plans were made with, nothing was written."""
    written: dict[int, tuple[Plan, int | None]] = field(default_factory=dict)
    """Committed: the plan that was carried out, and its contact's id."""
    findings: dict[int, Findings] = field(default_factory=dict)
    """Not written since the guess was wrong: what is known now."""
    repeats: dict[str, Earlier] = field(default_factory=dict)
    """Facts that were accepted before, by their once-key; their groups were not written."""


class Recorder(Protocol):
    """Writes groups of facts: each group whole or not at all, all groups of a round in one transaction."""

    def attempt(
        self,
        guesses: Sequence[tuple[Group, Findings]],
        planner: Planner,
        configuration_version: int,
        now: datetime,
        braked: Collection[int] = (),
    ) -> Round:
        """Carry out the plans whose guesses prove true; durable when it returns.

        `braked` are the groups' portals, if these have a brake: their brakes are locked first, nothing is guessed,
        and the groups are decided in the order in which they came.
        Raises Contention when another try will do, DatabaseAway when the database does not answer, and the
        driver's own error for a value that the database refuses; in each case nothing was written.
        """

    def close(self) -> None:
        """Give the connection back."""
