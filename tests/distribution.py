"""How tests are distributed over the workers of a run."""

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

TOGETHER = ("tests/browser/", "tests/e2e/", "tests/faults/", "tests/services/")
"""Modules here start servers, stacks and browsers that all of their tests use: each goes to one worker as a whole."""


class ByModule(LoadScopeScheduling):  # type: ignore[misc]
    """Hands out whole modules first, those with most tests before others, and then all other tests one by one."""

    def _split_scope(self, nodeid: str) -> str:
        return nodeid.partition("::")[0] if nodeid.startswith(TOGETHER) else nodeid


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByModule:
    return ByModule(config, log)
