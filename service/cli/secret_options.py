"""Options for secrets. None is taken from the command line itself, which shell histories and process lists keep."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from service.errors import InvalidInput

ASK, STANDARD_INPUT = "?", "-"

Command = TypeVar("Command", bound=Callable[..., Any])


def secret_options(name: str, about: str) -> Callable[[Command], Command]:
    """Give a command `--<name>` and `--<name>-file`; its parameter `<name>` is the secret, or None."""
    parameter = name.replace("-", "_")

    def keep(context: click.Context, _option: click.Parameter, value: str | Path | None) -> None:
        secret = None if value is None else _read(name, value)
        if secret is not None and context.params.get(parameter) is not None:
            raise InvalidInput(f"there are two of --{name}", field=name, mend="give one")
        context.params[parameter] = secret or context.params.get(parameter)

    def decorate(command: Command) -> Command:
        file = click.Path(exists=True, dir_okay=False, path_type=Path)
        said = f"{about}; '-' reads it from standard input, without a value it is asked for."
        how: dict[str, Any] = {"callback": keep, "expose_value": False}
        command = click.option(f"--{name}-file", type=file, help="The file that holds it.", **how)(command)
        return click.option(f"--{name}", is_flag=False, flag_value=ASK, metavar="[-]", help=said, **how)(
            command
        )

    return decorate


def _read(name: str, given: str | Path) -> str:
    """Return the secret that an option's value leads to; raises InvalidInput."""
    if isinstance(given, Path):
        return _checked(name, given.read_text(encoding="utf-8"))
    if given == STANDARD_INPUT:
        return _checked(name, sys.stdin.read())
    if given == ASK and sys.stdin.isatty():
        return _checked(name, click.prompt(name.capitalize().replace("-", " "), hide_input=True))
    raise InvalidInput(
        f"--{name} takes no secret from the command line, where others can see it",
        field=name,
        mend=f"give '-' and the secret on standard input, or --{name}-file",
    )


def _checked(name: str, text: str) -> str:
    if not text.strip():
        mend = f"only one secret can come by standard input; others have --{name}-file"
        raise InvalidInput(f"no {name} was given", field=name, mend=mend)
    return text.strip()
