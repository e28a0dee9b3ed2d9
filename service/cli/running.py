"""What the commands share: settings, options, and how errors are said. It loads little: each command begins here."""

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import click

from config import logs
from config.settings import Settings, SettingsError
from service.errors import InvalidInput, MarketableError, Unavailable


class _Instant(click.DateTime):
    """A day or an instant; in UTC, unless it says otherwise."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        told: datetime = super().convert(value, param, ctx)
        return told.replace(tzinfo=told.tzinfo or UTC)


INSTANT = _Instant(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S%z"])
NUMBER = click.IntRange(0, 2**63 - 1)
"""Of whatever the database numbers by itself."""
JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
PORTAL = click.option("--portal", "portal_id", type=NUMBER, required=True, help="The portal's id.")
EXIT_FAILED, EXIT_USAGE, EXIT_UNAVAILABLE = 1, 2, 75
"""75 is EX_TEMPFAIL of sysexits.h: the same again later may do."""


def read_settings(process: str = "command", level: str | None = None) -> Settings:
    """Read the settings and set up the logs of a process."""
    settings = Settings.from_environment()
    logs.configure(level or settings.log_level, settings.log_format, process)
    return settings


def read_separate(process: str) -> Settings:
    """Read the settings of a process that needs a broker between processes."""
    settings = read_settings(process)
    if settings.is_embedded_broker:
        message = "MARKETABLE_BROKER_URL is memory://, a broker that lives inside one process"
        raise InvalidInput(message, mend="set it to amqp://…, or run 'marketable up'")
    return settings


def failing_clearly(command: Callable[..., Any]) -> int:
    """Run the command and say its errors in one line; returns the exit code."""
    try:
        result = command(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (SettingsError, MarketableError, click.exceptions.Abort) as error:
        return _say(error)
    return result if isinstance(result, int) else 0


def _say(error: Exception) -> int:
    if isinstance(error, SettingsError):
        lines, code = error.mistakes, EXIT_USAGE
    elif isinstance(error, InvalidInput):
        lines, code = [str(error)], EXIT_USAGE
    elif isinstance(error, Unavailable):
        lines, code = [f"{error.reason}: {error}; 'marketable doctor' looks into it"], EXIT_UNAVAILABLE
    else:
        lines, code = [str(error) or "stopped"], EXIT_FAILED
    for line in lines:
        sys.stderr.write(f"marketable: {line}\n")
    return code
