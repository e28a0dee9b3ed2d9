"""One portal with many contacts: how long its answers take, how fast a bulk goes, and which indexes are used.

The contacts are made up, as 'marketable seed' makes them. What is measured are the use cases behind the API, each
with a transaction of its own; HTTP adds a few milliseconds.
"""

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bench.load import median
from bench.plan import Plan
from bench.report import Bar, Figure, Report, Section
from bench.stage import Stage, furnish, say
from bench.traffic import PORTAL_ID
from service import billing, bulk, seeding
from service.domain.actors import COMMAND
from service.domain.filters import Filter, read_filter
from service.errors import UnexpectedNumber
from service.instants import utc_now
from service.jobs.runner import JobRunner
from service.store import jobs
from service.store.selections import Selection
from service.store.session import Database
from service.views import Asked, Indexing, Sort, list_contacts, search
from tests.plans import watched

ROUNDS = 30
BULK_SECONDS = 15.0
SOON, PAGE = (Bar(50, "bar", at_most=True),), (Bar(200, "bar", at_most=True),)
INDEXED = ("country", "company", "hs_email_domain", "hs_marketable_status", "hs_marketable_reason_id")
IN_95 = 0.95


@dataclass(frozen=True, slots=True)
class Ask:
    """One thing that people ask for."""

    name: str
    ask: Callable[[], object]
    bars: tuple[Bar, ...]


def measure(stage: Stage, plan: Plan, report: Report) -> None:
    """Seed, ask for everything again and again, look at the plans, then set many contacts at once."""
    with ExitStack() as stack:
        url = stage.postgres_database()
        stack.callback(stage.drop, url)
        database = furnish(url)
        stack.callback(database.dispose)
        made = _seed(database, plan.contacts)
        section = Section(f"A portal with {plan.contacts:,} contacts on PostgreSQL", [made])
        measure_answers(database, section, report)
        section.figures.append(_bulk_rate(database))
        report.sections.append(section)


def measure_answers(database: Database, section: Section, report: Report) -> None:
    """Ask for everything, with the indexes that views ask for."""
    say("scale: indexes")
    making = Indexing(database, utc_now)
    for name in INDEXED:
        making.make(name)
    for each in asks(database, utc_now()):
        with watched(database) as plans:
            each.ask()
        report.problems += [f"scale: {each.name}: {scan}" for scan in plans.scans]
        section.notes.append(f"{each.name}: {', '.join(sorted(set(plans.indexes))) or 'sums only'}")
        times = [_milliseconds(each.ask) for _ in range(ROUNDS)]
        section.figures.append(Figure(each.name, tuple(times), "ms", each.bars))
        section.figures.append(Figure("    19 of 20 within", (_within(times),), "ms", each.bars))
        say(f"scale: {each.name} {median(times):.1f} ms")


def asks(database: Database, now: datetime) -> list[Ask]:
    """Return everything that is asked for."""
    first = list_contacts(database, PORTAL_ID, Asked(limit=100), now)
    reason = next(each.subject.standing.stint for each in first.contacts if each.subject.standing.stint)
    middle = str(int(first.after or 0) // 2)
    contact_id = first.contacts[0].subject.contact_id
    found = [
        Ask("the count", lambda: billing.bill(database, PORTAL_ID, now), SOON),
        Ask("the forecast", lambda: billing.forecast(database, PORTAL_ID, now), SOON),
        Ask("why a contact counts", lambda: billing.why(database, PORTAL_ID, contact_id), SOON),
        Ask("a page of contacts", _pages(database, now, Asked(limit=100)), PAGE),
        Ask("the same, in the middle", _pages(database, now, Asked(limit=100, after=middle)), PAGE),
        Ask("by address", _pages(database, now, Asked(limit=100, sort=Sort("email"))), PAGE),
    ]
    for name, wanted in views(now, reason.reason_id).items():
        found.append(Ask(f"view: {name}", _pages(database, now, Asked(filter=wanted, limit=100)), PAGE))
    wanted = _filter(("country", "EQ", "AT"), ("hs_marketable_status", "EQ", "true"))
    asked = Asked(filter=wanted, limit=200)
    found.append(Ask("search, with its total", lambda: search(database, PORTAL_ID, asked, now), ()))
    return found


def views(now: datetime, form: str) -> Mapping[str, Filter]:
    """Return filters that people save."""
    month = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0).isoformat()
    marketing = ("hs_marketable_status", "EQ", "true")
    return {
        "marketing": _filter(marketing),
        "non-marketing": _filter(("hs_marketable_status", "EQ", "false")),
        "leaving": _filter(("hs_marketable_until_renewal", "EQ", "true")),
        "by a form": _filter(("hs_marketable_reason_id", "EQ", form)),
        "unsubscribed and marketing": _filter(("unsubscribed_at", "HAS_PROPERTY", ""), marketing),
        "created this month": _filter(("createdate", "GTE", month)),
        "of an e-mail domain": _filter(("email", "CONTAINS_TOKEN", "@company77.example.com")),
        "country = DE": _filter(("country", "EQ", "DE")),
        "country = DE and marketing": _filter(("country", "EQ", "DE"), marketing),
        "country = IS, which is rare": _filter(("country", "EQ", "IS")),
        "a company": _filter(("company", "EQ", "Company 12345")),
        "a company that nobody has": _filter(("company", "EQ", "Nobody")),
        "lifecycle stage, without an index": _filter(("lifecyclestage", "EQ", "customer")),
    }


def _seed(database: Database, contacts: int) -> Figure:
    say(f"scale: making {contacts:,} contacts")
    began = time.monotonic()
    wanted = seeding.Wanted(contacts)
    seeding.seed(database, PORTAL_ID, wanted, utc_now())
    return Figure("contacts made", (contacts / (time.monotonic() - began),))


def _bulk_rate(database: Database) -> Figure:
    """Set contacts of one country as marketing contacts, for a while."""
    wanted = Selection(filter=_filter(("country", "EQ", "DE")))
    job = _start(database, wanted)
    runner = JobRunner(database, {bulk.SET_STATUS: bulk.StatusSetter()}, utc_now, interval=1)
    began, rates = time.monotonic(), list[float]()
    while time.monotonic() - began < BULK_SECONDS:
        before, at = _done(database, job), time.monotonic()
        for _ in range(10):
            runner.step()
        done = _done(database, job) - before
        if not done:
            break
        rates.append(done / (time.monotonic() - at))
        say(f"scale: bulk {rates[-1]:.0f}/s")
    with database.writing() as connection:
        jobs.ask_to_cancel(connection, PORTAL_ID, job)
    return Figure("bulk, contacts set", tuple(rates))


def _start(database: Database, wanted: Selection) -> int:
    def start(number: int) -> int:
        now = utc_now()
        made = bulk.set_status(database, COMMAND, PORTAL_ID, wanted, now, marketing=True, expected=number)
        return made.id

    try:
        return start(-1)
    except UnexpectedNumber as error:
        return start(error.number)


def _done(database: Database, job_id: int) -> int:
    with database.reading() as connection:
        job = jobs.find(connection, PORTAL_ID, job_id)
    return job.done if job else 0


def _pages(database: Database, now: datetime, asked: Asked) -> Callable[[], Any]:
    return lambda: list_contacts(database, PORTAL_ID, asked, now)


def _filter(*conditions: tuple[str, str, str]) -> Filter:
    filters = [
        {"propertyName": name, "operator": operator, "value": value} for name, operator, value in conditions
    ]
    return read_filter({"filters": filters})


def _milliseconds(ask: Callable[[], object]) -> float:
    began = time.perf_counter()
    ask()
    return 1_000 * (time.perf_counter() - began)


def _within(times: list[float]) -> float:
    return sorted(times)[int(IN_95 * (len(times) - 1))]
