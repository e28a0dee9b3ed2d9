"""Jobs and what they could not do."""

from typing import Any

from service.domain.jobs import Job, Problem
from service.instants import iso

INSTANTS = ("created_at", "started_at", "updated_at", "finished_at")


def describe(job: Job) -> dict[str, Any]:
    """Return a job's document, for the API and for commands."""
    return {
        "id": job.id,
        "kind": job.kind,
        "state": job.state.value,
        "actor": job.actor,
        "total": job.total,
        "done": job.done,
        "counts": dict(job.counts),
        "problems": job.problems,
        "error": job.error,
        **{name: iso(getattr(job, name)) for name in INSTANTS},
    }


def describe_problem(number: int, problem: Problem) -> dict[str, Any]:
    """Return a problem's document."""
    names = ("contact_id", "file", "line", "column", "column_name", "reason", "message", "mend")
    return {"number": number, **{name: getattr(problem, name) for name in names}}
