"""The services that the tests stand on: shared ones that leave nothing behind, private ones that survive."""

import time
from collections.abc import Callable

import psycopg
import pytest
from kombu import Exchange, Queue
from kombu.connection import Connection

from tests.services.databases import Databases
from tests.services.plugin import PostgresDatabase, Stack
from tests.services.postgres import PrivatePostgres, libpq_url
from tests.services.processes import wait_until
from tests.services.rabbitmq import BROKER_ERRORS, PrivateRabbitmq, connected, version_at
from tests.services.run import Run
from tests.services.server import Server
from tests.services.topology import Topology

# Killed sooner after its declaration, RabbitMQ forgets a quorum queue (see PrivateRabbitmq.kill).
SECONDS_TO_ENTER_A_QUEUE = 2


def write_a_row(url: str) -> None:
    with psycopg.connect(libpq_url(url)) as connection:
        connection.execute("create table kept (number int)")
        connection.execute("insert into kept values (1)")


def rows(url: str) -> list[tuple[int]]:
    with psycopg.connect(libpq_url(url)) as connection:
        return connection.execute("select number from kept").fetchall()


def keep_a_message(url: str, names: Topology) -> None:
    exchange = Exchange(f"{names.prefix}.status", type="topic", durable=True)
    queue = Queue(
        f"{names.prefix}.billing-count",
        exchange,
        routing_key="#",
        durable=True,
        queue_arguments={"x-queue-type": "quorum"},
    )
    with Connection(url, transport_options={"confirm_publish": True}) as connection:
        bound = queue(connection.channel())
        bound.declare()
        connection.Producer().publish("kept", exchange=exchange, routing_key="1", serializer="json")


def messages(url: str, names: Topology) -> int:
    with connected(url) as connection:
        return int(
            connection.channel().queue_declare(f"{names.prefix}.billing-count", passive=True).message_count
        )


def test_each_port_is_given_once(free_port: Callable[[], int]) -> None:
    ports = [free_port() for _ in range(50)]
    assert len(set(ports)) == 50


def test_a_database_is_empty_and_a_template_is_migrated_once(postgres_database: PostgresDatabase) -> None:
    calls = []

    def migrate(url: str) -> None:
        calls.append(url)
        write_a_row(url)

    first, second = postgres_database(migrate), postgres_database(migrate)
    write_a_row(postgres_database())
    assert first != second
    assert rows(first) == rows(second) == [(1,)]
    assert len(calls) == 1


def test_a_dropped_database_is_gone_even_with_somebody_connected(
    test_run: Run, postgres_server: Server
) -> None:
    databases = Databases(postgres_server, test_run)
    url = databases.create()
    with psycopg.connect(libpq_url(url)):
        databases.drop(url)
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(libpq_url(url))


def test_a_topology_deletes_what_was_declared_and_nothing_else(topology: Topology) -> None:
    keep_a_message(topology.broker_url, topology)
    assert messages(topology.broker_url, topology) == 1
    topology.delete()
    with pytest.raises(BROKER_ERRORS, match="NOT_FOUND"):
        messages(topology.broker_url, topology)


def test_a_topology_refuses_names_of_others(topology: Topology) -> None:
    with pytest.raises(ValueError, match="somebody else"):
        topology.add(queues=["marketable.billing-count"])


def test_both_engines_give_urls_and_names(engine_urls: Stack) -> None:
    environment = engine_urls.environment()
    assert environment["MARKETABLE_DATABASE_URL"].startswith(("sqlite:///", "postgresql+psycopg://"))
    assert environment["MARKETABLE_BROKER_URL"].startswith(("memory://", "amqp://", "amqps://"))
    assert environment["MARKETABLE_TOPOLOGY"].startswith("mt-")


def test_a_private_postgres_keeps_what_was_committed_when_it_is_killed(
    private_postgres: PrivatePostgres,
) -> None:
    write_a_row(private_postgres.url)
    private_postgres.kill()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(libpq_url(private_postgres.url))
    private_postgres.start()
    assert rows(private_postgres.url) == [(1,)]


def test_a_private_postgres_stops_and_starts_at_one_address(private_postgres: PrivatePostgres) -> None:
    write_a_row(private_postgres.url)
    url = private_postgres.url
    private_postgres.stop()
    assert not private_postgres.alive
    private_postgres.start()
    assert rows(url) == [(1,)]


def test_a_private_rabbitmq_keeps_a_quorum_queue_when_it_is_killed(
    private_rabbitmq: PrivateRabbitmq, private_topology: Topology
) -> None:
    keep_a_message(private_rabbitmq.url, private_topology)
    time.sleep(SECONDS_TO_ENTER_A_QUEUE)
    private_rabbitmq.kill()
    with pytest.raises(BROKER_ERRORS):
        version_at(private_rabbitmq.url)
    private_rabbitmq.start()
    assert wait_until(lambda: messages(private_rabbitmq.url, private_topology) == 1, patience=20)


def test_a_private_rabbitmq_stops_and_starts_at_one_address(
    private_rabbitmq: PrivateRabbitmq, private_topology: Topology
) -> None:
    keep_a_message(private_rabbitmq.url, private_topology)
    private_rabbitmq.stop()
    assert not private_rabbitmq.alive
    private_rabbitmq.start()
    assert wait_until(lambda: messages(private_rabbitmq.url, private_topology) == 1, patience=20)
