import pytest
import sqlalchemy as sa

from service import seeding
from service.domain.portals import Portal
from service.errors import Conflict, InvalidInput, NotFound
from service.seeding import Wanted
from service.store import portals
from service.store.tables import contact, ledger_hour, ledger_line, notice, portal, status_change
from tests.facts import NOW, PORTAL, make_fact, make_portal
from tests.world import World

OTHER: Portal = make_portal(2)


def seed(world: World, contacts: int = 2_000, portal_id: int = PORTAL, **more: object) -> int:
    return seeding.seed(world.database, portal_id, Wanted(contacts, **more), NOW)  # type: ignore[arg-type]


def test_what_is_made_adds_up(world: World) -> None:
    counted = seed(world, marketing=0.5)
    proof = world.proof()
    assert proof.difference == 0
    assert proof.by_contacts == counted == world.count()
    assert 900 < counted < 1_100
    assert world.number_of(contact) == 2_000
    assert world.announce_ends() == 0
    assert world.take_messages() == []


def test_time_goes_on_for_those_who_leave(world: World) -> None:
    counted = seed(world, marketing=1.0)
    world.pass_by(days=40)
    assert world.announce_ends() > 20
    world.count_up()
    assert world.proof().difference == 0
    assert world.count() < counted


def test_the_tier_follows_with_its_notices(world: World) -> None:
    counted = seed(world, marketing=1.0)
    (kept,) = world.rows(portal)
    assert kept.tier >= counted > 1_000
    assert world.number_of(notice) > 0


def test_hours_are_those_of_the_lines(world: World) -> None:
    seed(world)
    assert sum(row.raised for row in world.rows(ledger_hour)) == world.number_of(ledger_line)


def test_the_same_seed_makes_the_same_people(world: World) -> None:
    with world.database.writing() as connection:
        portals.add_portal(connection, OTHER)
    seed(world, 500, seed=7)
    seed(world, 500, portal_id=OTHER.id, seed=7, among_others=True)
    people: dict[int, list[object]] = {PORTAL: [], OTHER.id: []}
    for row in world.rows(contact, contact.c.id):
        told = {name: value for name, value in row.properties.items() if name != "email"}
        people[row.portal_id].append((told, row.created_at, row.stint, row.until))
    assert people[PORTAL] == people[OTHER.id]


def test_contacts_are_made_in_the_order_of_their_numbers_and_in_the_past(world: World) -> None:
    seed(world)
    rows = world.rows(contact, contact.c.id)
    assert [row.created_at for row in rows] == sorted(row.created_at for row in rows)
    for row in rows:
        assert row.created_at <= row.updated_at <= NOW
        assert row.since is None or row.created_at <= row.since <= NOW
    assert max(row.at for row in world.rows(status_change)) <= NOW


def test_submissions_go_on_beside_what_was_made(world: World) -> None:
    seed(world, 300)
    world.verdicts(make_fact("new@example.com"))
    world.count_up()
    assert world.proof().difference == 0


def test_a_portal_that_has_contacts_is_left_alone_unless_more_are_wanted(world: World) -> None:
    seed(world, 300)
    with pytest.raises(Conflict, match="--append"):
        seed(world, 300)
    seed(world, 300, append=True, seed=2)
    assert world.number_of(contact) == 600
    assert world.proof().difference == 0


def test_a_database_with_contacts_of_others_is_left_alone_unless_that_is_meant(world: World) -> None:
    with world.database.writing() as connection:
        portals.add_portal(connection, OTHER)
    world.verdicts(make_fact("ada@example.com"))
    with pytest.raises(InvalidInput, match="--yes"):
        seed(world, 10, portal_id=OTHER.id)
    seed(world, 10, portal_id=OTHER.id, among_others=True)
    with world.database.reading() as connection:
        query = sa.select(sa.func.count()).where(contact.c.portal_id == OTHER.id)
        assert connection.execute(query).scalar_one() == 10


@pytest.mark.parametrize("values", [{"is_braked": True}, {"closed_until": NOW}])
def test_a_portal_whose_books_would_no_longer_be_true_is_refused(
    world: World, values: dict[str, object]
) -> None:
    world.write(sa.update(portal).values(**values))
    with pytest.raises(Conflict):
        seed(world, 10)


def test_a_portal_that_is_not_there_has_no_contacts(world: World) -> None:
    with pytest.raises(NotFound):
        seed(world, 10, portal_id=77)
