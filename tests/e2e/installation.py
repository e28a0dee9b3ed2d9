"""The command `marketable` as a user runs it: real processes in a folder of their own, and none left behind."""

import json
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.e2e.client import answers, ask, sample
from tests.e2e.waiting import eventually
from tests.services.processes import RECORD_SUFFIX, OwnProcess, birth, children, wait_until
from tests.services.run import Run
from tests.starter import Order, starter

FreePort = Callable[[], int]

COMMAND = Path(sys.executable).with_name("marketable")
MARK = "MARKETABLE_TEST_INSTALLATION"
"""Which installation a process belongs to; its children inherit it, whoever their parent is by now."""
START_PATIENCE = 30.0
PATIENCE = 60.0
"""Seconds that a command may take."""
INHERITED = ("PATH", "HOME", "TMPDIR", "LANG", "SYSTEMROOT")


class Running:
    """One long-lived process; what it says goes to files beside it."""

    def __init__(self, arguments: tuple[str, ...], folder: Path, environment: Mapping[str, str]) -> None:
        name = f"{'-'.join(arguments)}-{uuid.uuid4().hex[:6]}"
        self._out, self._err = folder / f"{name}.out", folder / f"{name}.err"
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self._process = subprocess.Popen(
                [COMMAND, *arguments],
                cwd=folder,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )
        self.pid = self._process.pid

    @property
    def output(self) -> str:
        return self._out.read_text()

    @property
    def errors(self) -> str:
        return self._err.read_text()

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        return self._process.poll()

    def children(self, having: str = "") -> list[int]:
        """Its children, those with `having` in their command line."""
        return [pid for pid in children(self.pid) if having in command_line(pid)]

    def ask_to_stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        self._process.send_signal(number)

    def wait(self, patience: float = 30.0) -> int:
        """Its exit code."""
        return self._process.wait(patience)

    def stop(self, number: signal.Signals = signal.SIGTERM, patience: float = 30.0) -> int:
        """Ask it to stop; its exit code."""
        self.ask_to_stop(number)
        return self.wait(patience)

    def kill(self) -> None:
        """Kill -9, this process alone."""
        self._process.kill()
        self._process.wait()


@dataclass(slots=True)
class Installation:
    """A data folder, a port and settings. `close` ends whatever was started with them."""

    folder: Path
    port: int
    records: Path
    """Where its processes are noted, for whoever cleans up after a run that died."""
    settings: dict[str, str] = field(default_factory=dict)
    mark: str = field(default_factory=lambda: uuid.uuid4().hex)
    _started: list[Running] = field(default_factory=list)

    @property
    def sqlite_url(self) -> str:
        """The embedded database."""
        return f"sqlite:///{self.folder / 'data' / 'marketable.db'}"

    def environment(self, **settings: str) -> dict[str, str]:
        inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
        own = {"PORT": str(self.port), "DATA_DIR": str(self.folder / "data"), MARK: self.mark}
        return inherited | own | self.settings | settings

    def run(
        self, *arguments: str, given: str | None = None, **settings: str
    ) -> "subprocess.CompletedProcess[str]":
        """Run a command to its end; `given` is its standard input."""
        order = Order([str(COMMAND), *arguments], self.folder, self.environment(**settings))
        return starter().run(order, given, PATIENCE)

    def say(self, *arguments: str, given: str | None = None) -> str:
        """What a command prints, which has to succeed."""
        finished = self.run(*arguments, given=given)
        assert finished.returncode == 0, finished.stdout + finished.stderr
        return finished.stdout

    def read(self, *arguments: str) -> Any:
        """The JSON that a command prints."""
        return json.loads(self.say(*arguments))

    def count(self) -> int:
        """The demo portal's billing count."""
        return int(self.read("billing", "--portal", "1", "--json")["count"])

    def counts_to(self, number: int, *, within: float = 15.0) -> None:
        """Return when the billing count is this number, by the metrics first: a command takes longer to start."""
        name = 'marketable_billing_count{portal="1"}'
        eventually(
            lambda: sample(ask(self.port, "/metrics").text, name) == number,
            f"the count is {number}",
            within=within,
        )
        assert self.count() == number

    def start(self, *arguments: str, **settings: str) -> Running:
        """Start a command that goes on running."""
        running = Running(arguments, self.folder, self.environment(**settings))
        self._started.append(running)
        record = self.records / f"{self.mark}-{running.pid}{RECORD_SUFFIX}"
        OwnProcess(running.pid, birth(running.pid) or "", signal.SIGTERM).record(record)
        return running

    def up(self, **settings: str) -> Running:
        """Start everything, and return when it says that it is ready."""
        running = self.start("up", **settings)
        eventually(
            lambda: "is ready on" in running.output or running.exit_code is not None,
            "up",
            within=START_PATIENCE,
        )
        assert running.exit_code is None, running.errors
        return running

    def ready(self, running: Running, port: int) -> Running:
        """Return when the process answers on its port that it is ready."""
        eventually(
            lambda: answers(port, "/health/ready") or running.exit_code is not None,
            f"ready on port {port}",
            within=START_PATIENCE,
        )
        assert running.exit_code is None, running.errors
        return running

    def processes(self) -> list[int]:
        """All processes that carry the mark, and those that were started here."""
        started = {running.pid for running in self._started if running.exit_code is None}
        return sorted(started | {pid for pid in _everyone() if self._is_marked(pid)})

    def close(self) -> None:
        """Kill whatever is left, and what it starts meanwhile."""

        def nobody_left() -> bool:
            for pid in self.processes():
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            return not self.processes()

        gone = wait_until(nobody_left, 10.0)
        for running in self._started:
            running.wait()
        assert gone, f"processes {self.processes()} cannot be ended"

    def _is_marked(self, pid: int) -> bool:
        with suppress(OSError):
            return f"{MARK}={self.mark}".encode() in Path(f"/proc/{pid}/environ").read_bytes()
        return False


@contextmanager
def installed(folder: Path, free_port: FreePort, run: Run) -> Iterator[Installation]:
    """An installation that is closed at the end of the block; if a run dies before that, the next one does it."""
    installation = Installation(folder, free_port(), run.common_folder("installations"))
    try:
        yield installation
    finally:
        installation.close()


def _everyone() -> list[int]:
    """All processes, where the system lists them in files; elsewhere only those started directly are known."""
    return [int(entry.name) for entry in Path("/proc").glob("[0-9]*")]


def command_line(pid: int) -> str:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    return ""


def kill(pid: int) -> None:
    """Kill -9 of one process that a test started, by way of its parent."""
    os.kill(pid, signal.SIGKILL)


def is_running(pid: int) -> bool:
    """Whether the process is there and is not only waiting to be reaped."""
    return birth(pid) is not None
