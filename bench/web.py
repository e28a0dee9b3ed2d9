"""Submissions per second: the service against the empty view and the hand-written version, round by round."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

from bench import accounts, rival
from bench.load import LoadResult, run_load
from bench.plan import MOST_RATE, Plan
from bench.processes import WebServer
from bench.report import Bar, Figure, Report, Section, ratio
from bench.stage import Stage, furnish, say
from bench.traffic import KNOWN_CONTACTS, Traffic
from bench.trivial import trivial_server

OURS, EMPTY, WRITTEN = "marketable", "empty view", "hand-written"
APPLICATION, EMPTY_APPLICATION = "service.app:create_app()", "bench.empty:create_app()"
SETTLE_CONNECTIONS = 8

FIRST_BARS = {EMPTY: (Bar(0.4, "bar"),), WRITTEN: (Bar(4, "bar"),)}
GOALS_WRITTEN = (*FIRST_BARS[WRITTEN], Bar(7, "goal"), Bar(9, "stretch"))
GOALS_P99 = (Bar(0.7, "goal", at_most=True), Bar(0.5, "stretch", at_most=True))
GOALS_EMPTY = {
    32: (*FIRST_BARS[EMPTY], Bar(0.5, "goal"), Bar(0.6, "stretch")),
    64: (*FIRST_BARS[EMPTY], Bar(0.6, "goal"), Bar(0.7, "stretch")),
}


@dataclass(slots=True)
class Target:
    """A server under load, and how many of its answers were 200 so far."""

    name: str
    server: WebServer
    traffic: Traffic = field(default_factory=Traffic)
    accepted: int = 0


@dataclass(frozen=True, slots=True)
class Load:
    """The conditions of one table, and what its ratios are held against."""

    title: str
    connections: int
    existing: bool = False
    """Whether four in five submissions come from contacts that are there already."""
    to_empty: Sequence[Bar] = ()
    to_written: Sequence[Bar] = ()
    p99: Sequence[Bar] = ()


Results = dict[str, list[LoadResult]]


def measure_postgresql(stage: Stage, plan: Plan, report: Report) -> None:
    """Measure all three on PostgreSQL, then prove that nothing acknowledged is missing."""
    ours, written = stage.postgres_database(), stage.postgres_database()
    database = furnish(ours)
    with ExitStack() as stack:
        stack.callback(stage.drop, ours)
        stack.callback(stage.drop, written)
        stack.callback(database.dispose)
        settings = {"MARKETABLE_DATABASE_URL": ours}
        servers = ExitStack()
        stack.enter_context(servers)
        targets = [
            Target(EMPTY, _start(stage, servers, EMPTY, EMPTY_APPLICATION, plan.workers, **settings)),
            Target(OURS, _start(stage, servers, OURS, APPLICATION, plan.workers, **settings)),
        ]
        chosen, note = rival.start_better(stage, servers, written, plan)
        agreed = accounts.compare(targets[1].server.port, chosen.port, database, written, report)
        targets.append(Target(WRITTEN, chosen))
        bench = _Bench(plan, report, targets)
        bench.settle()
        for load in _postgresql_loads(plan):
            bench.measure(load).notes.append(note)
        servers.close()
        by_rival = accounts.rival_rows(written)
        section = Section("Nothing acknowledged is lost, on PostgreSQL")
        report.sections.append(section)
        section.notes.append(agreed)


def _postgresql_loads(plan: Plan) -> list[Load]:
    loads = [
        Load(
            f"Submissions on PostgreSQL, {connections} connections, new contacts",
            connections,
            to_empty=GOALS_EMPTY[connections],
            to_written=GOALS_WRITTEN,
            p99=GOALS_P99,
        )
        for connections in plan.connections
    ]
    title = f"Submissions on PostgreSQL, {plan.connections[0]} connections, 80 % existing contacts"
    bars = (FIRST_BARS[EMPTY], FIRST_BARS[WRITTEN])
    return [*loads, Load(title, plan.connections[0], True, *bars)]
