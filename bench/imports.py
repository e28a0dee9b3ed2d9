"""Rows of an import per second, from the file to contacts on PostgreSQL, and the memory that it takes.

Against it, on the same server in the same run: what a team writes by hand, a SELECT and an INSERT or UPDATE for each
row in transactions of 500; and COPY as the limit of what the server takes; both into a table like `contact`.
"""

import csv
import itertools
import json
import re
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg
from sqlalchemy.engine import make_url

from bench.plan import Plan
from bench.processes import Program, wait_for
from bench.report import Bar, Figure, Report, Section, ratio
from bench.stage import Stage, furnish, say
from bench.traffic import PORTAL_ID
from service.domain.actors import COMMAND
from service.domain.jobs import ENDED, Job, JobState
from service.imports.files import ImportFiles
from service.imports.starting import Imports
from service.imports.wanted import Wanted, WantedFile
from service.instants import utc_now
from service.store.import_files import ImportFile
from service.store.session import Database
from tests.services.postgres import libpq_url

JOBS = (sys.executable, "-c", "from service.cli import main; main()", "jobs")
MAPPING = {
    "Email": "email",
    "First name": "firstname",
    "Last name": "lastname",
    "Company": "company",
    "Job title": "jobtitle",
    "Phone": "phone",
}
SAMPLE = 20_000
"""Rows that the loop by hand is given: it would take an hour for a million on a slow day."""
COMMIT_EVERY = 500
PATIENCE = 3_600.0
FASTER = (Bar(3.0, "bar"),)
TABLE = """
    CREATE TABLE by_hand (LIKE contact INCLUDING ALL);
    ALTER TABLE by_hand ALTER created_at SET DEFAULT now(), ALTER updated_at SET DEFAULT now(),
        ALTER version SET DEFAULT 1, ALTER status_version SET DEFAULT 0, ALTER stint SET DEFAULT 0
"""


def measure(stage: Stage, plan: Plan, report: Report) -> None:
    """Measure a new file, and the same again, which changes nothing; then the loop by hand and COPY."""
    with ExitStack() as stack:
        url = stage.postgres_database()
        stack.callback(stage.drop, url)
        database = furnish(url)
        stack.callback(database.dispose)
        path = stage.folder("imports") / "contacts.csv"
        _write(path, plan.import_rows)
        file, reading = _timed_upload(database, path)
        notes: list[str] = []
        with Program(
            stage, "jobs", JOBS, MARKETABLE_DATABASE_URL=url, MARKETABLE_HEALTH_PORT=stage.port()
        ) as jobs:
            created = _import(database, file, jobs, notes, report)
            unchanged = _import(database, file, jobs, notes, report)
        by_hand, copied = _by_hand(url, path), _copy(url, path)
        figures = [
            Figure("reading the file at its upload", (reading,)),
            Figure("import that creates", (created,)),
            Figure("import of the same, which changes nothing", (unchanged,)),
            Figure(f"by hand, creating {SAMPLE} rows one by one", (by_hand,)),
            Figure("COPY into the same table", (copied,)),
            ratio("import that creates / by hand", [created], [by_hand], FASTER),
            ratio("import that creates / COPY", [created], [copied]),
        ]
        title = f"Import of a CSV file of {plan.import_rows} rows on PostgreSQL, rows per second"
        report.sections.append(Section(title, figures, [*notes, stage.watch.note()], stage.watch.was_quiet))


def _write(path: Path, number: int) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.write(",".join(MAPPING) + "\n")
        for serial in range(number):
            file.write(
                f"import.{serial:08d}@mail.example.com,Hedwig,Lichtenberg,Lichtenberg & Daughters,"
                f"Head of purchasing,+49 30 {serial:08d}\n"
            )


def _timed_upload(database: Database, path: Path) -> tuple[ImportFile, float]:
    began = time.perf_counter()
    file = ImportFiles(database, utc_now).take(PORTAL_ID, path.name, path)
    rate = file.rows / (time.perf_counter() - began)
    say(f"imports: read {rate:.0f} rows/s")
    return file, rate


def _import(
    database: Database, file: ImportFile, program: Program, notes: list[str], report: Report
) -> float:
    imports = Imports(database, utc_now)
    wanted = Wanted(files=(WantedFile(id=file.id, mapping=MAPPING, other_objects={}),))
    began = imports.start(COMMAND, PORTAL_ID, wanted)

    def now() -> Job:
        return imports.find(PORTAL_ID, began.id)

    wait_for("the import ends", PATIENCE, [program], lambda: now().state in ENDED)
    job = now()
    if job.state is not JobState.DONE or job.done != file.rows:
        report.problems.append(f"imports: {job.state} after {job.done} of {file.rows} rows: {job.error}")
    assert job.started_at is not None  # noqa: S101 - it has ended
    assert job.finished_at is not None  # noqa: S101 - it has ended
    rate = job.done / max(0.001, (job.finished_at - job.started_at).total_seconds())
    counts = json.dumps(dict(job.counts), sort_keys=True)
    notes.append(f"{counts}; the jobs process has taken {_peak(program.pid):.0f} MB at the most")
    say(f"imports: {rate:.0f} rows/s, {notes[-1]}")
    return rate


def _peak(pid: int) -> float:
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(encoding="ascii"))
    return int(found[1]) / 1024 if found else float("nan")


def _connect(url: str) -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(libpq_url(make_url(url).render_as_string(hide_password=False)))


def _rows(path: Path) -> Iterator[tuple[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            properties = {MAPPING[name]: value for name, value in row.items() if value}
            yield properties["email"], json.dumps(properties)


def _by_hand(url: str, path: Path) -> float:
    """Do what a script does: look each contact up, then make or change it."""
    with _connect(url) as connection, connection.cursor() as cursor:
        for statement in TABLE.split(";"):
            cursor.execute(statement)
        connection.commit()
        began, number = time.perf_counter(), 0
        for number, (email, properties) in enumerate(itertools.islice(_rows(path), SAMPLE), start=1):
            cursor.execute("SELECT id FROM by_hand WHERE portal_id = %s AND email = %s", (PORTAL_ID, email))
            found = cursor.fetchone()
            if found is None:
                insert = "INSERT INTO by_hand (portal_id, email, properties) VALUES (%s, %s, %s)"
                cursor.execute(insert, (PORTAL_ID, email, properties))
            else:
                update = "UPDATE by_hand SET properties = properties || %s, updated_at = now() WHERE id = %s"
                cursor.execute(update, (properties, found[0]))
            if number % COMMIT_EVERY == 0:
                connection.commit()
        connection.commit()
        rate = number / (time.perf_counter() - began)
    say(f"imports: by hand {rate:.0f} rows/s")
    return rate


def _copy(url: str, path: Path) -> float:
    """Send all rows in one COPY: no look-up, no rules, nothing to go on from."""
    with _connect(url) as connection, connection.cursor() as cursor:
        cursor.execute("TRUNCATE by_hand")
        began, number = time.perf_counter(), 0
        with cursor.copy("COPY by_hand (portal_id, email, properties) FROM STDIN") as copy:
            for email, properties in _rows(path):
                number += 1
                copy.write_row((PORTAL_ID, email, properties))
        connection.commit()
        rate = number / (time.perf_counter() - began)
    say(f"imports: COPY {rate:.0f} rows/s")
    return rate
