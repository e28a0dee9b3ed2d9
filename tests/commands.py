"""Runs the command as a user does: in a process of its own, which sets up logs of its own."""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.starter import Order, starter

PATIENCE = 60.0
"""In seconds."""


def run(arguments: Sequence[str], folder: Path, **settings: str) -> "subprocess.CompletedProcess[str]":
    """Run `marketable` in a folder, with these variables and none of ours, and return what it printed."""
    ours = ("MARKETABLE_", "DATA_DIR", "PORT")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return starter().run(Order(["marketable", *arguments], folder, environment | settings), None, PATIENCE)
