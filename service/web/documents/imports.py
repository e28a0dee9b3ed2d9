"""Imports: files, estimates, progress and problems."""

import csv
import io
from collections.abc import Iterable, Iterator
from typing import Any

from service.domain.jobs import Job, JobState, Problem
from service.imports.estimating import as_document
from service.imports.files import guess
from service.store.import_files import ImportFile
from service.web.documents.jobs import describe

COLUMNS = ("file", "line", "column", "column_name", "reason", "message", "mend", "contact_id")
FORMULAS = ("=", "+", "-", "@", "\t", "\r")
"""With what a cell begins that a spreadsheet program would take for a formula."""
COUNTERS = {
    "CREATED_OBJECTS": ("created", "restored"),
    "UPDATED_OBJECTS": ("updated",),
    "PROPERTY_VALUES_EMITTED": ("values",),
    "ERRORS": ("problems",),
}
"""HubSpot's names of counters, each the sum of ours."""


def describe_file(file: ImportFile) -> dict[str, Any]:
    """Return a file's document, for the API and for commands."""
    guesses = guess(file)
    columns = [
        {
            "column": column,
            "name": name,
            "property": guesses[name].property,
            "certainty": guesses[name].certainty.value,
            "why": guesses[name].why,
        }
        for column, name in enumerate(file.header, 1)
        if name
    ]
    return {
        "id": file.id,
        "name": file.name,
        "size": file.size,
        "digest": file.digest,
        "rows": file.rows,
        "columns": columns,
        "mapping": {each["name"]: each["property"] for each in columns if each["property"]},
        "preview": [{"line": line, "cells": cells} for line, cells in file.sample],
        "created_at": file.created_at.isoformat(),
        "job": file.job_id,
    }


def describe_import(job: Job) -> dict[str, Any]:
    """Return an import's document, for the API and for commands."""
    total, counts = job.total or 0, dict(job.counts)
    counters = {name: sum(counts.get(each, 0) for each in ours) for name, ours in COUNTERS.items()}
    request = job.request
    return {
        **{name: value for name, value in describe(job).items() if name != "kind"},
        "name": request["name"],
        "files": [
            {name: file[name] for name in ("id", "name", "rows", "mapping", "other_objects")}
            for file in request["files"]
        ],
        "identified_by": request["identified_by"],
        "operation": request["operation"],
        "marketing": request["marketing"],
        "expected": request.get("expected"),
        "total": total,
        "progress": round(job.done / total, 4) if total else float(job.state is JobState.DONE),
        "counters": {"TOTAL_ROWS": total, **counters},
    }


def describe_estimate(job: Job) -> dict[str, Any]:
    """Return the document of an estimate that a job makes."""
    is_done = job.state is JobState.DONE
    return {
        "job": job.id,
        "state": job.state.value,
        "done": job.done,
        "total": job.total or 0,
        "error": job.error,
        "estimate": as_document(job.counts) if is_done else None,
    }


def as_csv(problems: Iterable[Problem]) -> Iterator[str]:
    """Give out problems as lines of CSV; no cell can pass for a formula."""
    yield ",".join(COLUMNS) + "\r\n"
    for problem in problems:
        line = io.StringIO()
        csv.writer(line).writerow([_cell(getattr(problem, name)) for name in COLUMNS])
        yield line.getvalue()


def _cell(value: object) -> str:
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(FORMULAS) else text
