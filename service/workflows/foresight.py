"""Says what a workflow would do before it is switched on."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from service.domain.billing import next_update_date, step_tier
from service.domain.filters import Filter
from service.domain.portals import Portal
from service.domain.workflows import Workflow
from service.store import ledger, workflows

EXAMPLES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What a workflow is to do, kept or not."""

    filter: Filter
    marketing: bool
    re_enrols: bool = False
    workflow_id: int | None = None
    """Of one that is kept: whom it has enrolled already it may not enrol again."""

    @classmethod
    def of(cls, workflow: Workflow) -> "Draft":
        """Return what a workflow does as it is kept."""
        return cls(
            filter=workflow.filter,
            marketing=workflow.marketing,
            re_enrols=workflow.re_enrols,
            workflow_id=workflow.id,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Foresight:
    """What enrolling all who match would do now, if no brake held any of it; numbers of contacts."""

    matching: int
    left_out: int
    """Of those: enrolled before, and not to be enrolled again."""
    raised: int
    """They would become marketing contacts."""
    cancelled: int
    """Marketing contacts that are to leave at the update date, and would stay."""
    lowered: int
    """They would leave at the update date."""
    unchanged: int
    count: int
    count_after: int
    leaving_after: int
    """Of `count_after`, those who would leave at the update date."""
    tier: int
    tier_after: int
    examples: tuple[int, ...]
    """Numbers of contacts whose status would change, 20 at the most."""

    @property
    def changes(self) -> int:
        """How many statuses would change: the number that whoever has them enrolled has to say."""
        return self.raised + self.cancelled + self.lowered

    def document(self) -> dict[str, Any]:
        """Return it as the API and the command show it."""
        return {
            "matching": self.matching,
            "left_out": self.left_out,
            "changes": self.changes,
            "raised": self.raised,
            "cancelled": self.cancelled,
            "lowered": self.lowered,
            "unchanged": self.unchanged,
            "count": self.count,
            "count_after": self.count_after,
            "leaving_after": self.leaving_after,
            "tier": self.tier,
            "tier_after": self.tier_after,
            "tier_steps": self.tier_after > self.tier,
            "examples": list(self.examples),
        }


def foresee(connection: Any, portal: Portal, draft: Draft, now: datetime) -> Foresight:
    """Count what enrolling all who match would do."""
    again_not = None if draft.re_enrols else draft.workflow_id
    found = workflows.foresee(connection, portal.id, draft.filter, again_not, now)
    counted = ledger.read_counts(connection, [portal.id], now)[portal.id]
    count, leaving = counted.at(now), counted.leaving(now, next_update_date(portal.subscription, now))
    raised, cancelled, lowered = found.others, found.leaving, 0
    if not draft.marketing:
        raised, cancelled, lowered = 0, 0, found.marketing
    examples = workflows.examples(
        connection, portal.id, draft.filter, again_not, now, marketing=draft.marketing, limit=EXAMPLES
    )
    return Foresight(
        matching=found.matching,
        left_out=found.left_out,
        raised=raised,
        cancelled=cancelled,
        lowered=lowered,
        unchanged=found.matching - found.left_out - raised - cancelled - lowered,
        count=count,
        count_after=count + raised,
        leaving_after=leaving - cancelled + lowered,
        tier=portal.tier,
        tier_after=step_tier(portal.tier, portal.product, count + raised),
        examples=tuple(examples),
    )
