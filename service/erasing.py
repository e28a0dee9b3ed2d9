"""The job that takes what an erased person has submitted out of the submissions (rule 13)."""

from datetime import datetime
from typing import Any

from service.domain.jobs import Job, Step
from service.jobs.kind import JobKind
from service.store import gone

ERASE = "erase"
PAGE = 20_000


class Eraser(JobKind):
    """Goes through all submissions: there is no index by contact, since each would cost every submission."""

    def step(self, connection: Any, job: Job, now: datetime) -> Step:  # noqa: ARG002
        """Look through the next page."""
        ids = frozenset(job.request["contacts"])
        found, after = gone.page_of_submissions(connection, job.portal_id, ids, job.cursor.get("after"), PAGE)
        gone.erase_submissions(connection, found)
        counts = {"submissions": len(found)}
        return Step(cursor={"after": after}, done=len(found), counts=counts, finished=after is None)
