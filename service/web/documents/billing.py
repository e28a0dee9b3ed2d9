"""The bill: what is to be expected, what counts and why, what was noticed, and who could be released."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from service.billing import Candidates, Noticed, Split
from service.domain.billing import FOREVER
from service.domain.forecast import Forecast
from service.domain.model import Stint
from service.domain.reasons import source_of
from service.domain.sentences import Fate, Told, cause, sentence, summary
from service.instants import iso
from service.store.explanations import Explanation


def describe_forecast(portal_id: int, found: Forecast) -> dict[str, Any]:
    """Return the document of a forecast."""
    days = found.days_to_limit
    return {
        "portal": portal_id,
        "at": found.at.isoformat(),
        "count": found.count,
        "tier": found.tier,
        "update_date": found.update_date.isoformat(),
        "leaving": found.leaving,
        "after_update": found.after_update,
        "raised_per_day": round(found.pace.raised_per_day, 2),
        "leaving_per_day": round(found.pace.leaving_per_day, 2),
        "net_per_day": round(found.pace.net_per_day, 2),
        "expected_before_update": round(found.expected_before_update),
        "expected_after_update": round(found.expected_after_update),
        "steps_before_update": found.steps_before_update,
        "days_to_limit": None if days is None else round(days, 1),
        "limit_reached_at": iso(found.limit_reached_at),
    }


def describe_split(portal_id: int, found: Split) -> dict[str, Any]:
    """Return the document of a split count."""
    return {
        "portal": portal_id,
        "at": found.at.isoformat(),
        "count": found.count,
        "by_reason": found.by_reason,
        "by_source": found.by_source,
        "by_cause": [
            {
                "source": each.source.value,
                "reason_type": each.reason_type,
                "reason_id": each.reason_id,
                "name": each.name,
                "contacts": each.contacts,
            }
            for each in found.causes
        ],
        "others": {"causes": found.other_causes, "contacts": found.others},
    }


def describe_noticed(found: Noticed) -> dict[str, Any]:
    """Return the document of notices and spikes."""
    return {
        "notices": [
            {
                "at": each.at.isoformat(),
                "percentage": each.percentage,
                "tier": each.tier,
                "count": each.count,
                "update_date": each.update_date.isoformat(),
            }
            for each in found.notices
        ],
        "spikes": [
            {
                "hour": each.hour.isoformat(),
                "at": each.at.isoformat(),
                "raised": each.raised,
                "usual": each.usual,
            }
            for each in found.spikes
        ],
    }


def describe_candidates(portal_id: int, found: Candidates) -> dict[str, Any]:
    """Return the document of candidates."""
    return {
        "portal": portal_id,
        "kind": found.kind.value,
        "days": found.days,
        "number": found.number.contacts,
        "or_more": found.number.or_more,
        "looked_at": found.number.looked_at,
        "contacts": [_candidate(found, row) for row in found.page.rows],
        "next_after": found.page.next_after,
    }


def _candidate(found: Candidates, row: Any) -> dict[str, Any]:
    return {
        "contact": row.id,
        "email": row.email,
        "since": row.since.isoformat(),
        "reason_type": row.reason_type,
        "reason_id": row.reason_id,
        "reason_name": found.names.get((row.reason_type, row.reason_id), ""),
        "active_at": iso(row.active_at or row.created_at),
        "bounced_at": iso(row.bounced_at),
        "unsubscribed_at": iso(row.unsubscribed_at),
    }


def explain(found: Explanation, now: datetime) -> dict[str, Any]:
    """Return the document that says why a contact counts."""
    standing, row = found.contact.standing, found.row
    counts = standing.is_marketing(now)
    fate = Fate(row.deleted_at, row.erased_at, row.merged_into)
    return {
        "contact": found.contact.contact_id,
        "counts": counts,
        "status": _status(counts),
        "sentence": summary(standing, _reason_of(found), fate, now, ZoneInfo(found.time_zone)),
        "state": fate.state,
        "deleted_at": iso(fate.deleted_at),
        "erased_at": iso(fate.erased_at),
        "merged_into": fate.merged_into,
        "stint": None if standing.stint is None else _stint(standing.stint),
        "changes": [_change(found, each) for each in found.changes],
        "held": [_held(found, each) for each in found.held],
        "ledger": [_line(each) for each in found.lines],
    }


def _reason_of(found: Explanation) -> str:
    """Say what began the latest stint."""
    stint = found.contact.standing.stint
    if stint is None:
        return ""
    reason = (str(stint.reason_type), stint.reason_id)
    return cause(source_of(*reason), *reason, found.names.get(reason, ""))


def _stint(stint: Stint) -> dict[str, Any]:
    return {
        "number": stint.number,
        "since": stint.since.isoformat(),
        "until": iso(stint.until),
        "reason_type": stint.reason_type,
        "reason_id": stint.reason_id,
    }


def _cause(found: Explanation, row: Any) -> dict[str, Any]:
    names = ("source", "reason_type", "reason_id", "actor", "default_version", "submission_id")
    return {name: getattr(row, name) for name in names} | {
        "source_name": found.names.get((row.reason_type, row.reason_id), ""),
        "actor_name": found.actors.get(row.actor, ""),
    }


def _change(found: Explanation, row: Any) -> dict[str, Any]:
    known = _cause(found, row)
    told = Told(
        verdict=row.verdict,
        at=row.at,
        until=row.until,
        source=row.source,
        reason_type=row.reason_type,
        reason_id=row.reason_id,
        reason_name=known["source_name"],
        actor=row.actor,
        actor_name=known["actor_name"],
        default_version=row.default_version,
    )
    return {
        "version": row.version,
        "at": row.at.isoformat(),
        "until": iso(row.until),
        "before": _status(row.before),
        "after": _status(row.after),
        "verdict": row.verdict,
        **known,
        "basis": told.basis.value,
        "sentence": sentence(told, ZoneInfo(found.time_zone)),
    }


def _held(found: Explanation, row: Any) -> dict[str, Any]:
    return {
        "at": row.at.isoformat(),
        **_cause(found, row),
        "limit_reached": row.limit_reached,
        "state": row.state,
        "settled_at": iso(row.settled_at),
        "settled_by": row.settled_by,
        "settled_by_name": found.actors.get(row.settled_by or "", ""),
    }


def _line(row: Any) -> dict[str, Any]:
    return {
        "number": row.stint,
        "since": row.since.isoformat(),
        "until": iso(None if row.until == FOREVER else row.until),
        "reason_type": row.reason_type,
        "reason_id": row.reason_id,
    }


def _status(is_marketing: bool) -> str:  # noqa: FBT001 - the one argument there is
    return "marketing" if is_marketing else "non-marketing"
