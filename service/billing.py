"""The bill as people ask for it: the count, the tier, who leaves, what is to be expected, and why contacts count."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from service.domain import forecast as forecasts
from service.domain.billing import next_update_date, previous_update_date
from service.domain.forecast import Forecast
from service.domain.model import Source
from service.domain.reasons import source_of
from service.domain.spikes import HOUR, hour_of
from service.errors import InvalidInput, NotFound
from service.store import explanations, ledger, names, notices, portals, releases, sums
from service.store.explanations import Explanation
from service.store.releases import Kind
from service.store.session import Database

SILENT_DAYS = 180
MOST_DAYS = 36_500
MOST_CAUSES = 1_000
CAUSES = 100
MOST_CANDIDATES = 1_000
CANDIDATES = 100


@dataclass(frozen=True, slots=True)
class Bill:
    """A portal's count at an instant."""

    portal_id: int
    at: datetime
    count: int
    tier: int
    leaving: int
    """Contacts that count now and no more from the update date on."""
    after_update: int
    """Contacts that are certain to count after the update date."""
    update_date: datetime

    def document(self) -> dict[str, object]:
        """Return the bill as the API and `marketable billing --json` show it."""
        return {
            "portal": self.portal_id,
            "at": self.at.isoformat(),
            "count": self.count,
            "tier": self.tier,
            "leaving": self.leaving,
            "after_update": self.after_update,
            "update_date": self.update_date.isoformat(),
        }


def bill(database: Database, portal_id: int, now: datetime, at: datetime | None = None) -> Bill:
    """Return the bill now, or as it was or will be at `at`; raises NotFound for an unknown portal."""
    with database.reading() as connection:
        portal = portals.get_portal(connection, portal_id)
        instant = at or now
        update_date = next_update_date(portal.subscription, instant)
        if at is None:
            counted = ledger.read_counts(connection, [portal_id], now)[portal_id]
            count, after = counted.at(now), counted.at(update_date)
            leaving = count - after
        else:
            count = ledger.count_at(connection, portal_id, at)
            leaving = ledger.count_leaving(connection, portal_id, at, update_date)
    return Bill(portal_id, instant, count, portal.tier, leaving, count - leaving, update_date)


def forecast(database: Database, portal_id: int, now: datetime) -> Forecast:
    """Return what is known of the count and what is to be expected; raises NotFound.

    Read from the sums, never from lines or contacts. What the numbers mean, and what they don't:
    `service.domain.forecast`. Raises that a brake holds are in none of them.
    """
    with database.reading() as connection:
        portal = portals.get_portal(connection, portal_id)
        count = ledger.read_counts(connection, [portal_id], now)[portal_id]
        seen = forecasts.windows(portal.subscription, portal.created_at, now)
        raised = sums.raised(connection, portal_id, seen.raised_since, hour_of(now) + HOUR)
        leaving = sums.ending(connection, portal_id, seen.leaving_since)
    pace = forecasts.pace_of(seen, raised, leaving, now)
    return forecasts.forecast(count, portal.tier, portal.product, portal.subscription, pace, now)


@dataclass(frozen=True, slots=True)
class CauseCount:
    """How many contacts count because of one form, import, user and so on."""

    source: Source
    reason_type: str
    reason_id: str
    name: str
    """What it is called today; empty if it has no name or is gone."""
    contacts: int


@dataclass(frozen=True, slots=True)
class Split:
    """The count, split in three ways; each sums to it."""

    at: datetime
    count: int
    by_reason: dict[str, int]
    """By reason type."""
    by_source: dict[str, int]
    causes: tuple[CauseCount, ...]
    """The largest, in order."""
    other_causes: int
    """How many more there are."""
    others: int
    """Contacts that count because of these."""


def count_by(database: Database, portal_id: int, now: datetime, limit: int = CAUSES) -> Split:
    """Return the count by reason type, by source and by cause, from the counter alone; raises NotFound."""
    with database.reading() as connection:
        portals.get_portal(connection, portal_id)
        reasons = sums.by_reason(connection, portal_id, now)
        reasons.sort(key=lambda each: (-each.contacts, each.type, each.id))
        shown = reasons[:limit]
        called = names.of_reasons(connection, portal_id, [(each.type, each.id) for each in shown])
    by_reason, by_source = Counter[str](), Counter[str]()
    for each in reasons:
        by_reason[each.type] += each.contacts
        by_source[source_of(each.type, each.id).value] += each.contacts
    causes = tuple(
        CauseCount(
            source_of(each.type, each.id),
            each.type,
            each.id,
            called.get((each.type, each.id), ""),
            each.contacts,
        )
        for each in shown
    )
    count = sum(each.contacts for each in reasons)
    others = count - sum(each.contacts for each in shown)
    rest = len(reasons) - len(shown)
    return Split(
        now, count, dict(by_reason.most_common()), dict(by_source.most_common()), causes, rest, others
    )


@dataclass(frozen=True, slots=True)
class Noticed:
    """What was noticed of a portal's count: rows of the tables, the newest first."""

    notices: Sequence[Any]
    spikes: Sequence[Any]


def noticed(database: Database, portal_id: int) -> Noticed:
    """Return the notices and spikes of a portal, the newest of them; raises NotFound."""
    with database.reading() as connection:
        portals.get_portal(connection, portal_id)
        return Noticed(
            notices.read_notices(connection, portal_id), notices.read_spikes(connection, portal_id)
        )


def noticed_lately(database: Database, portal_id: int, now: datetime) -> Noticed:
    """Return the notices and spikes of this period; raises NotFound."""
    with database.reading() as connection:
        portal = portals.get_portal(connection, portal_id)
        since = previous_update_date(portal.subscription, now)
        return Noticed(
            notices.read_notices(connection, portal_id, since),
            notices.read_spikes(connection, portal_id, since),
        )


@dataclass(frozen=True, slots=True)
class Candidates:
    """Contacts that count and could be set to non-marketing with little loss, and how many there are."""

    kind: Kind
    days: int | None
    """How long the silent have been silent."""
    number: releases.Number
    page: releases.Page
    names: dict[names.Reason, str]
    """What their reasons are called."""


def release_candidates(
    database: Database,
    portal_id: int,
    kind: Kind,
    now: datetime,
    *,
    days: int = SILENT_DAYS,
    after: int = 0,
    limit: int = CANDIDATES,
) -> Candidates:
    """Return who of the contacts that count, with no end known, would be missed least; raises NotFound."""
    if not 0 < days <= MOST_DAYS:
        raise InvalidInput(f"days is {days}", field="days", mend=f"give 1 to {MOST_DAYS}")
    silent_since = now - timedelta(days=days)
    with database.reading() as connection:
        portals.get_portal(connection, portal_id)
        number = releases.count(connection, portal_id, kind, silent_since)
        page = releases.page(connection, portal_id, kind, silent_since, after=after, limit=limit)
        reasons = {(row.reason_type, row.reason_id) for row in page.rows}
        called = names.of_reasons(connection, portal_id, reasons)
    return Candidates(kind, days if kind is Kind.SILENT else None, number, page, called)


def why(database: Database, portal_id: int, contact_id: int) -> Explanation:
    """Return why a contact counts or does not; raises NotFound."""
    with database.reading() as connection:
        found = explanations.explain(connection, portal_id, contact_id)
    if found is None:
        raise NotFound("contact", contact_id)
    return found
