"""How busy the machine is with other work: what that takes, the measurements lack."""

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

LOOK_SECONDS = 0.25
HURRY_SECONDS = 150.0
LEAST_ROUNDS = 3
QUIET = 0.15
"""Share of all cores that others may keep busy."""
STATISTICS = Path("/proc/stat")
IDLE, WAITING, COUNTED = 3, 4, 8
"""Places in the first line: idle, waiting for a disk, and the end of those that add up to all."""


@dataclass(slots=True)
class Watch:
    """Looks at the machine before each round, and at the time."""

    patience: float
    """Seconds left to wait for others, in all."""
    looks: list[float] = field(default_factory=list)
    hurry_at: float = field(default_factory=lambda: time.monotonic() + HURRY_SECONDS)

    def rounds(self, number: int) -> Iterator[int]:
        """Count so many rounds of a new table, fewer when the run takes too long, each begun at a quiet moment.

        Nothing of the bench may be at work between two rounds.
        """
        self.looks = []
        for each in range(1, number + 1):
            if each > LEAST_ROUNDS and time.monotonic() > self.hurry_at:
                return
            self.looks.append(self._wait())
            yield each

    def _wait(self) -> float:
        """Wait for a quiet moment as long as there is patience; returns how busy the machine is then."""
        share = _busy_share()
        while share > QUIET and self.patience > 0:
            self.patience -= LOOK_SECONDS
            self.hurry_at += LOOK_SECONDS
            share = _busy_share()
        return share

    @property
    def was_quiet(self) -> bool:
        """Whether the others let it measure most rounds of the table; true where the system does not tell."""
        return sum(share > QUIET for share in self.looks) * 2 <= len(self.looks)

    def note(self) -> str:
        """Return the looks as a line for the table."""
        shares = [f"{share:.0%}" for share in self.looks if not math.isnan(share)]
        line = f"before each round, others kept busy: {', '.join(shares) or 'unknown'} of the machine"
        return line if self.was_quiet else f"{line}; so all verdicts are in doubt"


def _busy_share() -> float:
    """Look on for a moment; returns how much of all cores was at work, NaN where the system does not tell."""
    before = _times()
    time.sleep(LOOK_SECONDS)
    passed = [later - earlier for earlier, later in zip(before, _times(), strict=True)]
    total = sum(passed)
    return 1 - (passed[IDLE] + passed[WAITING]) / total if total else math.nan


def _times() -> list[int]:
    if not STATISTICS.exists():
        return [0] * COUNTED
    return [int(ticks) for ticks in STATISTICS.read_text().split("\n", 1)[0].split()[1 : COUNTED + 1]]
