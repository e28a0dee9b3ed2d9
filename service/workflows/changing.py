"""What people do with workflows: make, change, preview, switch, delete, and enrol contacts by hand.

Guarantee: when a workflow has been switched off, changed or deleted, nobody is at work by it any more as it was.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from service.domain.actors import Actor, check_workflows
from service.domain.filters import Filter
from service.domain.portals import Portal
from service.domain.workflows import Workflow, checked_filter, checked_name
from service.errors import Conflict, InvalidInput, UnexpectedNumber
from service.store import audit, jobs, portals, selections, workflows
from service.store.contact_batches import ContactBatch
from service.store.session import Database
from service.workflows.documents import entry, subject
from service.workflows.enrolling import ENROL
from service.workflows.evaluation import evaluate
from service.workflows.foresight import Draft, Foresight, foresee

MOST_ON = 100
"""Workflows of one portal that may be on: each looks at each contact that changes."""
MOST_BY_HAND = 500
NOT_FOUND, DOES_NOT_MATCH = "not_found", "does_not_match"
DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class Changes:
    """What to change of a workflow; None leaves it."""

    name: str | None = None
    filter: Filter | None = None
    marketing: bool | None = None
    re_enrols: bool | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """What is to become of contacts that match already when a round begins."""

    enrol_existing: bool
    expected: int | None = None
    """How many statuses that changes; has to be said with `enrol_existing`."""


class Workflows:
    """Workflows of any portal. Everything that changes one raises NoMarketingAccess and NotFound."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now

    def all(self, portal_id: int) -> list[Workflow]:
        """Return a portal's workflows by number."""
        with self._database.reading() as connection:
            portals.get_portal(connection, portal_id)
            return workflows.list_all(connection, portal_id)

    def get(self, portal_id: int, workflow_id: int) -> Workflow:
        """Return a workflow; raises NotFound."""
        with self._database.reading() as connection:
            return workflows.get(connection, portal_id, workflow_id)

    def count_enrolled(self, workflow: Workflow) -> int:
        """Count the contacts that it has ever enrolled."""
        with self._database.reading() as connection:
            return workflows.count_enrolled(connection, workflow.id)

    def preview(self, portal_id: int, workflow_id: int, changes: Changes) -> Foresight:
        """Say what a workflow would do with those who exist, as it is or as changed; raises NotIncluded."""
        return self.preview_draft(portal_id, Draft.of(_changed(self.get(portal_id, workflow_id), changes)))

    def preview_draft(self, portal_id: int, draft: Draft) -> Foresight:
        """Say what a workflow that is not kept would do; raises NotIncluded."""
        checked_filter(draft.filter)
        with self._database.reading() as connection:
            portal = _including(connection, portal_id)
            return foresee(connection, portal, draft, self._now())

    def create(self, actor: Actor, portal_id: int, name: str, draft: Draft) -> Workflow:
        """Make a workflow, which is off; raises NotIncluded."""
        actor.check_marketing_access()
        now = self._now()
        new = Workflow(
            id=0,
            portal_id=portal_id,
            name=checked_name(name),
            filter=checked_filter(draft.filter),
            marketing=draft.marketing,
            re_enrols=draft.re_enrols,
            is_on=False,
            version=1,
            created_at=now,
            updated_at=now,
        )
        with self._database.writing() as connection:
            _including(connection, portal_id)
            new = replace(new, id=workflows.add(connection, new))
            audit.note(connection, portal_id, entry(actor, "created", None, new), now)
        return new

    def change(
        self, actor: Actor, portal_id: int, workflow_id: int, changes: Changes, told: Told | None = None
    ) -> Workflow:
        """Change a workflow. While it is on, another filter or action begins a round and needs `told`.

        Raises NotIncluded, UnexpectedNumber and InvalidInput, and then nothing has changed.
        """
        actor.check_marketing_access()
        before = self.get(portal_id, workflow_id)
        after = _changed(before, changes)
        if after == before:
            return before
        is_same = (after.filter, after.marketing) == (before.filter, before.marketing)
        if not before.is_on or is_same:
            with self._database.writing() as connection:
                _including(connection, portal_id)
                return self._keep(connection, actor, before, after, "changed")
        if told is None:
            mend = "say whether those who match already are enrolled; a preview tells how many that changes"
            raise InvalidInput(
                "the workflow is on, and this changes who is enrolled", field="enrol_existing", mend=mend
            )
        return self._begin(actor, before, after, told, "changed")

    def switch_on(self, actor: Actor, portal_id: int, workflow_id: int, told: Told) -> Workflow:
        """Switch a workflow on. Raises UnexpectedNumber, and changes nothing, when `told` is mistaken.

        Raises NotIncluded, and Conflict when it is on already.
        """
        actor.check_marketing_access()
        before = self.get(portal_id, workflow_id)
        if before.is_on:
            raise Conflict(f"workflow {workflow_id} is on already")
        return self._begin(actor, before, replace(before, is_on=True), told, "switched_on")

    def enrol_existing(
        self, actor: Actor, portal_id: int, workflow_id: int, expected: int | None
    ) -> Workflow:
        """Have a workflow that is on enrol all who match now; raises as `switch_on` does."""
        actor.check_marketing_access()
        before = self.get(portal_id, workflow_id)
        if not before.is_on:
            raise _is_off(workflow_id)
        return self._begin(actor, before, before, Told(enrol_existing=True, expected=expected), "enrolled")

    def switch_off(self, actor: Actor, portal_id: int, workflow_id: int) -> Workflow:
        """Switch a workflow off; it enrols nobody from then on, and those whom it has raised stay raised."""
        actor.check_marketing_access()
        before = self.get(portal_id, workflow_id)
        with self._database.writing() as connection:
            return self._keep(connection, actor, before, replace(before, is_on=False), "switched_off")

    def delete(self, actor: Actor, portal_id: int, workflow_id: int) -> None:
        """Delete a workflow; it is switched off with that."""
        actor.check_marketing_access()
        before, now = self.get(portal_id, workflow_id), self._now()
        with self._database.writing() as connection:
            self._keep(connection, actor, before, replace(before, is_on=False), DELETED)
            workflows.delete(connection, workflow_id, now)

    def enrol(
        self, actor: Actor, portal_id: int, workflow_id: int, contact_ids: Sequence[int]
    ) -> list[tuple[int, str]]:
        """Enrol contacts now that match, even if they were enrolled before; returns what came of each.

        Raises NotIncluded, and Conflict when the workflow is off.
        """
        actor.check_marketing_access()
        if len(contact_ids) > MOST_BY_HAND:
            mend = f"give at most {MOST_BY_HAND}, or enrol all who match"
            raise InvalidInput(f"{len(contact_ids)} contacts are too many", field="contact_ids", mend=mend)
        ids, now = sorted(set(contact_ids)), self._now()
        with self._database.writing() as connection:
            portal = _including(connection, portal_id)
            workflows.get(connection, portal_id, workflow_id)
            batch = ContactBatch(connection, portal, now)
            people = batch.by_id(ids)
            running = workflows.switched_on(connection, portal_id, workflow_id)
            if not running:
                raise _is_off(workflow_id)
            outcome = evaluate(connection, batch, people.values(), running, forced=True)
            told = {"contacts": sorted(outcome.verdicts)}
            by_hand = audit.Entry(str(actor), "enrolled", subject(running[0]), None, told)
            audit.note(connection, portal_id, by_hand, now)
        live = {number for number, person in people.items() if person.is_live}
        return [
            (number, outcome.verdicts[number].value)
            if number in outcome.verdicts
            else (number, DOES_NOT_MATCH if number in live else NOT_FOUND)
            for number in ids
        ]

    def _begin(self, actor: Actor, before: Workflow, after: Workflow, told: Told, action: str) -> Workflow:
        """Begin a round: the workflow is on from now, and a job goes through those who exist."""
        now = self._now()
        with self._database.reading() as connection:
            portal = _including(connection, before.portal_id)
            foresight = foresee(connection, portal, Draft.of(after), now)
            newest = selections.newest(connection, portal.id)
        _check(told, foresight)
        after = replace(
            after,
            round=before.round + 1,
            enrols_existing=told.enrol_existing,
            walked_to=0,
            walks_upto=newest,
        )
        request = {"workflow": before.id, "round": after.round, "enrol": told.enrol_existing}
        with self._database.writing() as connection:
            job = jobs.add(connection, portal.id, ENROL, str(actor), request, now, total=foresight.matching)
            after = replace(after, job_id=job.id)
            return self._keep(connection, actor, before, after, action)

    def _keep(
        self, connection: Any, actor: Actor, before: Workflow, after: Workflow, action: str
    ) -> Workflow:
        """Keep a workflow as it is now; the locks are taken in the order in which jobs take them."""
        now = self._now()
        begins, ends = after.round != before.round, before.is_on and not after.is_on
        if before.job_id is not None and (begins or ends or action == DELETED):
            jobs.ask_to_cancel(connection, before.portal_id, before.job_id)
        workflows.lock_portal(connection, before.portal_id)
        current = workflows.get(connection, before.portal_id, before.id, for_update=True)
        if current.version != before.version:
            raise Conflict(f"somebody else has changed workflow {before.id} meanwhile; look at it again")
        if not begins:
            after = replace(after, walked_to=current.walked_to, enrols_existing=current.enrols_existing)
        elif not before.is_on:
            _check_number(connection, before.portal_id)
        after = replace(after, version=before.version + 1, updated_at=now)
        workflows.save(connection, after)
        workflows.follow_switches(connection, before.portal_id)
        told = entry(actor, action, before, None if action == DELETED else after)
        audit.note(connection, before.portal_id, told, now)
        return after


def _changed(workflow: Workflow, changes: Changes) -> Workflow:
    return replace(
        workflow,
        name=workflow.name if changes.name is None else checked_name(changes.name),
        filter=workflow.filter if changes.filter is None else checked_filter(changes.filter),
        marketing=workflow.marketing if changes.marketing is None else changes.marketing,
        re_enrols=workflow.re_enrols if changes.re_enrols is None else changes.re_enrols,
    )


def _including(connection: Any, portal_id: int) -> Portal:
    portal = portals.get_portal(connection, portal_id)
    check_workflows(portal)
    return portal


def _check(told: Told, foresight: Foresight) -> None:
    if not told.enrol_existing:
        return
    if told.expected is None:
        mend = "say how many statuses change; a preview tells it as 'changes'"
        raise InvalidInput("the number of contacts is missing", field="expected", mend=mend)
    if told.expected != foresight.changes:
        raise UnexpectedNumber(told.expected, foresight.changes)


def _check_number(connection: Any, portal_id: int) -> None:
    number = sum(each.is_on for each in workflows.list_all(connection, portal_id))
    if number >= MOST_ON:
        raise Conflict(f"{number} workflows of the portal are on, the most that may be; switch one off first")


def _is_off(workflow_id: int) -> Conflict:
    return Conflict(f"workflow {workflow_id} is off; switch it on first")
