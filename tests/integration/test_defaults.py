import tomllib
from datetime import timedelta
from typing import Any

import pytest

from service.configuration import Configuration
from service.defaults.every import Defaults, Shown
from service.defaults.files import DefaultsFile
from service.domain.actors import COMMAND, Actor, ActorKind
from service.domain.billing import Product
from service.domain.defaults import DELETE_COUNTS, EXTERNAL_FORMS, Subject, SubjectKind, Value, Whose
from service.domain.portals import DeleteCounts
from service.errors import Conflict, InvalidInput, NoMarketingAccess, NotFound, NotIncluded
from service.store import defaults as store
from service.store import portals
from service.store.tables import audit
from tests.facts import FORM, FORM_THAT_IS_OFF, NOW, PORTAL, make_fact, make_form, make_portal
from tests.receiving import Desk
from tests.world import World

OTHER_PORTAL = 2
USER = Actor(ActorKind.USER, 7)
WITHOUT_ACCESS = Actor(ActorKind.USER, 8, marketing_access=False)
ON, OFF = Subject(SubjectKind.FORM, FORM), Subject(SubjectKind.FORM, FORM_THAT_IS_OFF)


class Shop:
    """A portal with defaults of every kind."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.defaults = Defaults(world.database, world.now)
        self.file = DefaultsFile(world.database, world.now)
        self.desk = Desk(world)
        self.form = Subject(SubjectKind.EXTERNAL_FORM, str(self.desk.form("contact").id))
        chatflow = Desk(world, "intercom").form("bot")
        self.chatflow = Subject(SubjectKind.CHATFLOW, str(chatflow.id))
        with world.database.writing() as connection:
            number = portals.add_token(connection, PORTAL, 'The "shop"', "secret", ["contacts"], NOW)
        self.token = Subject(SubjectKind.TOKEN, str(number))

    @property
    def subjects(self) -> list[Subject]:
        return [ON, OFF, self.form, self.chatflow, self.token, EXTERNAL_FORMS, DELETE_COUNTS]

    def set(self, subject: Subject, value: Value, actor: Actor = USER) -> Shown:
        self.world.pass_by(seconds=1)
        return self.defaults.set(actor, PORTAL, subject, value)

    def own(self, subject: Subject) -> Value:
        return self.defaults.show(PORTAL, subject).kept.own

    def entries(self, subject: Subject) -> list[Any]:
        return self.defaults.history(PORTAL, subject)

    def version(self) -> int:
        with self.world.database.reading() as connection:
            return portals.version(connection)


@pytest.fixture
def shop(world: World) -> Shop:
    return Shop(world)


def other(value: Value) -> Value:
    if isinstance(value, DeleteCounts):
        return next(each for each in DeleteCounts if each is not value)
    return not value


def test_every_default_is_set_with_who_did_it(shop: Shop) -> None:
    for subject in shop.subjects:
        before, version = shop.defaults.show(PORTAL, subject), shop.version()
        after = shop.set(subject, other(before.in_effect))
        (entry,) = shop.entries(subject)[:1]
        assert after.in_effect == other(before.in_effect) != before.in_effect
        assert (after.by, after.since, after.kept.whose) == ("user:7", shop.world.now(), Whose.OWN)
        assert (entry.actor, entry.at, entry.after) == ("user:7", shop.world.now(), after.kept.record())
        assert entry.before == before.kept.record()
        assert shop.version() == version + 1


def test_what_is_so_already_is_left_alone(shop: Shop) -> None:
    for subject in shop.subjects:
        shop.set(subject, other(shop.defaults.show(PORTAL, subject).in_effect))
        before, entries = shop.version(), shop.entries(subject)
        shop.set(subject, shop.own(subject))
        assert (shop.version(), shop.entries(subject)) == (before, entries)


def test_a_version_moves_on_with_each_change(shop: Shop) -> None:
    for subject in (ON, shop.form, shop.chatflow, shop.token):
        first = shop.set(subject, other(shop.defaults.show(PORTAL, subject).in_effect)).kept.version
        second = shop.set(subject, other(shop.own(subject))).kept.version
        assert (second or 0) - (first or 0) == 1


def test_a_default_decides_from_its_change_on(shop: Shop) -> None:
    intake = shop.world.intake()
    (first,) = intake.record_all([make_fact("ada@example.com")])
    shop.set(ON, value=False)
    (second,) = intake.record_all([make_fact("bob@example.com")])
    assert [getattr(each, "verdict", None) for each in (first, second)] == ["raised", "default_off"]


def test_a_form_without_a_default_of_its_own_goes_by_the_portals(shop: Shop) -> None:
    untouched = shop.defaults.show(PORTAL, shop.form)
    assert (untouched.in_effect, untouched.kept.whose, untouched.by) == (True, Whose.PORTAL, None)
    shop.set(EXTERNAL_FORMS, value=False)
    inherited = shop.defaults.show(PORTAL, shop.form)
    assert (inherited.in_effect, inherited.by, inherited.since) == (False, "user:7", shop.world.now())
    shop.set(shop.form, value=True, actor=COMMAND)
    back = shop.set(shop.form, None)
    assert (back.in_effect, back.kept.whose, back.by) == (False, Whose.PORTAL, "user:7")
    assert shop.defaults.show(PORTAL, shop.chatflow).kept.whose is Whose.SOURCE


def test_the_list_has_every_default_as_it_is_shown_alone(shop: Shop) -> None:
    shop.set(shop.form, value=False)
    listed = shop.defaults.every(PORTAL)
    assert {each.kept.subject for each in listed} == set(shop.subjects)
    assert listed == [shop.defaults.show(PORTAL, each.kept.subject) for each in listed]


def test_revoked_tokens_and_forms_of_deleted_endpoints_are_not_listed(shop: Shop) -> None:
    with shop.world.database.writing() as connection:
        portals.revoke_token(connection, PORTAL, shop.token.number, NOW)
    shop.desk.endpoints.delete(PORTAL, shop.desk.endpoint.id)
    assert {shop.form, shop.token}.isdisjoint(each.kept.subject for each in shop.defaults.every(PORTAL))
    with pytest.raises(NotFound):
        shop.set(shop.token, value=True)


def test_without_the_access_nothing_is_set_in_any_way(shop: Shop) -> None:
    wanted = shop.file.write(PORTAL).replace("= false", "= true")
    shop.set(ON, value=False)
    before = shop.world.number_of(audit)
    desk = Desk(shop.world)
    desk.endpoints._actor = WITHOUT_ACCESS  # noqa: SLF001 - as a request of this user has it
    for subject in shop.subjects:
        with pytest.raises(NoMarketingAccess):
            shop.set(subject, other(shop.defaults.show(PORTAL, subject).in_effect), WITHOUT_ACCESS)
    with pytest.raises(NoMarketingAccess):
        desk.endpoints.choose(PORTAL, shop.form.number, marketing_default=False)
    with pytest.raises(NoMarketingAccess):
        shop.file.set(WITHOUT_ACCESS, PORTAL, wanted)
    with pytest.raises(NoMarketingAccess):
        shop.defaults.roll_back(WITHOUT_ACCESS, PORTAL, ON)
    assert shop.world.number_of(audit) == before + 1
    desk.endpoints.choose(PORTAL, shop.form.number, name="Renamed")


def test_a_portal_without_a_product_sets_no_default(shop: Shop) -> None:
    with shop.world.database.writing() as connection:
        portals.add_portal(connection, make_portal(OTHER_PORTAL, product=Product.NONE))
    with pytest.raises(NotIncluded):
        shop.defaults.set(USER, OTHER_PORTAL, EXTERNAL_FORMS, value=False)
    assert shop.defaults.every(OTHER_PORTAL)[0].in_effect is True


def test_nothing_of_another_portal_is_shown_or_set(shop: Shop) -> None:
    with shop.world.database.writing() as connection:
        portals.add_portal(connection, make_portal(OTHER_PORTAL))
    for subject in (ON, shop.form, shop.chatflow, shop.token):
        with pytest.raises(NotFound):
            shop.defaults.show(OTHER_PORTAL, subject)
        with pytest.raises(NotFound):
            shop.defaults.set(USER, OTHER_PORTAL, subject, value=True)
    assert {each.kept.subject for each in shop.defaults.every(OTHER_PORTAL)} == {
        EXTERNAL_FORMS,
        DELETE_COUNTS,
    }


def test_a_form_is_no_chatflow(shop: Shop) -> None:
    with pytest.raises(NotFound):
        shop.set(Subject(SubjectKind.CHATFLOW, shop.form.id), value=True)


def test_a_roll_back_undoes_an_entry_and_all_after_it(shop: Shop) -> None:
    for value in (True, False, None, True):
        shop.set(shop.form, value)
    values = [entry.before["marketing"] for entry in shop.entries(shop.form)]
    assert values == [None, False, True, None]
    second = shop.entries(shop.form)[2]
    back = shop.defaults.roll_back(COMMAND, PORTAL, shop.form, second.id)
    assert (back.kept.own, back.by, len(shop.entries(shop.form))) == (True, "user:7", 4)
    third = shop.entries(shop.form)[1]
    shop.world.pass_by(seconds=1)
    back = shop.defaults.roll_back(COMMAND, PORTAL, shop.form, third.id)
    assert (back.kept.own, back.by, len(shop.entries(shop.form))) == (False, "command", 5)


def test_a_roll_back_without_an_entry_undoes_the_latest(shop: Shop) -> None:
    for subject in (ON, DELETE_COUNTS):
        before = shop.own(subject)
        shop.set(subject, other(before))
        assert shop.defaults.roll_back(USER, PORTAL, subject).kept.own == before
        assert shop.defaults.roll_back(USER, PORTAL, subject).kept.own == other(before)


def test_a_roll_back_to_nowhere_is_refused(shop: Shop) -> None:
    with shop.world.database.writing() as connection:
        made = Subject(SubjectKind.FORM, FORM.replace("1", "3"))
        with store.noted(connection, PORTAL, USER, made, NOW):
            portals.save_form(connection, make_form(made.id), NOW)
    with pytest.raises(InvalidInput, match="nothing stood before"):
        shop.defaults.roll_back(USER, PORTAL, made)
    with pytest.raises(InvalidInput, match="never been set"):
        shop.defaults.roll_back(USER, PORTAL, OFF)
    shop.set(ON, value=False)
    with pytest.raises(NotFound):
        shop.defaults.roll_back(USER, PORTAL, OFF, shop.entries(ON)[0].id)


def test_a_file_is_read_as_it_was_written(shop: Shop) -> None:
    shop.set(shop.form, value=False)
    text = shop.file.write(PORTAL)
    document = tomllib.loads(text)
    assert shop.file.diff(PORTAL, text) == []
    assert document["portal"] == PORTAL
    assert document["switches"] == {"external_forms": True, "delete_counts": "until_update_date"}
    assert document["form"][FORM] == {"name": "Contact us", "marketing": True}
    assert document["external_form"][shop.form.id]["marketing"] is False
    assert document["token"][shop.token.id] == {"name": 'The "shop"', "marketing": False}
    assert "by user:7" in text
    assert shop.file.write(PORTAL) == text


def test_a_file_sets_what_differs_and_nothing_else(shop: Shop) -> None:
    text = shop.file.write(PORTAL)
    shop.set(ON, value=False)
    shop.set(shop.form, value=False)
    shop.set(shop.chatflow, value=True)
    shop.set(DELETE_COUNTS, DeleteCounts.NOT)
    version = shop.version()
    foreseen = shop.file.diff(PORTAL, text)
    done = shop.file.set(USER, PORTAL, text, expected=foreseen)
    assert done == foreseen
    assert {each.subject: each.after for each in done} == {
        ON: True,
        shop.form: None,
        shop.chatflow: False,
        DELETE_COUNTS: DeleteCounts.UNTIL_UPDATE_DATE,
    }
    assert (shop.file.diff(PORTAL, text), shop.version()) == ([], version + 1)
    assert shop.entries(OFF) == []
    assert shop.entries(ON)[0].actor == "user:7"


def test_a_file_may_leave_things_out(shop: Shop) -> None:
    text = f'portal = {PORTAL}\n[form."{FORM}"]\nmarketing = false\n'
    assert [each.subject for each in shop.file.set(USER, PORTAL, text)] == [ON]
    assert shop.file.set(USER, PORTAL, f"portal = {PORTAL}") == []


def test_a_file_that_is_wrong_sets_nothing_and_says_all_that_is_wrong(shop: Shop) -> None:
    text = f"""
portal = 9
colour = "blue"
[switches]
external_forms = "yes"
delete_counts = "never"
extra = 1
[form."{FORM}"]
marketing = false
[form."{FORM.replace("1", "9")}"]
marketing = true
[form.contact]
marketing = true
[external_form.{shop.form.id}]
name = "Another one"
marketing = "perhaps"
size = 3
[chatflow.{shop.chatflow.id}]
marketing = "portal"
[token]
7 = true
"""
    with pytest.raises(InvalidInput) as refused:
        shop.file.set(USER, PORTAL, text)
    said = str(refused.value)
    for place in (
        *("portal is 9", "colour is not known", "switches.external_forms is 'yes'"),
        *("switches.delete_counts is 'never'", "switches.extra is not known", "is not there", "is no id"),
        *("name is 'Another one'", "marketing is 'perhaps'", "size is not known", "marketing is 'portal'"),
        "token.7",
    ):
        assert place in said
    assert 'write true, false or "portal"' in said
    assert shop.own(ON) is True


@pytest.mark.parametrize(
    "text", ["portal = ", "[" * 5_000, f"portal = {'9' * 5_000}", "\0", "portal = 1\nportal = 1", ""]
)
def test_what_is_no_file_of_defaults_is_refused(shop: Shop, text: str) -> None:
    with pytest.raises(InvalidInput):
        shop.file.diff(PORTAL, text)


def test_a_file_of_another_portal_is_refused_unless_it_is_meant(shop: Shop) -> None:
    with shop.world.database.writing() as connection:
        portals.add_portal(connection, make_portal(OTHER_PORTAL))
        portals.save_form(connection, make_form(portal_id=OTHER_PORTAL, marketing=False), NOW)
    text = f'portal = {PORTAL}\n[form."{FORM}"]\nmarketing = true\n'
    with pytest.raises(InvalidInput, match="say that the file is of portal 1"):
        shop.file.set(USER, OTHER_PORTAL, text)
    assert len(shop.file.set(USER, OTHER_PORTAL, text, of_portal=PORTAL)) == 1


def test_a_file_is_not_set_on_other_defaults_than_were_shown(shop: Shop) -> None:
    text = shop.file.write(PORTAL).replace("marketing = true", "marketing = false")
    shown = shop.file.diff(PORTAL, text)
    shop.set(ON, value=False)
    with pytest.raises(Conflict):
        shop.file.set(USER, PORTAL, text, expected=shown)
    assert len(shown) == 1


def test_odd_names_come_back_as_they_were(shop: Shop) -> None:
    odd = 'a "quote", a \\, a \t tab, a \x7f, an é and ]]'
    with shop.world.database.writing() as connection:
        portals.add_token(connection, PORTAL, odd, "another", ["contacts"], NOW)
    text = shop.file.write(PORTAL)
    assert odd in {each["name"] for each in tomllib.loads(text)["token"].values()}
    assert shop.file.diff(PORTAL, text) == []


def test_a_chatflow_that_nobody_has_set_differs_from_off_in_nothing(shop: Shop) -> None:
    assert shop.own(shop.chatflow) is None
    assert shop.file.diff(PORTAL, shop.file.write(PORTAL)) == []


def test_processes_decide_by_a_token_as_it_was_set(shop: Shop) -> None:
    configuration = Configuration(shop.world.database)
    before = configuration.token("secret")
    with shop.world.database.writing() as connection:
        args = (connection, PORTAL, shop.token.number, USER, NOW + timedelta(days=1))
        assert store.set_token_default(*args, on=True) is True
        assert store.set_token_default(*args, on=True) is False
    configuration.refresh()
    after = configuration.token("secret")
    assert before is not None
    assert after is not None
    assert (before.marketing_default, after.marketing_default) == (False, True)
    assert after.default_version == before.default_version + 1
