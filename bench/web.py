"""Submissions per second: the service against the empty view and the hand-written version, round by round."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

from bench import accounts, rival
from bench.load import LoadResult, run_load
from bench.machine import Watch
from bench.plan import MOST_RATE, Plan
from bench.processes import WebServer
from bench.report import Bar, Figure, Report, Section, ratio
from bench.stage import Stage, furnish, say
from bench.traffic import KNOWN_CONTACTS, Traffic
from bench.trivial import trivial_server

OURS, EMPTY, WRITTEN = "marketable", "empty view", "hand-written"
APPLICATIONS = {OURS: "service.app:create_app()", EMPTY: "bench.empty:create_app()"}
ACCEPTED = 200

TO_EMPTY = (Bar(0.4, "bar"),)
TO_WRITTEN = (Bar(4, "bar"),)
GOALS_TO_EMPTY = {
    32: (*TO_EMPTY, Bar(0.5, "goal"), Bar(0.6, "stretch")),
    64: (*TO_EMPTY, Bar(0.6, "goal"), Bar(0.7, "stretch")),
}
GOALS_TO_WRITTEN = (*TO_WRITTEN, Bar(7, "goal"), Bar(9, "stretch"))
GOALS_P99 = (Bar(0.7, "goal", at_most=True), Bar(0.5, "stretch", at_most=True))


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


@dataclass(slots=True)
class Target:
    """A server under load, and how many of its answers were 200 so far."""

    name: str
    server: WebServer
    traffic: Traffic = field(default_factory=Traffic)
    accepted: int = 0


Results = dict[str, list[LoadResult]]


class _Bench:
    def __init__(self, plan: Plan, report: Report, watch: Watch, targets: Sequence[Target]) -> None:
        self._plan = plan
        self._report = report
        self._watch = watch
        self._targets = targets

    def measure(self, load: Load, *notes: str) -> None:
        """Run all rounds under one load, each with every target, and enter the table."""
        results: Results = {target.name: [] for target in self._targets}
        known = min(KNOWN_CONTACTS, *(target.traffic.contacts for target in self._targets))
        for number in self._watch.rounds(self._plan.rounds):
            for target in self._targets:
                result = self._run(target, load, known if load.existing else 0)
                results[target.name].append(result)
                say(f"{load.title}: round {number}, {target.name} {result.rate:.0f}/s")
        figures = [*_figures(results), *_ratios(results, load)]
        lines = [*notes, _generator_share(results), self._watch.note()]
        self._report.sections.append(Section(load.title, figures, lines, self._watch.was_quiet))

    def _run(self, target: Target, load: Load, known: int) -> LoadResult:
        plan, traffic = self._plan, target.traffic
        count = int(MOST_RATE * (plan.warm_up + plan.seconds))
        result = run_load(
            target.server.port,
            traffic.returning(count, known) if known else traffic.new(count),
            connections=load.connections,
            warm_up=plan.warm_up,
            seconds=plan.seconds,
        )
        traffic.sent(result.sent)
        target.accepted += result.accepted
        target.server.check()
        if not result.is_clean:
            self._report.problems.append(_trouble(load, target, result))
        return result


def measure_postgresql(stage: Stage, plan: Plan, report: Report) -> None:
    """Measure all three on PostgreSQL, then prove that nothing acknowledged is missing."""
    with ExitStack() as stack:
        url = _new_database(stage, stack)
        written = rival.make_database(_new_database(stage, stack), stack)
        database = furnish(url)
        stack.callback(database.dispose)
        with ExitStack() as servers:
            targets = [_start(stage, servers, name, plan.workers, url) for name in (EMPTY, OURS)]
            chosen = rival.start_better(stage, servers, written, plan)
            targets.append(Target(WRITTEN, chosen.server))
            ports, engines = [target.server.port for target in targets[1:]], [database.engine, written]
            accounts.compare(ports, engines, report)
            kept = [accounts.submissions(engine) for engine in engines]
            bench = _Bench(plan, report, stage.watch, targets)
            for load in _postgresql_loads(plan):
                bench.measure(load, chosen.note)
        section = Section("Nothing acknowledged is missing, on PostgreSQL")
        report.sections.append(section)
        for target, engine, before in zip(targets[1:], engines, kept, strict=True):
            accounts.check_kept(target.name, target.accepted, engine, before, section, report)
        accounts.drain_and_prove(stage, database, url, section, report)


def measure_sqlite(stage: Stage, plan: Plan, report: Report) -> None:
    """Measure the embedded default, with its one worker process, against the empty view with one."""
    with ExitStack() as stack:
        url = stage.sqlite_database()
        database = furnish(url)
        stack.callback(database.dispose)
        with ExitStack() as servers:
            targets = [_start(stage, servers, name, 1, url) for name in (EMPTY, OURS)]
            bench = _Bench(plan, report, stage.watch, targets)
            connections = plan.connections[0]
            bench.measure(
                Load(
                    f"Submissions on SQLite, 1 worker process, {connections} connections, new contacts",
                    connections,
                )
            )
        section = Section("Nothing acknowledged is missing, on SQLite")
        report.sections.append(section)
        accounts.check_kept(OURS, targets[1].accepted, database.engine, 0, section, report)
        accounts.drain_and_prove(stage, database, url, section, report)


def measure_generator(plan: Plan, report: Report) -> None:
    """Measure the load generator itself, against a server that does next to nothing."""
    with trivial_server() as port:
        requests = Traffic().new(int(MOST_RATE * 5 * plan.seconds))
        result = run_load(port, requests, connections=32, warm_up=0.2, seconds=plan.seconds / 2)
    figure = Figure("load generator against a trivial server", (result.rate,))
    note = f"its own processor time: {result.cpu * 1e6:.0f} µs a request"
    report.sections.append(Section("The load generator", [figure], [note]))


def _new_database(stage: Stage, stack: ExitStack) -> str:
    url = stage.postgres_database()
    stack.callback(stage.drop, url)
    return url


def _start(stage: Stage, stack: ExitStack, name: str, workers: int, url: str) -> Target:
    application = APPLICATIONS[name]
    server = WebServer(stage, name, application, workers, MARKETABLE_DATABASE_URL=url)
    return Target(name, stack.enter_context(server))


def _postgresql_loads(plan: Plan) -> list[Load]:
    title = "Submissions on PostgreSQL, {} connections, {}"
    loads = [
        Load(
            title.format(connections, "new contacts"),
            connections,
            to_empty=GOALS_TO_EMPTY[connections],
            to_written=GOALS_TO_WRITTEN,
            p99=GOALS_P99,
        )
        for connections in plan.connections
    ]
    first = plan.connections[0]
    existing = title.format(first, "80 % existing contacts")
    return [*loads, Load(existing, first, existing=True, to_empty=TO_EMPTY, to_written=TO_WRITTEN)]


def _figures(results: Results) -> list[Figure]:
    figures = []
    for name, runs in results.items():
        figures += [
            Figure(name, tuple(run.rate for run in runs)),
            Figure(f"{name}, p50", tuple(run.p50 * 1_000 for run in runs), "ms"),
            Figure(f"{name}, p99", tuple(run.p99 * 1_000 for run in runs), "ms"),
        ]
    return figures


def _ratios(results: Results, load: Load) -> list[Figure]:
    rates = {name: [run.rate for run in runs] for name, runs in results.items()}
    p99 = {name: [run.p99 for run in runs] for name, runs in results.items()}
    ratios = [ratio(f"{OURS} / {EMPTY}", rates[OURS], rates[EMPTY], load.to_empty)]
    if WRITTEN in rates:
        ratios.append(ratio(f"{OURS} / {WRITTEN}", rates[OURS], rates[WRITTEN], load.to_written))
    return [*ratios, ratio(f"p99 of {OURS} / p99 of {EMPTY}", p99[OURS], p99[EMPTY], load.p99)]


def _generator_share(results: Results) -> str:
    """Say how much of one core the generator took; what it takes, the servers lack."""
    shares = {name: sum(run.cpu * run.rate for run in runs) / len(runs) for name, runs in results.items()}
    return "load generator, of one core: " + ", ".join(
        f"{share:.0%} ({name})" for name, share in shares.items()
    )


def _trouble(load: Load, target: Target, result: LoadResult) -> str:
    others = {status: number for status, number in result.statuses.items() if status != ACCEPTED}
    return (
        f"{load.title}, {target.name}: answers other than 200 {others}, {result.broken} requests without an answer\n"
        f"{target.server.log()}"
    )
