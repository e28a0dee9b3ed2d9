"""The bill as people ask for it: the count, the tier, who leaves, and why one contact counts."""

from dataclasses import dataclass
from datetime import datetime

from service.domain.billing import next_update_date
from service.errors import NotFound
from service.store import contacts, ledger, portals
from service.store.contacts import Explanation
from service.store.session import Database


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
        portal = portals.find_portal(connection, portal_id)
        if portal is None:
            raise NotFound("portal", portal_id)
        instant = at or now
        update_date = next_update_date(portal.subscription, instant)
        if at is None:
            counted = ledger.read_counts(connection, [portal_id])[portal_id]
            count, after = counted.at(now), counted.at(update_date)
            leaving = count - after
        else:
            count = ledger.count_at(connection, portal_id, at)
            leaving = ledger.count_leaving(connection, portal_id, at, update_date)
    return Bill(portal_id, instant, count, portal.tier, leaving, count - leaving, update_date)


def why(database: Database, portal_id: int, contact_id: int) -> Explanation:
    """Return why a contact counts or does not; raises NotFound."""
    with database.reading() as connection:
        found = contacts.explain(connection, portal_id, contact_id)
    if found is None:
        raise NotFound("contact", contact_id)
    return found
