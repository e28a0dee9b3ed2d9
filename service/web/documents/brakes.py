"""Brakes, and the raises that they hold."""

from typing import Any

from service.brakes.holding import HeldLine, Settled
from service.brakes.limits import BrakeInUse
from service.domain.brake import HeldState
from service.instants import iso
from service.web.documents.jobs import describe

OF_PORTAL = "portal"
"""What stands for the source of a portal's own brake."""
ANY = "any"
"""What stands for every state of a raise that was held."""
MOST = 1_000
"""Raises in a page."""


def describe_brake(brake: BrakeInUse) -> dict[str, Any]:
    """Return a brake's document, for the API and for commands."""
    source, source_id = brake.target
    limits = brake.limits
    return {
        "source": source or OF_PORTAL,
        "source_id": source_id,
        "name": brake.name,
        "at_tier": limits.at_tier,
        "most": limits.most,
        "rate": limits.rate,
        "rate_hours": limits.rate_hours,
        "tier": brake.tier,
        "count": brake.count,
        "raised": brake.raised,
        "raised_lately": brake.raised_lately,
        "waiting": brake.waiting,
    }


def describe_held(line: HeldLine) -> dict[str, Any]:
    """Return the document of a raise that is or was held, for the API and for commands."""
    row = line.row
    return {
        "id": row.id,
        "contact": row.contact_id,
        "at": row.at.isoformat(),
        "source": row.source,
        "source_id": row.reason_id,
        "source_name": line.source_name,
        "reason_type": row.reason_type,
        "actor": row.actor,
        "submission_id": row.submission_id,
        "limit_reached": row.limit_reached,
        "state": row.state,
        "settled_at": iso(row.settled_at),
        "settled_by": row.settled_by,
    }


def describe_settled(settled: Settled) -> dict[str, Any]:
    """Return the document of what a release or refusal came to."""
    states = (HeldState.RELEASED, HeldState.REFUSED, HeldState.LAPSED)
    return {
        **{state.value: settled.counts.get(state.value, 0) for state in states},
        "job": describe(settled.job) if settled.job else None,
    }
