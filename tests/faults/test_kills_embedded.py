"""Kill -9 under load of everything that `marketable up` runs, and of itself."""

import pytest

from tests.e2e.client import answers, submit
from tests.e2e.installation import Installation, Running, kill
from tests.e2e.load import Load
from tests.e2e.records import assert_nothing_is_lost
from tests.e2e.waiting import eventually
from tests.services.processes import children

pytestmark = pytest.mark.slow

KILLS = 3
FEW_SECONDS = 8.0


def victim(up: Running, name: str) -> int:
    """The process that goes by this name now; there may be none for a moment after a kill."""
    found: list[int] = []

    def is_there() -> bool:
        servers = up.children("gunicorn")
        known = {
            "web server": servers,
            "web worker": [worker for server in servers for worker in children(server)],
            "worker": up.children("consumers"),
        }
        found[:] = known[name]
        return len(found) > 0

    eventually(is_there, f"there is a {name}")
    return found[0]


@pytest.mark.parametrize("name", ["web worker", "web server", "worker"])
def test_nothing_is_lost_when_a_process_is_killed_again_and_again(
    embedded: Installation, off_form: str, name: str
) -> None:
    up = embedded.up()
    with Load(embedded.port, off_form) as load:
        for _ in range(KILLS):
            load.goes_on()
            kill(victim(up, name))
        load.goes_on()
        victim(up, name)
    assert_nothing_is_lost(embedded, embedded.sqlite_url, load)


def test_when_up_is_killed_its_children_end_by_themselves_and_a_new_one_takes_over(
    embedded: Installation, off_form: str
) -> None:
    up = embedded.up()
    with Load(embedded.port, off_form) as load:
        for _ in range(2):
            load.goes_on()
            up.kill()
            eventually(lambda: embedded.processes() == [], "its children have ended", within=FEW_SECONDS)
            up = embedded.up()
        load.goes_on()
    assert_nothing_is_lost(embedded, embedded.sqlite_url, load)


def test_a_new_up_waits_for_what_a_killed_one_has_left(embedded: Installation) -> None:
    first = embedded.up()
    assert submit(embedded.port, "first@example.com").status == 200
    first.kill()
    embedded.up()
    embedded.counts_to(1)
    assert submit(embedded.port, "second@example.com").status == 200
    embedded.counts_to(2)


def test_everything_killed_at_one_moment_loses_nothing(embedded: Installation, off_form: str) -> None:
    embedded.up()
    with Load(embedded.port, off_form) as load:
        load.goes_on(by=300)
        embedded.close()
    assert not answers(embedded.port, "/health/live")
    embedded.up()
    assert_nothing_is_lost(embedded, embedded.sqlite_url, load)
