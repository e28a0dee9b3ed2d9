"""Commands that serve HTTP: up, which runs all else as well, and web."""

import os
import shlex
import sys
from pathlib import Path

import click

from config.settings import Settings
from service import demo
from service.cli.running import read_settings
from service.errors import InvalidInput
from service.instants import utc_now
from service.providers.catalogue import load_catalogue
from service.store import schema
from service.store.session import Database
from service.supervisor import Child, answers, module, port_is_free, supervise

GUNICORN = ("gunicorn", "--config", "python:config.gunicorn")

BANNER = """
Marketable is ready on {url}

Send a submission:

  {curl}

See the count go up:

  {command} billing --portal {portal}
"""


@click.command()
@click.option(
    "--demo/--no-demo", "with_demo", default=True, help="Make the demo portal on an empty database."
)
def up(*, with_demo: bool) -> int:
    """Run everything: migrate, then web and worker, until stopped."""
    settings = read_settings("up")
    if not port_is_free(settings.host, settings.port):
        message = f"port {settings.port} on {settings.host} is taken"
        raise InvalidInput(message, mend="stop what listens there or choose another with PORT=…")
    load_catalogue(settings.own_providers)  # a mistake is said here, once, and not by every worker
    database = Database(settings.database)
    schema.migrate(database)
    if with_demo:
        demo.make_demo(database, settings.data_dir, utc_now())
    database.dispose()
    url = f"http://{settings.host}:{settings.port}"
    children = [
        Child("web", module(*GUNICORN), _web_environment(settings)),
        Child("worker", module("consumers", "worker"), {}),
    ]
    return supervise(children, lambda: _say_ready(url, settings), lambda: answers(f"{url}/health/ready"))


@click.command()
def web() -> None:
    """Serve HTTP with gunicorn."""
    settings = read_settings("web")
    Database(settings.database).dispose()
    load_catalogue(settings.own_providers)
    os.environ.update(_web_environment(settings))
    command = module(*GUNICORN)
    os.execv(command[0], command)  # noqa: S606 - our own interpreter; gunicorn takes over the process and its signals


def _web_environment(settings: Settings) -> dict[str, str]:
    folder = settings.data_dir / "metrics"
    folder.mkdir(parents=True, exist_ok=True)
    return {"PROMETHEUS_MULTIPROC_DIR": str(folder.resolve())}


def _say_ready(url: str, settings: Settings) -> None:
    command = Path(sys.argv[0])
    shown = str(os.path.relpath(command) if command.is_absolute() else command)
    if settings.data_dir != Settings().data_dir:
        shown = f"DATA_DIR={shlex.quote(str(settings.data_dir))} {shown}"
    curl = demo.curl(url)
    click.echo(BANNER.format(url=url, curl=curl, command=shown, portal=demo.PORTAL_ID))
