"""Runs the long-lived processes: threads that stop in order, a health port, and a watch on the parent."""

import os
import signal
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import structlog

from service.health import Health
from service.web.health import HealthServer

PARENT_VARIABLE = "MARKETABLE_INTERNAL_PARENT"
HEALTH_PORTS = {"relay": 8001, "clock": 8002, "billing-count": 8003, "lookups": 8004, "jobs": 8005}
"""Where a process answers that has no other port set."""
GRACE = 20.0
"""Seconds that the threads of a process have to finish what they are at."""

Job = Callable[[threading.Event], None]
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Listening:
    """Where a process answers health and metrics."""

    host: str
    port: int
    must: bool = True
    """False when another port will do, should this one be taken."""


def run(name: str, jobs: Mapping[str, Job], health: Health, listening: Listening) -> int:
    """Run jobs, each in a thread, until SIGTERM or SIGINT; returns the exit code.

    A job that fails stops the others and the process: whoever supervises it starts it anew.
    """
    stop = threading.Event()
    failed: list[str] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    server = HealthServer(health, listening.host, listening.port, must=listening.must)
    threads = [
        threading.Thread(target=_run_job, args=(job_name, job, stop, failed), name=job_name, daemon=True)
        for job_name, job in jobs.items()
    ]
    for thread in threads:
        thread.start()
    log.info("process_started", jobs=sorted(jobs), health_port=server.port)
    while not stop.wait(0.5):
        if parent_is_gone():
            log.warning("parent_gone")
            stop.set()
    for thread in threads:
        thread.join(GRACE)
    server.close()
    log.info("process_stopped", program=name, failed=failed)
    return 1 if failed else 0


def parent_is_gone() -> bool:
    """Whether the process that asked to be watched is no longer the parent."""
    parent = os.environ.get(PARENT_VARIABLE)
    return parent is not None and os.getppid() != int(parent)


def _run_job(name: str, job: Job, stop: threading.Event, failed: list[str]) -> None:
    try:
        job(stop)
    except Exception:
        log.exception("job_failed", job=name)
        failed.append(name)
        stop.set()
