"""Everything at once that can change a status, in any order, while time passes and messages come late and twice.

After every step the contacts, the ledger, its sums and the statements come to what `tests.rules_model` says.
"""

import random
import tempfile
from datetime import datetime, timedelta
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from consumers.billing_count import BillingCount
from service import bulk
from service.brakes.holding import Holding
from service.brakes.limits import Brakes
from service.clock import Clock
from service.contacts import Contacts
from service.defaults.every import Defaults
from service.domain.actors import Actor, ActorKind
from service.domain.billing import Product, next_update_date
from service.domain.brake import WHOLE_PORTAL, Limits
from service.domain.defaults import DELETE_COUNTS, Subject, SubjectKind
from service.domain.filters import Filter, read_filter
from service.domain.jobs import JobState
from service.domain.model import Default, Fact, Recorded, Source
from service.domain.portals import DeleteCounts
from service.errors import Conflict
from service.imports.files import ImportFiles
from service.imports.starting import Imports
from service.imports.wanted import Wanted, WantedFile
from service.messages import StatusMessage, dump
from service.statements import StatementMaker
from service.store import contacts, held, ledger, outbox, portals
from service.store.held import Wanted as HeldWanted
from service.store.selections import Selection
from service.store.tables import adjustment, metadata, statement
from service.sweep import Sweeper
from service.workflows import WorkflowRunner
from service.workflows.changing import Told, Workflows
from service.workflows.foresight import Draft
from service.working import open_runner
from tests.facts import FORM, NOW, PORTAL, make_fact, make_form, make_portal
from tests.rules_model import Person, Rules
from tests.working import work
from tests.world import World

USER = Actor(ActorKind.USER, 7)
PROGRAM = Actor(ActorKind.TOKEN, 3, default=Default(on=True, version=1))
names = st.sampled_from(("ada", "grace", "hedy", "joan", "mary"))
countries = st.sampled_from(("CH", "DE"))


def address(name: str) -> str:
    return f"{name}@example.com"


def of_country(country: str) -> Filter:
    return read_filter({"filters": [{"propertyName": "country", "operator": "EQ", "value": country}]})


class Everything(RuleBasedStateMachine):
    """Each run begins with an empty database."""

    world: World

    @initialize(seed=st.integers(0, 2**32))
    def furnish(self, seed: int) -> None:
        self.chance = random.Random(seed)  # noqa: S311 - no secret
        self.world.time = NOW
        self.model = Rules()
        self.form_is_on = True
        self.workflow_id = 0
        """Of the one that is on."""
        self.late: list[StatusMessage] = []
        self.kept: list[Fact] = []
        self.ids: dict[Person, int] = {}
        """Numbers of contacts by the person they are."""
        with self.world.database.writing() as connection:
            portals.add_portal(connection, make_portal(product=Product.PROFESSIONAL))
            portals.save_form(connection, make_form(FORM), NOW)
        parts = (self.world.database, self.world.now)
        self.contacts, self.workflows = Contacts(*parts), Workflows(*parts)
        self.imports, self.defaults = Imports(*parts), Defaults(*parts)
        self.brakes, self.holding = Brakes(*parts), Holding(*parts)
        self.intake = self.world.intake()
        self.runner = open_runner(*parts, interval=1)
        self.workflow_runner = WorkflowRunner(*parts, interval=1)

    # What comes in by itself

    @rule(name=names, country=countries)
    def submit(self, name: str, country: str) -> None:
        fact = make_fact(address(name), properties={"country": country})
        self.kept.append(fact)
        self._record(fact)
        person = self._person(name)
        person.properties["country"] = country
        if self.form_is_on:
            self.model.raise_now(person, self.now)
        self._look(person)

    @rule(name=names)
    def chat(self, name: str) -> None:
        """A chatflow that is off: it raises nobody."""
        self._record(make_fact(address(name), source=Source.CHATFLOW, source_id="1"))
        self._look(self._person(name))

    @precondition(lambda self: self.kept)
    @rule(chance=st.randoms(use_true_random=False))
    def submit_again(self, chance: random.Random) -> None:
        """The same delivery: it was accepted before and does nothing."""
        (outcome,) = self.intake.record_all([chance.choice(self.kept)])
        assert isinstance(outcome, Recorded)
        assert outcome.repeated

    # What people and programs do

    @rule(name=names, marketing=st.sampled_from([True, False, None]), program=st.booleans())
    def make(self, name: str, *, marketing: bool | None, program: bool) -> None:
        known = self.model.people.get(name)
        actor = PROGRAM if program else USER
        try:
            made = self.contacts.make(actor, PORTAL, address(name), {}, marketing=marketing)
        except Conflict:
            assert known is not None
            assert not known.is_deleted
            return
        assert known is None or known.is_deleted
        person = self._person(name)
        self.ids[person] = made.contact_id
        if marketing or (marketing is None and program and known is None):
            self.model.raise_now(person, self.now)
        self._look(person)

    @rule(name=names, marketing=st.booleans())
    def set_by_hand(self, name: str, *, marketing: bool) -> None:
        person = self._live(name)
        if person is not None:
            self.contacts.set_status(USER, PORTAL, self.ids[person], marketing=marketing)
            self._set(person, marketing=marketing)

    @rule(country=countries, marketing=st.booleans())
    def set_many(self, country: str, *, marketing: bool) -> None:
        people = [person for person in self.model.live() if person.properties.get("country") == country]
        job = bulk.set_status(
            self.world.database,
            USER,
            PORTAL,
            Selection(filter=of_country(country)),
            self.now,
            marketing=marketing,
            expected=len(people),
        )
        assert work(self.world, job.id).state is JobState.DONE
        for person in sorted(people, key=self.ids.__getitem__):
            self._set(person, marketing=marketing)

    @rule(who=st.lists(names, min_size=1, max_size=4), country=countries, marketing=st.booleans())
    def import_people(self, who: list[str], country: str, *, marketing: bool) -> None:
        wanted = Wanted(files=(self._file_of(who, country),), marketing=marketing)
        expected = self._estimate(wanted, who)
        job = work(self.world, self.imports.start(USER, PORTAL, wanted, expected=expected).id)
        assert (job.done, job.state) == (len(who), JobState.DONE)
        people = [self._person(name) for name in who]
        with self.world.database.reading() as connection:
            for name, person in zip(who, people, strict=True):
                known = contacts.find_by_email(connection, PORTAL, address(name))
                assert known is not None
                self.ids.setdefault(person, known.contact_id)
        for person in people:
            person.properties["country"] = country
            if marketing:
                self.model.raise_now(person, self.now)
        for person in sorted(set(people), key=self.ids.__getitem__):
            self._look(person)

    # What is set up

    @rule(is_on=st.booleans())
    def set_the_default_of_the_form(self, *, is_on: bool) -> None:
        self.defaults.set(USER, PORTAL, Subject(SubjectKind.FORM, FORM), is_on)
        self.form_is_on = is_on

    @rule(most=st.sampled_from([0, 1, 2, 3]))
    def set_the_brake(self, most: int) -> None:
        self.brakes.set_limits(USER, PORTAL, WHOLE_PORTAL, Limits(most=most))
        self.model.most = most

    @precondition(lambda self: self.model.most is not None)
    @rule()
    def remove_the_brake(self) -> None:
        self.brakes.remove(USER, PORTAL, WHOLE_PORTAL)
        self.model.most = None

    @precondition(lambda self: self.model.held)
    @rule(most=st.sampled_from([1, 2, 9]), releases=st.booleans())
    def settle_what_is_held(self, most: int, *, releases: bool) -> None:
        settle = self.holding.release if releases else self.holding.refuse
        settle(USER, PORTAL, HeldWanted(), most=most, expected=None)
        for person in self.model.held[:most]:
            if releases:
                self.model.raise_now(person, self.now, passes=True)
            self.model.let_wait_no_more(person)

    @rule(country=countries, marketing=st.booleans())
    def switch_a_workflow_on(self, country: str, *, marketing: bool) -> None:
        """It takes the place of the one before, and begins with those who come to match from now on."""
        if self.workflow_id:
            self.workflows.switch_off(USER, PORTAL, self.workflow_id)
        new = self.workflows.create(
            USER, PORTAL, country, Draft(filter=of_country(country), marketing=marketing)
        )
        self.workflows.switch_on(USER, PORTAL, new.id, Told(enrol_existing=False))
        self.workflow_id, self.model.workflow = new.id, (country, marketing)
        while self.runner.step():
            pass
        for person in self.model.people.values():
            person.times_enrolled = 0
            person.is_known_to_match = person.properties.get("country") == country and not person.is_deleted

    @rule(counts=st.booleans())
    def choose_whether_deleted_contacts_count(self, *, counts: bool) -> None:
        value = DeleteCounts.UNTIL_UPDATE_DATE if counts else DeleteCounts.NOT
        self.defaults.set(USER, PORTAL, DELETE_COUNTS, value)
        self.model.delete_counts = counts

    # Who goes

    @rule(name=names)
    def delete(self, name: str) -> None:
        person = self._live(name)
        if person is not None:
            self.contacts.delete(USER, PORTAL, self.ids[person])
            self.model.let_go(person, self.now, self.update_date)
            person.is_deleted = True

    @rule(name=names, other=names)
    def merge(self, name: str, other: str) -> None:
        primary, merged = self._live(name), self._live(other)
        if primary is None or merged is None or primary is merged:
            return
        self.contacts.merge(USER, PORTAL, self.ids[primary], self.ids[merged])
        self.model.let_go(merged, self.now, self.update_date)
        self.model.gone.append(merged)
        primary.properties = merged.properties | primary.properties
        for each, person in list(self.model.people.items()):
            if person is merged:
                self.model.people[each] = primary
        self._look(primary)

    @rule(name=names)
    def erase(self, name: str) -> None:
        person = self.model.people.get(name)
        if person is None:
            return
        job = self.contacts.erase(USER, PORTAL, self.ids[person])
        assert work(self.world, job.id).state is JobState.DONE
        if not person.is_deleted:
            self.model.let_go(person, self.now, self.update_date)
        self.model.gone.append(person)
        self.model.people = {each: other for each, other in self.model.people.items() if other is not person}

    @rule(name=names, unsubscribed=st.booleans())
    def unsubscribe(self, name: str, *, unsubscribed: bool) -> None:
        """It lowers nobody."""
        self.contacts.note_mailing(USER, PORTAL, [address(name)], unsubscribed=unsubscribed)

    # Time and messages

    @rule(hours=st.sampled_from([1, 5, 24 * 3, 24 * 20, 24 * 31, 24 * 100]))
    def pass_by(self, hours: int) -> None:
        self.world.time += timedelta(hours=hours)

    @rule()
    def announce(self) -> None:
        Clock(self.world.database, self.world.now, interval=1).step()

    @rule()
    def close_the_books(self) -> None:
        """What a period came to stands, and what comes later is told beside it."""
        StatementMaker(self.world.database, self.world.now).step()
        lines = self.world.rows(adjustment)
        for each in self.world.rows(statement):
            late = sum(line.change for line in lines if line.ends_at == each.ends_at)
            assert each.contacts + late == self.model.count(each.ends_at - timedelta(microseconds=1))

    @rule(share=st.sampled_from([0.0, 0.5, 1.0]))
    def deliver(self, share: float) -> None:
        """Some messages come, some twice, some that came long ago; the others are late."""
        self.late += self._taken()
        self.chance.shuffle(self.late)
        some = self.late[: int(len(self.late) * share)]
        self._apply([*some, *some[:3]])

    @precondition(lambda self: self.late)
    @rule()
    def lose(self) -> None:
        """Messages are lost for good; the sweep finds out."""
        self.late.clear()

    @invariant()
    def everything_comes_to_the_same(self) -> None:
        if not hasattr(self, "model"):
            return
        self._let_workflows_look()
        self.late += self._taken()
        Sweeper(self.world.database, self.world.now, interval=1).step()
        self._apply(self._taken())
        found = self.world.proof()
        assert found.difference == 0
        assert found.by_contacts == self.model.count(self.now)
        with self.world.database.reading() as connection:
            count = ledger.read_counts(connection, [PORTAL])[PORTAL]
            for at in (self.now, self.update_date, self.update_date + timedelta(days=800)):
                assert count.at(at) == self.model.count(at)
            for days in (1, 40):
                past = self.now - timedelta(days=days)
                assert ledger.count_at(connection, PORTAL, past) == self.model.count(past)
            waiting = held.waiting(connection, PORTAL, HeldWanted(), self.now)
        assert waiting.can_be_raised == len(self.model.held)

    def teardown(self) -> None:
        if hasattr(self, "intake"):
            self.intake.close()
        with self.world.database.writing() as connection:
            for table in reversed(metadata.sorted_tables):
                if table.name != "configuration":
                    connection.execute(table.delete())

    # Between the two

    @property
    def now(self) -> datetime:
        return self.world.time

    @property
    def update_date(self) -> datetime:
        return next_update_date(make_portal().subscription, self.now)

    def _record(self, fact: Fact) -> None:
        (outcome,) = self.intake.record_all([fact])
        assert isinstance(outcome, Recorded)
        assert outcome.contact_id is not None
        name = (fact.email or "").partition("@")[0]
        self.ids[self._person(name)] = outcome.contact_id

    def _person(self, name: str) -> Person:
        """Return whose address it is; whoever was deleted is back."""
        person = self.model.people.setdefault(name, Person())
        person.is_deleted = False
        return person

    def _live(self, name: str) -> Person | None:
        person = self.model.people.get(name)
        return None if person is None or person.is_deleted else person

    def _set(self, person: Person, *, marketing: bool) -> None:
        self.model.set(person, self.now, self.update_date, marketing=marketing)

    def _look(self, person: Person) -> None:
        """Let the workflow see a change at once, so that who is raised before whom is certain."""
        self._let_workflows_look()
        self.model.look(person, self.now, self.update_date)

    def _let_workflows_look(self) -> None:
        while self.workflow_runner.step():
            pass

    def _estimate(self, wanted: Wanted, who: list[str]) -> int:
        """Return how many an import raises if it sets them as marketing; no brake is asked."""
        estimate = self.imports.estimate(USER, PORTAL, wanted)
        assert isinstance(estimate, dict)
        people = {self.model.people.get(name, name) for name in who}
        new = sum(isinstance(each, str) or not each.counts(self.now) for each in people)
        assert estimate["marketing"] == new
        return new

    def _file_of(self, who: list[str], country: str) -> WantedFile:
        lines = ["email,country", *(f"{address(name)},{country}" for name in who)]
        with tempfile.NamedTemporaryFile("w", suffix=".csv") as file:
            file.write("\n".join(lines))
            file.flush()
            kept = ImportFiles(self.world.database, self.world.now).take(
                PORTAL, "people.csv", Path(file.name)
            )
        mapping = {"email": "email", "country": "country"}
        return WantedFile(id=kept.id, mapping=mapping, other_objects={})

    def _taken(self) -> list[StatusMessage]:
        with outbox.claim(self.world.database, 10_000, self.now) as messages:
            return list(messages)

    def _apply(self, messages: list[StatusMessage]) -> None:
        BillingCount(self.world.database, self.world.now).handle([dump(message) for message in messages])


@pytest.mark.timeout(400)
def test_all_the_rules_hold_whatever_happens_in_whatever_order(world: World) -> None:
    with world.database.writing() as connection:
        for table in reversed(metadata.sorted_tables):
            if table.name != "configuration":
                connection.execute(table.delete())
    machine = type("Machine", (Everything,), {"world": world})
    bounds = settings(
        max_examples=8,
        stateful_step_count=40,
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(machine, settings=bounds)
