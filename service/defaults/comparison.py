"""What the walk has come to, as the API and the command show it."""

from collections import Counter
from datetime import datetime
from typing import Any

from service.defaults.replaying import FEWER, MORE, Sums, Window
from service.domain.billing import reached_notices, step_tier
from service.store import defaults


def compare(connection: Any, window: Window, sums: Sums) -> dict[str, Any]:
    """Return the document: how many count as it is, and how many would."""
    bill, product = window.bill, window.portal.product
    now = _counts(bill.count, sums.now)
    later = _counts(bill.after_update, sums.later)
    most = max(now["with_change"], later["with_change"])
    tier = step_tier(bill.tier, product, most)
    reached = set(reached_notices(bill.tier, bill.count))
    names = {str(kept.subject): kept.name for kept in defaults.list_all(connection, bill.portal_id)}
    return {
        "portal": bill.portal_id,
        "changes": {str(subject): value for subject, value in sorted(window.changes.items())},
        "days": window.days,
        "from": _text(window.start),
        "to": _text(window.at),
        "submissions": sums.submissions,
        "now": now,
        "update_date": _text(bill.update_date),
        "at_update_date": later,
        "tier": {"now": bill.tier, "with_change": tier, "moves": tier != bill.tier},
        "notices": [each for each in reached_notices(bill.tier, most) if each not in reached],
        "by_form": [
            {
                "subject": subject,
                "name": names.get(subject, ""),
                MORE: found[MORE],
                FEWER: found[FEWER],
            }
            for subject, found in sorted(sums.by_form.items())
        ],
        "examples": sums.examples,
        "unexplained": sums.unexplained,
    }


def _counts(count: int, differences: Counter[str]) -> dict[str, int]:
    net = differences[MORE] - differences[FEWER]
    return {
        "count": count,
        "with_change": count + net,
        MORE: differences[MORE],
        FEWER: differences[FEWER],
        "net": net,
    }


def _text(instant: datetime) -> str:
    return instant.isoformat()
