"""Sets the status of many existing contacts at once: the caller says how many, and a job does it (rule 7)."""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from service.domain.actors import Actor, actor_from, check_marketing_contacts
from service.domain.filters import dump_filter, read_filter
from service.domain.jobs import Job, Problem, Step, held_problem
from service.domain.model import Intent, Verdict
from service.errors import UnexpectedNumber
from service.jobs.kind import JobKind
from service.store import jobs, portals, selections
from service.store.contact_batches import ContactBatch, Write
from service.store.selections import Selection
from service.store.session import Database

SET_STATUS = "set_status"
CHUNK = 500
GONE = "not_found"
MOST_IDS = 10_000


def set_status(
    database: Database,
    actor: Actor,
    portal_id: int,
    wanted: Selection,
    now: datetime,
    *,
    marketing: bool,
    expected: int,
) -> Job:
    """Start the job that sets the status of all selected contacts.

    Raises UnexpectedNumber, and does nothing, when other than `expected` contacts are selected; NoMarketingAccess;
    NotIncluded; NotFound.
    """
    actor.check_marketing_access()
    with database.reading() as connection:
        check_marketing_contacts(portals.get_portal(connection, portal_id))
        newest = selections.newest(connection, portal_id)
        if wanted.filter is not None:
            number = selections.count(connection, portal_id, wanted.filter, now)
        else:
            # From here on those are meant who are there now, and nobody of another portal.
            ids = selections.page(connection, portal_id, wanted, now, after=0, upto=newest, limit=MOST_IDS)
            wanted, number = Selection(ids=tuple(ids)), len(ids)
    if number != expected:
        raise UnexpectedNumber(expected, number)
    request = {"marketing": marketing, "upto": newest, **_dump(wanted)}
    with database.writing() as connection:
        return jobs.add(connection, portal_id, SET_STATUS, str(actor), request, now, total=number)


class StatusSetter(JobKind):
    """The kind of job that `set_status` starts."""

    def step(self, connection: Any, job: Job, now: datetime) -> Step:
        """Set the next contacts."""
        portal = portals.get_portal(connection, job.portal_id)
        check_marketing_contacts(portal)
        after, upto = job.cursor.get("after", 0), job.request["upto"]
        wanted = _load(job.request)
        batch = ContactBatch(connection, portal, now)
        found = selections.stretch(connection, portal.id, wanted, now, after=after, upto=upto, limit=CHUNK)
        intent = Intent.RAISE if job.request["marketing"] else Intent.LOWER
        cause = actor_from(job.actor).cause(intent)
        people = {number: person for number, person in batch.by_id(found.ids).items() if person.is_live}
        decisions = {number: batch.decide(person.standing, cause) for number, person in people.items()}
        writes = [
            Write(person=person, decision=decisions[number], cause=cause) for number, person in people.items()
        ]
        batch.write([each for each in writes if each.is_news])
        held = [number for number, decision in decisions.items() if decision.verdict is Verdict.HELD]
        missing = [number for number in found.ids if number not in people]
        return Step(
            cursor={"after": found.after},
            done=len(people),
            counts=Counter(decision.verdict.value for decision in decisions.values()),
            problems=(*map(held_problem, held), *map(_gone, missing)),
            finished=found.is_last,
        )


def _gone(contact_id: int) -> Problem:
    return Problem(
        contact_id=contact_id,
        reason=GONE,
        message="there is no such contact any more",
        mend="look whether it was deleted or has merged into another",
    )


def _dump(wanted: Selection) -> dict[str, Any]:
    if wanted.filter is not None:
        return {"filter": dump_filter(wanted.filter)}
    return {"ids": sorted(set(wanted.ids or ()))}


def _load(request: Mapping[str, Any]) -> Selection:
    if "filter" in request:
        return Selection(filter=read_filter(request["filter"]))
    return Selection(ids=tuple(request["ids"]))
