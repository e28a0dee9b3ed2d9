"""The group of all commands. A command's module is loaded when the command is called, for that takes longest."""

from collections.abc import Mapping
from importlib import import_module

import click

from service import __version__

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 110}
COMMANDS: Mapping[str, str] = {
    "up": "serving:up",
    "web": "serving:web",
    "relay": "relaying:relay",
    "clock": "processes:clock",
    "jobs": "processes:jobs",
    "consume": "consuming:consume",
    "migrate": "database:migrate",
    "verify": "database:verify",
    "sweep": "database:sweep",
    "doctor": "doctoring:doctor",
    "billing": "billing:billing",
    "statement": "statements:statement",
    "brake": "brakes:brake",
    "held": "brakes:held",
    "portal": "portals:portal",
    "form": "forms:form",
    "import": "imports:imported",
    "defaults": "defaults:defaults",
    "user": "users:user",
    "token": "tokens:token",
    "audit": "audit:audit",
    "contact": "contacts:contact",
    "view": "views:view",
    "property": "views:property_",
    "workflow": "workflows:workflow",
    "job": "jobs:job",
    "provider": "providers:provider",
    "endpoint": "endpoints:endpoint",
    "external-form": "external_forms:external_form",
    "delivery": "deliveries:delivery",
    "lookups": "lookups:lookups",
    "replay": "deliveries:replay",
    "key": "keys:key",
    "reseal": "keys:reseal",
    "send": "sending:send",
    "seed": "seeding:seed",
}
"""Where each command is: its module in this package, and its name there."""


class Commands(click.Group):
    """Knows the names of all commands, and loads the one that is asked for."""

    def list_commands(self, context: click.Context) -> list[str]:  # noqa: ARG002
        """Return all names in order."""
        return sorted(COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:  # noqa: ARG002
        """Return the command, or None."""
        return load(name) if name in COMMANDS else None


def load(name: str) -> click.Command:
    """Return a command by its name; raises KeyError."""
    module, _, attribute = COMMANDS[name].partition(":")
    command: click.Command = getattr(import_module(f"service.cli.{module}"), attribute)
    return command


@click.group(cls=Commands, context_settings=CONTEXT)
@click.version_option(__version__, prog_name="marketable")
def group() -> None:
    """Marketable: form submissions in, an exact count of marketing contacts out."""
