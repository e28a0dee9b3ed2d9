"""The command `marketable`."""

import sys

from service.cli.commands import group
from service.cli.running import failing_clearly

__all__ = ["main"]


def main() -> None:
    """Run the command; errors are said in one line, with the mend, and an exit code of their own."""
    sys.exit(failing_clearly(group))
