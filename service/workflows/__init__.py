"""Workflows: contacts that come to match a filter are raised or lowered; on each change, and on demand (rule 7).

Guarantees: a contact that changes is looked at after that change, however often a runner is killed in between; what
a workflow sets is no change that workflows are run on, so one change of a contact leads to one status change by
workflows at the most, and no loop is possible; nobody who exists already is enrolled unless the caller has said how
many status changes that is.
"""

from service.workflows.changing import Changes, Told, Workflows
from service.workflows.documents import describe
from service.workflows.enrolling import ENROL, Enroller
from service.workflows.foresight import Draft, Foresight
from service.workflows.running import WorkflowRunner

__all__ = [
    "ENROL",
    "Changes",
    "Draft",
    "Enroller",
    "Foresight",
    "Told",
    "WorkflowRunner",
    "Workflows",
    "describe",
]
