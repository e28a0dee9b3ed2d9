"""Measures throughput as ratios: `python -m bench`, or `make bench`; `docs/benchmarks.md` explains it."""

import argparse
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import kombu
import psycopg

from bench import hooks, imports, pipe, scale, web
from bench.machine import Watch
from bench.plan import FULL, QUICK, Plan
from bench.report import Report
from bench.stage import Stage, open_stage, say
from config import logs

WEB, HOOKS, RELAY, CONSUMER, IMPORTS, SCALE = "web", "hooks", "relay", "consumer", "imports", "scale"
PARTS = (WEB, HOOKS, RELAY, CONSUMER, IMPORTS, SCALE)
OF_THE_PIPE = (None, RELAY, CONSUMER)
INTERRUPTED = 130


def main(arguments: Sequence[str]) -> int:
    """Measure what is asked for; returns 0 when all of it could be measured and nothing went wrong."""
    options = _read(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    logs.configure("error", "console", "bench")
    report, began = Report(), time.monotonic()
    plan = QUICK if options.quick else FULL
    if options.rows:
        plan = replace(plan, import_rows=options.rows)
    if options.contacts:
        plan = replace(plan, contacts=options.contacts)
    try:
        with open_stage(Watch(plan.patience if options.patience is None else options.patience)) as stage:
            _describe(stage, report)
            _measure(stage, options.only, plan, report)
    except KeyboardInterrupt:
        say("interrupted; what was started is stopped, what was made is removed")
        return INTERRUPTED
    report.seconds = time.monotonic() - began
    print(report.text())
    if options.json:
        report.save(options.json)
    return 1 if report.problems else 0


def _read(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measures throughput as ratios.")
    parser.add_argument("--only", choices=PARTS, help="measure one part")
    parser.add_argument("--quick", action="store_true", help="shorter and less certain: under a minute")
    parser.add_argument(
        "--rows", type=int, metavar="NUMBER", help="of the file to import; a million if left out"
    )
    parser.add_argument(
        "--contacts",
        type=int,
        metavar="NUMBER",
        help="of the portal that is asked about; 5000000 is the proof",
    )
    parser.add_argument("--patience", type=float, metavar="SECONDS", help="wait for a quiet machine, in all")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers to a file as well")
    return parser.parse_args(arguments)


def _describe(stage: Stage, report: Report) -> None:
    report.problems += stage.missing
    report.versions["Python"] = sys.version.split()[0]
    for server in (stage.postgres, stage.rabbitmq):
        if server is not None:
            report.versions[server.product] = server.version
    report.versions |= {"psycopg": psycopg.__version__, "kombu": kombu.__version__}


def _measure(stage: Stage, only: str | None, plan: Plan, report: Report) -> None:
    if only in {None, WEB}:
        _attempt("load generator", report, lambda: web.measure_generator(plan, report))
        if stage.postgres is not None:
            _attempt("submissions on PostgreSQL", report, lambda: web.measure_postgresql(stage, plan, report))
        _attempt("submissions on SQLite", report, lambda: web.measure_sqlite(stage, plan, report))
    if only in {None, HOOKS} and stage.postgres is not None:
        _attempt("deliveries of other tools", report, lambda: hooks.measure(stage, plan, report))
    if only in OF_THE_PIPE and stage.postgres is not None and stage.rabbitmq is not None:
        _attempt("relay and consumer", report, lambda: _measure_pipe(stage, only, plan, report))
    if only in {None, IMPORTS} and stage.postgres is not None:
        _attempt("imports", report, lambda: imports.measure(stage, plan, report))
    if only in {None, SCALE} and stage.postgres is not None:
        _attempt("many contacts", report, lambda: scale.measure(stage, plan, report))


def _measure_pipe(stage: Stage, only: str | None, plan: Plan, report: Report) -> None:
    with pipe.open_pipe(stage, plan) as opened:
        if only in {None, RELAY}:
            pipe.measure_relay(opened, plan, report)
        if only in {None, CONSUMER}:
            pipe.measure_consumer(opened, plan, report)


def _attempt(part: str, report: Report, measure: Callable[[], None]) -> None:
    """Go on with the other parts when one fails."""
    try:
        measure()
    except Exception as error:  # noqa: BLE001 - whatever it is, it belongs into the report
        say(traceback.format_exc(limit=-4))
        report.problems.append(f"{part}: {type(error).__name__}: {str(error).strip()}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
