"""The command in real processes: a fresh installation for a test, and one that many tests share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.installation import FreePort, Installation, installed
from tests.services.run import Run


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "slow: takes many seconds; it is run all the same")


@pytest.fixture
def installation(tmp_path: Path, free_port: FreePort, test_run: Run) -> Iterator[Installation]:
    """Nothing but a folder and a free port."""
    with installed(tmp_path, free_port, test_run) as fresh:
        yield fresh


@pytest.fixture(scope="session")
def running(
    tmp_path_factory: pytest.TempPathFactory, free_port: FreePort, test_run: Run
) -> Iterator[Installation]:
    """`marketable up` with two web workers, for many tests; each uses contacts of its own."""
    with installed(tmp_path_factory.mktemp("running"), free_port, test_run) as fresh:
        fresh.settings["MARKETABLE_WEB_WORKERS"] = "2"
        fresh.settings["MARKETABLE_HEALTH_PORT"] = str(free_port())
        fresh.up()
        yield fresh
