"""Looks at contacts: which of the workflows enrol them, and what becomes of their status."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from service.domain.filters import matches
from service.domain.model import Verdict
from service.domain.workflows import UNKNOWN, Memory, Workflow, acting, look
from service.store import workflows
from service.store.contact_batches import ContactBatch, Person, Write
from service.store.filters import subject_of

OVERRULED = "overruled"
"""For counts: enrolled by a workflow, and a newer one has set the status."""


@dataclass(slots=True)
class Outcome:
    """What looking at contacts came to."""

    looked_at: int = 0
    enrolled: dict[int, Workflow] = field(default_factory=dict)
    """By contact: the workflow that decided."""
    verdicts: dict[int, Verdict] = field(default_factory=dict)
    """By contact, of those who were enrolled."""
    overruled: int = 0

    def counts(self) -> Counter[str]:
        """Count what enrolments came to, by slug."""
        counts = Counter(verdict.value for verdict in self.verdicts.values())
        return counts + Counter({OVERRULED: self.overruled})


def evaluate(
    connection: Any,
    batch: ContactBatch,
    people: Iterable[Person],
    running: Sequence[Workflow],
    *,
    forced: bool = False,
) -> Outcome:
    """Look at contacts that are locked, and write what comes of it; those who are gone are left as they are.

    All workflows see a contact as it is before any of them acts; of those that enrol it, the newest sets the
    status. `forced` enrols all who match.
    """
    live = [person for person in people if person.is_live]
    outcome = Outcome(looked_at=len(live))
    ids = [person.known.contact_id for person in live]
    known = workflows.memories(connection, [each.id for each in running], ids)
    kept: list[tuple[int, int, Memory, bool]] = []
    for person in live:
        contact_id, subject = person.known.contact_id, subject_of(person.row)
        enrolling: list[Workflow] = []
        for workflow in running:
            memory = known.get((workflow.id, contact_id), UNKNOWN)
            does = matches(workflow.filter, subject, batch.now)
            found = look(workflow, contact_id, memory, matches=does, forced=forced)
            if found.enrols:
                enrolling.append(workflow)
            if found.is_news:
                kept.append((workflow.id, contact_id, found.memory, found.enrols))
        decides = acting(enrolling)
        if decides is not None:
            outcome.enrolled[contact_id] = decides
            outcome.overruled += len(enrolling) - 1
    _act(batch, live, outcome)
    workflows.remember(connection, kept, batch.now)
    return outcome


def _act(batch: ContactBatch, live: Sequence[Person], outcome: Outcome) -> None:
    writes = []
    for person in live:
        workflow = outcome.enrolled.get(person.known.contact_id)
        if workflow is None:
            continue
        decision = batch.decide(person.standing, workflow.cause)
        outcome.verdicts[person.known.contact_id] = decision.verdict
        writes.append(Write(person=person, decision=decision, cause=workflow.cause))
    news = [write for write in writes if write.is_news]
    if news:
        batch.write(news)
