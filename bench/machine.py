"""How busy the machine is with other work: what that takes, the measurements lack."""

import math
import time
from collections.abc import Sequence
from pathlib import Path

LOOK_SECONDS = 0.25
STATISTICS = Path("/proc/stat")
IDLE, WAITING, COUNTED = 3, 4, 8
"""Places in the first line: idle, waiting for a disk, and the end of those that add up to all."""


def busy_share(seconds: float) -> float:
    """Look on for so long; returns how much of all cores was at work, NaN where the system does not tell."""
    before = _times()
    time.sleep(seconds)
    after = _times()
    passed = [later - earlier for earlier, later in zip(before, after, strict=True)]
    total = sum(passed)
    return 1 - (passed[IDLE] + passed[WAITING]) / total if total else math.nan


def shares(what: str, values: Sequence[float]) -> str:
    """Return the shares as a line for the table."""
    known = [f"{value:.0%}" for value in values if not math.isnan(value)]
    return f"{what}: {', '.join(known)} of the machine" if known else f"{what}: unknown"


def _times() -> list[int]:
    if not STATISTICS.exists():
        return [0] * COUNTED
    return [int(ticks) for ticks in STATISTICS.read_text().split("\n", 1)[0].split()[1 : COUNTED + 1]]
