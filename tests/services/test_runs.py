"""Whole runs of pytest, seen from outside: how they come by their services, and that nothing remains."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.services.plugin import REQUIRE_VARIABLE, refuse
from tests.services.postgres import MISSING as NO_POSTGRES
from tests.services.postgres import PROGRAMS, PROGRAMS_MISSING, PrivatePostgres
from tests.services.postgres import VARIABLE as POSTGRES_VARIABLE
from tests.services.processes import OwnProcess, wait_until
from tests.services.rabbitmq import MISSING as NO_RABBITMQ
from tests.services.rabbitmq import VARIABLE as RABBITMQ_VARIABLE
from tests.services.rabbitmq import PrivateRabbitmq
from tests.services.server import Places, first_program_folder

PROJECT = Path(__file__).parents[2]
NOWHERE = "127.0.0.1:9"

# A run that finds no service at the usual addresses, and no programs either unless a file allows it to.
CONFTEST = f"""
import dataclasses, os, pathlib, pytest
from tests.services import postgres, rabbitmq

pytest_plugins = ["tests.services.plugin"]

def elsewhere(places, usual):
    installed = pathlib.Path("installed").exists()
    return dataclasses.replace(places, usual=usual, folders=places.folders if installed else ())

@pytest.fixture(scope="session")
def postgres_places():
    return elsewhere(postgres.usual_places(os.environ), "postgresql://postgres@{NOWHERE}/postgres")

@pytest.fixture(scope="session")
def rabbitmq_places():
    return elsewhere(rabbitmq.usual_places(os.environ), "amqp://guest:guest@{NOWHERE}//")
"""
TESTS = """
import pathlib, time, pytest

def show(run):
    pathlib.Path(f"folder-of-{run.worker}").write_text(str(run.folder))
    while pathlib.Path("wait").exists():
        time.sleep(0.05)

@pytest.mark.parametrize("number", range(2))
def test_postgres(number, postgres_url, test_run):
    show(test_run)

@pytest.mark.parametrize("number", range(2))
def test_rabbitmq(number, topology, test_run):
    show(test_run)
"""


class InnerRun:
    """A run of pytest in a folder of its own, which uses this project's fixtures."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "conftest.py").write_text(CONFTEST)
        (folder / "test_inner.py").write_text(TESTS)
        (folder / "pytest.ini").touch()
        self.environment = {
            name: text for name, text in os.environ.items() if not name.startswith("MARKETABLE")
        }
        self.environment |= {"PYTHONPATH": str(PROJECT), "COLUMNS": "200"}

    def allow_programs(self) -> None:
        (self.folder / "installed").touch()

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "pytest", "-rs", "-p", "no:cacheprovider", *arguments]
        return subprocess.Popen(
            command,
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def finish(self, *arguments: str) -> str:
        return self.start(*arguments).communicate(timeout=90)[0]

    def start_and_stay_in_a_test(self, workers: int = 1) -> subprocess.Popen[str]:
        """Start it and return while each of its workers is in a test and stays there until `go_on`."""
        (self.folder / "wait").touch()
        process = self.start("-k", "postgres", *(["-n", str(workers)] if workers > 1 else []))
        assert wait_until(lambda: len(self.run_folders()) == workers, patience=60)
        return process

    def go_on(self) -> None:
        (self.folder / "wait").unlink()

    def run_folders(self) -> list[Path]:
        return [Path(text) for path in self.folder.glob("folder-of-*") if (text := path.read_text())]

    def servers(self) -> list[OwnProcess]:
        records = [record for folder in self.run_folders() for record in folder.rglob("*.process")]
        return [OwnProcess(**json.loads(record.read_text())) for record in records]


@pytest.fixture
def inner_run(tmp_path: Path) -> InnerRun:
    return InnerRun(tmp_path)


@pytest.fixture
def programs(postgres_places: Places, inner_run: InnerRun) -> None:
    """PostgreSQL's programs are installed here, and the inner run may use them."""
    if first_program_folder(postgres_places, PROGRAMS) is None:
        refuse(PROGRAMS_MISSING)
    inner_run.allow_programs()


def test_without_services_a_run_skips_with_one_plain_line_each(inner_run: InnerRun) -> None:
    output = inner_run.finish()
    skips = [line.partition(": ")[2] for line in output.splitlines() if line.startswith("SKIPPED")]
    assert sorted(skips) == [NO_POSTGRES, NO_RABBITMQ]
    assert "4 skipped" in output
    assert "services: PostgreSQL not available, RabbitMQ not available" in output


def test_where_services_are_required_a_run_fails_with_the_same_lines(inner_run: InnerRun) -> None:
    inner_run.environment[REQUIRE_VARIABLE] = "1"
    output = inner_run.finish()
    assert NO_POSTGRES in output
    assert NO_RABBITMQ in output
    assert "4 errors" in output


def test_a_given_url_that_does_not_answer_is_never_replaced_by_another_server(inner_run: InnerRun) -> None:
    inner_run.allow_programs()
    inner_run.environment[POSTGRES_VARIABLE] = f"postgresql://someone:secret@{NOWHERE}/postgres"
    inner_run.environment[RABBITMQ_VARIABLE] = f"amqp://someone:secret@{NOWHERE}//"
    output = inner_run.finish()
    assert f"{POSTGRES_VARIABLE} is set, but {NOWHERE} is of no use" in output
    assert f"{RABBITMQ_VARIABLE} is set, but {NOWHERE} is of no use" in output
    assert "secret" not in output


def test_a_given_url_is_used(
    inner_run: InnerRun, private_postgres: PrivatePostgres, private_rabbitmq: PrivateRabbitmq
) -> None:
    inner_run.environment[POSTGRES_VARIABLE] = private_postgres.url
    inner_run.environment[RABBITMQ_VARIABLE] = private_rabbitmq.url
    output = inner_run.finish()
    assert f"127.0.0.1:{private_postgres.port} (given)" in output
    assert f"127.0.0.1:{private_rabbitmq.port} (given)" in output
    assert "4 passed" in output


@pytest.mark.usefixtures("programs")
def test_two_workers_share_one_private_server_and_nothing_remains(inner_run: InnerRun) -> None:
    process = inner_run.start_and_stay_in_a_test(workers=2)
    servers = inner_run.servers()
    assert servers[0] == servers[1]
    inner_run.go_on()
    assert "(private)" in process.communicate(timeout=60)[0]
    assert not servers[0].alive()
    assert not inner_run.run_folders()[0].exists()


@pytest.mark.usefixtures("programs")
@pytest.mark.parametrize("workers", [1, 2])
def test_after_ctrl_c_nothing_remains(inner_run: InnerRun, workers: int) -> None:
    process = inner_run.start_and_stay_in_a_test(workers)
    servers = inner_run.servers()
    os.killpg(process.pid, signal.SIGINT)
    assert "KeyboardInterrupt" in process.communicate(timeout=60)[0]
    assert not any(server.alive() for server in servers)
    assert not inner_run.run_folders()[0].exists()


@pytest.mark.usefixtures("programs")
def test_what_a_killed_run_left_is_removed_by_the_next(inner_run: InnerRun) -> None:
    process = inner_run.start_and_stay_in_a_test()
    servers, left = inner_run.servers(), inner_run.run_folders()[0]
    process.kill()
    process.communicate(timeout=60)
    assert all(server.alive() for server in servers)
    inner_run.go_on()
    assert "2 passed" in inner_run.finish("-k", "postgres")
    assert not any(server.alive() for server in servers)
    assert not left.exists()
