"""Wrong settings and taken ports: said in a line each, with an exit code, and never as a traceback."""

import socket
import subprocess
from collections.abc import Iterator

import pytest

from tests.e2e.client import HOST
from tests.e2e.installation import Installation

USAGE = 2
NOWHERE = "postgresql://postgres@127.0.0.1:9/nothing"


def lines_of(finished: "subprocess.CompletedProcess[str]") -> list[str]:
    """What it said to the user: no traceback, every line its own."""
    assert "Traceback" not in finished.stderr, finished.stderr
    return finished.stderr.splitlines()


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_every_mistake_in_the_settings_is_named_at_once(installation: Installation) -> None:
    refused = installation.run(
        "up",
        PORT="http",
        MARKETABLE_BROKER_URL="kafka://here",
        MARKETABLE_LOG_LEVEL="loud",
        MARKETABLE_TOPOLOGY="a b",
    )
    assert refused.returncode == USAGE
    assert sorted(line.split()[1] for line in lines_of(refused)) == [
        "MARKETABLE_BROKER_URL",
        "MARKETABLE_LOG_LEVEL",
        "MARKETABLE_TOPOLOGY",
        "PORT",
    ]


def test_up_says_that_its_port_is_taken(installation: Installation, taken_port: int) -> None:
    refused = installation.run("up", PORT=str(taken_port))
    assert refused.returncode == USAGE
    assert [f"port {taken_port} on 127.0.0.1 is taken" in line for line in lines_of(refused)] == [True]


def test_a_process_says_that_its_health_port_is_taken(installation: Installation, taken_port: int) -> None:
    installation.say("migrate")
    refused = installation.run("clock", MARKETABLE_HEALTH_PORT=str(taken_port))
    assert refused.returncode != 0
    assert any(f"port {taken_port} on 127.0.0.1" in line and "taken" in line for line in lines_of(refused))


def test_a_data_folder_that_cannot_be_one_is_named(installation: Installation) -> None:
    file = installation.folder / "file"
    file.touch()
    refused = installation.run("up", DATA_DIR=str(file))
    assert refused.returncode != 0
    assert [str(file) in line for line in lines_of(refused)] == [True]


def test_a_database_url_that_cannot_be_read_is_refused_without_its_password(
    installation: Installation,
) -> None:
    refused = installation.run("verify", MARKETABLE_DATABASE_URL="postgresql://user:hush@host:port/name")
    assert refused.returncode == USAGE
    assert not any("hush" in line for line in lines_of(refused))


@pytest.mark.parametrize("process", [("relay",), ("consume", "billing-count")])
def test_processes_that_need_a_shared_broker_refuse_the_embedded_one(
    installation: Installation, process: tuple[str, ...]
) -> None:
    refused = installation.run(*process)
    assert refused.returncode == USAGE
    assert ["marketable up" in line for line in lines_of(refused)] == [True]


@pytest.mark.parametrize("command", ["verify", "migrate", "up"])
def test_a_command_without_its_database_says_that_it_is_away(
    installation: Installation, command: str
) -> None:
    failed = installation.run(command, MARKETABLE_DATABASE_URL=NOWHERE)
    assert failed.returncode == 75
    assert ["database_away" in line for line in lines_of(failed)] == [True]


def test_a_command_on_an_empty_database_says_what_to_run(installation: Installation) -> None:
    refused = installation.run("billing", "--portal", "1")
    assert refused.returncode == USAGE
    assert ["marketable migrate" in line for line in lines_of(refused)] == [True]


@pytest.fixture
def empty(installation: Installation) -> Installation:
    installation.say("migrate")
    return installation


def test_a_number_that_no_database_holds_is_refused(empty: Installation) -> None:
    refused = empty.run("billing", "--portal", "99999999999999999999")
    assert (refused.returncode, "'--portal'" in lines_of(refused)[-1]) == (USAGE, True)


@pytest.mark.parametrize(
    "command",
    [
        ("contact", "set-many", "--marketing"),
        ("contact", "search"),
        ("workflow", "create", "--name", "All", "--marketing"),
    ],
    ids=" ".join,
)
def test_a_filter_that_is_no_json_is_refused(empty: Installation, command: tuple[str, ...]) -> None:
    (empty.folder / "filter.json").write_bytes(b"\xff{")
    refused = empty.run(*command, "--portal", "1", "--filter", "filter.json")
    assert refused.returncode == USAGE
    assert ["the filter is no JSON" in line for line in lines_of(refused)] == [True]
