"""What a brake holds and what it lets pass, and that its counters are right."""

import random
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa

from service.brakes.limits import Brakes
from service.contacts import Contacts
from service.domain.actors import COMMAND, Actor, ActorKind
from service.domain.brake import WHOLE_PORTAL, HeldState, Limits
from service.domain.model import Intent, Verdict
from service.domain.portals import DeleteCounts
from service.errors import InvalidInput, NoMarketingAccess, NotFound
from service.store import portals
from service.store.contact_batches import ContactBatch, Write
from service.store.tables import audit, brake_count, contact, held, portal, status_change, submission
from service.store.tables import brake as brake_table
from tests.braking import THE_FORM, assert_counted_right, brake, release, states, take_away, waiting
from tests.facts import FORM, FORM_THAT_IS_OFF, PORTAL, UPDATE_DATE, make_fact, make_form, make_portal
from tests.world import World

FORM_2 = ("hubspot_form", FORM_THAT_IS_OFF)
RAISED, HELD = Verdict.RAISED, Verdict.HELD


def people(number: int, first: int = 0) -> list[str]:
    return [f"p{each}@example.com" for each in range(first, first + number)]


def submit(world: World, *emails: str, form: str = FORM) -> list[Verdict | None]:
    return world.verdicts(*[make_fact(email, form=form) for email in emails])


def is_braked(world: World) -> bool:
    (row,) = world.rows(portal)
    return bool(row.is_braked)


def test_what_would_go_over_a_number_is_held_and_kept(world: World) -> None:
    submit(world, *people(2))
    brake(world, Limits(most=3))
    assert submit(world, *people(3, first=2)) == [RAISED, HELD, HELD]
    assert assert_counted_right(world) == 3
    assert world.number_of(submission) == world.number_of(contact) == 5
    world.count_up()
    assert (world.count(), world.proof().difference) == (3, 0)
    first, _ = waiting(world)
    assert (first.source, first.reason_id, first.limit_reached) == ("hubspot_form", FORM, "count")
    assert first.submission_id is not None


def test_the_first_to_come_are_the_first_to_pass(world: World) -> None:
    brake(world, Limits(most=2))
    assert submit(world, "z@example.com", "y@example.com", "a@example.com") == [RAISED, RAISED, HELD]


def test_what_would_go_over_the_tier_is_held(world: World) -> None:
    world.write(sa.update(portal).values(tier=2))
    brake(world, Limits(at_tier=True))
    assert submit(world, *people(3)) == [RAISED, RAISED, HELD]
    assert [row.limit_reached for row in waiting(world)] == ["tier"]
    world.write(sa.update(portal).values(tier=3))
    assert submit(world, *people(4)) == [Verdict.ALREADY_MARKETING] * 2 + [RAISED, HELD]
    assert states(world) == [HeldState.RELEASED, HeldState.HELD]


def test_a_rate_holds_for_as_long_as_its_window_is_full(world: World) -> None:
    brake(world, Limits(rate=2, rate_hours=1))
    assert submit(world, *people(3)) == [RAISED, RAISED, HELD]
    assert submit(world, *people(1, first=9)) == [HELD]
    world.pass_by(minutes=59)
    assert submit(world, *people(1, first=3)) == [HELD]
    world.pass_by(minutes=2)
    assert submit(world, *people(3, first=4)) == [RAISED, RAISED, HELD]


def test_a_form_that_is_braked_holds_its_own_raises_only(world: World) -> None:
    brake(world, Limits(most=1), THE_FORM)
    assert submit(world, *people(2)) == [RAISED, HELD]
    submit(world, "hand@example.com", form=FORM_THAT_IS_OFF)
    assert world.set_status("hand@example.com", Intent.RAISE).verdict is RAISED
    assert world.set_status("p1@example.com", Intent.RAISE).verdict is RAISED
    assert states(world) == [HeldState.RELEASED]
    assert assert_counted_right(world) == 3


def test_a_rate_of_a_form_is_its_own_limit(world: World) -> None:
    brake(world, Limits(rate=1, rate_hours=24), THE_FORM)
    submit(world, *people(2))
    assert [row.limit_reached for row in waiting(world)] == ["form_rate"]


def test_a_raise_by_hand_is_held_too_and_names_who_wanted_it(world: World) -> None:
    submit(world, "ada@example.com", form=FORM_THAT_IS_OFF)
    brake(world, Limits(most=0))
    assert world.set_status("ada@example.com", Intent.RAISE).verdict is HELD
    (row,) = waiting(world)
    assert (row.source, row.reason_type, row.reason_id, row.actor) == ("by_hand", "USER_SET", "7", "user:7")
    assert world.number_of(status_change) == 0


def test_to_cancel_a_lowering_passes_since_the_count_does_not_grow(world: World) -> None:
    submit(world, "ada@example.com")
    world.set_status("ada@example.com", Intent.LOWER)
    brake(world, Limits(most=0))
    assert submit(world, "ada@example.com") == [Verdict.LOWERING_CANCELLED]
    assert assert_counted_right(world) == 1


def test_room_comes_with_the_update_date(world: World) -> None:
    brake(world, Limits(most=1))
    submit(world, "ada@example.com")
    world.set_status("ada@example.com", Intent.LOWER)
    assert submit(world, "bob@example.com") == [HELD]
    world.time = UPDATE_DATE
    assert submit(world, "bob@example.com") == [RAISED]
    assert states(world) == [HeldState.RELEASED]
    assert assert_counted_right(world) == 1


def test_a_contact_has_one_raise_that_is_held(world: World) -> None:
    brake(world, Limits(most=0))
    assert submit(world, "ada@example.com", "ada@example.com") == [HELD, HELD]
    assert submit(world, "ada@example.com") == [HELD]
    assert len(waiting(world)) == 1


def test_a_fact_after_one_that_was_held_is_decided_on_the_contact_as_it_stands(world: World) -> None:
    with world.database.writing() as connection:
        form = portals.find_form(connection, PORTAL, FORM)
        assert form
        portals.save_form(
            connection, type(form).of(form, portal_id=PORTAL, guid=FORM_THAT_IS_OFF), world.now()
        )
    brake(world, Limits(most=0), THE_FORM)
    facts = [make_fact(form=form) for form in (FORM, FORM_THAT_IS_OFF, FORM)]
    assert world.verdicts(*facts) == [HELD, RAISED, Verdict.ALREADY_MARKETING]
    assert waiting(world) == []


def test_the_repeat_of_a_delivery_takes_no_room(world: World) -> None:
    brake(world, Limits(most=0))
    repeat = make_fact("ada@example.com", delivery="again")
    world.record(repeat)
    brake(world, Limits(most=1))
    again = make_fact("ada@example.com", delivery="again")
    outcomes = world.verdicts(again, make_fact("bob@example.com"), make_fact("eve@example.com"))
    assert outcomes == [None, RAISED, HELD]


def test_two_visitors_who_turn_out_to_be_one_take_one_place(world: World) -> None:
    world.record(make_fact("ada@example.com", cookie="hers", form=FORM_THAT_IS_OFF))
    brake(world, Limits(most=2))
    facts = [
        make_fact(None, cookie="hers"),
        make_fact("ada@example.com", cookie="new"),
        make_fact("bob@example.com"),
        make_fact("eve@example.com"),
    ]
    assert world.verdicts(*facts) == [RAISED, Verdict.ALREADY_MARKETING, RAISED, HELD]
    assert assert_counted_right(world) == 2


def test_other_portals_are_not_held(world: World) -> None:
    with world.database.writing() as connection:
        portals.add_portal(connection, make_portal(2))
        portals.save_form(connection, make_form(portal_id=2), world.now())
    brake(world, Limits(most=0))
    facts = [make_fact(), make_fact(portal_id=2), make_fact("bob@example.com", portal_id=2)]
    assert world.verdicts(*facts) == [HELD, RAISED, RAISED]


def test_setting_a_brake_counts_who_counts_already(world: World) -> None:
    submit(world, *people(4))
    for email in people(2):
        world.set_status(email, Intent.LOWER)
    brake(world, Limits(most=4))
    assert {row.until: row.contacts for row in world.rows(brake_count)}[UPDATE_DATE] == 2
    assert assert_counted_right(world) == 4


def test_who_has_ended_is_not_counted(world: World) -> None:
    submit(world, "ada@example.com")
    world.set_status("ada@example.com", Intent.LOWER)
    world.time = UPDATE_DATE
    brake(world, Limits(most=1))
    assert assert_counted_right(world) == 0
    assert submit(world, "ada@example.com", "bob@example.com") == [RAISED, HELD]


def test_taking_the_last_brake_away_leaves_what_is_held(world: World) -> None:
    brake(world, Limits(most=0))
    brake(world, Limits(most=5), THE_FORM)
    submit(world, "ada@example.com")
    take_away(world)
    assert is_braked(world)
    take_away(world, THE_FORM)
    assert not is_braked(world)
    assert world.number_of(brake_table) == world.number_of(brake_count) == 0
    assert len(waiting(world)) == 1
    assert submit(world, "bob@example.com") == [RAISED]


def test_a_portal_can_have_brakes_of_forms_only(world: World) -> None:
    brake(world, Limits(most=1), THE_FORM)
    shown = Brakes(world.database, world.now).show(PORTAL)
    assert [(each.target, each.name) for each in shown] == [(THE_FORM, "Contact us")]
    with pytest.raises(NotFound):
        take_away(world)
    assert is_braked(world)


def test_what_is_used_is_shown(world: World) -> None:
    brake(world, Limits(at_tier=True, rate=9, rate_hours=2))
    brake(world, Limits(most=2), THE_FORM)
    submit(world, *people(3))
    whole, form = Brakes(world.database, world.now).show(PORTAL)
    assert (whole.count, whole.tier, whole.raised_lately, whole.waiting) == (2, 1_000, 2, 1)
    assert (form.raised, form.waiting) == (2, 1)


def test_who_sets_a_brake_is_told_so_though_somebody_takes_it_away_at_once(world: World) -> None:
    def now() -> datetime:
        if is_braked(world):
            take_away(world)
        return world.now()

    found = Brakes(world.database, now).set_limits(COMMAND, PORTAL, WHOLE_PORTAL, Limits(most=3))
    assert found.limits == Limits(most=3)


def test_a_higher_limit_releases_nothing_and_goes_on_counting(world: World) -> None:
    brake(world, Limits(most=1), THE_FORM)
    submit(world, *people(2))
    brake(world, Limits(most=2), THE_FORM)
    assert len(waiting(world)) == 1
    assert submit(world, *people(2, first=2)) == [RAISED, HELD]


def test_a_brake_that_is_set_again_begins_anew(world: World) -> None:
    for _ in range(2):
        brake(world, Limits(most=1), THE_FORM)
        assert submit(world, f"{random.random()}@example.com") == [RAISED]  # noqa: S311 - no secret
        take_away(world, THE_FORM)


def test_deleted_contacts_count_as_long_as_they_are_billed(world: World) -> None:
    submit(world, *people(2))
    brake(world, Limits(most=2))
    ids = {row.email: row.id for row in world.rows(contact)}
    Contacts(world.database, world.now).delete(COMMAND, PORTAL, ids["p0@example.com"])
    assert assert_counted_right(world) == 2
    assert submit(world, "new@example.com") == [HELD]
    world.write(sa.update(portal).values(delete_counts=DeleteCounts.NOT.value))
    Contacts(world.database, world.now).delete(COMMAND, PORTAL, ids["p1@example.com"])
    assert assert_counted_right(world) == 1
    assert submit(world, "new@example.com") == [RAISED]


def test_what_was_written_while_there_was_no_brake_is_settled_by_the_next(world: World) -> None:
    brake(world, Limits(most=0))
    submit(world, "ada@example.com", "bob@example.com")
    take_away(world)
    submit(world, "ada@example.com")
    brake(world, Limits(most=9))
    assert states(world) == [HeldState.RELEASED, HeldState.HELD]
    assert world.rows(held, held.c.id)[0].settled_by == f"FORM_SUBMISSION:{FORM}"


def test_an_error_in_the_middle_leaves_everything_as_it_was(world: World) -> None:
    submit(world, *people(3), form=FORM_THAT_IS_OFF)
    brake(world, Limits(most=2))
    before = world.rows(brake_table)

    def break_off() -> None:
        with world.database.writing() as connection:
            batch = ContactBatch(connection, portals.get_portal(connection, PORTAL), world.now())
            cause = COMMAND.cause(Intent.RAISE)
            found = batch.by_email(people(3)).values()
            batch.write(
                [Write(person=one, decision=batch.decide(one.standing, cause), cause=cause) for one in found]
            )
            raise LookupError

    with pytest.raises(LookupError):
        break_off()
    assert world.rows(brake_table) == before
    assert world.number_of(held) == assert_counted_right(world) == 0


def test_a_fact_that_the_database_refuses_takes_no_room(world: World) -> None:
    brake(world, Limits(most=2))
    facts = [
        make_fact("ada@example.com"),
        make_fact("bad@example.com", properties={"a": "\x00"}, source_id="\x00"),
        make_fact("bob@example.com"),
        make_fact("eve@example.com"),
    ]
    world.record(*facts)
    assert assert_counted_right(world) == 2
    assert len(waiting(world)) == 1


@pytest.mark.parametrize(
    ("limits", "field"),
    [
        (Limits(), "most"),
        (Limits(most=-1), "most"),
        (Limits(rate=0), "rate"),
        (Limits(rate_hours=3), "rate"),
        (Limits(rate=3, rate_hours=0), "rate_hours"),
    ],
)
def test_limits_that_make_no_sense_are_refused(world: World, limits: Limits, field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        brake(world, limits)
    assert caught.value.field == field
    assert not is_braked(world)


@pytest.mark.parametrize(
    "target",
    [
        ("hubspot_form", "no guid"),
        ("hubspot_form", "33333333-3333-4333-8333-333333333333"),
        ("chatflow", "1"),
        ("external_form", "x"),
        ("by_hand", "1"),
    ],
)
def test_a_brake_of_a_form_that_is_not_there_is_refused(world: World, target: tuple[str, str]) -> None:
    with pytest.raises(NotFound):
        brake(world, Limits(most=1), target)


def test_who_lacks_marketing_access_sets_no_brake(world: World) -> None:
    actor = Actor(ActorKind.USER, 7, marketing_access=False)
    with pytest.raises(NoMarketingAccess):
        Brakes(world.database, world.now).set_limits(actor, PORTAL, THE_FORM, Limits(most=1))


def test_who_did_what_to_a_brake_is_in_the_audit(world: World) -> None:
    brake(world, Limits(most=1))
    brake(world, Limits(most=2), THE_FORM)
    brake(world, Limits(most=3))
    take_away(world)
    rows = [
        (row.action, row.subject, row.before and row.before["most"]) for row in world.rows(audit, audit.c.id)
    ]
    assert rows == [
        ("brake_set", "portal:1", None),
        ("brake_set", f"form:{FORM}", None),
        ("brake_set", "portal:1", 1),
        ("brake_removed", "portal:1", 3),
    ]


@pytest.mark.parametrize("seed", range(4))
def test_the_counters_are_always_what_a_recount_says(world: World, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - no secret
    emails = people(12)
    submit(world, *emails[:5])
    brake(world, Limits(most=6, rate=8, rate_hours=24 * 20))
    brake(world, Limits(most=7, rate=3, rate_hours=24), THE_FORM)
    intake = world.intake()
    for _ in range(25):
        match chance.randrange(7):
            case 0 | 1 | 2:
                facts = [
                    make_fact(
                        chance.choice(emails),
                        cookie=chance.choice([None, None, "one", "two"]),
                        form=chance.choice([FORM, FORM, FORM_THAT_IS_OFF]),
                        delivery=str(chance.randrange(40)),
                        received_at=world.now(),
                    )
                    for _ in range(chance.randrange(1, 7))
                ]
                list(intake.record(facts))
            case 3:
                known = [row.email for row in world.rows(contact) if row.deleted_at is None]
                world.set_status(chance.choice(known), chance.choice(list(Intent)[1:]))
            case 4:
                known = [row.id for row in world.rows(contact) if row.deleted_at is None]
                Contacts(world.database, world.now).delete(COMMAND, PORTAL, chance.choice(known))
            case 5:
                world.pass_by(days=chance.choice([0, 1, 9, 22]), minutes=7)
                world.announce_ends()
            case _:
                release(world, most=chance.randrange(3))
        assert_counted_right(world)
    world.count_up()
    assert world.proof().difference == 0


def test_counters_of_ends_that_passed_long_ago_are_swept_out(world: World) -> None:
    submit(world, *people(3))
    brake(world, Limits(most=9))
    world.set_status("p0@example.com", Intent.LOWER)
    world.time = UPDATE_DATE + timedelta(days=3)
    submit(world, "new@example.com")
    assert {row.until for row in world.rows(brake_count)} == {
        row.until for row in world.rows(brake_count) if row.until > world.now()
    }
