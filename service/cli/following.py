"""Shows how far a job is, until it ends."""

import time

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from service.cli.running import EXIT_FAILED
from service.domain.jobs import ENDED, Job, JobState
from service.jobs.asking import find
from service.store.session import Database

LOOK_EVERY = 0.5
"""Seconds."""
WAITS_LONG = 5.0
"""Seconds after which a job that does not go on is spoken of."""

FOLLOW = click.option(
    "--follow/--no-follow", "following", default=True, help="Wait for the job and show how far it is."
)


def follow(database: Database, portal_id: int, job_id: int) -> int:
    """Wait for a job and show how far it is; returns the exit code."""
    job = wait_for(database, portal_id, job_id)
    came_to = ", ".join(f"{name} {number}" for name, number in sorted(job.counts.items()))
    click.echo(f"job {job.id}: {job.state.value}; {came_to or 'nothing'}; {job.problems} could not be done")
    if job.error:
        click.echo(job.error, err=True)
    if job.problems:
        click.echo(f"'marketable job problems --portal {portal_id} {job.id}' says why")
    return exit_code(job)


def exit_code(job: Job) -> int:
    """Return 0 when the job was done."""
    return 0 if job.state is JobState.DONE else EXIT_FAILED


def wait_for(database: Database, portal_id: int, job_id: int) -> Job:
    """Return the job once it has ended."""
    done, moved_at, has_spoken = 0, time.monotonic(), False
    with open_bar() as bar:
        task = bar.add_task(f"job {job_id}", total=None)
        while True:
            job = find(database, portal_id, job_id)
            bar.update(task, description=job.state.value, total=job.total, completed=job.done)
            if job.state in ENDED:
                return job
            if job.done != done:
                done, moved_at = job.done, time.monotonic()
            elif not has_spoken and time.monotonic() - moved_at > WAITS_LONG:
                has_spoken = True
                bar.console.print(
                    f"it is {job.state} and does not go on: is 'marketable up' or 'marketable jobs' running?"
                )
            time.sleep(LOOK_EVERY)


def open_bar() -> Progress:
    """Return a bar for a terminal; elsewhere it shows nothing."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(elapsed_when_finished=True),
    )
    return Progress(*columns, console=console, disable=not console.is_terminal)
