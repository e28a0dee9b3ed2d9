from datetime import timedelta

import pytest
import sqlalchemy as sa

from service.joining import INTERVAL, LOOK_BACK, Joiner
from service.store.tables import contact, outbox, submission, visitor
from tests.chats import Chats, chat_event, thin_event
from tests.facts import PORTAL, make_fact
from tests.world import World, on_postgresql

ADA = "ada@example.com"


@pytest.fixture
def chats(world: World) -> Chats:
    return Chats(world)


@pytest.fixture
def joiner(world: World) -> Joiner:
    return Joiner(world.database, world.now)


def properties(chats: Chats, email: str = ADA) -> dict[str, str]:
    (row,) = [row for row in chats.world.rows(contact) if row.email == email]
    return {name: value for name, value in row.properties.items() if name != "email"}


def contact_ids(chats: Chats) -> set[int | None]:
    return {row.contact_id for row in chats.world.rows(submission)}


def test_what_a_visitor_did_before_the_address_was_known_is_joined(chats: Chats, joiner: Joiner) -> None:
    endpoint = chats.endpoint("crisp")
    chats.keep(endpoint, chat_event("s"), chat_event("s"), chat_event("another"))
    chats.keep(endpoint, chat_event("s", email=ADA))
    assert (joiner.step(), joiner.step()) == (2, 0)
    (person,) = chats.world.rows(contact)
    found = [row.contact_id for row in chats.world.rows(submission) if row.session == f"{endpoint.id}:s"]
    assert found == [person.id] * 3
    assert contact_ids(chats) == {person.id, None}


def test_a_session_of_one_endpoint_is_not_anothers(chats: Chats, joiner: Joiner) -> None:
    chats.keep(chats.endpoint("crisp"), chat_event("s"))
    chats.keep(chats.endpoint("crisp"), chat_event("s", email=ADA))
    assert joiner.step() == 0


def test_blank_properties_are_filled_and_none_is_overwritten(chats: Chats, joiner: Joiner) -> None:
    endpoint = chats.endpoint("crisp")
    chats.keep(endpoint, chat_event("s", first_name="Augusta", last_name="Byron", phone="+44 20 7946 0018"))
    chats.world.pass_by(seconds=1)
    chats.keep(endpoint, chat_event("s", last_name="King"))
    chats.keep(endpoint, chat_event("s", email=ADA, first_name="Ada"))
    joiner.step()
    assert properties(chats) == {"firstname": "Ada", "lastname": "King", "phone": "+44 20 7946 0018"}


def test_filling_moves_the_contacts_version_on_and_changes_no_status(chats: Chats, joiner: Joiner) -> None:
    endpoint = chats.endpoint("crisp")
    chats.keep(endpoint, chat_event("s", company="Analytical Engines"))
    chats.keep(endpoint, chat_event("s", email=ADA))
    before, entries = chats.world.rows(contact)[0], chats.world.number_of(outbox)
    later = chats.world.pass_by(seconds=5)
    joiner.step()
    after = chats.world.rows(contact)[0]
    assert (after.version, after.updated_at) == (before.version + 1, later)
    assert (after.status_version, chats.world.number_of(outbox)) == (before.status_version, entries)


def test_with_nothing_to_fill_the_contact_is_left_as_it_is(chats: Chats, joiner: Joiner) -> None:
    endpoint = chats.endpoint("crisp")
    chats.keep(endpoint, chat_event("s"))
    chats.keep(endpoint, chat_event("s", email=ADA))
    before = chats.world.rows(contact)
    assert joiner.step() == 1
    assert chats.world.rows(contact) == before


def test_a_persons_mapping_is_applied_to_what_is_filled_in(chats: Chats, joiner: Joiner) -> None:
    endpoint, asked = chats.endpoint("crisp"), chat_event("s", fields={"firm": "Engines Ltd"})
    chats.keep(endpoint, asked)
    chats.change_form(chats.form(endpoint, asked), mapping={"company": "firm"})
    chats.keep(endpoint, chat_event("s", email=ADA))
    joiner.step()
    assert properties(chats) == {"company": "Engines Ltd"}


def test_a_fact_about_the_contact_is_decided_on_what_the_join_has_left(chats: Chats, joiner: Joiner) -> None:
    endpoint = chats.endpoint("crisp")
    chats.keep(endpoint, chat_event("s", company="Engines Ltd"))
    chats.keep(endpoint, chat_event("s", email=ADA))
    joiner.step()
    chats.world.record(make_fact(ADA, properties={"phone": "1234567"}))
    assert properties(chats) == {"company": "Engines Ltd", "phone": "1234567"}


def test_a_person_who_comes_back_in_another_session_is_joined_by_each(chats: Chats, joiner: Joiner) -> None:
    endpoint = chats.endpoint("crisp")
    for session in ("monday", "tuesday"):
        chats.keep(endpoint, chat_event(session), chat_event(session))
        chats.keep(endpoint, chat_event(session, email=ADA))
    assert joiner.step() == 4
    assert None not in contact_ids(chats)


def test_any_number_is_joined_batch_by_batch(
    chats: Chats, joiner: Joiner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.joining.PAGE", 3)
    endpoint = chats.endpoint("crisp")
    chats.keep(endpoint, *[chat_event("s") for _ in range(10)])
    chats.keep(endpoint, chat_event("s", email=ADA))
    assert joiner.step() == 10


def test_a_pending_look_up_may_be_joined_too(chats: Chats, joiner: Joiner) -> None:
    endpoint = chats.endpoint("intercom")
    (first,) = chats.keep(endpoint, thin_event(kind=chat_event("s").kind, session="s"))
    chats.keep(endpoint, chat_event("s", email=ADA))
    assert joiner.step() == 1
    assert chats.submission(first).verdict == "look_up_pending"


def link_later(chats: Chats, session: str) -> None:
    """Link a session as nothing does: without a submission that says so."""
    chats.world.record(make_fact(ADA))
    (person,) = chats.world.rows(contact)
    values = {"portal_id": PORTAL, "cookie": session, "contact_id": person.id}
    chats.world.write(sa.insert(visitor).values(**values))


def test_what_the_look_at_links_has_missed_is_found_in_passing(
    chats: Chats, joiner: Joiner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.joining.PAGE", 2)
    endpoint = chats.endpoint("crisp")
    chats.keep(endpoint, *[chat_event(f"s{number}") for number in range(9)])
    link_later(chats, f"{endpoint.id}:s7")
    assert [joiner.step() for _ in range(6)] == [0, 0, 0, 1, 0, 0]


def test_each_look_begins_where_the_last_one_ended(chats: Chats, joiner: Joiner) -> None:
    endpoint = chats.endpoint("crisp")
    chats.keep(endpoint, chat_event("old"))
    chats.world.pass_by(seconds=LOOK_BACK.total_seconds())
    for session in ("s1", "s2"):
        chats.keep(endpoint, chat_event(session))
        chats.world.pass_by(seconds=INTERVAL)
        chats.keep(endpoint, chat_event(session, email=f"{session}@example.com"))
        chats.world.pass_by(seconds=INTERVAL)
        assert joiner.step() == 1


@on_postgresql
def test_a_contact_that_somebody_else_is_writing_is_left_for_another_time(
    chats: Chats, joiner: Joiner
) -> None:
    endpoint = chats.endpoint("crisp")
    chats.keep(endpoint, chat_event("s"))
    chats.keep(endpoint, chat_event("s", email=ADA))
    with chats.world.database.writing() as connection:
        connection.execute(sa.select(contact).with_for_update())
        assert joiner.step() == 0
    chats.world.pass_by(seconds=timedelta(minutes=10).total_seconds())
    assert joiner.step() == 1


def test_joining_twice_at_the_same_time_joins_once(chats: Chats) -> None:
    endpoint = chats.endpoint("crisp")
    chats.keep(endpoint, chat_event("s", company="Engines Ltd"))
    chats.keep(endpoint, chat_event("s", email=ADA))
    joiners = [Joiner(chats.world.database, chats.world.now) for _ in range(3)]
    assert sorted(joiner.step() for joiner in joiners) == [0, 0, 1]
    assert chats.world.rows(contact)[0].version == 2


def test_an_event_that_another_version_has_stored_fills_nothing(chats: Chats, joiner: Joiner) -> None:
    endpoint = chats.endpoint("crisp")
    (first,) = chats.keep(endpoint, chat_event("s", company="Engines Ltd"))
    here = submission.c.id == first
    chats.world.write(sa.update(submission).where(here).values(content={"kind": "smoke_signal"}))
    chats.keep(endpoint, chat_event("s", email=ADA))
    assert joiner.step() == 1
    assert properties(chats) == {}
