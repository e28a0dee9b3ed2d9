import json
import subprocess
import sys
from typing import Any

import pytest

PROGRAM = """
import logging, sys
import structlog
from config import logs
logs.configure(sys.argv[1], sys.argv[2], "relay")
log = structlog.get_logger()
with structlog.contextvars.bound_contextvars(request_id="7"):
    log.info("batch_published", messages=3)
log.debug("round_contended")
try:
    1 / 0
except ZeroDivisionError:
    log.exception("job_failed")
logging.getLogger("somebody.else").warning("careful")
logging.getLogger("somebody.else").info("chatter")
"""


def lines(level: str, form: str = "json") -> list[str]:
    command = [sys.executable, "-W", "error", "-c", PROGRAM, level, form]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == ""
    return done.stderr.splitlines()


def events(level: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines(level)]


def test_a_line_is_one_event_with_its_fields_and_where_it_comes_from() -> None:
    event = events("info")[0]
    assert event.pop("timestamp").endswith("Z")
    assert event == {
        "event": "batch_published", "level": "info", "messages": 3, "process": "relay", "request_id": "7",
    }  # fmt: skip


def test_an_exception_is_one_line_too() -> None:
    event = events("error")[0]
    assert (event["event"], event["level"]) == ("job_failed", "error")
    assert "ZeroDivisionError" in event["exception"]


def test_what_libraries_log_looks_the_same_and_only_warnings_are_taken() -> None:
    *_, last = events("info")
    assert (last["event"], last["level"], last["process"]) == ("careful", "warning", "relay")


@pytest.mark.parametrize(("level", "number"), [("debug", 4), ("info", 3), ("warning", 2), ("error", 1)])
def test_nothing_below_the_level_is_logged(level: str, number: int) -> None:
    assert len(events(level)) == number


def test_for_people_it_is_text() -> None:
    first = lines("info", "console")[0]
    assert "batch_published" in first
    assert "messages=3" in first
