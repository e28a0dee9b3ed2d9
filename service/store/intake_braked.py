"""What recording does beside the rest for portals with a brake, the same on both databases.

Their facts are recorded in a transaction of their own: the brakes are locked, the contacts concerned are read under
that lock, the facts are decided in the order in which they came, and what was written is counted before the commit.
So nothing is held that there was room for, and nothing passes that there was no room for, whoever else writes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

import sqlalchemy as sa

from service.domain.brake import BrakeGate, becomes_counted
from service.domain.planning import Group, Plan
from service.store import brakes
from service.store.brakes import Outcome
from service.store.recording import Round


class HeldInVain(Exception):
    """Nothing may be kept of the attempt; `result` says what is known now."""

    def __init__(self, result: Round) -> None:
        super().__init__()
        self.result = result


def in_order_of_arrival(groups: Sequence[Group]) -> list[int]:
    """Return the places of groups in the order in which the first fact of each came."""
    return sorted(range(len(groups)), key=lambda place: groups[place].facts[0].submission_id)


def keep(connection: sa.Connection, gates: Mapping[int, BrakeGate], result: Round, now: datetime) -> None:
    """Count what was written of locked portals, and keep the raises that are held."""
    outcomes: dict[int, list[Outcome]] = {portal_id: [] for portal_id in gates}
    for plan, contact_id in result.written.values():
        if contact_id is not None and plan.group.portal_id in gates:
            outcomes[plan.group.portal_id].append(_outcome(plan, contact_id))
    for portal_id, of_portal in outcomes.items():
        brakes.keep(connection, gates[portal_id], of_portal, now)


def check(plans: Mapping[int, Plan], result: Round, now: datetime) -> None:
    """Raise HeldInVain when a raise was held for room that another one took and has not used.

    So it goes with the repeat of a delivery, which is planned and not written: the rest is decided again without it.
    """
    in_vain = any(
        becomes_counted(plan.identity.standing, plan.standing, now)
        for place, plan in plans.items()
        if place not in result.written
    )
    if in_vain and any(plan.held for plan, _ in result.written.values()):
        raise HeldInVain(result)


def at(places: Sequence[int], result: Round) -> Round:
    """Return a round of some groups as one of all; `places` says where they stand among these."""
    return replace(
        result,
        written={places[place]: written for place, written in result.written.items()},
        findings={places[place]: findings for place, findings in result.findings.items()},
    )


def _outcome(plan: Plan, contact_id: int) -> Outcome:
    changes = tuple(change for change, _ in plan.changes)
    return Outcome(contact_id, plan.identity.standing, plan.standing, changes, plan.held)
