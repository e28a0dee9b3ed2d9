"""Which default stood at an instant, by the history; and which would have stood, had some been set otherwise."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from service.domain.defaults import (
    EXTERNAL_FORMS,
    Subject,
    SubjectKind,
    Value,
    load_value,
    read_subject,
)
from service.domain.model import Source
from service.store import defaults
from service.store.defaults import Noted

SUBJECTS = {
    Source.HUBSPOT_FORM: SubjectKind.FORM,
    Source.EXTERNAL_FORM: SubjectKind.EXTERNAL_FORM,
    Source.CHATFLOW: SubjectKind.CHATFLOW,
}
"""What the default of a submission's source belongs to."""


class Timeline:
    """The defaults of one portal from an instant on.

    What was set before there was a history counts as set for ever.
    """

    def __init__(
        self,
        now: Mapping[Subject, Value],
        entries: Sequence[Noted],
        changes: Mapping[Subject, Value],
    ) -> None:
        """`now` is what stands, `entries` are its changes since the instant, the oldest first."""
        self._now = now
        self._changes = changes
        self._entries: defaultdict[Subject, list[Noted]] = defaultdict(list)
        for entry in entries:
            self._entries[read_subject(entry.subject)].append(entry)

    def was_on(self, subject: Subject, at: datetime) -> bool:
        """Return the default that stood."""
        own = self._own(subject, at)
        if own is not None or subject.kind is not SubjectKind.EXTERNAL_FORM:
            return bool(own)
        return bool(self._own(EXTERNAL_FORMS, at))

    def would_be_on(self, subject: Subject, at: datetime) -> bool | None:
        """Return the default that would have stood; None where the changes don't touch it."""
        if subject in self._changes:
            own = self._changes[subject]
            if own is not None or subject.kind is not SubjectKind.EXTERNAL_FORM:
                return bool(own)
            return bool(self._changes.get(EXTERNAL_FORMS, self._own(EXTERNAL_FORMS, at)))
        is_inherited = subject.kind is SubjectKind.EXTERNAL_FORM and self._own(subject, at) is None
        if is_inherited and EXTERNAL_FORMS in self._changes:
            return bool(self._changes[EXTERNAL_FORMS])
        return None

    def _own(self, subject: Subject, at: datetime) -> Value:
        later = next((entry for entry in self._entries.get(subject, ()) if entry.at > at), None)
        if later is None:
            return self._now.get(subject)
        return load_value(subject, later.before or later.after)


def read_timeline(
    connection: Any, portal_id: int, changes: Mapping[Subject, Value], start: datetime
) -> Timeline:
    """Return the timeline of a portal's defaults from `start` on."""
    now = {kept.subject: kept.own for kept in defaults.list_all(connection, portal_id, with_gone=True)}
    return Timeline(now, defaults.since(connection, portal_id, start), changes)


def subject_of(source: Source, source_id: str) -> Subject:
    """Return what the default of a submission belongs to."""
    return Subject(SUBJECTS[source], source_id)
