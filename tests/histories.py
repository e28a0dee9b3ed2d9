"""Random histories of one portal: submissions, chats, acts by hand and changes of defaults, to be told again."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from service.defaults.every import Defaults
from service.domain.actors import COMMAND
from service.domain.defaults import EXTERNAL_FORMS, Subject, SubjectKind, Value
from service.domain.endpoints import ExternalKind
from service.domain.model import Intent
from service.identifiers import new_submission_id
from service.providers.events import EventKind
from service.store import contacts
from tests.facts import FORM, FORM_THAT_IS_OFF, PORTAL, make_fact
from tests.receiving import Desk, said
from tests.world import World

PEOPLE = [f"person{number}@example.com" for number in range(7)]
LAPSES = [{"seconds": 1}, {"minutes": 20}, {"hours": 7}, {"days": 2}, {"days": 9}]
Act = tuple[str, Any, Any]
NOTHING: Act = ("pass", {}, None)


@dataclass
class Story:
    """Tells acts in a world, and remembers them with what came of them."""

    world: World
    acts: list[Act] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.form_desk = Desk(self.world)
        self.chat_desk = Desk(self.world, "intercom")
        self.defaults = Defaults(self.world.database, self.world.now)
        self.forms = [self.form_desk.form(key) for key in ("one", "two")]
        self.chats = [self.chat_desk.form(key) for key in ("bot", "other bot")]
        assert {each.kind for each in self.chats} == {ExternalKind.CHATFLOW}
        self._intake = self.world.intake()

    @property
    def subjects(self) -> list[Subject]:
        """Everything whose default a submission can go by."""
        return [
            EXTERNAL_FORMS,
            *(Subject(SubjectKind.FORM, guid) for guid in (FORM, FORM_THAT_IS_OFF)),
            *(Subject(SubjectKind.EXTERNAL_FORM, str(each.id)) for each in self.forms),
            *(Subject(SubjectKind.CHATFLOW, str(each.id)) for each in self.chats),
        ]

    def set(self, subject: Subject, value: Value) -> None:
        self.defaults.set(COMMAND, PORTAL, subject, value)
        for desk in (self.form_desk, self.chat_desk):
            desk.configuration.refresh()

    def tell(self, kind: str, what: Any, more: Any) -> bool:
        """Do one act, and let a moment pass; False for one that came to nothing."""
        is_done = True
        if kind == "pass":
            self.world.pass_by(**what)
            self.world.announce_ends()
        elif kind == "submit":
            self._submit(what, more)
        elif kind == "event":
            self._event(what, more)
        elif kind == "set":
            self.set(self.subjects[what], more)
        else:
            is_done = self._by_hand(what, more)
        self.world.pass_by(milliseconds=3)
        return is_done

    def _submit(self, guid: str, email: str) -> None:
        now = self.world.now()
        fact = make_fact(
            email, form=guid, submission_id=new_submission_id(now), received_at=now, submitted_at=now
        )
        self._intake.record_all([fact])

    def _event(self, place: int, told: Mapping[str, Any]) -> None:
        is_chat, number = divmod(place, 2)
        desk, keys = (self.chat_desk, self.chats) if is_chat else (self.form_desk, self.forms)
        kind = EventKind.CHAT if is_chat else EventKind.SUBMISSION
        fields = {"number": str(self.world.now())}
        desk.keep(said(fields, kind=kind, form_id=keys[number].key, **told))

    def _by_hand(self, email: str, intent: Intent) -> bool:
        with self.world.database.reading() as connection:
            if contacts.find_by_email(connection, PORTAL, email) is None:
                return False
        return self.world.set_status(email, intent).change is not None

    def random_act(self, chance: random.Random) -> Act:
        kind = chance.choices(["submit", "event", "hand", "set", "pass"], [6, 8, 4, 2, 6])[0]
        email = chance.choice(PEOPLE)
        if kind == "submit":
            return kind, chance.choice([FORM, FORM_THAT_IS_OFF]), email
        if kind == "event":
            consent = chance.choice([None, None, None, True, False])
            return kind, chance.randrange(4), {"email": email, "consent": consent}
        if kind == "hand":
            return kind, email, chance.choice([Intent.RAISE, Intent.LOWER, Intent.LOWER])
        if kind == "set":
            place = chance.randrange(len(self.subjects))
            inherits = self.subjects[place].kind in {SubjectKind.EXTERNAL_FORM, SubjectKind.CHATFLOW}
            return kind, place, chance.choice([True, False, *([None] if inherits else [])])
        return kind, chance.choice(LAPSES), None

    def go_on(self, chance: random.Random, number: int) -> None:
        """Let a number of random acts happen; remember those that came to something."""
        for _ in range(number):
            act = self.random_act(chance)
            self.acts.append(act if self.tell(*act) else NOTHING)

    def tell_again(self, acts: list[Act], changes: Mapping[int, Value]) -> None:
        """Tell what another story told, with other defaults, named by their place, from the beginning to the end."""
        for place, value in changes.items():
            self.set(self.subjects[place], value)
        for act in acts:
            self.tell(*(NOTHING if act[0] == "set" and act[1] in changes else act))
