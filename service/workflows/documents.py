"""Workflows as JSON values, for the API, the command and the audit."""

from typing import Any

from service.domain.actors import Actor
from service.domain.filters import dump_filter
from service.domain.workflows import Workflow
from service.store.audit import Entry


def describe(workflow: Workflow) -> dict[str, Any]:
    """Return a workflow as a document."""
    return {
        "id": workflow.id,
        "name": workflow.name,
        "filter": dump_filter(workflow.filter),
        "marketing": workflow.marketing,
        "re_enrols": workflow.re_enrols,
        "is_on": workflow.is_on,
        "enrols_existing": workflow.enrols_existing,
        "job": workflow.job_id,
        "version": workflow.version,
        "created_at": workflow.created_at.isoformat(),
        "updated_at": workflow.updated_at.isoformat(),
    }


def entry(actor: Actor, action: str, before: Workflow | None, after: Workflow | None) -> Entry:
    """Return the audit's entry for what has changed of a workflow; None where there is none."""
    was, told = (None if each is None else describe(each) for each in (before, after))
    if was is not None and told is not None:
        names = [name for name, value in told.items() if was[name] != value and name != "updated_at"]
        was, told = ({name: each[name] for name in names} for each in (was, told))
    return Entry(str(actor), action, subject(before or after), was, told)


def subject(workflow: Workflow | None) -> str:
    """Return what the audit calls a workflow."""
    return f"workflow:{workflow.id if workflow else ''}"
