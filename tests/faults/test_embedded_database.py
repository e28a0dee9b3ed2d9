"""SQLite when it cannot be written: locked by somebody else, or on a full disk."""

import contextlib
import fcntl
import resource
import sqlite3
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.e2e.client import ask, submit
from tests.e2e.installation import Installation, Running
from tests.e2e.records import submissions
from tests.e2e.waiting import eventually
from tests.services.processes import children

AT_ONCE = 2.0
QUICKLY = 7.0


@contextlib.contextmanager
def hold_queue_of_writers(database: Path) -> Iterator[None]:
    """As a writer does that has been stopped in the middle."""
    with database.with_name(f"{database.name}.lock").open("r+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def hold_write_transaction(database: Path) -> Iterator[None]:
    """As a foreign tool does that leaves its transaction open."""
    with contextlib.closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute("begin immediate")
        yield


@pytest.mark.parametrize("held", [hold_queue_of_writers, hold_write_transaction])
def test_while_somebody_holds_the_lock_senders_are_told_to_come_again_and_health_answers(
    embedded: Installation, held: Callable[[Path], AbstractContextManager[None]]
) -> None:
    embedded.up()
    with ThreadPoolExecutor(1) as sender, held(embedded.folder / "data" / "marketable.db"):
        began = time.monotonic()
        refused = sender.submit(submit, embedded.port, "locked@example.com")
        while not refused.done() and time.monotonic() - began < QUICKLY:
            assert ask(embedded.port, "/health/live", timeout=AT_ONCE).status == 200
        assert refused.done()
    assert refused.result().status == 503
    eventually(lambda: submit(embedded.port, "locked@example.com").status == 200, "it is kept")
    assert submissions(embedded.sqlite_url)["locked@example.com", ""] == 1


@contextlib.contextmanager
def full_disk(up: Running) -> Iterator[None]:
    """No file of these processes can grow meanwhile."""
    servers = up.children("gunicorn")
    writers = [*up.children("consumers"), *(worker for server in servers for worker in children(server))]
    before = {pid: resource.prlimit(pid, resource.RLIMIT_FSIZE) for pid in writers}
    for pid, (_, hard) in before.items():
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (4096, hard))
    yield
    for pid, limits in before.items():
        resource.prlimit(pid, resource.RLIMIT_FSIZE, limits)


@pytest.mark.skipif(
    not hasattr(resource, "prlimit"), reason="a running process's limits are set on Linux only"
)
def test_on_a_full_disk_senders_are_told_to_come_again_and_then_it_goes_on(embedded: Installation) -> None:
    up = embedded.up()
    assert submit(embedded.port, "before@example.com").status == 200
    with full_disk(up):
        assert [submit(embedded.port, f"full-{number}@example.com").status for number in range(5)] == [
            503
        ] * 5
    assert [submit(embedded.port, f"full-{number}@example.com").status for number in range(5)] == [200] * 5
    assert embedded.say("verify", "--wait", "20").splitlines()[-1] == "difference: 0"
    assert embedded.count() == 6
