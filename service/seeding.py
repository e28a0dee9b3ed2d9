"""Makes a portal's contacts for trials and measurements: made-up people, with a past of two years that adds up.

Guarantee: contacts, stints, status changes and the ledger are what two years of submissions, imports and lowerings
would have left, so 'marketable verify' finds nothing. A chunk is one transaction. Nothing is published for them.
"""

import uuid
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

from service.documents import dumps
from service.domain.actors import CLOCK
from service.domain.billing import FOREVER, next_update_date
from service.domain.model import ReasonType, Source, Verdict
from service.domain.portals import Portal
from service.domain.spikes import hour_of
from service.errors import Conflict, InvalidInput
from service.messages import StatusMessage
from service.store import ledger, portals, seeds
from service.store.seeds import Chunk
from service.store.session import Database
from service.store.sqlite_rows import as_text

CHUNK = 20_000
PAST = timedelta(days=730)
OF_MARKETING_LEAVING, OF_MARKETING_RETURNED, OF_OTHERS_FORMERLY = 0.04, 0.05, 0.15
WITHOUT_ADDRESS, UNSUBSCRIBED, BOUNCED, LATER = 0.03, 0.06, 0.03, 0.3
FIRST_NAMES = (
    "Ada",
    "Ben",
    "Clara",
    "David",
    "Elif",
    "Finn",
    "Greta",
    "Hugo",
    "Ines",
    "Jonas",
    "Kofi",
    "Lena",
)
LAST_NAMES = (
    "Adler",
    "Bauer",
    "Costa",
    "Dubois",
    "Evans",
    "Fischer",
    "Garcia",
    "Huber",
    "Ito",
    "Jensen",
    "Kaya",
)
COUNTRIES = ("DE", "US", "GB", "FR", "AT", "CH", "NL", "ES", "IT", "PL", "SE", "BR", "JP", "IN", "NZ", "IS")
COUNTRY_WEIGHTS = (30, 22, 9, 8, 5, 5, 4, 4, 4, 3, 2, 1.5, 1, 1, 0.4, 0.1)
STAGES = ("subscriber", "lead", "marketingqualifiedlead", "opportunity", "customer", "evangelist")
STAGE_WEIGHTS = (40, 30, 12, 6, 11.5, 0.5)
LANGUAGES = ("de", "en", "fr", "es", "it", "nl", "pl")
COMPANIES = 20_000
MAIL_HOSTS = ("mail.example.com", "post.example.com", "inbox.example.com")
LOWERED_BY = (Source.BY_HAND.value, ReasonType.USER_SET.value, "1", "user:1", 0)
Reason = tuple[str, str, str, str, int]
"""Source, reason type, reason id, actor and version of the default."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be made."""

    contacts: int
    marketing: float = 0.4
    """The share of contacts that count now."""
    seed: int = 1
    """The same one makes the same people."""
    append: bool = False
    """Beside the contacts that the portal has."""
    among_others: bool = False
    """Although other portals have contacts in this database."""


def seed(
    database: Database,
    portal_id: int,
    wanted: Wanted,
    now: datetime,
    progress: Callable[[int], None] = lambda _made: None,
) -> int:
    """Make the contacts; returns how many count. `progress` hears how many have been made.

    Raises Conflict for a portal that has contacts, a brake or closed periods, which would no longer be true;
    InvalidInput where contacts of others are, unless that was said to be meant; NotFound.
    """
    with database.reading() as connection:
        portal = portals.get_portal(connection, portal_id)
        _check(portal, wanted, seeds.portals_with_contacts(connection))
        forms = [each.guid for each in portals.list_forms(connection, portal_id)]
    people = _People(portal, wanted, now, forms)
    made = counted = 0
    for number in _chunks(wanted.contacts):
        with database.writing() as connection:
            chunk = people.chunk(seeds.reserve(connection, number))
            seeds.keep(connection, portal_id, chunk)
        made += number
        counted += people.counting
        progress(made)
    if people.last is not None:
        # The last line goes the way of all others: so the tier and its notices follow.
        ledger.apply(database, [people.last], now)
    seeds.finish(database)
    return counted


def _chunks(number: int) -> Iterator[int]:
    """Yield sizes of chunks that are as good as equal."""
    chunks = -(-number // CHUNK)
    for place in range(chunks):
        yield number * (place + 1) // chunks - number * place // chunks


def _check(portal: Portal, wanted: Wanted, with_contacts: Sequence[int]) -> None:
    if portal.id in with_contacts and not wanted.append:
        raise Conflict(f"portal {portal.id} has contacts; --append makes more beside them")
    if portal.is_braked:
        raise Conflict(
            f"portal {portal.id} has a brake, which counts for itself; take it away for the time being"
        )
    if portal.closed_until is not None:
        raise Conflict(f"portal {portal.id} has statements, which would no longer be true; take a new portal")
    others = [each for each in with_contacts if each != portal.id]
    if others and not wanted.among_others:
        raise InvalidInput(
            f"this database holds contacts of {len(others)} other portals, portal {others[0]} among them",
            mend="--yes makes the contacts all the same",
        )


class _People:
    """Makes people up, the oldest contact first; the same seed makes the same ones."""

    def __init__(self, portal: Portal, wanted: Wanted, now: datetime, forms: Sequence[str]) -> None:
        self.counting = 0
        """How many of the last chunk count."""
        self.last: StatusMessage | None = None
        """What the ledger has not been told yet: the newest line that counts."""
        self._portal, self._wanted, self._now = portal, wanted, now
        self._random = Random(wanted.seed)  # noqa: S311 - made-up people
        self._begin, self._made = now - PAST, 0
        self._reasons, self._weights = _reasons(wanted.seed, forms)
        self._update_dates = list(_update_dates(portal, self._begin, now))
        """The last one is the next to come."""

    def chunk(self, ids: Sequence[int]) -> Chunk:
        """Return the next contacts, with these numbers."""
        found, random, number = Chunk(), self._random, len(ids)
        reasons = random.choices(self._reasons, self._weights, k=number)
        countries = random.choices(COUNTRIES, COUNTRY_WEIGHTS, k=number)
        stages = random.choices(STAGES, STAGE_WEIGHTS, k=number)
        self.counting = 0
        for contact_id, reason, country, stage in zip(ids, reasons, countries, stages, strict=True):
            created = self._begin + PAST * ((self._made + random.random()) / self._wanted.contacts)
            self._made += 1
            past = self._past(contact_id, created, reason)
            self.counting += past.counts
            past.keep(found)
            found.contacts.append(self._contact(contact_id, created, country, stage, past))
        if self._made == self._wanted.contacts:
            self.last = found.take_newest(self._portal.id)
        return found

    def _contact(
        self, contact_id: int, created: datetime, country: str, stage: str, past: "_Past"
    ) -> tuple[Any, ...]:
        random = self._random
        first, last = random.choice(FIRST_NAMES), random.choice(LAST_NAMES)
        company = int(COMPANIES * random.random() ** 2)
        host = f"company{company}.example.com" if random.random() < 0.7 else random.choice(MAIL_HOSTS)  # noqa: PLR2004
        email = f"{first}.{last}.{contact_id}@{host}".lower() if random.random() > WITHOUT_ADDRESS else None
        properties = {
            "firstname": first,
            "lastname": last,
            "company": f"Company {company}",
            "country": country,
            "lifecyclestage": stage,
            "hs_language": random.choice(LANGUAGES),
            "hubspotscore": str(int(100 * random.random() ** 2)),
        }
        if email is not None:
            properties["email"] = email
        active = created + (self._now - created) * random.random() ** 3
        updated = max(active, past.changed_at or created)
        noted = [
            as_text(self._between(created)) if random.random() < share else None
            for share in (UNSUBSCRIBED, BOUNCED)
        ]
        return (
            contact_id, self._portal.id, email, 1 + past.version, dumps(properties), as_text(created),
            as_text(updated), past.version, *past.columns(), int(past.is_announced), as_text(active), *noted,
        )  # fmt: skip

    def _past(self, contact_id: int, created: datetime, reason: Reason) -> "_Past":
        """Make up what has become of the status: never raised, counts, leaves, left, left and came back."""
        random, past = self._random, _Past(contact_id, self._portal.id)
        last_update, next_update = self._update_dates[-2], self._update_dates[-1]
        since = self._between(created) if random.random() < LATER else created
        counts, chance = random.random() < self._wanted.marketing, random.random()
        had_time = since < last_update
        if counts and had_time and chance < OF_MARKETING_RETURNED:
            past.raise_(since, reason)
            self._end(past, since, last_update)
            past.raise_(self._between(past.until or last_update), random.choice(self._reasons))
        elif counts:
            past.raise_(since, reason)
            if chance > 1 - OF_MARKETING_LEAVING:
                past.lower(self._between(max(since, last_update)), next_update)
        elif had_time and chance < OF_OTHERS_FORMERLY:
            past.raise_(since, reason)
            self._end(past, since, last_update)
        return past

    def _end(self, past: "_Past", since: datetime, last_update: datetime) -> None:
        """Lower the contact in time for an update date that has passed."""
        lowered = since + (last_update - since) * self._random.random()
        past.lower(lowered, self._update_dates[bisect_right(self._update_dates, lowered)])
        past.announce()

    def _between(self, earlier: datetime) -> datetime:
        return earlier + (self._now - earlier) * self._random.random()


class _Past:
    """A contact's stints and status changes, as they are kept."""

    def __init__(self, contact_id: int, portal_id: int) -> None:
        self.version = self._number = 0
        self.until: datetime | None = None
        self.is_announced = False
        self.changed_at: datetime | None = None
        self._since: datetime | None = None
        self._reason: Reason = ("", "", "", "", 0)
        self._contact_id, self._portal_id = contact_id, portal_id
        self._changes: list[tuple[Any, ...]] = []
        self._ended: list[tuple[Any, ...]] = []
        self._lines: list[tuple[Any, ...]] = []

    @property
    def counts(self) -> bool:
        """Whether the contact counts now."""
        return self._since is not None and not self.is_announced

    def raise_(self, at: datetime, reason: Reason) -> None:
        """Open a stint."""
        if self._since is not None:
            self._leave_behind()
        self._number, self._since, self.until, self._reason = self._number + 1, at, None, reason
        self.is_announced = False
        self._change(at, Verdict.RAISED, reason, before=False, after=True)

    def lower(self, at: datetime, until: datetime) -> None:
        """Ask for the stint's end."""
        self.until = until
        self._change(at, Verdict.LOWERING_REQUESTED, LOWERED_BY, before=True, after=True)

    def announce(self) -> None:
        """Announce that the stint has ended."""
        self.is_announced = True
        _, reason_type, reason_id, _, _ = self._reason
        cause = (Source.OTHER.value, reason_type, reason_id, CLOCK, 0)
        self._change(self.until or FOREVER, Verdict.STINT_ENDED, cause, before=True, after=False)

    def columns(self) -> tuple[Any, ...]:
        """Return number, since, until, reason type and reason id of the latest stint."""
        if self._since is None:
            return (0, None, None, None, None)
        _, reason_type, reason_id, _, _ = self._reason
        until = None if self.until is None else as_text(self.until)
        return (self._number, as_text(self._since), until, reason_type, reason_id)

    def keep(self, chunk: Chunk) -> None:
        """Add rows, and sums, to a chunk."""
        if self._since is None:
            return
        self._add_line()
        chunk.changes += self._changes
        chunk.ended += self._ended
        for line, since, until in self._lines:
            chunk.add_line(line, since, until)

    def _leave_behind(self) -> None:
        number, since, until, reason_type, reason_id = self.columns()
        key = (self._contact_id, number, self._portal_id, self.version)
        self._ended.append((*key, since, until, reason_type, reason_id))
        self._add_line()

    def _add_line(self) -> None:
        number, since, _, reason_type, reason_id = self.columns()
        until = self.until or FOREVER
        row = (
            self._contact_id,
            number,
            self._portal_id,
            self.version,
            since,
            as_text(until),
            reason_type,
            reason_id,
        )
        self._lines.append((row, hour_of(self._since) if self._since else until, until))

    def _change(self, at: datetime, verdict: Verdict, cause: Reason, *, before: bool, after: bool) -> None:
        self.version += 1
        self.changed_at = at
        number, since, until, stint_type, stint_id = self.columns()
        self._changes.append(
            (
                self._contact_id, self.version, self._portal_id, as_text(at), int(before), int(after), verdict.value,
                number, since, until, stint_type, stint_id, *cause,
            )
        )  # fmt: skip


def _reasons(chance: int, forms: Sequence[str]) -> tuple[list[Reason], list[float]]:
    """Return what raises contacts, and how often: forms, imports, chats, people and programs."""
    random = Random(chance)  # noqa: S311 - made-up forms
    made_up = [str(uuid.UUID(int=random.getrandbits(128), version=4)) for _ in range(12)]
    found: list[tuple[Reason, float]] = [
        ((Source.HUBSPOT_FORM.value, ReasonType.FORM_SUBMISSION.value, guid, "", 1), 60 / 2**place)
        for place, guid in enumerate([*forms, *made_up][:12], start=1)
    ]
    for number in range(1, 6):
        of_import = (Source.IMPORT.value, ReasonType.CONTACT_IMPORT.value, str(number), f"user:{number}", 0)
        found.append((of_import, 5.0))
    found.append(((Source.CHATFLOW.value, ReasonType.CONVERSATION.value, "1", "", 1), 6.0))
    found.append(((Source.BY_HAND.value, ReasonType.USER_SET.value, "1", "user:1", 0), 4.0))
    found.append(((Source.TOKEN.value, ReasonType.INTEGRATOR_SET.value, "1", "token:1", 0), 5.0))
    return [reason for reason, _ in found], [weight for _, weight in found]


def _update_dates(portal: Portal, begin: datetime, now: datetime) -> Iterator[datetime]:
    instant = begin
    while instant <= now:
        instant = next_update_date(portal.subscription, instant)
        yield instant
