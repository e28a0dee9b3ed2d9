"""Imports on a test's world: files of a few lines, and jobs that run when a test says so."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from service.domain.actors import COMMAND, Actor
from service.domain.jobs import Job, Problem
from service.imports.files import ImportFiles
from service.imports.starting import Imports
from service.imports.wanted import ESTIMATE, IMPORT, Operation, Wanted, WantedFile
from service.jobs.runner import JobRunner
from service.providers.vocabulary import meaning_of
from service.spreadsheets import guess_mapping
from service.store import jobs
from service.store.contact_batches import ContactBatch, Person
from service.store.import_files import ImportFile
from service.store.portals import get_portal
from service.working import open_runner
from tests.facts import PORTAL
from tests.world import World

MOST_STEPS = 10_000


class Importing:
    """The use cases of imports, and a runner of jobs that belongs to the test."""

    def __init__(self, world: World, folder: Path) -> None:
        self.world = world
        self.files = ImportFiles(world.database, world.now)
        self.imports = Imports(world.database, world.now)
        self.runner = self.new_runner()
        self._folder = folder

    def new_runner(self) -> JobRunner:
        """Return a runner as another process has it."""
        return open_runner(self.world.database, self.world.now, interval=0.01)

    def take(self, *lines: str, name: str = "contacts.csv", portal: int = PORTAL) -> ImportFile:
        """Upload a file of these lines."""
        return self.take_bytes("\n".join(lines).encode(), name, portal)

    def take_bytes(self, content: bytes, name: str = "contacts.csv", portal: int = PORTAL) -> ImportFile:
        path = self._folder / "upload"
        path.write_bytes(content)
        return self.files.take(portal, name, path)

    def start(
        self,
        *files: ImportFile,
        mapping: Mapping[str, str] | None = None,
        actor: Actor = COMMAND,
        expected: int | None = None,
        portal: int = PORTAL,
        **wanted: Any,
    ) -> Job:
        """Start an import of files, mapped as they seem to be unless a mapping is given."""
        asked = self.wanted(*files, mapping=mapping, **wanted)
        return self.imports.start(actor, portal, asked, expected=expected)

    def wanted(
        self,
        *files: ImportFile,
        mapping: Mapping[str, str] | None = None,
        operation: str = "upsert",
        **wanted: Any,
    ) -> Wanted:
        chosen = tuple(
            WantedFile(id=file.id, mapping=guessed(file) if mapping is None else mapping, other_objects={})
            for file in files
        )
        return Wanted(files=chosen, operation=Operation(operation), **wanted)

    def run(self, *lines: str, **wanted: Any) -> Job:
        """Upload a file, import it to the end, and return the job."""
        return self.finish(self.start(self.take(*lines), **wanted))

    def finish(self, job: Job) -> Job:
        """Run jobs until one has ended."""
        for _ in range(MOST_STEPS):
            if not self.runner.step():
                break
        return self.show(job)

    def show(self, job: Job) -> Job:
        with self.world.database.reading() as connection:
            found = jobs.find(connection, job.portal_id, job.id)
        assert found is not None
        assert found.kind in {IMPORT, ESTIMATE}
        return found

    def problems(self, job: Job) -> list[Problem]:
        return list(self.imports.all_problems(job.portal_id, job.id))

    def reasons(self, job: Job) -> list[str]:
        return [problem.reason for problem in self.problems(job)]

    def person(self, email: str) -> Person:
        """Return the contact that an address leads to."""
        with self.world.database.writing() as connection:
            return ContactBatch(connection, get_portal(connection, PORTAL), self.world.now()).by_email(
                [email]
            )[email]

    def is_marketing(self, *emails: str) -> list[bool]:
        return [self.person(email).standing.is_marketing(self.world.now()) for email in emails]


def guessed(file: ImportFile) -> dict[str, str]:
    """Return the mapping that the names of the columns say."""
    found = guess_mapping(file.header, [], meaning_of)
    return {name: each.property for name, each in found.items() if each.property is not None}


def counted(job: Job, *names: str) -> Sequence[int]:
    """Return what a job has counted."""
    return [job.counts.get(name, 0) for name in names]
