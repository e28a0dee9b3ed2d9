"""What people do with jobs of any kind: look at one, cancel it."""

from service.domain.jobs import Job
from service.errors import Conflict, NotFound
from service.store import jobs
from service.store.session import Database


def find(database: Database, portal_id: int, job_id: int) -> Job:
    """Return the job; raises NotFound."""
    with database.reading() as connection:
        job = jobs.find(connection, portal_id, job_id)
    if job is None:
        raise NotFound("job", job_id)
    return job


def cancel(database: Database, portal_id: int, job_id: int) -> Job:
    """End a job before its next step; what it has done stays. Raises NotFound, and Conflict when it has ended."""
    with database.writing() as connection:
        asked = jobs.ask_to_cancel(connection, portal_id, job_id)
    job = find(database, portal_id, job_id)
    if not asked:
        raise Conflict(f"job {job_id} has ended already: {job.state}")
    return job
