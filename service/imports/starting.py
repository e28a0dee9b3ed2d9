"""What people and programs do with imports: estimate, start, look at and cancel them."""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

from service.domain.actors import Actor, check_marketing_contacts
from service.domain.jobs import Job, JobState, Problem
from service.domain.portals import Portal
from service.errors import Conflict, InvalidInput, NotFound, UnexpectedNumber
from service.imports.estimating import MARKETING, as_document, estimate
from service.imports.wanted import ESTIMATE, IMPORT, Wanted, WantedFile, check, check_marketing
from service.store import import_files, jobs, portals
from service.store.import_files import ImportFile
from service.store.session import Database

SMALL = 10_000
"""Rows that are gone through while somebody waits; a job does it for more."""
ESTIMATE_HOLDS = timedelta(hours=24)
ESTIMATES = 50
"""Are looked through for one that was made of the same."""
PROBLEMS_AT_ONCE = 1_000


class Imports:
    """The use cases; one instance for any number of calls."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now

    def estimate(self, actor: Actor, portal_id: int, wanted: Wanted) -> dict[str, Any] | Job:
        """Return what an import would come to, or the job that finds it out, for large files."""
        portal, ready = self._prepare(portal_id, wanted)
        if ready.rows <= SMALL:
            return as_document(estimate(self._database, ready, portal, self._now()))
        return self._add(portal_id, ESTIMATE, actor, ready, ready.dump())

    def estimate_now(self, portal_id: int, wanted: Wanted, progress: Callable[[int], None]) -> Counter[str]:
        """Return what an import would come to, however long it takes."""
        portal, ready = self._prepare(portal_id, wanted)
        return estimate(self._database, ready, portal, self._now(), progress)

    def start(
        self,
        actor: Actor,
        portal_id: int,
        wanted: Wanted,
        *,
        expected: int | None = None,
        counted: int | None = None,
    ) -> Job:
        """Start an import; one that sets contacts as marketing has to say how many that will be.

        `counted` is the number of somebody who has just estimated it. Raises UnexpectedNumber, and does nothing, when
        it is another number; Conflict when large files were not estimated; NoMarketingAccess; NotIncluded; NotFound.
        """
        portal, ready = self._prepare(portal_id, wanted)
        request = ready.dump()
        if ready.marketing:
            actor.check_marketing_access()
            check_marketing_contacts(portal)
            check_marketing(ready)
            self._check_number(portal, ready, expected, counted)
            request["expected"] = expected
        return self._add(portal_id, IMPORT, actor, ready, request)

    def find(self, portal_id: int, job_id: int, kind: str = IMPORT) -> Job:
        """Return an import, or an estimate; raises NotFound."""
        with self._database.reading() as connection:
            found = jobs.find(connection, portal_id, job_id)
        if found is None or found.kind != kind:
            raise NotFound("import" if kind == IMPORT else "estimate", job_id)
        return found

    def page(self, portal_id: int, *, before: int | None = None, limit: int = 50) -> list[Job]:
        """Return a portal's imports, the newest first."""
        with self._database.reading() as connection:
            portals.get_portal(connection, portal_id)
            return jobs.page(connection, portal_id, kind=IMPORT, before=before, limit=limit)

    def cancel(self, portal_id: int, job_id: int) -> Job:
        """Stop an import before its next step; what it has done stays. Raises Conflict when it has ended."""
        found = self.find(portal_id, job_id)
        with self._database.writing() as connection:
            if not jobs.ask_to_cancel(connection, portal_id, job_id):
                raise Conflict(f"import {job_id} has ended: it is {found.state}")
        return self.find(portal_id, job_id)

    def problems(
        self, portal_id: int, job_id: int, *, after: int = 0, limit: int = 100
    ) -> list[tuple[int, Problem]]:
        """Return what went wrong, each with its number, from 1."""
        self.find(portal_id, job_id)
        with self._database.reading() as connection:
            return jobs.problems(connection, job_id, after=after, limit=limit)

    def all_problems(self, portal_id: int, job_id: int) -> Iterator[Problem]:
        """Give out everything that went wrong and was kept."""
        after: int | None = 0
        while after is not None:
            page = self.problems(portal_id, job_id, after=after, limit=PROBLEMS_AT_ONCE)
            yield from (problem for _, problem in page)
            after = page[-1][0] if len(page) == PROBLEMS_AT_ONCE else None

    def _prepare(self, portal_id: int, wanted: Wanted) -> tuple[Portal, Wanted]:
        with self._database.reading() as connection:
            portal = portals.get_portal(connection, portal_id)
            found = [self._file(connection, portal_id, file) for file in wanted.files]
        return portal, check(wanted, found)

    @staticmethod
    def _file(connection: Any, portal_id: int, file: WantedFile) -> ImportFile:
        found = import_files.find(connection, portal_id, file.id)
        if found is None:
            raise NotFound("import file", file.id)
        return found

    def _check_number(
        self, portal: Portal, wanted: Wanted, expected: int | None, counted: int | None
    ) -> None:
        if expected is None:
            raise InvalidInput(
                "how many contacts become marketing contacts has to be confirmed",
                field="expected",
                mend="send the number that an estimate says as 'marketing'",
            )
        number = self._number(portal, wanted) if counted is None else counted
        if number != expected:
            raise UnexpectedNumber(expected, number)

    def _number(self, portal: Portal, wanted: Wanted) -> int:
        """Return how many become marketing contacts: counted now, or by the last estimate of the same."""
        if wanted.rows <= SMALL:
            return estimate(self._database, wanted, portal, self._now())[MARKETING]
        since = self._now() - ESTIMATE_HOLDS
        with self._database.reading() as connection:
            made = jobs.page(connection, portal.id, kind=ESTIMATE, limit=ESTIMATES)
        for each in made:
            is_fresh = each.state is JobState.DONE and each.created_at >= since
            if is_fresh and wanted.asks_the_same(each.request):
                return each.counts.get(MARKETING, 0)
        raise Conflict(
            f"the files have {wanted.rows} rows: have an estimate made first, and wait for its end"
        )

    def _add(self, portal_id: int, kind: str, actor: Actor, wanted: Wanted, request: dict[str, Any]) -> Job:
        with self._database.writing() as connection:
            job = jobs.add(connection, portal_id, kind, str(actor), request, self._now(), total=wanted.rows)
            if not import_files.attach(connection, [file.id for file in wanted.files], job.id):
                raise NotFound("import file", " or ".join(str(file.id) for file in wanted.files))
        return job
