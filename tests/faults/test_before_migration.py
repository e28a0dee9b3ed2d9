"""Processes that are started before the tables are there: they say so, and work as soon as they are."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.client import answers, ask, submit
from tests.e2e.grown_up import COMMANDS, GrownUp
from tests.e2e.installation import FreePort, installed
from tests.e2e.waiting import eventually
from tests.faults.conftest import furnish
from tests.services.run import Run
from tests.services.topology import Topology
from tests.world import migrate


@pytest.fixture
def stack(
    postgres_url: str, topology: Topology, tmp_path: Path, free_port: FreePort, test_run: Run
) -> Iterator[GrownUp]:
    """All four processes on an empty database."""
    with installed(tmp_path, free_port, test_run) as installation:
        installation.settings |= {
            "MARKETABLE_DATABASE_URL": postgres_url,
            "MARKETABLE_BROKER_URL": topology.broker_url,
            "MARKETABLE_TOPOLOGY": topology.prefix,
        }
        empty = GrownUp(installation, free_port)
        empty.launch(*COMMANDS)
        eventually(lambda: all(is_settled(empty, name) for name in COMMANDS), "each has answered or ended")
        yield empty


def is_settled(stack: GrownUp, name: str) -> bool:
    return answers(stack.ports[name], "/health/live") or stack.running[name].exit_code is not None


def test_processes_without_tables_live_but_are_not_ready_and_say_why(stack: GrownUp) -> None:
    for name, process in stack.running.items():
        assert (name, process.exit_code) == (name, None)
        ready = ask(stack.ports[name], "/health/ready")
        assert (ready.status, ready.json()["output"]) == (503, "migration_missing")
        assert ask(stack.ports[name], "/health").status == 503
        assert ask(stack.ports[name], "/metrics").status == 200


def test_senders_are_told_to_come_again_until_the_tables_are_there(stack: GrownUp) -> None:
    refused = submit(stack.port, "early@example.com")
    assert (refused.status, refused.headers.get("retry-after")) == (503, "2")
    migrate(stack.database_url)
    furnish(stack.database_url, stack.installation.folder / "data")
    eventually(lambda: submit(stack.port, "early@example.com").status == 200, "it is kept")
    assert stack.installation.say("verify", "--wait", "30").splitlines()[-1] == "difference: 0"
