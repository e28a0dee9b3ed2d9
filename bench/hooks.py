"""Deliveries of other people's tools per second, against HubSpot-style submissions on the same server.

One provider that posts JSON, one that signs it, and a plain HTML form; each delivery from a new visitor, with the
same six answers as the submissions have.
"""

import base64
import hashlib
import hmac
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote_plus

from bench import accounts
from bench.load import LoadResult, run_load
from bench.plan import MOST_RATE, Plan
from bench.processes import WebServer
from bench.report import Bar, Figure, Report, Section, ratio
from bench.stage import Stage, furnish, say
from bench.traffic import PORTAL_ID, Traffic
from service.endpoints import Endpoints, Wanted, hook_path
from service.instants import utc_now
from service.providers.catalogue import load_catalogue
from service.store.session import Database
from service.vault import Vault, new_key

HUBSPOT = "HubSpot-style"
SECRET = "bench-secret"  # noqa: S105 - of a database that lives for a minute
CONNECTIONS = 32
AT_MOST = (Bar(1.3, "bar", at_most=True),)

_TALLY = (
    '{{"eventId":"e-{serial}","eventType":"FORM_RESPONSE","createdAt":"{at}","data":{{"responseId":"r-{serial}",'
    '"formId":"bench1","formName":"Price list","createdAt":"{at}","fields":['
    '{{"key":"question_a","label":"Email","type":"INPUT_EMAIL","value":"tally.{serial:010d}@mail.example.com"}},'
    '{{"key":"question_b","label":"First name","type":"INPUT_TEXT","value":"Hedwig"}},'
    '{{"key":"question_c","label":"Last name","type":"INPUT_TEXT","value":"Lichtenberg"}},'
    '{{"key":"question_d","label":"Company","type":"INPUT_TEXT","value":"Lichtenberg & Daughters"}},'
    '{{"key":"question_e","label":"Role","type":"INPUT_TEXT","value":"Head of purchasing"}},'
    '{{"key":"question_f","label":"Message","type":"TEXTAREA","value":"Please send me the price list."}}]}}}}'
)
_QUESTIONS = (
    ("mail", "email", "Work email"),
    ("first", "text", "First name"),
    ("last", "text", "Last name"),
    ("firm", "text", "Company"),
    ("job", "text", "Role"),
    ("text", "text", "Message"),
)
_VALUES = (
    "Hedwig",
    "Lichtenberg",
    "Lichtenberg & Daughters",
    "Head of purchasing",
    "The price list, please.",
)


@dataclass(frozen=True, slots=True)
class Sender:
    """One provider, and how its deliveries are built."""

    name: str
    provider: str
    secret: str
    build: Callable[[str, int, str], bytes]
    """Of path, serial number and time."""


def _request(path: str, body: str, content_type: str, *headers: str) -> bytes:
    content = body.encode()
    lines = [
        f"POST {path} HTTP/1.1",
        "Host: 127.0.0.1",
        "User-Agent: marketable-bench",
        "Accept: application/json",
        f"Content-Type: {content_type}",
        f"Content-Length: {len(content)}",
        *headers,
    ]
    return "\r\n".join([*lines, "", ""]).encode() + content


def _tally(path: str, serial: int, at: str) -> bytes:
    return _request(path, _TALLY.format(serial=serial, at=at), "application/json")


def _typeform(path: str, serial: int, at: str) -> bytes:
    texts = (f"typeform.{serial:010d}@mail.example.com", *_VALUES)
    answers = ",".join(
        f'{{"type":"{kind}","{kind}":"{text}","field":{{"id":"{ref}","ref":"{ref}","type":"short_{kind}"}}}}'
        for (ref, kind, _), text in zip(_QUESTIONS, texts, strict=True)
    )
    fields = ",".join(
        f'{{"id":"{ref}","ref":"{ref}","type":"short_{kind}","title":"{title}"}}'
        for ref, kind, title in _QUESTIONS
    )
    body = (
        f'{{"event_id":"e-{serial}","event_type":"form_response","form_response":{{"form_id":"bench1",'
        f'"token":"t-{serial}","landed_at":"{at}","submitted_at":"{at}","definition":{{"id":"bench1",'
        f'"title":"Price list","fields":[{fields}]}},"answers":[{answers}]}}}}'
    )
    digest = base64.b64encode(hmac.digest(SECRET.encode(), body.encode(), hashlib.sha256)).decode()
    return _request(path, body, "application/json", f"Typeform-Signature: sha256={digest}")


def _html_form(path: str, serial: int, at: str) -> bytes:  # noqa: ARG001 - browsers send no time
    texts = (f"visitor.{serial:010d}@pages.example.com", *_VALUES)
    names = ("email", "firstname", "lastname", "company", "jobtitle", "message")
    pairs = zip(names, texts, strict=True)
    body = "&".join(f"{name}={quote_plus(text)}" for name, text in pairs)
    return _request(path, body, "application/x-www-form-urlencoded")


SENDERS = (
    Sender("JSON (tally)", "tally", "", _tally),
    Sender("signed JSON (typeform)", "typeform", SECRET, _typeform),
    Sender("HTML form (html_form)", "html_form", "", _html_form),
)


class _Deliveries:
    """The stream of one sender's deliveries; no two are alike."""

    def __init__(self, sender: Sender, path: str) -> None:
        self._sender = sender
        self._path = path
        self._serial = 0

    def new(self, count: int) -> list[bytes]:
        at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        build = self._sender.build
        return [build(self._path, serial, at) for serial in range(self._serial, self._serial + count)]

    def sent(self, number: int) -> None:
        self._serial += number


Stream = Traffic | _Deliveries


def measure(stage: Stage, plan: Plan, report: Report) -> None:
    """Measure all senders on PostgreSQL, in turns, then prove that nothing acknowledged is missing."""
    with ExitStack() as stack:
        url, key = stage.postgres_database(), new_key()
        stack.callback(stage.drop, url)
        database = furnish(url)
        stack.callback(database.dispose)
        streams: dict[str, Stream] = {HUBSPOT: Traffic(), **_open_endpoints(database, key)}
        results: dict[str, list[LoadResult]] = {name: [] for name in streams}
        accepted = 0
        settings = {"MARKETABLE_DATABASE_URL": url, "MARKETABLE_SECRET_KEY": key}
        with WebServer(stage, "hooks", "service.app:create_app()", plan.workers, **settings) as server:
            for number in stage.watch.rounds(plan.rounds):
                for name, stream in streams.items():
                    result = _run(server, stream, plan, report)
                    results[name].append(result)
                    accepted += result.accepted
                    say(f"deliveries: round {number}, {name} {result.rate:.0f}/s")
        section = Section(
            f"Deliveries of other tools on PostgreSQL, {CONNECTIONS} connections, new contacts",
            _figures(results),
            [stage.watch.note()],
            stage.watch.was_quiet,
        )
        report.sections.append(section)
        accounts.check_kept("marketable", accepted, database.engine, 0, section, report)


def _open_endpoints(database: Database, key: str) -> dict[str, Stream]:
    endpoints = Endpoints(database, Vault(key), load_catalogue(), utc_now)
    return {
        sender.name: _Deliveries(
            sender, hook_path(endpoints.create(PORTAL_ID, sender.provider, Wanted(secret=sender.secret)))
        )
        for sender in SENDERS
    }


def _run(server: WebServer, stream: Stream, plan: Plan, report: Report) -> LoadResult:
    requests = stream.new(int(MOST_RATE / 2 * (plan.warm_up + plan.seconds)))
    result = run_load(
        server.port, requests, connections=CONNECTIONS, warm_up=plan.warm_up, seconds=plan.seconds
    )
    stream.sent(result.sent)
    server.check()
    if not result.is_clean:
        report.problems.append(
            f"deliveries: answers {dict(result.statuses)}, {result.broken} without one\n{server.log()}"
        )
    return result


def _figures(results: dict[str, list[LoadResult]]) -> list[Figure]:
    rates = {name: [run.rate for run in runs] for name, runs in results.items()}
    figures = [Figure(name, tuple(values)) for name, values in rates.items()]
    return figures + [
        ratio(f"cost of {sender.name} / {HUBSPOT}", rates[HUBSPOT], rates[sender.name], AT_MOST)
        for sender in SENDERS
    ]
