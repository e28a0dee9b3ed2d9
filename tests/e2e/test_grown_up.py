"""Web, relay, clock and consumer as processes of their own, as in production."""

from collections.abc import Callable, Iterator

import pytest

from service import demo
from tests.e2e.client import ask, submit
from tests.e2e.grown_up import COMMANDS, GrownUp
from tests.e2e.installation import Installation
from tests.e2e.load import Load
from tests.e2e.records import assert_nothing_is_lost
from tests.services.plugin import Stack

pytestmark = [
    pytest.mark.slow,
    pytest.mark.parametrize("engine_urls", ["postgresql+rabbitmq"], indirect=True),
]


@pytest.fixture
def grown_up(
    engine_urls: Stack, installation: Installation, free_port: Callable[[], int]
) -> Iterator[GrownUp]:
    """A stack that was set up by commands, as an operator does it; nothing runs yet."""
    installation.settings.update(engine_urls.environment())
    installation.say("migrate")
    installation.say("portal", "create", "--id", "1", "--name", "First")
    installation.say("form", "create", "--portal", "1", "--name", "Form", "--guid", demo.FORM_GUID)
    yield GrownUp(installation, free_port)
    installation.close()


def test_submissions_become_the_count_and_every_process_drains_at_its_stop(grown_up: GrownUp) -> None:
    grown_up.start_all()
    for number in range(30):
        assert submit(grown_up.port, f"grown-{number}@example.com").status == 200
    grown_up.installation.counts_to(30)
    assert grown_up.installation.say("verify").splitlines()[-1] == "difference: 0"
    assert grown_up.metric("relay", "marketable_published_total") == 30
    assert grown_up.metric("consumer", "marketable_applied_total") == 30
    for name in COMMANDS:
        report = ask(grown_up.ports[name], "/health").json()
        assert (name, report["status"]) == (name, "pass")
    for name, process in grown_up.running.items():
        assert (name, process.stop()) == (name, 0)
    assert grown_up.installation.processes() == []


def test_a_stop_of_everything_under_load_loses_nothing_and_the_next_start_catches_up(
    grown_up: GrownUp,
) -> None:
    grown_up.installation.settings["MARKETABLE_RATE_LIMIT_PUBLIC"] = "0"
    grown_up.start_all()
    with Load(grown_up.port) as load:
        load.goes_on()
        for process in grown_up.running.values():
            process.ask_to_stop()
        assert [process.wait() for process in grown_up.running.values()] == [0] * 4
    grown_up.start("relay", "consumer")
    assert_nothing_is_lost(grown_up.installation, grown_up.database_url, load)


def test_two_relays_and_two_consumers_share_the_work_and_do_none_of_it_twice(grown_up: GrownUp) -> None:
    grown_up.start("web", "relay", "relay-2", "consumer", "consumer-2")
    for number in range(60):
        assert submit(grown_up.port, f"shared-{number}@example.com").status == 200
    grown_up.installation.counts_to(60)
    assert grown_up.installation.say("verify").splitlines()[-1] == "difference: 0"
    published = [grown_up.metric(name, "marketable_published_total") for name in ("relay", "relay-2")]
    assert sum(published) == 60
