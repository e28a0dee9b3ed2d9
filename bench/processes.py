"""The processes that are measured: gunicorn with an application, relays and consumers; each logs to a file."""

import signal
import socket
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self

from bench.load import HOST
from bench.stage import Stage
from tests.services.processes import RECORD_SUFFIX, OwnProcess, spawn, wait_until

GUNICORN = (sys.executable, "-m", "gunicorn", "--config", "python:config.gunicorn")
RELAY = (sys.executable, "-c", "from service.cli import main; main()", "relay")
CONSUMER = (sys.executable, "-m", "consumers", "billing-count")
WORKER = (sys.executable, "-m", "consumers", "worker")
START_SECONDS = 20.0
STOP_SECONDS = 10.0
LOG_LINES = 15
PROBE = b"GET /health/live HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"


class ProcessFailed(Exception):
    """A process did not start, or ended by itself; the text holds the last that it logged."""


class Program:
    """One process with a folder of its own; used in a `with` block, it is gone after it."""

    def __init__(self, stage: Stage, name: str, command: Sequence[str | Path], **settings: object) -> None:
        self.name = name
        folder = stage.folder(name)
        self._record = folder / f"{name}{RECORD_SUFFIX}"
        environment = stage.environment(MARKETABLE_DATA_DIR=folder, **settings)
        self._process: OwnProcess = spawn(
            command, record=self._record, environment=environment, stop_signal=signal.SIGTERM
        )

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End it with its whole process group."""
        self._process.stop(STOP_SECONDS)

    def check(self) -> None:
        """Raise ProcessFailed if it has ended."""
        if not self._process.alive():
            raise ProcessFailed(f"{self.name} has ended:\n{self.log()}")

    def log(self) -> str:
        """Return the last lines that it logged."""
        text = self._record.with_suffix(".log").read_text(errors="replace")
        return "\n".join(f"    {line}" for line in text.splitlines()[-LOG_LINES:])


class WebServer(Program):
    """gunicorn, set up by the service's own configuration, with one application."""

    def __init__(
        self, stage: Stage, name: str, application: str, workers: int, *options: str, **settings: object
    ) -> None:
        self.port = stage.port()
        super().__init__(
            stage,
            name,
            [*GUNICORN, *options, application],
            MARKETABLE_HOST=HOST,
            MARKETABLE_PORT=self.port,
            MARKETABLE_WEB_WORKERS=workers,
            MARKETABLE_RATE_LIMIT_PUBLIC=0,
            PROMETHEUS_MULTIPROC_DIR=stage.folder("metrics"),
            **settings,
        )
        if not wait_until(lambda: self._answers() or not self._process.alive(), START_SECONDS):
            self.stop()
            raise ProcessFailed(f"{name} did not start:\n{self.log()}")
        self.check()

    def _answers(self) -> bool:
        try:
            with socket.create_connection((HOST, self.port), 1.0) as connection:
                connection.settimeout(START_SECONDS)
                connection.sendall(PROBE)
                return connection.recv(64).startswith(b"HTTP/1.1")
        except OSError:
            return False


def wait_for(
    condition: str, seconds: float, programs: Sequence[Program], is_met: Callable[[], bool]
) -> float:
    """Wait until `is_met()`; returns the seconds it took. Raises ProcessFailed when a program ends or time does."""
    began = time.perf_counter()
    while not is_met():
        for program in programs:
            program.check()
        if time.perf_counter() - began > seconds:
            logs = "\n".join(f"{program.name}:\n{program.log()}" for program in programs)
            raise ProcessFailed(f"{condition} not within {seconds:g} s\n{logs}")
        time.sleep(0.1)
    return time.perf_counter() - began
