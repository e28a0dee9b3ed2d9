"""Answers that never arrive: of the database to web, of the broker to relay and consumer."""

import time
from collections.abc import Iterator

import pytest

from service.store.tables import submission
from tests.e2e.client import answers, ask, submit
from tests.e2e.grown_up import GrownUp
from tests.e2e.records import outbox_entries, rows
from tests.e2e.waiting import eventually
from tests.faults.wire import Way, Wire

pytestmark = pytest.mark.slow

QUICKLY = 6.0


@pytest.fixture
def database_wire(grown_up: GrownUp) -> Iterator[Wire]:
    with Wire(grown_up.database_url) as wire:
        yield wire


@pytest.fixture
def broker_wire(grown_up: GrownUp) -> Iterator[Wire]:
    with Wire(grown_up.installation.settings["MARKETABLE_BROKER_URL"]) as wire:
        yield wire


def post_some(stack: GrownUp, number: int, name: str) -> None:
    for each in range(number):
        assert submit(stack.port, f"{name}-{each}@example.com").status == 200


def submit_quickly(stack: GrownUp, email: str) -> int:
    began = time.monotonic()
    status = submit(stack.port, email).status
    assert time.monotonic() - began < QUICKLY
    return status


def assert_proved(stack: GrownUp, count: int) -> None:
    assert stack.installation.say("verify").splitlines()[-1] == "difference: 0"
    assert stack.installation.count() == count


@pytest.mark.parametrize("ways", [(Way.TO_SERVER, Way.TO_CLIENT), (Way.TO_CLIENT,)])
def test_a_submission_whose_commit_is_never_answered_is_told_to_come_again_and_is_kept_once(
    grown_up: GrownUp, database_wire: Wire, ways: tuple[Way, ...]
) -> None:
    grown_up.start("web", MARKETABLE_DATABASE_URL=database_wire.url)
    assert submit(grown_up.port, "before@example.com").status == 200
    database_wire.swallow(*ways)
    assert submit_quickly(grown_up, "lost@example.com") == 503
    database_wire.mend()
    eventually(lambda: submit(grown_up.port, "lost@example.com").status == 200, "it is kept")
    assert rows(grown_up.database_url, submission) == 2


def test_a_silent_database_makes_the_web_process_unready_and_is_noticed_when_it_speaks_again(
    grown_up: GrownUp, database_wire: Wire
) -> None:
    grown_up.start("web", MARKETABLE_DATABASE_URL=database_wire.url, MARKETABLE_WEB_WORKERS="1")
    assert submit(grown_up.port, "before@example.com").status == 200
    assert answers(grown_up.port, "/health/ready")
    database_wire.swallow(Way.TO_CLIENT)
    assert ask(grown_up.port, "/health/ready", timeout=QUICKLY).status == 503
    assert [submit_quickly(grown_up, "silent@example.com") for _ in range(3)] == [503] * 3
    assert answers(grown_up.port, "/health/live")
    database_wire.mend()
    eventually(lambda: answers(grown_up.port, "/health/ready"), "it is ready again")
    eventually(lambda: submit(grown_up.port, "silent@example.com").status == 200, "it is kept")


def test_a_connection_that_has_fallen_silent_for_ever_is_given_up_for_a_new_one(
    grown_up: GrownUp, database_wire: Wire
) -> None:
    settings = {"MARKETABLE_WEB_WORKERS": "1", "MARKETABLE_COMMIT_TIMEOUT": "1"}
    grown_up.start("web", MARKETABLE_DATABASE_URL=database_wire.url, **settings)
    assert submit(grown_up.port, "before@example.com").status == 200
    database_wire.forget()
    eventually(lambda: submit(grown_up.port, "after@example.com").status == 200, "it is kept", within=20.0)
    assert rows(grown_up.database_url, submission) == 2


def test_messages_whose_confirms_are_lost_are_published_again_and_counted_once(
    grown_up: GrownUp, broker_wire: Wire
) -> None:
    grown_up.start("web", "consumer")
    grown_up.start("relay", MARKETABLE_BROKER_URL=broker_wire.url)
    post_some(grown_up, 1, "confirmed")
    eventually(lambda: outbox_entries(grown_up.database_url) == 0, "the first one is confirmed")
    broker_wire.swallow(Way.TO_CLIENT)
    post_some(grown_up, 20, "unconfirmed")
    eventually(lambda: grown_up.metric("consumer", "marketable_applied_total") > 1, "some are applied")
    grown_up.kill("relay")
    assert outbox_entries(grown_up.database_url) == 20
    grown_up.start("relay")
    eventually(lambda: outbox_entries(grown_up.database_url) == 0, "all are published again")
    assert_proved(grown_up, 21)
    repeats = 'marketable_applied_total{effect="repeat"}'
    eventually(lambda: grown_up.metric("consumer", repeats) > 0, "what came twice was seen to be a repeat")
    assert_proved(grown_up, 21)


def test_messages_whose_acknowledgements_are_lost_come_again_and_are_counted_once(
    grown_up: GrownUp, broker_wire: Wire
) -> None:
    grown_up.start("web", "relay")
    grown_up.start("consumer", MARKETABLE_BROKER_URL=broker_wire.url)
    post_some(grown_up, 1, "acknowledged")
    grown_up.installation.counts_to(1)
    broker_wire.swallow(Way.TO_SERVER)
    post_some(grown_up, 20, "unacknowledged")
    grown_up.installation.counts_to(21)
    grown_up.kill("consumer")
    broker_wire.cut()
    grown_up.start("consumer")
    repeats = 'marketable_applied_total{effect="repeat"}'
    eventually(lambda: grown_up.metric("consumer", repeats) == 20, "all came again")
    assert_proved(grown_up, 21)
