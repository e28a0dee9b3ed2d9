"""Plans what one batch of facts does to contacts: groups facts by identity and decides each group in order.

The plan rests on findings: what is known, or guessed, of the contacts concerned. The store proves them when it
writes, so the rules stay here, pure, whatever the database.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from service.domain.identity import Identity, Known, identify
from service.domain.marketing import decide
from service.domain.model import (
    Cause,
    Decision,
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
    group: Group, findings: Findings, default_of: DefaultOf, update_date_of: UpdateDateOf, now: datetime
) -> Plan:
    """Decide the group's facts in order, each on what the one before it left."""
    first = group.facts[0]
    identity = identify(
        group.email,
        group.cookie,
        findings.by_email,
        findings.by_cookie,
        new_contact_for_new_email=first.new_contact_for_new_email,
    )
    standing = identity.standing
    verdicts: list[Verdict] = []
    changes: list[tuple[StatusChange, str]] = []
    ended: list[tuple[Stint, int]] = []
    properties: dict[str, str] = {}
    is_new = identity.creates
    has_contact = is_new or identity.contact is not None
    for fact in group.facts:
        if not has_contact:
            verdicts.append(fact.kept or Verdict.NO_ADDRESS)
            continue
        decision = _decide(standing, fact, default_of(fact), update_date_of, now, is_new=is_new)
        if decision.ended is not None:
            ended.append((decision.ended, standing.version))
        if decision.change is not None:
            changes.append((decision.change, fact.submission_id))
        verdicts.append(decision.verdict)
        properties.update(fact.properties)
        standing = decision.standing
        is_new = False
    return Plan(
        group, findings, identity, standing, tuple(verdicts), tuple(changes), tuple(ended), properties
    )


def _decide(
    standing: Standing,
    fact: Fact,
    default: Default,
    update_date_of: UpdateDateOf,
    now: datetime,
    *,
    is_new: bool,
) -> Decision:
    cause = Cause(
        Intent.DEFAULT,
        fact.source,
        fact.reason_type,
        fact.source_id,
        default=default,
        is_refused=fact.is_refused,
    )
    return decide(standing, cause, is_new=is_new, now=now, update_date=update_date_of(fact.portal_id))
