"""Workflows: they set the marketing status of contacts that come to match a filter (rule 7).

A contact is *looked at* when it changes, and when a workflow goes through those who exist already, once in a
*round*: a round begins when the workflow is switched on, and when its filter or its action changes while it is on.
It is enrolled when it matches, did not match when it was looked at before in this round, and was never enrolled,
or may be enrolled again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from service.domain.filters import Filter
from service.domain.model import Cause, Intent, ReasonType, Source
from service.domain.reading import is_storable
from service.errors import InvalidInput

LONGEST_NAME = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Workflow:
    """A workflow as it was when it was read."""

    id: int
    portal_id: int
    name: str
    filter: Filter
    marketing: bool
    """Whether it raises contacts, or lowers them."""
    re_enrols: bool
    """Whether a contact is enrolled again when it matches again."""
    is_on: bool
    version: int
    """How often it has changed."""
    created_at: datetime
    updated_at: datetime
    round: int = 0
    """What was seen in another round says nothing of this one."""
    enrols_existing: bool = False
    """In this round those who match already are enrolled; else they are only remembered."""
    walked_to: int = 0
    """The number of the contact that going through those who exist has come to."""
    walks_upto: int = 0
    """The number of the newest contact when the round began."""
    job_id: int | None = None
    """The job that goes through them."""

    def has_passed(self, contact_id: int) -> bool:
        """Whether this round has been at a contact; it need not come to one that is newer than the round."""
        return contact_id <= self.walked_to or contact_id > self.walks_upto

    @property
    def cause(self) -> Cause:
        """The cause of the status that it sets."""
        intent = Intent.RAISE if self.marketing else Intent.LOWER
        actor = f"workflow:{self.id}"
        return Cause(intent, Source.WORKFLOW, ReasonType.WORKFLOW, str(self.id), actor=actor)


@dataclass(frozen=True, slots=True)
class Memory:
    """What a workflow knows of one contact."""

    matches: bool
    """When it was last looked at, in `round`."""
    times: int
    """How often it was enrolled, in all rounds."""
    round: int


UNKNOWN = Memory(matches=False, times=0, round=-1)


@dataclass(frozen=True, slots=True)
class Look:
    """What looking at a contact comes to."""

    memory: Memory
    enrols: bool
    is_news: bool
    """Whether the memory has to be kept: without it the next look would come to something else."""


def look(workflow: Workflow, contact_id: int, memory: Memory, *, matches: bool, forced: bool = False) -> Look:
    """Look at a contact that matches, or doesn't; `forced` enrols all that match."""
    is_of_now = memory.round == workflow.round
    has_passed = workflow.has_passed(contact_id)
    if is_of_now:
        before = memory.matches
    elif has_passed or workflow.enrols_existing:
        before = False
    else:
        before = matches
    may = memory.times == 0 or workflow.re_enrols
    enrols = matches and (forced or (may and not before))
    return Look(
        Memory(matches, memory.times + enrols, workflow.round),
        enrols,
        is_news=enrols or matches != before or not (is_of_now or has_passed),
    )


def acting(enrolling: Sequence[Workflow]) -> Workflow | None:
    """Return which of the workflows that enrol a contact at once sets its status: the newest, by number."""
    return max(enrolling, key=lambda workflow: workflow.id, default=None)


def checked_name(name: str) -> str:
    """Return a workflow's name; raises InvalidInput."""
    name = name.strip()
    if not name or len(name) > LONGEST_NAME or not is_storable(name):
        mend = f"give one of 1 to {LONGEST_NAME} printable characters"
        raise InvalidInput("the name can't be kept", field="name", mend=mend)
    return name


def checked_filter(wanted: Filter) -> Filter:
    """Return a workflow's filter; raises InvalidInput for one that takes every contact by mistake."""
    if not wanted.groups:
        mend = "write at least one condition; hs_object_id HAS_PROPERTY is said of all"
        raise InvalidInput("this filter takes every contact", field="filter", mend=mend)
    return wanted
