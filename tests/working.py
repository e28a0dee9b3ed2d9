"""Jobs of a test's world, done to their end without a process."""

from service.domain.jobs import ENDED, Job
from service.store import jobs
from service.working import open_runner
from tests.facts import PORTAL
from tests.world import World

MOST_STEPS = 10_000


def work(world: World, job_id: int, portal_id: int = PORTAL) -> Job:
    """Do steps until a job has ended; returns it."""
    runner = open_runner(world.database, world.now, interval=0.01)
    for _ in range(MOST_STEPS):
        with world.database.reading() as connection:
            job = jobs.find(connection, portal_id, job_id)
        assert job is not None
        if job.state in ENDED:
            return job
        assert runner.step(), "nothing to do, and the job has not ended"
    message = f"job {job_id} does not end"
    raise AssertionError(message)
