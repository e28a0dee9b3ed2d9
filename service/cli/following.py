"""Shows how far a job is, until it ends."""

import time

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from service.domain.jobs import ENDED, Job, JobState
from service.errors import NotFound
from service.store import jobs
from service.store.session import Database

LOOK_EVERY = 0.5
"""Seconds."""
WAITS_LONG = 5.0
"""Seconds after which a job that nobody takes up is spoken of."""


def follow(database: Database, portal_id: int, job_id: int) -> int:
    """Wait for a job and show how far it is; returns 0 when it was done, else 1."""
    job = _show_progress(database, portal_id, job_id)
    came_to = ", ".join(f"{name} {number}" for name, number in sorted(job.counts.items()))
    click.echo(f"job {job.id}: {job.state.value}; {came_to or 'nothing'}; {job.problems} could not be done")
    if job.error:
        click.echo(job.error, err=True)
    if job.problems:
        click.echo(f"'marketable job problems --portal {portal_id} {job.id}' says why")
    return 0 if job.state is JobState.DONE else 1


def find(database: Database, portal_id: int, job_id: int) -> Job:
    """Return the job; raises NotFound."""
    with database.reading() as connection:
        job = jobs.find(connection, portal_id, job_id)
    if job is None:
        raise NotFound("job", job_id)
    return job


def _show_progress(database: Database, portal_id: int, job_id: int) -> Job:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(elapsed_when_finished=True),
    )
    began, has_spoken = time.monotonic(), False
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(f"job {job_id}", total=None)
        while True:
            job = find(database, portal_id, job_id)
            progress.update(task, description=job.state.value, total=job.total, completed=job.done)
            if job.state in ENDED:
                return job
            if job.started_at is None and not has_spoken and time.monotonic() - began > WAITS_LONG:
                has_spoken = True
                progress.console.print(
                    "nobody has taken it up yet: is 'marketable up' or 'marketable jobs' running?"
                )
            time.sleep(LOOK_EVERY)
