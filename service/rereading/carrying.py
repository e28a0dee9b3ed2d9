"""The use case: the preview and the carrying out go the same way, and differ in their last step only."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

from service.billing import bill
from service.configuration import Configuration
from service.domain.endpoints import ExternalForm
from service.domain.identity import Known
from service.domain.model import NEVER_MARKETING, Default, Fact, Recorded, Standing, Stint
from service.domain.planning import Findings, Group, plan
from service.domain.rereading import SPOKEN
from service.endpoints import check_mapping
from service.errors import NotFound
from service.intake import Intake
from service.rereading.summary import Asked, Summary, sum_up
from service.rereading.walk import Found, Walk, key_of
from service.store import external_forms
from service.store import rereading as store
from service.store.rereading import Scratch
from service.store.session import Database

PAGE = 500
Progress = Callable[[int], None]
"""Called after each page with how many submissions were looked at."""


class _Configuration(Configuration):
    """The configuration, in which no default speaks for the facts that are named silent."""

    silent: frozenset[str] = frozenset()

    def default_of(self, fact: Fact) -> Default:
        found = super().default_of(fact)
        return replace(found, on=False) if fact.submission_id in self.silent else found


class Rereading:
    """Reads again; an instance for one thread."""

    def __init__(self, database: Database, now: Callable[[], datetime], *, page: int = PAGE) -> None:
        self._database = database
        self._configuration = _Configuration(database)
        self._now = now
        self._page = page

    def preview(self, asked: Asked, progress: Progress | None = None) -> Summary:
        """Return what `carry_out` would do, and write nothing; raises NotFound and InvalidInput."""
        with Scratch() as scratch:
            return self._walk(asked, scratch, lambda found: self._decide(found, scratch), progress)

    def carry_out(self, asked: Asked, progress: Progress | None = None) -> Summary:
        """Record what reads differently; raises NotFound, InvalidInput, and whatever it had to stop for."""
        intake = Intake(self._database, self._configuration, self._now)
        try:
            with Scratch() as scratch:
                return self._walk(asked, scratch, lambda found: _record(intake, found), progress)
        finally:
            intake.close()

    def number_of(self, asked: Asked, most: int) -> int:
        """Return how many submissions are looked at, `most` if there are more; raises NotFound."""
        form = self._form(asked)
        with self._database.reading() as connection:
            return store.count(connection, form.id, since=asked.since, most=most)

    def _walk(
        self,
        asked: Asked,
        scratch: Scratch,
        settle: Callable[[Sequence[Found]], Sequence[Recorded]],
        progress: Progress | None,
    ) -> Summary:
        form = self._form(asked)
        mapping = dict(form.mapping if asked.mapping is None else asked.mapping)
        check_mapping(mapping)
        now_billed = bill(self._database, form.portal_id, self._now())
        summary = Summary(form_id=form.id, mapping=mapping, bill=now_billed)
        self._note_readings(form, scratch)
        walk = Walk(form, mapping, scratch, self._now)
        before: str | None = None
        while True:
            with self._database.reading() as connection:
                kept = store.page(connection, form.id, before=before, since=asked.since, limit=self._page)
                found = walk.look(connection, kept)
            self._configuration.silent = frozenset(
                each.fact.submission_id for each in found if each.fact and each.change in SPOKEN
            )
            outcomes = {outcome.submission_id: outcome for outcome in settle(found)}
            sum_up(summary, found, outcomes, asked.examples)
            if progress is not None:
                progress(summary.submissions)
            if len(kept) < self._page:
                return summary
            before = kept[-1].id

    def _form(self, asked: Asked) -> ExternalForm:
        with self._database.reading() as connection:
            found = external_forms.find(connection, asked.form_id)
        if found is None or found.portal_id != asked.portal_id:
            raise NotFound("form", asked.form_id)
        return found

    def _note_readings(self, form: ExternalForm, scratch: Scratch) -> None:
        after: str | None = None
        while True:
            with self._database.reading() as connection:
                found = store.rereadings(connection, form.id, after=after, limit=self._page)
            scratch.note_readings(found)
            if len(found) < self._page:
                return
            after = found[-1][1]

    def _decide(self, found: Sequence[Found], scratch: Scratch) -> list[Recorded]:
        """Return what recording would come to: the same decision, on the contact as this walk leaves it."""
        return [self._foresee(each, each.fact, scratch) for each in found if each.fact is not None]

    def _foresee(self, found: Found, fact: Fact, scratch: Scratch) -> Recorded:
        now, key = self._now(), key_of(fact.email or "")
        note = scratch.note_of(key)
        known = found.person.known if found.person else None
        if known is None and not found.is_made:
            known = Known(0, 1, fact.email, NEVER_MARKETING)
        if known is not None and note.is_raised:
            raised = Stint(1, now, None, fact.reason_type, fact.source_id)
            known = replace(known, standing=Standing(raised, known.standing.version + 1))
        configuration = self._configuration
        planned = plan(
            Group(fact.portal_id, fact.email, None, (fact,)),
            Findings(by_email=known),
            configuration.default_of,
            lambda portal_id: configuration.update_date(portal_id, now),
            now,
        )
        scratch.note(key, replace(note, is_raised=note.is_raised or bool(planned.changes)))
        return Recorded(fact.submission_id, planned.verdicts[0], known.contact_id if known else None)


def _record(intake: Intake, found: Sequence[Found]) -> list[Recorded]:
    """Record a page; raises what kept a fact from being recorded, after the others were."""
    outcomes = [outcome for _, outcome in intake.record([each.fact for each in found if each.fact])]
    for outcome in outcomes:
        if isinstance(outcome, Exception):
            raise outcome
    return [outcome for outcome in outcomes if isinstance(outcome, Recorded)]
