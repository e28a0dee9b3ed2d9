"""Kill -9 under load of each process of the grown-up stack, on servers that stay."""

import pytest

from tests.e2e.grown_up import GrownUp
from tests.e2e.installation import kill
from tests.e2e.load import Load
from tests.e2e.records import assert_nothing_is_lost
from tests.e2e.waiting import eventually

pytestmark = pytest.mark.slow

KILLS = 3


@pytest.fixture
def stack(lasting: GrownUp) -> GrownUp:
    """Web with two workers, relay and consumer; each test adds to what is there."""
    lasting.installation.settings["MARKETABLE_WEB_WORKERS"] = "2"
    lasting.restore("web", "relay", "consumer")
    return lasting


@pytest.mark.parametrize("name", ["relay", "consumer", "web"])
def test_nothing_is_lost_when_a_process_is_killed_and_started_again_and_again(
    stack: GrownUp, off_form: str, name: str
) -> None:
    with Load(stack.port, off_form) as load:
        for _ in range(KILLS):
            load.goes_on()
            stack.kill(name)
            stack.start(name)
        load.goes_on()
    assert_nothing_is_lost(stack.installation, stack.database_url, load)


def test_nothing_is_lost_when_web_workers_are_killed_again_and_again(stack: GrownUp, off_form: str) -> None:
    web = stack.running["web"]
    with Load(stack.port, off_form) as load:
        for _ in range(KILLS):
            load.goes_on()
            eventually(lambda: len(web.children()) > 0, "there is a web worker")
            kill(web.children()[0])
        load.goes_on()
    assert_nothing_is_lost(stack.installation, stack.database_url, load)


def test_nothing_is_lost_when_all_processes_are_killed_at_one_moment(stack: GrownUp, off_form: str) -> None:
    with Load(stack.port, off_form) as load:
        load.goes_on(by=300)
        stack.installation.close()
        stack.start("web", "relay", "consumer")
        load.goes_on()
    assert_nothing_is_lost(stack.installation, stack.database_url, load)
