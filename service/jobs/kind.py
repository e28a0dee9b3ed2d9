"""What a kind of job is."""

from abc import ABC, abstractmethod
from datetime import datetime
from typing import Any

from service.domain.jobs import Job, Step


class JobKind(ABC):
    """Does one kind of job; one instance for one runner, which is one thread."""

    most_at_once: int | None = None
    """How many of one portal may run; others are deferred. None is any number."""

    @abstractmethod
    def step(self, connection: Any, job: Job, now: datetime) -> Step:
        """Do the next few units in the transaction of `connection`, on from `job.cursor`.

        All that it does it does in this transaction, so a step that is broken off was never there. A step takes a
        tenth of a second or less: on SQLite nobody else writes meanwhile. Raises InvalidInput and other errors of
        ours for a job that can't go on, which fails it with their words.
        """

    def end(self, connection: Any, job: Job) -> None:  # noqa: B027 - most have nothing to do
        """Do what belongs to the end of a job, well or not, in the transaction in which it ends."""

    def forget(self, job: Job) -> None:  # noqa: B027 - most have nothing to let go of
        """Let go of what was kept in memory for a job that has ended."""
