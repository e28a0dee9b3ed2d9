"""One run of the tests: its name, which is in everything that it makes elsewhere, and its folder.

The name carries host, start and process id, so that a later run can tell what a dead one has left behind.
"""

import fcntl
import hashlib
import os
import re
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Self

from tests.services.processes import pid_in_use

NAME_PATTERN = r"[0-9a-f]{12}x[0-9a-f]+"
# A run of another host, or one whose process id is in use again, is over when it is as old as this.
LONGEST_RUN = 6 * 3600


@dataclass(frozen=True, slots=True)
class RunName:
    host: str
    started: int
    pid: int

    def __str__(self) -> str:
        return f"{self.host}{self.started:08x}x{self.pid:x}"

    @classmethod
    def of_this_process(cls) -> Self:
        return cls(_host_mark(), int(time.time()), os.getpid())

    @classmethod
    def parse(cls, text: str) -> Self | None:
        if not re.fullmatch(NAME_PATTERN, text):
            return None
        return cls(text[:4], int(text[4:12], 16), int(text[13:], 16))

    def is_over(self, now: float) -> bool:
        if now - self.started > LONGEST_RUN:
            return True
        return self.host == _host_mark() and not pid_in_use(self.pid)


@dataclass(frozen=True, slots=True)
class Run:
    """`worker` is `main`, or `gw0`, `gw1`, … under pytest-xdist; all workers share name and folder."""

    name: str
    worker: str
    home: Path
    numbers: Iterator[int] = field(default_factory=lambda: count(1), compare=False)

    @property
    def folder(self) -> Path:
        return self.home / self.name

    @property
    def database_prefix(self) -> str:
        return f"marketable_test_{self.name}_{self.worker}"

    @property
    def topology_prefix(self) -> str:
        return f"mt-{self.name}-{self.worker}"

    def new_folder(self, name: str) -> Path:
        """A new folder in the run's, whose parents other accounts may pass through but not list."""
        self._make_folders()
        path = self.folder / f"{name}-{self.worker}-{next(self.numbers)}"
        path.mkdir(mode=0o700)
        return path

    def common_folder(self, name: str) -> Path:
        """A folder that all workers share."""
        self._make_folders()
        path = self.folder / name
        path.mkdir(mode=0o700, exist_ok=True)
        return path

    def _make_folders(self) -> None:
        for folder in (self.home, self.folder):
            folder.mkdir(mode=0o711, exist_ok=True)
        if self.home.lstat().st_uid != os.geteuid():
            raise PermissionError(f"{self.home} belongs to somebody else: remove it or set TMPDIR")

    @contextmanager
    def lock(self) -> Iterator[None]:
        """One worker at a time."""
        with _locked(self.common_folder("state") / "lock"):
            yield

    @contextmanager
    def dead_runs(self) -> Iterator[list["Run"]]:
        """Earlier runs of this account that are over but left their folders; for one run at a time."""
        self._make_folders()
        with _locked(self.home / "lock"):
            parsed = [name for entry in self.home.iterdir() if (name := RunName.parse(entry.name))]
            yield [Run(str(name), "main", self.home) for name in parsed if name.is_over(time.time())]


def runs_home() -> Path:
    """One folder per account, always the same, so that the next run finds what a killed one left there.

    Root's is in a place that other accounts can reach, since PostgreSQL does not run as root.
    """
    places = [Path(tempfile.gettempdir())]
    if os.geteuid() == 0:
        places = [place for place in [*places, Path("/tmp"), Path("/var/tmp")] if _reachable_by_all(place)]  # noqa: S108
    return places[0].resolve() / f"mt-{os.geteuid()}"


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _reachable_by_all(place: Path) -> bool:
    real = place.resolve()
    return all(folder.exists() and folder.stat().st_mode & 0o001 for folder in [real, *real.parents])


def _host_mark() -> str:
    """Four digits for this host since its start, and this container: where process ids mean something."""
    parts = [socket.gethostname()]
    with suppress(OSError):
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text())
        parts.append(str(Path("/proc/self/ns/pid").readlink()))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:4]
