"""The command `job`."""

import click

from service.cli.following import follow
from service.cli.opening import open_database
from service.cli.running import JSON, NUMBER, PORTAL
from service.cli.tables import show
from service.documents import dumps
from service.jobs import asking
from service.store import jobs
from service.web.documents.jobs import describe, describe_problem

JOB = click.argument("job_id", type=NUMBER)
LIMIT = click.option("--limit", type=click.IntRange(1, 100_000), default=50, show_default=True)


@click.group()
def job() -> None:
    """Look at imports and other long work, and cancel it."""


@job.command(name="list")
@PORTAL
@LIMIT
@JSON
def list_all(portal_id: int, limit: int, *, as_json: bool) -> None:
    """List a portal's jobs, the newest first."""
    with open_database().reading() as connection:
        found = jobs.page(connection, portal_id, limit=limit)
    rows = [
        {
            "id": each.id,
            "kind": each.kind,
            "state": each.state.value,
            "done": f"{each.done}/{'?' if each.total is None else each.total}",
            "problems": each.problems,
            "actor": each.actor,
            "created_at": each.created_at.isoformat(),
        }
        for each in found
    ]
    show(rows, as_json=as_json, nothing="there are no jobs")


@job.command(name="show")
@PORTAL
@JOB
def show_one(portal_id: int, job_id: int) -> None:
    """Print a job as JSON."""
    click.echo(dumps(describe(asking.find(open_database(), portal_id, job_id))))


@job.command()
@PORTAL
@JOB
def wait(portal_id: int, job_id: int) -> int:
    """Wait for a job and show how far it is."""
    return follow(open_database(), portal_id, job_id)


@job.command()
@PORTAL
@JOB
def cancel(portal_id: int, job_id: int) -> None:
    """Cancel a job before its next step; what it has done stays."""
    asking.cancel(open_database(), portal_id, job_id)
    click.echo(f"job {job_id} will be cancelled")


@job.command()
@PORTAL
@JOB
@LIMIT
@JSON
def problems(portal_id: int, job_id: int, limit: int, *, as_json: bool) -> None:
    """List what a job could not do, and what to do about it."""
    database = open_database()
    asking.find(database, portal_id, job_id)
    with database.reading() as connection:
        found = jobs.problems(connection, job_id, limit=limit)
    rows = [describe_problem(number, problem) for number, problem in found]
    show(rows, as_json=as_json, nothing="everything could be done")
