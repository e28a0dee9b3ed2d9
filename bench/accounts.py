"""Checks the books: both versions decide alike, and nothing that was acknowledged is missing afterwards."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields

from sqlalchemy import Engine, text

from bench.load import run_load
from bench.processes import CONSUMER, RELAY, WORKER, ProcessFailed, Program, wait_for
from bench.report import Report, Section
from bench.stage import Stage, say
from bench.traffic import FORM_GUID, QUIET_FORM_GUID, request
from service.instants import utc_now
from service.store import outbox
from service.store.proof import prove
from service.store.session import Database

DRAIN_SECONDS = 90.0
COUNTS = text(
    """
    SELECT (SELECT count(*) FROM submission), (SELECT count(*) FROM contact), (SELECT count(*) FROM visitor),
           (SELECT count(*) FROM contact WHERE since <= now() AND (until IS NULL OR until > now())),
           (SELECT count(*) FROM status_change), (SELECT count(*) FROM outbox)
    """
)


@dataclass(frozen=True, slots=True)
class Counts:
    """What a database holds, in the order of `COUNTS`; the hand-written version's tables have the same names."""

    submissions: int
    contacts: int
    visitors: int
    marketing: int
    changes: int
    entries: int

    def since(self, before: "Counts") -> "Counts":
        """Return what has been added."""
        return Counts(*(getattr(self, each.name) - getattr(before, each.name) for each in fields(self)))


def submissions(engine: Engine) -> int:
    """Count the submissions that are kept."""
    with engine.connect() as connection:
        return int(connection.execute(text("SELECT count(*) FROM submission")).scalar_one())


def compare(ports: Sequence[int], engines: Sequence[Engine], report: Report) -> None:
    """Send both versions the same cases, one by one; what they have kept afterwards must be the same."""
    results: list[tuple[dict[int, int], Counts]] = []
    for port, engine in zip(ports, engines, strict=True):
        before = _counts(engine)
        answers = run_load(port, list(_cases()), connections=1, warm_up=0, seconds=30)
        results.append((answers.statuses, _counts(engine).since(before)))
    ours, written = results
    if ours != written:
        report.problems.append(
            f"the hand-written version does not do the same: service {ours}, hand-written {written}"
        )
    say(f"same cases to both versions: {ours[1]}, {'the same' if ours == written else 'NOT the same'}")


def check_kept(
    name: str, accepted: int, engine: Engine, before: int, section: Section, report: Report
) -> None:
    """Hold the answers 200 of one server against the submissions that its database holds."""
    kept = submissions(engine) - before
    section.notes.append(f"{name}: {accepted} answers 200, {kept} submissions kept")
    if kept != accepted:
        report.problems.append(f"{section.title}: {name} acknowledged {accepted} and kept {kept}")


def drain_and_prove(stage: Stage, database: Database, url: str, section: Section, report: Report) -> None:
    """Let relay and consumer bring everything into the ledger, then count three ways."""
    with database.reading() as connection:
        entries = outbox.depth(connection).entries
    say(f"{section.title}: {entries} outbox entries on their way into the ledger")
    try:
        seconds = _drain(stage, database, url)
    except ProcessFailed as failure:
        report.problems.append(f"{section.title}: {failure}")
        return
    section.notes.append(
        f"{entries} outbox entries in the ledger after {seconds:.1f} s: {entries / seconds:.0f}/s, "
        "relay and consumer side by side"
    )
    for each in prove(database, utc_now()):
        section.notes.append(
            f"count by contacts {each.by_contacts}, by lines {each.by_lines}, by counter {each.by_counter}; "
            f"difference: {each.difference}"
        )
        if each.difference:
            report.problems.append(f"{section.title}: the count is not proved: {each}")


def _drain(stage: Stage, database: Database, url: str) -> float:
    """Run relay and consumer as processes of their own until the ledger has everything; returns the seconds."""
    settings = {"MARKETABLE_DATABASE_URL": url}
    if stage.rabbitmq is None or database.is_sqlite:
        with Program(stage, "worker", WORKER, **settings, MARKETABLE_HEALTH_PORT=stage.port()) as worker:
            return _until_proved(database, [worker])
    topology = stage.topology()
    settings |= {"MARKETABLE_BROKER_URL": topology.broker_url, "MARKETABLE_TOPOLOGY": topology.prefix}
    try:
        with (
            Program(stage, "consumer", CONSUMER, **settings, MARKETABLE_HEALTH_PORT=stage.port()) as consumer,
            Program(stage, "relay", RELAY, **settings, MARKETABLE_HEALTH_PORT=stage.port()) as relay,
        ):
            return _until_proved(database, [relay, consumer])
    finally:
        topology.delete()


def _until_proved(database: Database, programs: Sequence[Program]) -> float:
    def outbox_is_empty() -> bool:
        with database.reading() as connection:
            return outbox.depth(connection, most=1).entries == 0

    def is_proved() -> bool:
        return not any(each.difference for each in prove(database, utc_now()))

    emptied = wait_for("an empty outbox", DRAIN_SECONDS, programs, outbox_is_empty)
    return emptied + wait_for("a count that is proved", DRAIN_SECONDS, programs, is_proved)


def _counts(engine: Engine) -> Counts:
    with engine.connect() as connection:
        return Counts(*connection.execute(COUNTS).one())


def _cases() -> Iterator[bytes]:
    """Yield requests that touch each rule: repeats, spellings, cookies, renames, a form that is off, refusals."""
    first, second, third = (f"{number:032x}" for number in (0xA1, 0xB2, 0xC3))
    yield _case({"email": "case.one@mail.example.com"}, first)
    yield _case({"email": "case.one@mail.example.com"}, first)
    yield _case({"email": " Case.One@Mail.Example.Com ", "lastname": "Spelled"}, first)
    yield _case({"email": "case.two@mail.example.com"})
    yield _case({"email": "case.two@mail.example.com", "firstname": "Again"}, second)
    yield _case({"email": "case.three@mail.example.com"}, second)
    yield _case({"email": "case.one@mail.example.com", "firstname": "Other cookie"}, second)
    yield _case({"email": "case.quiet@mail.example.com"}, third, QUIET_FORM_GUID)
    yield _case({"email": "case.quiet@mail.example.com", "firstname": "Louder"}, third)
    yield _case({"email": "case.one@mail.example.com", "firstname": "Quiet"}, None, QUIET_FORM_GUID)
    yield _case({"email": "no address"})
    yield _case({"firstname": "Nobody"})
    yield _case({"email": "case.four@mail.example.com", "shoesize": "43"})
    yield _case({"email": "case.four@mail.example.com"}, "no cookie")
    for number in range(40):
        yield _case({"email": f"case.{number % 15}@mail.example.com", "message": f"number {number % 25}"})


def _case(values: dict[str, str], cookie: str | None = None, form_guid: str = FORM_GUID) -> bytes:
    listed = [{"objectTypeId": "0-1", "name": name, "value": value} for name, value in values.items()]
    document: dict[str, object] = {"fields": listed}
    if cookie:
        document["context"] = {"hutk": cookie}
    return request(json.dumps(document).encode(), form_guid)
