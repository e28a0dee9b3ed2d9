"""How everything stops: soon, in order, with nobody left and nothing lost."""

import http.client
import signal
import time
from contextlib import closing

import pytest

from tests.e2e.client import HOST, ask_on
from tests.e2e.installation import Installation, Running
from tests.e2e.load import Load
from tests.e2e.records import assert_nothing_is_lost
from tests.e2e.waiting import eventually

SOON = 10.0


def assert_stops_soon(running: Running, number: signal.Signals = signal.SIGTERM) -> None:
    began = time.monotonic()
    assert running.stop(number) == 0
    assert time.monotonic() - began < SOON


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_everything_within_seconds_and_nobody_is_left(
    installation: Installation, number: signal.Signals
) -> None:
    assert_stops_soon(installation.up(), number)
    assert installation.processes() == []


def test_a_connection_that_is_kept_open_and_idle_does_not_hold_up_the_stop(
    installation: Installation,
) -> None:
    running = installation.up()
    with closing(http.client.HTTPConnection(HOST, installation.port, timeout=5)) as idle:
        assert ask_on(idle, "/health/live").status == 200
        assert_stops_soon(running)


def test_a_stop_before_everything_is_ready_leaves_nobody(installation: Installation) -> None:
    running = installation.start("up")
    eventually(lambda: len(running.children()) > 0, "it starts something")
    assert running.stop() == 0
    assert installation.processes() == []


def test_a_stop_under_load_loses_nothing_that_was_acknowledged(installation: Installation) -> None:
    running = installation.up(MARKETABLE_RATE_LIMIT_PUBLIC="0")
    with Load(installation.port) as load:
        load.goes_on()
        assert_stops_soon(running)
    assert installation.processes() == []
    installation.up()
    assert_nothing_is_lost(installation, installation.sqlite_url, load)
