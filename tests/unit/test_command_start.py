"""A command starts quickly: it loads what it needs, and not what serves, publishes or migrates."""

import subprocess
import sys

from service.cli.commands import COMMANDS

HEAVY = ("alembic", "flask", "gunicorn", "kombu", "marshmallow")
PROCESSES = {"doctoring", "processes", "relaying", "serving"}
"""They run what serves and publishes, or look at it."""
LIGHT = sorted({place.partition(":")[0] for place in COMMANDS.values()} - PROCESSES)


def test_commands_load_no_server_no_broker_and_no_migrations() -> None:
    imports = ", ".join(f"service.cli.{module}" for module in LIGHT)
    told = f"import sys, {imports}\nprint(*sorted({set(HEAVY)} & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    assert found.stdout.split() == []
