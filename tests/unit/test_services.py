"""What the tests' own services promise without starting one: names, places, processes."""

import os
import signal
from pathlib import Path

import pytest

from tests.services.postgres import libpq_url, sqlalchemy_url
from tests.services.processes import OwnProcess, birth, spawn, stop_recorded
from tests.services.run import LONGEST_RUN, RunName
from tests.services.server import Origin, Places, Server, first_program_folder


def program(folder: Path, name: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).touch()
    return folder


def sleeper(folder: Path) -> OwnProcess:
    return spawn(
        ["/bin/sleep", "60"],
        record=folder / "sleeper.process",
        environment=os.environ,
        stop_signal=signal.SIGTERM,
    )


def test_a_run_is_told_from_its_name_and_is_not_over_while_its_process_lives() -> None:
    name = RunName.of_this_process()
    assert RunName.parse(str(name)) == name
    assert not name.is_over(name.started)


def test_a_run_is_over_when_its_process_is_gone(tmp_path: Path) -> None:
    process = sleeper(tmp_path)
    name = RunName(RunName.of_this_process().host, RunName.of_this_process().started, process.pid)
    assert not name.is_over(name.started)
    process.stop()
    assert name.is_over(name.started)


def test_a_run_of_another_host_is_over_after_hours_only() -> None:
    name = RunName("not-this-host", started=1_700_000_000, pid=1)
    assert not name.is_over(name.started + LONGEST_RUN)
    assert name.is_over(name.started + LONGEST_RUN + 1)


@pytest.mark.parametrize("text", ["", "marketable", "0123456789abx", "0123456789abxyz"])
def test_a_name_that_no_run_gave_is_no_run(text: str) -> None:
    assert RunName.parse(text) is None


def test_the_newest_of_several_versions_is_taken_by_number(tmp_path: Path) -> None:
    for version in ("9", "15", "100"):
        program(tmp_path / version / "bin", "initdb")
    program(tmp_path / "200" / "bin", "psql")
    places = Places(None, "", (f"{tmp_path}/none", f"{tmp_path}/*/bin"))
    assert first_program_folder(places, ("initdb",)) == tmp_path / "100" / "bin"
    assert first_program_folder(places, ("initdb", "postgres")) is None


@pytest.mark.parametrize("scheme", ["postgresql", "postgresql+psycopg"])
def test_a_url_keeps_its_secrets_and_options_for_either_library(scheme: str) -> None:
    url = f"{scheme}://someone:secret@host:5433/old?sslmode=require"
    assert libpq_url(url) == "postgresql://someone:secret@host:5433/old?sslmode=require"
    assert sqlalchemy_url(url, "new") == "postgresql+psycopg://someone:secret@host:5433/new?sslmode=require"


def test_a_server_is_shown_without_its_secrets() -> None:
    server = Server("RabbitMQ", "4.1", "amqp://someone:secret@host:5672//", Origin.GIVEN)
    assert str(server) == "RabbitMQ 4.1 at host:5672 (given)"


def test_a_recorded_process_is_stopped_by_anybody_who_finds_the_record(tmp_path: Path) -> None:
    process = sleeper(tmp_path)
    stop_recorded(tmp_path)
    assert not process.alive()


def test_a_process_with_the_same_id_and_another_birth_is_left_alone(tmp_path: Path) -> None:
    process = sleeper(tmp_path)
    OwnProcess(process.pid, "another birth", signal.SIGTERM).stop()
    assert birth(process.pid) == process.birth
    process.kill()
    assert not process.alive()
