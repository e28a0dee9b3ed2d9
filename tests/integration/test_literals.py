from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from service.store.literals import instant_array, plain_array, text_array
from tests.services.postgres import libpq_url
from tests.services.server import Server

Connection = psycopg.Connection[Any]
one_server = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
texts = st.text(st.characters(codec="utf-8", exclude_characters="\0")) | st.text('\\"{},NUL \n', max_size=8)
instants = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC))  # noqa: DTZ001 - bounds


@pytest.fixture
def connection(postgres_server: Server) -> Iterator[Connection]:
    with psycopg.connect(libpq_url(postgres_server.url), autocommit=True) as connection:
        yield connection


def read(connection: Connection, kind: str, literal: str) -> list[Any]:
    """Have PostgreSQL take an array to pieces, as the statements of the store do."""
    rows = connection.execute(f"SELECT value FROM unnest(%s::{kind}[]) AS value", [literal])  # noqa: S608 - a constant
    return [value for (value,) in rows]


@one_server
@given(st.lists(texts | st.none()))
@example(["NULL", "null", None, "", " ", '"', "\\", '\\"', "},{", "a,b", "\n", "🙂", '","', "{}"])
def test_postgresql_reads_text_as_it_was(connection: Connection, values: list[str | None]) -> None:
    assert read(connection, "text", text_array(values)) == values


@one_server
@given(st.lists(st.integers(-(2**63), 2**63 - 1) | st.none()))
def test_postgresql_reads_numbers_as_they_were(connection: Connection, values: list[int | None]) -> None:
    assert read(connection, "bigint", plain_array(values)) == values


@one_server
@given(st.lists(st.booleans() | st.none()))
def test_postgresql_reads_truth_values_as_they_were(
    connection: Connection, values: list[bool | None]
) -> None:
    assert read(connection, "bool", plain_array(values)) == values


@one_server
@given(st.lists(st.uuids() | st.none()))
def test_postgresql_reads_hex_digits_as_ids(connection: Connection, values: list[Any]) -> None:
    assert read(connection, "uuid", plain_array([value and value.hex for value in values])) == values


@one_server
@given(st.lists(instants | st.none()))
def test_postgresql_reads_instants_as_they_were(
    connection: Connection, values: list[datetime | None]
) -> None:
    connection.execute("SET timezone = 'UTC'")
    assert read(connection, "timestamptz", instant_array(values)) == values
