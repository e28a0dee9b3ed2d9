"""PostgreSQL and RabbitMQ stopped and killed: what the senders see meanwhile, and that it all comes right."""

import time
from collections.abc import Iterator

import pytest

from service.store.tables import submission
from tests.e2e.client import Answer, answers, ask, submit
from tests.e2e.grown_up import GrownUp
from tests.e2e.load import Load
from tests.e2e.records import assert_nothing_is_lost, outbox_entries, rows
from tests.e2e.waiting import eventually
from tests.services.postgres import PrivatePostgres
from tests.services.rabbitmq import PrivateRabbitmq

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("private servers")]

KILLS = 2
QUICKLY = 6.0


@pytest.fixture
def stack(breakable: GrownUp) -> Iterator[GrownUp]:
    breakable.start("web", "relay", "consumer")
    yield breakable
    breakable.installation.close()


def assert_refused_for_now(answer: Answer) -> None:
    """503 in HubSpot's shape, with the time after which to try again."""
    assert answer.status == 503
    assert int(answer.headers["retry-after"]) > 0
    assert answer.json().keys() == {"status", "message", "correlationId"}


def submit_quickly(stack: GrownUp, email: str) -> Answer:
    began = time.monotonic()
    answer = submit(stack.port, email)
    assert time.monotonic() - began < QUICKLY
    return answer


def test_nothing_is_lost_when_postgresql_is_killed_under_load(
    stack: GrownUp, off_form: str, private_postgres: PrivatePostgres
) -> None:
    with Load(stack.port, off_form) as load:
        for _ in range(KILLS):
            load.goes_on()
            private_postgres.kill()
            private_postgres.start()
        load.goes_on()
    assert_nothing_is_lost(stack.installation, stack.database_url, load)


def test_nothing_is_lost_when_rabbitmq_is_killed_under_load(
    stack: GrownUp, off_form: str, private_rabbitmq: PrivateRabbitmq
) -> None:
    with Load(stack.port, off_form) as load:
        for _ in range(KILLS):
            load.goes_on(by=500)
            private_rabbitmq.kill()
            private_rabbitmq.start()
        load.goes_on()
    assert_nothing_is_lost(stack.installation, stack.database_url, load)
    assert load.statuses.keys() == {200}


def test_without_the_database_senders_are_told_to_come_again_and_then_it_goes_on(
    stack: GrownUp, private_postgres: PrivatePostgres
) -> None:
    assert submit(stack.port, "before@example.com").status == 200
    private_postgres.stop()
    for _ in range(3):
        assert_refused_for_now(submit_quickly(stack, "again@example.com"))
    private_postgres.start()
    eventually(lambda: submit(stack.port, "again@example.com").status == 200, "it is kept")
    assert submit(stack.port, "again@example.com").status == 200
    assert stack.installation.say("verify").splitlines()[-1] == "difference: 0"
    assert (stack.installation.count(), rows(stack.database_url, submission)) == (2, 2)


def test_without_the_database_every_process_lives_but_is_not_ready(
    stack: GrownUp, private_postgres: PrivatePostgres
) -> None:
    private_postgres.stop()
    for port in stack.ports.values():
        assert ask(port, "/health/live").status == 200
        ready = ask(port, "/health/ready")
        assert (ready.status, ready.json()["output"]) == (503, "database_away")
        assert ask(port, "/health").status == 503
        assert ask(port, "/metrics").status == 200
    private_postgres.start()
    eventually(
        lambda: all(answers(port, "/health/ready") for port in stack.ports.values()), "all are ready again"
    )


def test_without_the_broker_submissions_are_kept_and_the_count_catches_up(
    stack: GrownUp, private_rabbitmq: PrivateRabbitmq
) -> None:
    assert submit(stack.port, "before@example.com").status == 200
    stack.installation.counts_to(1)
    private_rabbitmq.stop()
    for number in range(25):
        assert submit_quickly(stack, f"meanwhile-{number}@example.com").status == 200
    assert outbox_entries(stack.database_url) == 25
    assert (ask(stack.port, "/health").status, ask(stack.port, "/health/ready").status) == (200, 200)
    private_rabbitmq.start()
    verified = stack.installation.run("verify", "--wait", "30")
    assert verified.stdout.splitlines()[-1] == "difference: 0"
    assert stack.installation.count() == 26
