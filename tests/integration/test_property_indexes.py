import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from service.domain.actors import COMMAND
from service.domain.filters import read_filter
from service.domain.filters.indexing import worth_an_index
from service.domain.jobs import JobState
from service.domain.views import View
from service.errors import Conflict, InvalidInput, NotFound
from service.jobs.runner import JobRunner
from service.store import jobs, property_indexes
from service.store.property_indexes import Built
from service.store.tables import indexed_property, job
from service.views import INDEX_PROPERTY, Indexing, PropertyIndexer, indexing
from tests.facts import NOW, PORTAL, make_fact
from tests.services.processes import wait_until
from tests.world import World, on_postgresql

OF_COMPANY = {"filters": [{"propertyName": "company", "operator": "EQ", "value": "Example"}]}
PATIENCE = 20.0


@pytest.fixture
def making(world: World) -> Iterator[Indexing]:
    making = Indexing(world.database, world.now)
    yield making
    for name in ("company", "hubspotscore"):
        property_indexes.drop(world.database, name)


def view_of(document: Any = OF_COMPANY) -> View:
    return View(1, PORTAL, "Company", read_filter(document), 1, "command", NOW, NOW)


def runner(world: World) -> JobRunner:
    kinds = {INDEX_PROPERTY: PropertyIndexer(world.database)}
    return JobRunner(world.database, kinds, world.now, interval=1)


def run_to_the_end(world: World, running: JobRunner) -> Any:
    """Do steps until the one job has ended; returns it."""

    def has_ended() -> bool:
        running.step()
        return world.rows(job)[0].finished_at is not None

    assert wait_until(has_ended, PATIENCE)
    return world.rows(job)[0]


def is_built(world: World, name: str = "company") -> bool:
    with world.database.reading() as connection:
        return property_indexes.is_built(connection, name)


def test_a_job_makes_the_index_that_a_view_asks_for(world: World, making: Indexing) -> None:
    world.record(make_fact(properties={"company": "Example"}))
    assert making.ask_for_view(COMMAND, view_of(), is_slow=True) == ["company"]
    assert making.ask_for_view(COMMAND, view_of(), is_slow=True) == []
    assert not is_built(world)
    ended = run_to_the_end(world, runner(world))
    assert (ended.state, ended.counts) == (JobState.DONE.value, {"ready": 1})
    assert is_built(world)
    (known,) = making.every()
    assert known.ready_at is not None


def test_a_job_that_is_cancelled_gives_the_index_up_and_leaves_one_that_is_ready(
    world: World, making: Indexing
) -> None:
    making.ask_for_view(COMMAND, view_of(), is_slow=True)
    with world.database.writing() as connection:
        assert jobs.ask_to_cancel(connection, PORTAL, world.rows(job)[0].id)
    assert run_to_the_end(world, runner(world)).state == JobState.CANCELED.value
    assert making.every() == []
    world.write(sa.delete(job))
    assert making.make("company") is Built.READY
    of_score = {"filters": [{"propertyName": "hubspotscore", "operator": "GT", "value": "5"}]}
    making.ask_for_view(COMMAND, view_of(of_score), is_slow=True)
    run_to_the_end(world, runner(world))
    assert [each.name for each in making.every()] == ["company", "hubspotscore"]


def test_an_index_takes_values_of_any_length(world: World, making: Indexing) -> None:
    assert making.make("company") is Built.READY
    long = "Ä" * 65_000
    world.verdicts(make_fact("ada@example.com", properties={"company": long}))
    world.verdicts(make_fact("ben@example.com", properties={"company": f"{long}x"}))
    with world.database.reading() as connection:
        assert property_indexes.ready(connection) == {"company"}


def test_an_index_is_made_once_and_dropped_once(world: World, making: Indexing) -> None:
    for _ in range(2):
        assert making.make("company") is Built.READY
    assert len(making.every()) == 1
    making.drop("company")
    assert not is_built(world)
    assert making.every() == []
    with pytest.raises(NotFound):
        making.drop("company")


@pytest.mark.parametrize(
    "name", ["email", "createdate", "closedate", "unsubscribed_at", "it's", 'a"b', "x" * 101, ""]
)
def test_a_property_that_can_have_no_index_is_refused(world: World, making: Indexing, name: str) -> None:
    with pytest.raises(InvalidInput):
        making.make(name)
    assert world.number_of(indexed_property) == 0


def test_there_are_so_many_indexes_and_no_more(
    world: World, making: Indexing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexing, "MOST", 1)
    making.make("hubspotscore")
    with pytest.raises(Conflict, match="hubspotscore"):
        making.make("company")
    assert making.ask_for_view(COMMAND, view_of(), is_slow=True) == []
    making.make("hubspotscore")
    assert world.number_of(job) == 0


def test_an_index_that_was_dropped_meanwhile_is_not_made(world: World, making: Indexing) -> None:
    making.ask_for_view(COMMAND, view_of(), is_slow=True)
    making.drop("company")
    ended = run_to_the_end(world, runner(world))
    assert (ended.state, ended.counts) == (JobState.DONE.value, {"given_up": 1})
    assert not is_built(world)


@on_postgresql
def test_what_an_attempt_that_died_has_left_is_made_anew(world: World, making: Indexing) -> None:
    making.make("company")
    half_made = (
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'ix_contact_by_company_{}'::regclass"
    )
    (known,) = making.every()
    world.write(sa.text(half_made.format(known.index_name.rpartition("_")[2])))
    assert not is_built(world)
    assert making.make("company") is Built.READY
    assert is_built(world)


def held_open(world: World, work: Callable[[], None]) -> None:
    """Work while somebody reads contacts in a transaction that does not end: no index gets ready meanwhile."""
    with world.database.engine.connect() as reader:
        reader.execution_options(isolation_level="REPEATABLE READ")
        with reader.begin():
            reader.execute(sa.text("SELECT count(*) FROM contact")).all()
            work()


@on_postgresql
def test_steps_are_short_and_writers_go_on_while_an_index_is_being_made(
    world: World, making: Indexing
) -> None:
    making.ask_for_view(COMMAND, view_of(), is_slow=True)
    running = runner(world)

    def look() -> None:
        for _ in range(5):
            running.step()
        assert world.rows(job)[0].state == JobState.PROCESSING.value
        assert world.verdicts(make_fact("meanwhile@example.com")) != []
        assert making.make("company") is Built.IN_WORK

    held_open(world, look)
    assert run_to_the_end(world, running).counts == {"ready": 1}
    assert is_built(world)


@on_postgresql
def test_an_attempt_that_is_killed_is_made_again(world: World, making: Indexing) -> None:
    making.ask_for_view(COMMAND, view_of(), is_slow=True)
    first = runner(world)
    kill = sa.text(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND query LIKE 'CREATE INDEX CONCURRENTLY%'"
    )

    def die() -> None:
        first.step()

        def was_killed() -> bool:
            with world.database.engine.connect() as connection:
                return bool(connection.execute(kill).all())

        assert wait_until(was_killed, PATIENCE)

    held_open(world, die)
    assert wait_until(lambda: "company" not in {each.name for each in threading.enumerate()}, PATIENCE)
    assert not is_built(world)
    assert run_to_the_end(world, runner(world)).counts == {"ready": 1}
    assert is_built(world)


@on_postgresql
def test_an_index_that_fails_again_and_again_is_given_up(
    world: World, making: Indexing, monkeypatch: pytest.MonkeyPatch
) -> None:
    making.ask_for_view(COMMAND, view_of(), is_slow=True)
    monkeypatch.setattr(property_indexes, "PREFIX", "no number")
    assert run_to_the_end(world, runner(world)).counts == {"given_up": 1}
    assert making.every() == []


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        ([("company", "EQ")], ["company"]),
        ([("hs_marketable_status", "EQ"), ("company", "EQ")], ["company"]),
        ([("hs_marketable_status", "EQ")], ["hs_marketable_status"]),
        ([("unsubscribed_at", "HAS_PROPERTY"), ("company", "EQ")], []),
        ([("hs_marketable_until_renewal", "EQ"), ("company", "EQ")], []),
        ([("email", "EQ"), ("company", "EQ")], []),
        ([("company", "NEQ")], []),
        ([("company", "CONTAINS_TOKEN")], []),
        ([("company", "HAS_PROPERTY")], []),
        ([("closedate", "GT")], []),
        ([("createdate", "GT")], []),
        ([("hubspotscore", "GT"), ("company", "EQ")], ["company"]),
        ([("it's", "EQ")], []),
    ],
)
def test_a_view_asks_for_the_index_that_serves_it_best(
    filters: list[tuple[str, str]], names: list[str]
) -> None:
    values = {"hubspotscore": "5", "closedate": "2026-01-01", "createdate": "2026-01-01"}
    documents = [
        {"propertyName": name, "operator": operator}
        | ({} if operator == "HAS_PROPERTY" else {"value": values.get(name, "true")})
        for name, operator in filters
    ]
    assert worth_an_index(read_filter({"filters": documents})) == names


def test_a_domain_in_an_address_is_served_by_the_index_of_domains() -> None:
    for value in ("@example.com", "*@example.com", "@example*"):
        asked = {"propertyName": "email", "operator": "CONTAINS_TOKEN", "value": value}
        assert worth_an_index(read_filter({"filters": [asked]})) == ["hs_email_domain"]
