"""Goes through the contacts that existed when a round of a workflow began: the job of the round.

Those who match are enrolled, or it is only remembered that they matched. The first step takes the time and nothing
else: a transaction that began before the switch may still change a contact without noting it, and those have to end
first. Contacts that came after the round began are noted then, so none of them goes unseen.
"""

from datetime import datetime
from typing import Any

from service.domain.actors import check_workflows
from service.domain.jobs import Job, Step, held_problem
from service.domain.model import Verdict
from service.errors import Conflict
from service.jobs.kind import JobKind
from service.store import portals, selections, settling, workflow_due, workflows
from service.store.contact_batches import ContactBatch
from service.store.selections import Selection
from service.workflows.evaluation import evaluate

ENROL = "enrol"
CHUNK = 250
WINDOW = 5_000
"""Contacts that one step goes by, if few of them match."""
SINCE, NOTED = "since", "noted"


class Enroller(JobKind):
    """The kind of job that a round begins with."""

    def step(self, connection: Any, job: Job, now: datetime) -> Step:
        """Go through the next contacts."""
        if SINCE not in job.cursor:
            return Step(cursor={SINCE: settling.moment(connection)}, done=0)
        if not settling.is_settled(connection, job.cursor[SINCE]):
            return Step(cursor=job.cursor, done=0)
        portal = portals.get_portal(connection, job.portal_id)
        check_workflows(portal)
        workflow = workflows.get(connection, portal.id, job.request["workflow"])
        if NOTED not in job.cursor:
            workflow_due.note_newer(connection, portal.id, workflow.walks_upto, now)
        wanted, after, upto = Selection(filter=workflow.filter), workflow.walked_to, workflow.walks_upto
        window = selections.window(connection, portal.id, after=after, upto=upto, size=WINDOW)
        ids = selections.page(connection, portal.id, wanted, now, after=after, upto=window, limit=CHUNK)
        batch = ContactBatch(connection, portal, now)
        people = batch.by_id(ids)
        running = workflows.switched_on(connection, portal.id, workflow.id)
        if not running or running[0].round != job.request["round"]:
            raise Conflict(
                f"workflow {workflow.id} was switched off, or changed: the others stay as they are"
            )
        outcome = evaluate(connection, batch, people.values(), running)
        walked_to = ids[-1] if len(ids) == CHUNK else window
        workflows.set_walked(connection, workflow.id, walked_to)
        held = [number for number, verdict in outcome.verdicts.items() if verdict is Verdict.HELD]
        return Step(
            cursor={**job.cursor, NOTED: True},
            done=len(ids),
            counts=outcome.counts(),
            problems=tuple(map(held_problem, held)),
            finished=walked_to >= upto,
        )
