"""What reading again was asked for, and what it comes to."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from service.billing import Bill
from service.domain.model import Recorded, Verdict
from service.domain.rereading import Change
from service.rereading.walk import Found

EXAMPLES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is to be read again, and how."""

    portal_id: int
    form_id: int
    mapping: Mapping[str, str] | None = None
    """None for the form's own."""
    since: datetime | None = None
    examples: int = EXAMPLES


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One submission that reads differently."""

    submission_id: str
    change: Change
    contact_before: int | None
    contact_id: int | None
    """None where there is none, and for a contact that a preview doesn't make."""
    is_new_contact: bool
    verdict: str | None
    properties: tuple[str, ...]
    """Names only."""

    def document(self) -> dict[str, Any]:
        """Return it as the API and the command show it."""
        return {
            "submission": self.submission_id,
            "change": self.change.value,
            "contact_before": self.contact_before,
            "contact": self.contact_id,
            "is_new_contact": self.is_new_contact,
            "verdict": self.verdict,
            "properties": list(self.properties),
        }


@dataclass(slots=True, kw_only=True)
class Summary:
    """What reading again changes, or has changed."""

    form_id: int
    mapping: Mapping[str, str]
    bill: Bill
    """Before."""
    submissions: int = 0
    changes: Counter[str] = field(default_factory=Counter)
    properties: Counter[str] = field(default_factory=Counter)
    verdicts: Counter[str] = field(default_factory=Counter)
    contacts_made: int = 0
    examples: list[Example] = field(default_factory=list)

    @property
    def become_marketing(self) -> int:
        """How many contacts count then that don't now."""
        return self.verdicts[Verdict.RAISED]

    def document(self) -> dict[str, Any]:
        """Return it as the API and the command show it."""
        return {
            "form": self.form_id,
            "mapping": dict(self.mapping),
            "submissions": self.submissions,
            "changes": dict(sorted(self.changes.items())),
            "properties": dict(sorted(self.properties.items())),
            "verdicts": dict(sorted(self.verdicts.items())),
            "contacts_made": self.contacts_made,
            "become_marketing": self.become_marketing,
            "count": self.bill.count,
            "count_after": self.bill.count + self.become_marketing,
            "tier": self.bill.tier,
            "examples": [each.document() for each in self.examples],
        }


def sum_up(summary: Summary, found: Sequence[Found], outcomes: Mapping[str, Recorded], examples: int) -> None:
    """Add a page to the summary; `outcomes` are by the facts' submission ids."""
    summary.submissions += len(found)
    for each in found:
        fact = each.fact
        outcome = outcomes.get(fact.submission_id) if fact else None
        verdict = outcome.verdict.value if outcome and outcome.verdict else None
        summary.changes[each.change.value] += 1
        summary.contacts_made += each.is_made
        summary.properties.update(tuple(each.properties))
        summary.verdicts.update([verdict] if verdict else ())
        if each.change in {Change.NOTHING, Change.KEPT_ONLY} or len(summary.examples) >= examples:
            continue
        summary.examples.append(
            Example(
                submission_id=each.reading.kept.id,
                change=each.change,
                contact_before=each.reading.latest.contact_id,
                contact_id=(outcome.contact_id or None) if outcome else None,
                is_new_contact=each.is_made,
                verdict=verdict,
                properties=tuple(each.properties),
            )
        )
