"""PostgreSQL and RabbitMQ stopped and killed: what the senders see meanwhile, and that it all comes right."""

import time

import pytest

from service.store.tables import submission
from tests.e2e.client import Answer, answers, ask, submit
from tests.e2e.grown_up import GrownUp
from tests.e2e.load import Load
from tests.e2e.records import assert_nothing_is_lost, outbox_entries, rows
from tests.e2e.waiting import eventually
from tests.services.postgres import PrivatePostgres
from tests.services.rabbitmq import PrivateRabbitmq

pytestmark = pytest.mark.slow

KILLS = 2
QUICKLY = 6.0


@pytest.fixture
def stack(breakable: GrownUp, module_postgres: PrivatePostgres, module_rabbitmq: PrivateRabbitmq) -> GrownUp:
    """Web, relay and consumer, and the servers, which run; each test adds to what is there."""
    module_postgres.start()
    module_rabbitmq.start()
    breakable.restore("web", "relay", "consumer")
    return breakable


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
    stack: GrownUp, off_form: str, module_postgres: PrivatePostgres
) -> None:
    with Load(stack.port, off_form) as load:
        for _ in range(KILLS):
            load.goes_on()
            module_postgres.kill()
            module_postgres.start()
        load.goes_on()
    assert_nothing_is_lost(stack.installation, stack.database_url, load)


def test_nothing_is_lost_when_rabbitmq_is_killed_under_load(
    stack: GrownUp, off_form: str, module_rabbitmq: PrivateRabbitmq
) -> None:
    with Load(stack.port, off_form) as load:
        for _ in range(KILLS):
            load.goes_on(by=500)
            module_rabbitmq.kill()
            module_rabbitmq.start()
        load.goes_on()
    assert_nothing_is_lost(stack.installation, stack.database_url, load)
    assert load.statuses.keys() == {200}


def test_without_the_database_senders_are_told_to_come_again_and_then_it_goes_on(
    stack: GrownUp, module_postgres: PrivatePostgres
) -> None:
    before = stack.installation.count(), rows(stack.database_url, submission)
    assert submit(stack.port, "first@example.com").status == 200
    module_postgres.stop()
    for _ in range(3):
        assert_refused_for_now(submit_quickly(stack, "again@example.com"))
    module_postgres.start()
    eventually(lambda: submit(stack.port, "again@example.com").status == 200, "it is kept")
    assert submit(stack.port, "again@example.com").status == 200
    assert stack.installation.say("verify").splitlines()[-1] == "difference: 0"
    after = stack.installation.count(), rows(stack.database_url, submission)
    assert after == (before[0] + 2, before[1] + 2)


def test_without_the_database_every_process_lives_but_is_not_ready(
    stack: GrownUp, module_postgres: PrivatePostgres
) -> None:
    module_postgres.stop()
    for port in stack.ports.values():
        assert ask(port, "/health/live").status == 200
        ready = ask(port, "/health/ready")
        assert (ready.status, ready.json()["output"]) == (503, "database_away")
        assert ask(port, "/health").status == 503
        assert ask(port, "/metrics").status == 200
    module_postgres.start()
    eventually(
        lambda: all(answers(port, "/health/ready") for port in stack.ports.values()), "all are ready again"
    )


def test_without_the_broker_submissions_are_kept_and_the_count_catches_up(
    stack: GrownUp, module_rabbitmq: PrivateRabbitmq
) -> None:
    before = stack.installation.count()
    assert submit(stack.port, "before@example.com").status == 200
    stack.installation.counts_to(before + 1)
    module_rabbitmq.stop()
    for number in range(25):
        assert submit_quickly(stack, f"meanwhile-{number}@example.com").status == 200
    assert outbox_entries(stack.database_url) == 25
    assert (ask(stack.port, "/health").status, ask(stack.port, "/health/ready").status) == (200, 200)
    module_rabbitmq.start()
    verified = stack.installation.run("verify", "--wait", "30")
    assert verified.stdout.splitlines()[-1] == "difference: 0"
    assert stack.installation.count() == before + 26
