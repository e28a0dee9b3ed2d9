import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from service.billing import bill
from service.domain.model import Intent, Verdict
from service.errors import InvalidInput, NotFound
from service.providers.events import Event, EventKind, KeptReason
from service.providers.roles import remap
from service.rereading import Asked, Rereading, Summary
from service.store.tables import contact, status_change, submission
from tests.facts import PORTAL, make_fact
from tests.receiving import Desk, said
from tests.world import World, on_sqlite

BY_MAIL = {"email": "mail"}
ADA, BOB = "ada@example.com", "bob@example.com"


@pytest.fixture
def desk(world: World) -> Desk:
    return Desk(world)


def asked(desk: Desk, mapping: dict[str, str] | None = None, **more: Any) -> Asked:
    return Asked(portal_id=PORTAL, form_id=desk.form().id, mapping=mapping, **more)


def preview(desk: Desk, mapping: dict[str, str] | None = None, **more: Any) -> Summary:
    return Rereading(desk.world.database, desk.world.now, page=3).preview(asked(desk, mapping, **more))


def carry_out(desk: Desk, mapping: dict[str, str] | None = None, **more: Any) -> Summary:
    desk.world.pass_by(seconds=1)
    return Rereading(desk.world.database, desk.world.now, page=3).carry_out(asked(desk, mapping, **more))


def people(world: World) -> dict[str, dict[str, str]]:
    return {row.email: row.properties for row in world.rows(contact)}


def kept(world: World) -> list[tuple[str, str | None, str]]:
    """Return all submissions in the order they came: verdict, contact's address, what they read again."""
    addresses = {row.id: row.email for row in world.rows(contact)}
    return [
        (row.verdict, addresses.get(row.contact_id), row.content.get("read_again_of", ""))
        for row in world.rows(submission, submission.c.id)
    ]


def test_a_submission_without_an_address_gains_its_contact(desk: Desk) -> None:
    first = desk.take(said({"mail": ADA, "who": "Ada"}))
    assert first.verdict is Verdict.NO_ADDRESS
    summary = carry_out(desk, BY_MAIL | {"first_name": "who"})
    assert summary.changes == {"contact_gained": 1}
    assert (summary.contacts_made, summary.become_marketing) == (1, 1)
    assert people(desk.world) == {ADA: {"email": ADA, "firstname": "Ada"}}
    assert kept(desk.world) == [("no_address", None, ""), ("raised", ADA, first.submission_id)]


def test_the_preview_writes_nothing(desk: Desk) -> None:
    desk.take(said({"mail": ADA}))
    summary = preview(desk, BY_MAIL)
    assert summary.become_marketing == 1
    assert kept(desk.world) == [("no_address", None, "")]
    assert people(desk.world) == {}


def test_the_preview_says_what_the_count_would_be(desk: Desk) -> None:
    desk.take(said({"mail": ADA}, email=BOB))
    desk.world.count_up()
    document = preview(desk, BY_MAIL).document()
    assert (document["count"], document["count_after"], document["tier"]) == (1, 2, 1_000)
    carry_out(desk, BY_MAIL)
    desk.world.count_up()
    assert bill(desk.world.database, PORTAL, desk.world.now()).count == 2


@on_sqlite
def test_the_form_s_own_mapping_is_meant_when_none_is_given(desk: Desk) -> None:
    desk.take(said({"mail": ADA}))
    desk.choose(mapping=BY_MAIL)
    assert carry_out(desk).changes == {"contact_gained": 1}
    assert people(desk.world).keys() == {ADA}


@on_sqlite
def test_what_was_read_with_the_mapping_already_is_let_be(desk: Desk) -> None:
    desk.choose(mapping=BY_MAIL)
    desk.take(said({"mail": ADA}))
    assert carry_out(desk).changes == {"nothing": 1}


def test_a_submission_of_somebody_else_goes_over_and_the_first_contact_stays(desk: Desk) -> None:
    desk.take(said({"mail": BOB}, email=ADA, company="Acme"))
    summary = carry_out(desk, BY_MAIL | {"company": ""})
    assert summary.changes == {"other_contact": 1}
    assert people(desk.world) == {ADA: {"email": ADA, "company": "Acme"}, BOB: {"email": BOB}}
    assert [row.after for row in desk.world.rows(status_change)] == [True, True]


@on_sqlite
def test_an_address_that_is_lost_takes_nothing_away(desk: Desk) -> None:
    desk.take(said({"mail": "none"}, email=ADA))
    summary = carry_out(desk, BY_MAIL)
    assert summary.changes == {"address_lost": 1}
    assert kept(desk.world) == [("raised", ADA, "")]


@on_sqlite
def test_a_default_that_is_off_raises_nobody_when_read_again(desk: Desk) -> None:
    desk.take(said({"mail": ADA}))
    desk.choose(marketing_default=False)
    assert carry_out(desk, BY_MAIL).verdicts == {"default_off": 1}


def test_a_chatflow_speaks_of_new_contacts_only(desk: Desk) -> None:
    desk.world.record(make_fact(BOB, form="22222222-2222-4222-8222-222222222222"))
    for mail in (ADA, ADA, BOB):
        desk.take(said({"mail": mail}, kind=EventKind.CHAT, event_id=f"{desk.world.now()}"))
    (chatflow,) = [form for form in desk.endpoints.forms(PORTAL) if form.kind == "chatflow"]
    desk.endpoints.choose(PORTAL, chatflow.id, marketing_default=True)
    wanted = Asked(portal_id=PORTAL, form_id=chatflow.id, mapping=BY_MAIL)
    foreseen = Rereading(desk.world.database, desk.world.now).preview(wanted)
    assert foreseen.verdicts == {"raised": 1, "already_marketing": 1, "new_contacts_only": 1}
    assert Rereading(desk.world.database, desk.world.now).carry_out(wanted).verdicts == foreseen.verdicts


def test_blank_properties_are_filled_and_misread_ones_mended(desk: Desk) -> None:
    desk.take(said({"who": "Ada", "firm": "Acme"}, email=ADA, first_name="Acme"))
    summary = carry_out(desk, {"first_name": "who", "company": "firm"})
    assert summary.changes == {"properties_changed": 1}
    assert summary.properties == {"firstname": 1, "company": 1}
    assert people(desk.world)[ADA] == {"email": ADA, "firstname": "Ada", "company": "Acme"}


@on_sqlite
def test_a_value_from_elsewhere_is_not_overwritten(desk: Desk) -> None:
    desk.take(said({"who": "Ada"}, email=ADA, first_name="Acme"))
    desk.world.record(make_fact(ADA, properties={"firstname": "Augusta"}))
    assert carry_out(desk, {"first_name": "who"}).changes == {"nothing": 1}
    assert people(desk.world)[ADA]["firstname"] == "Augusta"


def test_the_newest_submission_decides_on_a_property(desk: Desk) -> None:
    for name in ("Ada", "Augusta", "Countess"):
        desk.take(said({"who": name}, email=ADA, last_name="Acme"))
    carry_out(desk, {"first_name": "who", "last_name": ""})
    assert people(desk.world)[ADA] == {"email": ADA, "firstname": "Countess", "lastname": "Acme"}


@on_sqlite
def test_what_was_misread_of_one_contact_is_mended_with_no_other(desk: Desk) -> None:
    """Bob's value is like what was misread of Ada, and has nothing to do with it."""
    desk.world.record(make_fact(BOB, properties={"firstname": "Acme"}))
    desk.take(said({"mail": BOB, "who": "Robert"}, email=ADA, first_name="Acme"))
    carry_out(desk, BY_MAIL | {"first_name": "who"})
    assert people(desk.world)[BOB]["firstname"] == "Acme"


@on_sqlite
def test_the_newest_decides_although_an_older_one_would_seem_to_have_given_the_value(desk: Desk) -> None:
    desk.take(said({"who": "Ada"}, email=ADA, first_name="Augusta"))
    desk.take(said({"who": "Augusta"}, email=ADA, first_name="Acme"))
    carry_out(desk, {"first_name": "who"})
    assert people(desk.world)[ADA]["firstname"] == "Augusta"


def test_a_name_that_is_mended_does_not_raise_who_was_lowered_since(desk: Desk) -> None:
    desk.take(said({"who": "Ada"}, email=ADA))
    desk.world.set_status(ADA, Intent.LOWER)
    summary = carry_out(desk, {"first_name": "who"})
    assert (summary.changes, summary.verdicts) == ({"properties_changed": 1}, {"already_marketing": 1})
    assert desk.world.rows(contact)[0].until is not None
    assert len(desk.world.rows(status_change)) == 2


@on_sqlite
def test_a_refusal_that_is_read_now_lowers_nobody(desk: Desk) -> None:
    desk.take(said({"box": "no"}, email=ADA))
    summary = carry_out(desk, {"consent": "box"})
    assert (summary.changes, summary.verdicts) == ({"consent_refused": 1}, {"already_marketing": 1})
    assert len(desk.world.rows(status_change)) == 1


@on_sqlite
def test_a_refusal_that_was_none_is_made_good(desk: Desk) -> None:
    assert desk.take(said({"box": "yes"}, email=ADA, consent=False)).verdict is Verdict.CONSENT_REFUSED
    assert carry_out(desk, {"consent": "box"}).verdicts == {"raised": 1}


@on_sqlite
def test_somebody_who_refused_gains_a_contact_that_is_not_raised(desk: Desk) -> None:
    desk.take(said({"mail": ADA, "box": "no"}))
    summary = carry_out(desk, BY_MAIL | {"consent": "box"})
    assert (summary.changes, summary.verdicts) == ({"contact_gained": 1}, {"consent_refused": 1})


@on_sqlite
@pytest.mark.parametrize("reason", KeptReason)
def test_what_is_kept_only_stays_so(desk: Desk, reason: KeptReason) -> None:
    desk.take(said({"mail": ADA}, kept=reason))
    assert carry_out(desk, BY_MAIL).changes == {"kept_only": 1}
    assert people(desk.world) == {}


@on_sqlite
def test_a_pending_look_up_is_left_out(desk: Desk) -> None:
    assert desk.take(said({"mail": ADA}, fetch="somebody")).verdict is Verdict.LOOK_UP_PENDING
    assert carry_out(desk, BY_MAIL).changes == {"kept_only": 1}


def test_what_no_version_can_read_any_more_is_counted_and_let_be(desk: Desk) -> None:
    desk.take(said({"mail": ADA}))
    desk.world.write(sa.update(submission).values(content={"kind": "dance"}))
    assert carry_out(desk, BY_MAIL).changes == {"unreadable": 1}


def test_only_what_came_since_then_is_looked_at(desk: Desk) -> None:
    desk.take(said({"mail": ADA}))
    since = desk.world.pass_by(days=1)
    desk.take(said({"mail": BOB}))
    summary = carry_out(desk, BY_MAIL, since=since)
    assert summary.submissions == 1
    assert people(desk.world).keys() == {BOB}


@on_sqlite
def test_other_forms_are_left_alone(desk: Desk) -> None:
    desk.take(said({"mail": ADA}, form_id="another"))
    assert carry_out(desk, BY_MAIL).submissions == 0


def test_carrying_out_again_does_nothing_more(desk: Desk) -> None:
    desk.take(said({"mail": ADA, "who": "Ada"}, email=BOB))
    carry_out(desk, BY_MAIL | {"first_name": "who"})
    before = kept(desk.world)
    assert carry_out(desk, BY_MAIL | {"first_name": "who"}).changes == {"nothing": 1}
    assert kept(desk.world) == before


def test_reading_goes_back_and_forth_between_mappings(desk: Desk) -> None:
    desk.take(said({"a": "Ada", "b": "Byron"}, email=ADA))
    for key, name in [("a", "Ada"), ("b", "Byron"), ("a", "Ada"), ("b", "Byron")]:
        carry_out(desk, {"first_name": key})
        assert people(desk.world)[ADA]["firstname"] == name
    assert len({once.once_key for once in desk.world.rows(submission)}) == 5


def test_a_contact_that_was_renamed_is_still_the_one(desk: Desk) -> None:
    """Its submission names the address from before; nobody is made of that anew."""
    desk.take(said({"who": "Ada"}, email=ADA))
    desk.world.write(sa.update(contact).values(email="countess@example.com"))
    carry_out(desk, {"first_name": "who"})
    assert people(desk.world).keys() == {"countess@example.com"}
    assert people(desk.world)["countess@example.com"]["firstname"] == "Ada"


def test_one_that_breaks_off_is_finished_by_the_next(desk: Desk) -> None:
    for number in range(10):
        desk.take(said({"mail": f"{number % 6}@example.com", "who": f"Number {number}"}))
    mapping = BY_MAIL | {"first_name": "who"}
    foreseen = preview(desk, mapping)

    def stop(_number: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Rereading(desk.world.database, desk.world.now, page=3).carry_out(asked(desk, mapping), stop)
    assert 0 < len(people(desk.world)) < 6
    carry_out(desk, mapping)
    assert {row["firstname"] for row in people(desk.world).values()} == {f"Number {n}" for n in range(4, 10)}
    assert len(kept(desk.world)) == 10 + foreseen.changes["contact_gained"]


@on_sqlite
def test_an_unknown_form_and_an_unknown_role_are_refused(desk: Desk) -> None:
    with pytest.raises(InvalidInput):
        preview(desk, {"shoe_size": "x"})
    for portal_id, form_id in ((PORTAL, 99), (2, desk.form().id)):
        with pytest.raises(NotFound):
            Rereading(desk.world.database, desk.world.now).preview(
                Asked(portal_id=portal_id, form_id=form_id)
            )


def random_event(chance: random.Random, number: int) -> Event:
    """Return a submission of one of few people, with roles detected well, badly or not at all."""
    somebody = any_address(chance)
    event = said(
        {
            "mail": any_address(chance) or "",
            "who": chance.choice(["Ada", "Bob", ""]),
            "firm": chance.choice(["Acme", "Bmce", ""]),
            "box": chance.choice(["yes", "no", ""]),
        },
        event_id=str(number),
        email=somebody,
        session=chance.choice(["one", None, None]),
    )
    detected = chance.choice([{}, {"first_name": "firm"}, {"company": "who", "consent": "box"}])
    kept_as = chance.choice([None, None, None, None, KeptReason.SPAM])
    return replace(remap(event, detected), kept=kept_as)


def any_address(chance: random.Random) -> str | None:
    return chance.choice(["ada@example.com", "bob@example.com", "eve@example.com", "kim@example.com", None])


def random_mapping(chance: random.Random) -> dict[str, str]:
    whole = {"email": "mail", "first_name": "who", "company": "firm", "consent": "box", "last_name": "who"}
    return {role: key for role, key in whole.items() if chance.random() < 0.5}


def like(summary: Summary, made: set[int]) -> dict[str, Any]:
    """Return a summary without the ids of contacts that a preview does not make."""
    document = summary.document()
    for example in document["examples"]:
        example["contact"] = None if example["contact"] in made else example["contact"]
    return document


@pytest.mark.parametrize("seed", range(4))
def test_the_preview_says_what_carrying_out_does(desk: Desk, seed: int) -> None:
    chance, world = random.Random(seed), desk.world  # noqa: S311 - no secret
    numbers = iter(range(1_000))
    for _ in range(4):
        desk.choose(mapping=random_mapping(chance), marketing_default=chance.choice([None, True, False]))
        for _ in range(chance.randrange(5)):
            desk.keep(*(random_event(chance, next(numbers)) for _ in range(3)))
        world.record(make_fact(any_address(chance), properties={"firstname": "Eve"}))
        for row in world.rows(contact):
            if chance.random() < 0.2:
                world.set_status(row.email, Intent.LOWER)
        mapping, known = random_mapping(chance), {row.id for row in world.rows(contact)}
        world.pass_by(days=chance.choice([0, 20]))
        world.count_up()
        foreseen, before = preview(desk, mapping, examples=1_000), len(kept(world))
        done = carry_out(desk, mapping, examples=1_000)
        made = {row.id for row in world.rows(contact)} - known
        assert like(done, made) == like(foreseen, made)
        assert len(made) == foreseen.contacts_made
        assert len(kept(world)) - before == sum(foreseen.verdicts.values())
        again = carry_out(desk, mapping)
        assert again.changes.keys() <= {"nothing", "kept_only", "address_lost"}
        world.count_up()
        assert world.proof().difference == 0


def test_two_at_once_record_each_submission_once(desk: Desk) -> None:
    desk.keep(*(said({"mail": f"{number % 7}@example.com"}, event_id=f"{number}") for number in range(30)))
    wanted, now = asked(desk, BY_MAIL), desk.world.now
    work = [Rereading(desk.world.database, now, page=5) for _ in range(2)]
    with ThreadPoolExecutor() as threads:
        list(threads.map(lambda each: each.carry_out(wanted), work))
    assert len(kept(desk.world)) == 60
    assert len(people(desk.world)) == 7
    assert len(desk.world.rows(status_change)) == 7
