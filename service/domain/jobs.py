"""Long work that is done in steps: its states, what it has come to, and what went wrong in it."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from service.domain.model import Verdict


class JobState(enum.StrEnum):
    """Where a job is, named as HubSpot names the states of imports."""

    STARTED = "STARTED"
    """It waits for its first step."""
    PROCESSING = "PROCESSING"
    DONE = "DONE"
    FAILED = "FAILED"
    """It can't go on; what it has done stays."""
    CANCELED = "CANCELED"
    """Somebody stopped it; what it has done stays."""
    DEFERRED = "DEFERRED"
    """It waits until others of its kind have ended."""


ENDED = frozenset({JobState.DONE, JobState.FAILED, JobState.CANCELED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that a job could not do, and what to do about it."""

    reason: str
    """A slug."""
    message: str
    mend: str
    contact_id: int | None = None
    file: str | None = None
    line: int | None = None
    """From 1, the header's."""
    column: int | None = None
    """From 1."""
    column_name: str | None = None


def held_problem(contact_id: int) -> Problem:
    """Return what a job says of a contact whose raise the brake holds."""
    return Problem(
        contact_id=contact_id,
        reason=Verdict.HELD.value,
        message="the brake holds this contact's raise",
        mend="release it, or raise the limit",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job as it was when it was read."""

    id: int
    portal_id: int
    kind: str
    state: JobState
    actor: str
    request: Mapping[str, Any]
    """What was asked for; JSON values."""
    cursor: Mapping[str, Any]
    """How far it has come; only its kind knows what is in it."""
    total: int | None
    """Units to do, None while nobody knows."""
    done: int
    counts: Mapping[str, int]
    """What the units came to, by slug."""
    problems: int
    error: str
    """Why it failed, for people."""
    cancel_asked: bool
    created_at: datetime
    started_at: datetime | None
    updated_at: datetime
    finished_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What one step of a job came to."""

    cursor: Mapping[str, Any]
    done: int
    """Units that this step did; fewer than 0 when work has to begin anew."""
    counts: Mapping[str, int] = field(default_factory=dict)
    """Added to the job's."""
    problems: tuple[Problem, ...] = ()
    total: int | None = None
    """Set when it is known from now on."""
    finished: bool = False
