"""Plans what one batch of facts does to contacts: groups facts by identity and decides each group in order.

The plan rests on findings: what is known, or guessed, of the contacts concerned. The store proves them when it
writes, so the rules stay here, pure, whatever the database.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime

from service.domain.brake import OPEN, Gate, HeldRaise
from service.domain.identity import Identity, Known, identify
from service.domain.marketing import decide
from service.domain.model import (
    Cause,
    Default,
    Fact,
    Intent,
    Standing,
    StatusChange,
    Stint,
    Verdict,
)


@dataclass(frozen=True, slots=True)
class Findings:
    """The contacts that have a group's e-mail address and cookie; None where there is none."""

    by_email: Known | None = None
    by_cookie: Known | None = None


NOTHING_KNOWN = Findings()
"""The first guess: a visitor nobody knows."""


@dataclass(frozen=True, slots=True)
class Group:
    """Facts of one portal with the same address and the same cookie, in the order they came."""

    portal_id: int
    email: str | None
    cookie: str | None
    facts: tuple[Fact, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """All that one group writes, if its findings prove true."""

    group: Group
    findings: Findings
    identity: Identity
    standing: Standing
    """Where the contact stands afterwards."""
    verdicts: tuple[Verdict, ...]
    """One for each fact of the group."""
    changes: tuple[tuple[StatusChange, str], ...]
    """Each with the id of the submission that caused it."""
    ended: tuple[tuple[Stint, int], ...]
    """Stints that a new one leaves behind, each with the version of its last change."""
    properties: dict[str, str]
    held: tuple[HeldRaise, ...] = ()
    """Raises that a brake did not let pass."""
    is_watched: bool = False
    """A workflow of the portal is on: the contact is due to be looked at."""

    @property
    def has_contact(self) -> bool:
        """Whether the facts belong to a contact at all."""
        return self.identity.creates or self.identity.contact is not None


DefaultOf = Callable[[Fact], Default]
UpdateDateOf = Callable[[int], datetime]


def form_groups(facts: Iterable[Fact]) -> tuple[list[Group], list[Fact]]:
    """Split facts into groups that can be written together, and those that have to wait for them.

    Two groups never share an address, a cookie or a delivery; a fact that would make them waits, and so does
    every later fact that shares something with one that waits. So the order within a contact is kept, and of
    two copies of a delivery the first one counts.
    """
    taken: dict[tuple[int, str], tuple[str | None, str | None]] = {}
    members: dict[tuple[int, str | None, str | None], list[Fact]] = {}
    waiting: list[Fact] = []
    blocked: set[object] = set()
    deliveries: set[str] = set()
    for fact in facts:
        identity = (fact.email, fact.cookie)
        names = [(fact.portal_id, name) for name in identity if name is not None]
        keys = {key for key in (fact.once_key, fact.earlier_key) if key is not None}
        clashes = any(taken.get(name, identity) != identity for name in names)
        if (
            clashes
            or not blocked.isdisjoint(names)
            or not blocked.isdisjoint(keys)
            or not deliveries.isdisjoint(keys)
        ):
            waiting.append(fact)
            blocked.update(names, keys)
            continue
        deliveries.add(fact.once_key)
        taken.update(dict.fromkeys(names, identity))
        members.setdefault((fact.portal_id, *identity), []).append(fact)
    groups = [Group(*identity, tuple(found)) for identity, found in members.items()]
    groups.sort(key=lambda group: (group.portal_id, group.email or "", group.cookie or ""))
    return groups, waiting


def plan(
    group: Group,
    findings: Findings,
    default_of: DefaultOf,
    update_date_of: UpdateDateOf,
    now: datetime,
    gate: Gate = OPEN,
    *,
    is_watched: bool = False,
) -> Plan:
    """Decide the group's facts in order, each on what the one before it left; `gate` is the portal's brake."""
    identity = identify(
        group.email,
        group.cookie,
        findings.by_email,
        findings.by_cookie,
        new_contact_for_new_email=group.facts[0].new_contact_for_new_email,
    )
    course = _Course(identity.standing, is_new=identity.creates)
    if identity.creates or identity.contact is not None:
        for fact in group.facts:
            course.take(fact, default_of(fact), update_date_of(fact.portal_id), now, gate)
    else:
        course.verdicts = [fact.kept or Verdict.NO_ADDRESS for fact in group.facts]
    if "email" in course.properties and identity.email is not None:
        course.properties["email"] = identity.email
    return Plan(
        group,
        findings,
        identity,
        course.standing,
        tuple(course.verdicts),
        tuple(course.changes),
        tuple(course.ended),
        course.properties,
        tuple(course.held),
        is_watched,
    )


@dataclass(slots=True)
class _Course:
    """What becomes of one contact, fact by fact."""

    standing: Standing
    is_new: bool
    verdicts: list[Verdict] = field(default_factory=list)
    changes: list[tuple[StatusChange, str]] = field(default_factory=list)
    ended: list[tuple[Stint, int]] = field(default_factory=list)
    properties: dict[str, str] = field(default_factory=dict)
    held: list[HeldRaise] = field(default_factory=list)

    def take(self, fact: Fact, default: Default, update_date: datetime, now: datetime, gate: Gate) -> None:
        """Decide one fact and keep what it comes to."""
        cause = _cause(fact, default)
        decision = decide(self.standing, cause, is_new=self.is_new, now=now, update_date=update_date)
        if gate is not OPEN:
            decision = gate.admit(self.standing, decision, cause, now)
            if decision.verdict is Verdict.HELD:
                self.held.append(HeldRaise(cause, decision.limit, fact.submission_id))
        if decision.ended is not None:
            self.ended.append((decision.ended, self.standing.version))
        if decision.change is not None:
            self.changes.append((decision.change, fact.submission_id))
        self.verdicts.append(decision.verdict)
        self.properties.update(fact.properties)
        self.standing, self.is_new = decision.standing, False


def _cause(fact: Fact, default: Default) -> Cause:
    return Cause(
        Intent.DEFAULT,
        fact.source,
        fact.reason_type,
        fact.source_id,
        default=default,
        is_refused=fact.is_refused,
    )
