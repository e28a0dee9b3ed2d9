"""Runs the command as a user does: in a process of its own, which sets up logs of its own."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

MARKETABLE = (sys.executable, "-c", "from service.cli import main; main()")
PATIENCE = 60.0
"""In seconds."""
PROJECT = Path(__file__).parents[1]


def run(arguments: Sequence[str], folder: Path, **settings: str) -> "subprocess.CompletedProcess[str]":
    """Run `marketable` in a folder, with these variables and none of ours, and return what it printed."""
    ours = ("MARKETABLE_", "DATA_DIR", "PORT")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return subprocess.run(
        [*MARKETABLE, *arguments],
        cwd=folder,
        env=environment | {"PYTHONPATH": str(PROJECT)} | settings,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
