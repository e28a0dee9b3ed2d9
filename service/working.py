"""Puts together what a process that runs jobs needs."""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from service.brakes.holding import REFUSE_HELD, RELEASE_HELD, HeldSettler
from service.bulk import SET_STATUS, StatusSetter
from service.defaults.whatif import WHAT_IF, WhatIfAsker
from service.erasing import ERASE, Eraser
from service.health import Checks, age_check
from service.imports.applying import Importer
from service.imports.estimating import Estimator
from service.imports.files import ImportFiles
from service.imports.wanted import ESTIMATE, IMPORT
from service.jobs.kind import JobKind
from service.jobs.runner import JobRunner
from service.purge import Purger
from service.store import workflow_due
from service.store.session import Database
from service.views import INDEX_PROPERTY, PropertyIndexer
from service.workflows import ENROL, Enroller, WorkflowRunner

NAME, WORKFLOWS = "jobs", "workflows"
LONG_DUE = 300.0
"""Seconds that a contact may wait for workflows before health warns."""


def open_threads(
    database: Database, now: Callable[[], datetime], interval: float
) -> dict[str, Callable[[threading.Event], None]]:
    """Return what runs in a process that runs jobs, by name: jobs and workflows."""
    return {
        NAME: open_runner(database, now, interval).run,
        WORKFLOWS: WorkflowRunner(database, now, interval).run,
    }


def due_check(database: Database, now: Callable[[], datetime]) -> Checks:
    """Return the check of how long contacts that have changed wait for workflows."""

    def oldest(connection: Any, _now: datetime) -> datetime | None:
        waiting = workflow_due.longest(connection)
        return waiting.since if waiting else None

    return {f"{WORKFLOWS}:age": age_check(database, now, oldest, LONG_DUE)}


def open_runner(database: Database, now: Callable[[], datetime], interval: float) -> JobRunner:
    """Return a runner that knows every kind of job."""
    kinds: dict[str, JobKind] = {
        SET_STATUS: StatusSetter(),
        RELEASE_HELD: HeldSettler(),
        REFUSE_HELD: HeldSettler(),
        ERASE: Eraser(),
        IMPORT: Importer(),
        ESTIMATE: Estimator(),
        ENROL: Enroller(),
        INDEX_PROPERTY: PropertyIndexer(database),
        WHAT_IF: WhatIfAsker(),
    }
    return JobRunner(database, kinds, now, interval)


def open_purger(
    database: Database, now: Callable[[], datetime], delivery_days: int, import_file_days: int
) -> Purger:
    """Return what forgets everything that is kept for a time only."""
    files = ImportFiles(database, now)
    return Purger(database, now, delivery_days, [lambda: files.purge(timedelta(days=import_file_days))])
