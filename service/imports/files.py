"""Takes files to import in, shows what is in them, and forgets them.

A file is read once, when it comes; a small text at once, anything else in a process of its own.
"""

import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path

from service.documents import loads
from service.errors import Conflict, InvalidInput, NotFound, Overloaded
from service.imports.reading import REFUSED, Content, read_file, read_parts
from service.imports.wanted import ESTIMATE, IMPORT, reads
from service.providers.vocabulary import meaning_of
from service.spreadsheets import Guess, Row, guess_mapping
from service.spreadsheets.model import LARGEST_FILE
from service.store import import_files, portals
from service.store.import_files import ImportFile
from service.store.session import Database

SMALL = 256 * 1024
"""Bytes of a text that is read at once."""
READING_SECONDS = 900
MOST_READERS = 2
"""Files that one process has read at a time."""
MOST_FILES = 500
"""Of one portal, before some have to go."""
LONGEST_NAME = 255
PARTS_AT_ONCE = 8
BROKEN_AFTER = timedelta(days=1)
AT_ONCE = 100
_ARCHIVE = b"PK\x03\x04"
_KEPT = ("PATH", "HOME", "LANG", "TMPDIR", "SYSTEMROOT", "PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")
"""Variables that a reader is given: none of ours, and so no secret."""
_readers = threading.BoundedSemaphore(MOST_READERS)


class ImportFiles:
    """The use cases; one instance for any number of calls."""

    def __init__(self, database: Database, now: Callable[[], datetime], largest: int = LARGEST_FILE) -> None:
        """`largest` is how many bytes a file may have."""
        self._database = database
        self._now = now
        self.largest = largest

    def take(self, portal_id: int, name: str, path: Path, sheet: str | None = None) -> ImportFile:
        """Read a file and keep its rows; raises InvalidInput when it can't be imported, and keeps nothing then.

        `sheet` names one of a workbook's; without it the first visible one is read.
        """
        size = path.stat().st_size
        self.check_size(size)
        self._check_number(portal_id)
        with tempfile.TemporaryDirectory() as folder:
            parts = Path(folder) / "parts"
            content = _read(path, parts, size, sheet)
            return self._keep(portal_id, _name(name), size, content, parts)

    def check_size(self, size: int) -> None:
        """Raise InvalidInput for a file that is too large."""
        if size > self.largest:
            raise InvalidInput(
                f"the file has more than {self.largest} bytes",
                field="file",
                mend="split it into several files",
            )

    def find(self, portal_id: int, file_id: int) -> ImportFile:
        """Return a file; raises NotFound."""
        with self._database.reading() as connection:
            found = import_files.find(connection, portal_id, file_id)
        if found is None:
            raise NotFound("import file", file_id)
        return found

    def page(self, portal_id: int, *, before: int | None = None, limit: int = 50) -> list[ImportFile]:
        """Return a portal's files, the newest first."""
        with self._database.reading() as connection:
            portals.get_portal(connection, portal_id)
            return import_files.page(connection, portal_id, before=before, limit=limit)

    def delete(self, portal_id: int, file_id: int) -> None:
        """Forget a file; raises Conflict while an import reads it, and NotFound."""
        self.find(portal_id, file_id)
        self._hide(portal_id, file_id)
        self._forget(file_id)

    def purge(self, age: timedelta) -> int:
        """Forget files whose last import ended so long ago, or that had none so long; returns how many."""
        with self._database.writing() as connection:
            import_files.forget_seen(connection)
        number = 0
        while forgotten := self._purge_some(self._now(), age):
            number += forgotten
        return number

    def _purge_some(self, now: datetime, age: timedelta) -> int:
        with self._database.reading() as connection:
            found = import_files.outdated(connection, now - age, now - BROKEN_AFTER, AT_ONCE)
        forgotten = 0
        for portal_id, file_id in found:
            with suppress(Conflict):  # an import has begun to read it since
                self._hide(portal_id, file_id)
                self._forget(file_id)
                forgotten += 1
        return forgotten

    def _hide(self, portal_id: int, file_id: int) -> None:
        """Let no import find the file from now on; those that did before are seen once the file is locked."""
        with self._database.writing() as connection:
            import_files.hide(connection, file_id)
            open_jobs = import_files.readers(connection, portal_id, (IMPORT, ESTIMATE))
            reader = next((number for number, request in open_jobs if reads(request, file_id)), None)
            if reader is not None:
                raise Conflict(f"job {reader} still reads the file; cancel it first")

    def _check_number(self, portal_id: int) -> None:
        with self._database.reading() as connection:
            portals.get_portal(connection, portal_id)
            number = import_files.count(connection, portal_id)
        if number >= MOST_FILES:
            raise Conflict(f"the portal has {number} import files; delete some of them first")

    def _keep(self, portal_id: int, name: str, size: int, content: Content, parts: Path) -> ImportFile:
        values = {**asdict(content), "name": name, "size": size}
        with self._database.writing() as connection:
            file_id = import_files.begin(connection, portal_id, values, self._now())
        try:
            for first, some in _several(read_parts(parts)):
                with self._database.writing() as connection:
                    import_files.add_parts(connection, file_id, first, some)
        except BaseException:
            self._forget(file_id)
            raise
        with self._database.writing() as connection:
            import_files.finish(connection, file_id)
        return self.find(portal_id, file_id)

    def _forget(self, file_id: int) -> None:
        is_gone = False
        while not is_gone:
            with self._database.writing() as connection:
                is_gone = import_files.forget(connection, file_id, PARTS_AT_ONCE)


def guess(file: ImportFile) -> dict[str, Guess]:
    """Return which property each column of a file seems to fill."""
    rows = [Row(line, tuple(cells)) for line, cells in file.sample]
    return guess_mapping(file.header, rows, meaning_of)


def _several(parts: Iterator[bytes]) -> Iterator[tuple[int, list[bytes]]]:
    first = 0
    while some := list(islice(parts, PARTS_AT_ONCE)):
        yield first, some
        first += len(some)


def _name(name: str) -> str:
    """Return the last part of a file's name, as some browsers send whole paths."""
    plain = name.replace("\\", "/").rpartition("/")[2].strip()
    if not plain or len(plain) > LONGEST_NAME or not plain.isprintable():
        raise InvalidInput("the file has no name that can be kept", field="name", mend="name it contacts.csv")
    return plain


def _read(path: Path, parts: Path, size: int, sheet: str | None) -> Content:
    with path.open("rb") as file:
        is_archive = file.read(len(_ARCHIVE)) == _ARCHIVE
    if size <= SMALL and not is_archive:
        return read_file(path, parts, sheet)
    with _one_of_few():
        return _read_elsewhere(path, parts, sheet)


@contextmanager
def _one_of_few() -> Iterator[None]:
    if not _readers.acquire(blocking=False):
        raise Overloaded("other files are being read; send it again in a while")
    try:
        yield
    finally:
        _readers.release()


def _read_elsewhere(path: Path, parts: Path, sheet: str | None) -> Content:
    """Have a process of its own read the file: it may take a minute, and a gigabyte for a workbook."""
    environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
    command = [sys.executable, "-m", "service.imports.reading", str(path), str(parts), sheet or ""]
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter and module
            command, capture_output=True, env=environment, timeout=READING_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise InvalidInput("the file takes too long to read", field="file", mend="split it") from None
    if done.returncode == REFUSED:
        refusal = loads(done.stdout)
        raise InvalidInput(refusal["message"], field=refusal["field"], mend=refusal["mend"])
    if done.returncode != 0:
        # Killed for its memory, as a rule: what it said may hold cells of the file.
        raise InvalidInput("the file can't be read", field="file", mend="save it as CSV (UTF-8), or split it")
    found = loads(done.stdout)
    return Content(**{**found, "header": tuple(found["header"])})
