"""Processes that a test run starts: found again by any worker, stopped at the end, never taken for another's.

Each is recorded in a file beside its data, by its id and its birth. The birth guards against an id that the
system has given to somebody else since.
"""

import json
import os
import pwd
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

RECORD_SUFFIX = ".process"
# How long a killed process may take to be gone.
KILL_PATIENCE = 10.0

# Kept, for a collected handle of a running process warns, and warnings are errors here.
_handles: list[subprocess.Popen[bytes]] = []


@dataclass(frozen=True, slots=True)
class OwnProcess:
    pid: int
    birth: str
    stop_signal: int

    def alive(self) -> bool:
        _reap(self.pid)
        return birth(self.pid) == self.birth

    def stop(self, patience: float = 30.0) -> None:
        """Ask it to end, and end it with its process group when it takes longer than `patience` seconds."""
        if self.alive():
            self.send(self.stop_signal)
        if not wait_until(lambda: not self.alive(), patience):
            self.kill()

    def kill(self) -> None:
        """Kill -9: it, its children and its process group, at one moment as far as that is possible."""
        if not self.alive():
            return
        self.send(signal.SIGSTOP)
        family = [OwnProcess(pid, birth(pid) or "", signal.SIGKILL) for pid in children(self.pid)]
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        for child in family:
            if child.alive():
                child.send(signal.SIGKILL)
        wait_until(lambda: not any(process.alive() for process in [self, *family]), KILL_PATIENCE)

    def send(self, number: int) -> None:
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def record(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self)))


def spawn(
    command: Sequence[str | Path],
    *,
    record: Path,
    environment: Mapping[str, str],
    stop_signal: signal.Signals,
    account: str | None = None,
) -> OwnProcess:
    """Start a process in a session of its own, so that Ctrl-C at the terminal does not reach it.

    It runs in the folder of `record` and writes to a log beside it; as the user `account` when one is named.
    """
    with record.with_suffix(".log").open("ab") as log:
        handle = subprocess.Popen(
            command,
            cwd=record.parent,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            user=account,
            group=primary_group(account),
            extra_groups=None if account is None else [],
        )
    _handles.append(handle)
    process = OwnProcess(handle.pid, birth(handle.pid) or "", stop_signal)
    process.record(record)
    return process


def stop_recorded(folder: Path) -> None:
    """Stop whatever is recorded anywhere below the folder, newest first: a server goes before its helper."""
    records = folder.rglob(f"*{RECORD_SUFFIX}")
    for path in sorted(records, key=lambda path: path.stat().st_mtime, reverse=True):
        OwnProcess(**json.loads(path.read_text())).stop()


def last_line(record: Path) -> str:
    """The last that a process said, from the log beside its record."""
    log = record.with_suffix(".log").read_text(errors="replace")
    return (log.strip().splitlines() or ["no word from it"])[-1]


def remove_folder(folder: Path) -> None:
    """Remove the folder, also while a killed server's last children still write into it."""

    def gone() -> bool:
        shutil.rmtree(folder, ignore_errors=True)
        return not folder.exists()

    wait_until(gone, KILL_PATIENCE)


def wait_until(condition: Callable[[], bool], patience: float, pause: float = 0.05) -> bool:
    """Whether the condition came true within `patience` seconds."""
    deadline = time.monotonic() + patience
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(pause)
    return True


def primary_group(account: str | None) -> int | None:
    return None if account is None else pwd.getpwnam(account).pw_gid


def pid_in_use(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return birth(pid) is not None


def birth(pid: int) -> str | None:
    """What tells two processes with one id apart; None when there is none or it only waits to be reaped."""
    if Path("/proc/self/stat").exists():
        fields = _proc_stat(pid)
        return None if not fields or fields[0] in "ZX" else fields[19]
    state, _, started = _ps("stat=,lstart=", "-p", str(pid)).strip().partition(" ")
    return None if not state or "Z" in state else started.strip()


def children(pid: int) -> list[int]:
    if Path("/proc/self/stat").exists():
        everyone = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
        return [one for one in everyone if _proc_stat(one)[1:2] == [str(pid)]]
    pairs = [line.split() for line in _ps("pid=,ppid=", "-A").splitlines()]
    return [int(one) for one, parent in pairs if parent == str(pid)]


def _reap(pid: int) -> None:
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return


def _proc_stat(pid: int) -> list[str]:
    """The fields of /proc/<pid>/stat from the third, the state, on: the second, a name, may hold anything."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _ps(columns: str, *selection: str) -> str:
    command = ["ps", "-o", columns, *selection]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout
