"""Messages that are lost, sent twice or of no use: the sweep, the ledger's versions and the dead letters."""

import json
from collections.abc import Iterator

import amqp
import pytest

from tests.e2e.client import submit
from tests.e2e.grown_up import GrownUp
from tests.e2e.load import Load
from tests.e2e.records import assert_nothing_is_lost, dead_letters, outbox_entries
from tests.e2e.waiting import eventually
from tests.services.rabbitmq import connected
from tests.services.topology import Topology

pytestmark = pytest.mark.slow

POISON = [b"", b"not JSON", b"[]", b'{"type": "something.else"}', b"\x00\xff"]


@pytest.fixture
def stack(grown_up: GrownUp) -> Iterator[GrownUp]:
    """Web and relay; each test starts the consumer when it wants to."""
    grown_up.start("web", "relay")
    yield grown_up
    grown_up.installation.close()


def waiting(names: Topology) -> int:
    """Messages in the consumer's queue."""
    with connected(names.broker_url) as connection:
        declared = connection.channel().queue_declare(f"{names}.billing-count", passive=True)
        return int(declared.message_count)


def purge(names: Topology) -> int:
    with connected(names.broker_url) as connection:
        return int(connection.channel().queue_purge(f"{names}.billing-count"))


def publish(names: Topology, bodies: list[bytes]) -> None:
    with connected(names.broker_url) as connection:
        channel = connection.channel()
        for body in bodies:
            channel.basic_publish(amqp.Message(body), exchange=f"{names}.status", routing_key="1.marketing")


def of_another_portal(names: Topology) -> bytes:
    """The message at the head of the queue, which stays there, as it would be for a portal that does not exist."""
    with connected(names.broker_url) as connection:
        channel = connection.channel()
        message = channel.basic_get(f"{names}.billing-count")
        channel.basic_reject(message.delivery_tag, requeue=True)
    event = json.loads(message.body)
    event["data"]["portalId"] = 77
    return json.dumps(event).encode()


def lose(stack: GrownUp, names: Topology, contacts: int) -> None:
    """Have so many submissions published, and their messages vanish from the queue."""
    for number in range(contacts):
        assert submit(stack.port, f"lost-{number}@example.com").status == 200
    eventually(lambda: waiting(names) == contacts, "all messages are in the queue")
    eventually(lambda: outbox_entries(stack.database_url) == 0, "the outbox is empty")
    assert purge(names) == contacts


def test_verify_finds_lost_messages_and_sweep_sends_them_again(stack: GrownUp, topology: Topology) -> None:
    lose(stack, topology, 20)
    stack.start("consumer")
    missing = stack.installation.run("verify", "--wait", "0.5")
    assert (missing.returncode, missing.stdout.splitlines()[-1]) == (1, "difference: 20")
    assert "marketable sweep" in missing.stderr
    assert stack.installation.say("sweep").strip() == "queued 20 status changes again"
    assert stack.installation.say("verify").splitlines()[-1] == "difference: 0"
    assert stack.installation.count() == 20


def test_the_clock_sweeps_by_itself_for_what_is_lost_while_it_runs(
    stack: GrownUp, topology: Topology
) -> None:
    stack.start("clock", MARKETABLE_SWEEP_INTERVAL="1")
    eventually(lambda: stack.metric("clock", "marketable_database_up") == 1, "it works")
    lose(stack, topology, 5)
    stack.start("consumer")
    stack.installation.counts_to(5, within=30.0)
    assert stack.metric("clock", "marketable_swept_total") >= 5


def test_a_queue_that_somebody_deletes_is_declared_again_by_those_who_use_it(
    stack: GrownUp, topology: Topology
) -> None:
    stack.start("consumer")
    assert submit(stack.port, "before@example.com").status == 200
    stack.installation.counts_to(1)
    with connected(topology.broker_url) as connection:
        connection.channel().queue_delete(f"{topology}.billing-count")
    assert submit(stack.port, "after@example.com").status == 200
    stack.installation.counts_to(2, within=30.0)


def test_messages_of_no_use_become_dead_letters_and_the_rest_goes_on(
    stack: GrownUp, topology: Topology
) -> None:
    assert submit(stack.port, "first@example.com").status == 200
    eventually(lambda: waiting(topology) == 1, "its message is in the queue")
    publish(topology, [*POISON, of_another_portal(topology)])
    assert submit(stack.port, "second@example.com").status == 200
    stack.start("consumer")
    stack.installation.counts_to(2)
    eventually(lambda: waiting(topology) == 0, "the queue is empty")
    assert sorted(dead_letters(stack.database_url)) == ["invalid_message"] * len(POISON) + ["unknown_portal"]
    assert stack.installation.say("verify").splitlines()[-1] == "difference: 0"
    assert stack.metric("consumer", "marketable_dead_letters_total") == len(POISON) + 1


def test_doctor_tells_of_dead_letters(stack: GrownUp, topology: Topology) -> None:
    stack.start("consumer")
    publish(topology, [b"not JSON"])
    eventually(lambda: len(dead_letters(stack.database_url)) == 1, "it is kept")
    assert "warn  dead letters: 1" in stack.installation.say("doctor")


def test_purges_under_load_lose_nothing_for_good(stack: GrownUp, topology: Topology, off_form: str) -> None:
    stack.start("consumer")
    with Load(stack.port, off_form) as load:
        for _ in range(3):
            load.goes_on()
            stack.kill("consumer")
            purge(topology)
            stack.start("consumer")
        load.goes_on()
    eventually(lambda: outbox_entries(stack.database_url) == 0, "the outbox is empty")
    stack.installation.say("sweep")
    assert_nothing_is_lost(stack.installation, stack.database_url, load)
