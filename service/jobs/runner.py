"""Takes up jobs and does them step by step; any number of runners, in any number of processes, may run.

Guarantees: a step's work and the job's progress commit together, so a kill at any instant does no unit twice and
leaves none out; open jobs take turns; a job that fails, fails alone.
"""

import threading
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import structlog

from service.domain.jobs import Job, JobState
from service.errors import MarketableError, Unavailable
from service.jobs.kind import JobKind
from service.observe import JOB_UNITS, JOBS
from service.store import jobs
from service.store.session import Database

BREATH = 0.007
"""Seconds between two steps on SQLite: longer than writers who wait for its lock sleep between two tries."""
UNKNOWN_KIND = "nobody here knows how to do this kind of job; is a newer version running elsewhere?"

log = structlog.get_logger()


class JobRunner:
    """For one thread."""

    def __init__(
        self, database: Database, kinds: Mapping[str, JobKind], now: Callable[[], datetime], interval: float
    ) -> None:
        """`interval` is how many seconds pass between looks for new jobs."""
        self._database = database
        self._kinds = kinds
        self._now = now
        self._interval = interval

    def run(self, stop: threading.Event) -> None:
        """Do jobs until `stop`."""
        while not stop.is_set():
            try:
                did = self.step()
            except Unavailable as error:
                log.warning("jobs_paused", reason=error.reason)
                did = False
            breath = BREATH if self._database.is_sqlite else 0.0
            stop.wait(breath if did else self._interval)

    def step(self) -> bool:
        """Do one step of the job that has waited longest; False when there was nothing to do."""
        with self._database.reading() as connection:
            if not jobs.has_work(connection):
                return False
        deferred: set[int] = set()
        job: Job | None = None
        try:
            with self._database.writing() as connection:
                while (job := jobs.claim(connection, deferred)) is not None:
                    if self._advance(connection, job):
                        break
                    deferred.add(job.id)
        except Unavailable:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, the other jobs have nothing to do with it
            self._fail(job, error)
        return job is not None

    def _advance(self, connection: Any, job: Job) -> bool:
        """Bring a claimed job on by a step, or to its end; False when it has to wait for others."""
        now, kind = self._now(), self._kinds.get(job.kind)
        if job.cancel_asked:
            self._end(connection, job, JobState.CANCELED, now)
        elif kind is None:
            self._end(connection, job, JobState.FAILED, now, error=UNKNOWN_KIND)
        elif kind.most_at_once is not None and jobs.in_front(connection, job) >= kind.most_at_once:
            if job.state is not JobState.DEFERRED:
                jobs.set_state(connection, job, JobState.DEFERRED, now)
            return False
        else:
            step = kind.step(connection, job, now)
            jobs.keep_step(connection, job, step, now)
            JOB_UNITS.labels(job.kind).inc(max(step.done, 0))
            if step.finished:
                self._ended(connection, job, JobState.DONE)
        return True

    def _end(self, connection: Any, job: Job, state: JobState, now: datetime, **values: str) -> None:
        jobs.set_state(connection, job, state, now, **values)
        self._ended(connection, job, state)

    def _fail(self, job: Job | None, error: Exception) -> None:
        """End a job whose step can't be done; what it did before stays."""
        if job is None:
            raise error
        ours = isinstance(error, MarketableError)
        if not ours:
            # No traceback: it may hold personal data.
            log.error("job_step_failed", job_id=job.id, kind=job.kind, error=type(error).__name__)
        told = (
            str(error) if ours else f"the fault is on this side ({type(error).__name__}) and has been logged"
        )
        with self._database.writing() as connection:
            self._end(connection, job, JobState.FAILED, self._now(), error=told)

    def _ended(self, connection: Any, job: Job, state: JobState) -> None:
        JOBS.labels(job.kind, state.value).inc()
        log.info("job_ended", job_id=job.id, kind=job.kind, portal_id=job.portal_id, state=state.value)
        kind = self._kinds.get(job.kind)
        if kind is not None:
            kind.end(connection, job)
            kind.forget(job)
