"""How gunicorn serves the web process; opens nothing before the fork."""

import gc
import logging
import os
import shutil
import signal
import threading
from pathlib import Path
from typing import Any

from gunicorn import glogging

from config import logs
from config.settings import Settings

settings = Settings.from_environment()

wsgi_app = "service.app:create_app()"
bind = f"{settings.host}:{settings.port}"
worker_class = "config.worker.Worker"
workers = settings.web_workers or (1 if settings.is_embedded_database else max(2, os.cpu_count() or 2))
worker_connections = 2_000
keepalive = 60
graceful_timeout = 20
timeout = 60
backlog = 2_048
proc_name = "marketable-web"
accesslog = None
loglevel = "warning"
forwarded_allow_ips = "*" if settings.trusted_proxies else "127.0.0.1"


class Logger(glogging.Logger):  # type: ignore[misc]
    """Sends gunicorn's own lines the way of all others, in their form."""

    def setup(self, cfg: Any) -> None:  # noqa: ARG002 - gunicorn's signature
        """Leave the lines to the root logger; requests are not logged here."""
        self.error_log.propagate = True
        self.error_log.setLevel(logging.WARNING)
        self.error_log.addFilter(_without_address)
        logs.configure(settings.log_level, settings.log_format, "web")


def _without_address(record: logging.LogRecord) -> bool:
    """Leave clients' addresses out: they are personal data."""
    if isinstance(record.msg, str) and "from ip=" in record.msg:
        record.msg, record.args = "Invalid request", ()
    return True


logger_class = Logger
PARENT_VARIABLE = "MARKETABLE_INTERNAL_PARENT"


def on_starting(server: Any) -> None:
    """Begin with an empty metrics folder: counters of processes that are gone must not be added up."""
    folder = Path(os.environ["PROMETHEUS_MULTIPROC_DIR"])
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)


def when_ready(server: Any) -> None:
    """Say where it listens, and stop in order when the process that started this one is gone."""
    logs.configure(settings.log_level, settings.log_format, "web")
    parent = os.environ.get(PARENT_VARIABLE)
    if parent:
        threading.Thread(target=_stop_without_parent, args=(int(parent),), daemon=True).start()


def post_fork(server: Any, worker: Any) -> None:
    """Give the worker logs of its own; connections are opened by the worker itself, at its first use."""
    logs.configure(settings.log_level, settings.log_format, "web")
    # What a start makes stays: looking through it for garbage would take a sixth of the time.
    gc.disable()


def post_worker_init(worker: Any) -> None:
    """Leave what the application is made of out of garbage collection, and collect less often.

    A request makes hundreds of objects that are gone with it; looking through the modules for them finds nothing.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
    gc.enable()


def child_exit(server: Any, worker: Any) -> None:
    """Drop the live gauges of a worker that is gone."""
    from prometheus_client import multiprocess  # noqa: PLC0415 - reads the folder's name when imported

    multiprocess.mark_process_dead(worker.pid)


def _stop_without_parent(parent: int) -> None:
    waiting = threading.Event()
    while os.getppid() == parent:
        waiting.wait(0.5)
    os.kill(os.getpid(), signal.SIGTERM)
