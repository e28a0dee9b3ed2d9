"""A world with workflows: what people do with them, and the runner and the jobs of one process."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from service import working
from service.domain.actors import COMMAND
from service.domain.billing import Product
from service.domain.filters import Filter, read_filter
from service.domain.jobs import Job
from service.domain.workflows import Workflow
from service.store import jobs, portals
from service.store.contact_batches import ContactBatch, Write
from service.store.tables import contact, enrolment, portal, status_change, workflow_due
from service.workflows import Told, WorkflowRunner, Workflows
from service.workflows.foresight import Draft
from tests.facts import FORM_THAT_IS_OFF, PORTAL, make_fact
from tests.world import World

EVERYBODY = read_filter({"filters": [{"propertyName": "hs_object_id", "operator": "HAS_PROPERTY"}]})
NEW_ONLY = Told(enrol_existing=False)


def where(**wanted: str) -> Filter:
    """Return the filter for contacts that have these values."""
    conditions = [{"propertyName": name, "operator": "EQ", "value": value} for name, value in wanted.items()]
    return read_filter({"filters": conditions})


def furnish(world: World, product: Product = Product.PROFESSIONAL, *, tier: int = 1_000) -> None:
    """Give the portal a product with workflows."""
    world.write(sa.update(portal).values(product=product.value, tier=tier))
    with world.database.writing() as connection:
        portals.changed(connection)


class Flow:
    """Workflows of the test's portal."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.workflows = Workflows(world.database, world.now)
        self.runner = WorkflowRunner(world.database, world.now, interval=0.01)
        self.jobs = working.open_runner(world.database, world.now, interval=0.01)
        self.intake = world.intake()

    def make(self, wanted: Filter, *, marketing: bool = True, re_enrols: bool = False) -> Workflow:
        """Make a workflow that is off."""
        draft = Draft(filter=wanted, marketing=marketing, re_enrols=re_enrols)
        return self.workflows.create(COMMAND, PORTAL, "Trial", draft)

    def switch_on(self, workflow: Workflow, told: Told = NEW_ONLY, *, settles: bool = True) -> Workflow:
        """Switch a workflow on, and let its job go through those who exist."""
        found = self.workflows.switch_on(COMMAND, PORTAL, workflow.id, told)
        if settles:
            self.work()
        return found

    def on(self, wanted: Filter, *, marketing: bool = True, re_enrols: bool = False) -> Workflow:
        """Make a workflow and switch it on for those who come to match."""
        return self.switch_on(self.make(wanted, marketing=marketing, re_enrols=re_enrols))

    def work(self) -> None:
        """Let jobs run until there are none."""
        while self.jobs.step():
            pass

    def run(self) -> int:
        """Let the runner look until nothing is due; returns how many steps that took."""
        steps = 0
        while self.runner.step():
            steps += 1
            assert steps < 1_000
        return steps

    def submit(self, email: str, **properties: str) -> None:
        """Have a contact sent in by a form that raises nobody."""
        fact = make_fact(email, form=FORM_THAT_IS_OFF, properties=properties)
        for outcome in self.intake.record_all([fact]):
            assert not isinstance(outcome, Exception), outcome

    def edit(self, email: str, **properties: str) -> None:
        """Change a contact by hand."""
        with self.world.database.writing() as connection:
            batch = ContactBatch(connection, portals.get_portal(connection, PORTAL), self.world.now())
            batch.write([Write(person=batch.by_email([email])[email], properties=properties)])

    def id_of(self, email: str) -> int:
        with self.world.database.reading() as connection:
            query = sa.select(contact.c.id).where(contact.c.email == email)
            return int(connection.execute(query).scalar_one())

    def marketing(self) -> set[str]:
        """Return the addresses of those who count."""
        now = self.world.now()
        return {
            row.email
            for row in self.world.rows(contact)
            if row.since is not None and (row.until is None or row.until > now)
        }

    def verdicts(self, email: str) -> list[str]:
        """Return what has become of a contact's status, oldest first."""
        number = self.id_of(email)
        rows = self.world.rows(status_change, status_change.c.version)
        return [row.verdict for row in rows if row.contact_id == number]

    def due(self) -> set[int]:
        return {row.contact_id for row in self.world.rows(workflow_due)}

    def memory(self, email: str) -> Mapping[str, Any] | None:
        """Return what the only workflow knows of a contact."""
        number = self.id_of(email)
        rows = [row for row in self.world.rows(enrolment) if row.contact_id == number]
        return {"matches": rows[0].matches, "times": rows[0].times} if rows else None

    def job(self, workflow: Workflow) -> Job:
        """Return the job of the workflow's round."""
        number = self.workflows.get(PORTAL, workflow.id).job_id
        assert number is not None
        with self.world.database.reading() as connection:
            found = jobs.find(connection, PORTAL, number)
        assert found is not None
        return found

    def is_proved(self) -> bool:
        """Whether all who count are counted."""
        self.world.count_up()
        return self.world.proof().difference == 0


def starter(world: World) -> None:
    """Take workflows out of the portal's product."""
    furnish(world, Product.STARTER)
