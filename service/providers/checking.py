"""Checks a provider's folder from its data alone, the built-in ones and those of an operator's own alike."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from service.domain.reading import Mistake, is_storable
from service.errors import InvalidInput, Unreadable
from service.providers.decode import decode
from service.providers.description import Description
from service.providers.events import Event
from service.providers.findings import Finding
from service.providers.handshakes import shake_hands
from service.providers.loading import FILE, read_folder
from service.providers.mangling import mangled_deliveries
from service.providers.reader import read
from service.providers.redaction import redact
from service.providers.samples import (
    EXPECTED,
    SAMPLES,
    USUAL_SECRET,
    Sample,
    differences,
    handshake_differences,
    outcome,
    read_expected,
    read_samples,
    read_secret,
)
from service.providers.signing_checks import check_signing

README = "README.md"
ROUNDS = 200
"""Random bodies for each folder."""
_SHORTEST_SECRET = 6
"""Of those that are looked for in what is shown: anything shorter stands there by chance."""


@dataclass(frozen=True, slots=True)
class Report:
    """What was looked at in a folder, and what was found."""

    checked: tuple[str, ...]
    findings: tuple[Finding, ...]

    @property
    def passed(self) -> bool:
        return all(finding.is_warning for finding in self.findings)


def check_folder(folder: Path, *, rounds: int = ROUNDS) -> Report:
    """Look at a folder; never raises for what stands in it."""
    mistakes: list[Mistake] = []
    description = read_folder(folder, mistakes)
    if description is None or mistakes:
        return Report((FILE,), tuple(Finding(each.path, f"{each.message}; {each.mend}") for each in mistakes))
    try:
        samples = list(read_samples(folder))
    except InvalidInput as problem:
        return Report((FILE, SAMPLES), (Finding(f"{SAMPLES}/{problem.field}", str(problem)),))
    secret = read_secret(folder)
    findings = [
        *_check_papers(description),
        *_check_samples(description, samples, secret or USUAL_SECRET),
        *check_signing(description, samples, secret),
        *_check_random(description, samples, rounds),
    ]
    return Report(_what_was_checked(description, samples, rounds), tuple(findings))


def _what_was_checked(description: Description, samples: list[Sample], rounds: int) -> tuple[str, ...]:
    handshakes = sum(sample.is_handshake for sample in samples)
    ways = len(description.signature.ways)
    return (
        FILE,
        f"{len(samples) - handshakes} sample(s) against {EXPECTED}",
        *([f"{handshakes} handshake(s)"] if handshakes else []),
        f"{ways} way(s) of signing" if ways else "no signature, for none is described",
        f"{rounds} random bodies",
    )


def _check_papers(description: Description) -> Iterator[Finding]:
    """What people need, and the reader doesn't."""
    path = description.folder / README
    if not path.is_file():
        message = "is missing: say where the address and the secret are to be pasted"
        yield Finding(README, message, is_warning=True)
    elif not path.read_text(encoding="utf-8", errors="replace").startswith("# "):
        yield Finding(README, "doesn't begin with a heading", is_warning=True)
    if not description.documentation:
        yield Finding(f"{FILE}: documentation", "is empty: name the vendor's page", is_warning=True)
    if any(not address.startswith("https://") for address in description.documentation):
        yield Finding(
            f"{FILE}: documentation", "has an address that doesn't begin with https://", is_warning=True
        )


def _check_samples(description: Description, samples: list[Sample], secret: str) -> Iterator[Finding]:
    if not any(not sample.is_handshake for sample in samples):
        yield Finding(SAMPLES, "holds no delivery: put a captured request there, as name.http")
        return
    try:
        expected = read_expected(description.folder)
    except InvalidInput as problem:
        yield Finding(EXPECTED, str(problem))
        return
    for name in sorted(expected.keys() - {sample.name for sample in samples}):
        yield Finding(f"{EXPECTED}: {name}", f"there is no {SAMPLES}/{name}.http")
    for sample in samples:
        place = f"{SAMPLES}/{sample.name}.http"
        if sample.name not in expected:
            yield Finding(place, f"has no entry in {EXPECTED}; 'marketable provider check --accept' adds it")
            continue
        compare = handshake_differences if sample.is_handshake else differences
        for line in compare(expected[sample.name], outcome(description, sample, secret)):
            yield Finding(place, line)
        if not sample.is_handshake:
            yield from (Finding(place, message) for message in _faults(description, sample, secret))


def _faults(description: Description, sample: Sample, secret: str) -> Iterator[str]:
    """Yield what is wrong with a delivery that has nothing to do with what is expected of it."""
    if shake_hands(description, sample.delivery, [secret], sample.token) is not None:
        yield "is taken for a handshake: narrow [handshake], or let the name begin with 'handshake'"
    try:
        document = decode(description, sample.delivery)
        events = read(description, sample.delivery)
    except Unreadable:
        return
    shown = json.dumps(redact(description, document), ensure_ascii=False)
    for name, hidden in (("secret", secret), ("token of the address", sample.token)):
        if len(hidden) >= _SHORTEST_SECRET and hidden in shown:
            yield f"shows the {name} after redaction: list its place in [redact]"
    if not all(map(is_storable_event, events)):
        yield "holds text that no database takes"


def is_storable_event(event: Event) -> bool:
    """Whether databases take every text of an event."""
    texts: list[Any] = [event.form_id, event.form_name, event.event_id, event.session, event.consent_text]
    for mapping in (event.fields, event.labels, event.types):
        texts += [*mapping, *mapping.values()]
    return all(text is None or is_storable(text) for text in texts)


def _check_random(description: Description, samples: list[Sample], rounds: int) -> Iterator[Finding]:
    """Nothing that anybody sends may be more than refused."""
    deliveries = [sample.delivery for sample in samples if not sample.is_handshake]
    for delivery in mangled_deliveries(deliveries, rounds) if deliveries else ():
        try:
            read(description, delivery)
            shake_hands(description, replace(delivery, method="GET"), [USUAL_SECRET], "token")
        except Unreadable:
            continue
        except Exception as error:  # noqa: BLE001 - that there is none of any kind is what is checked
            yield Finding("random bodies", f"{type(error).__name__} at {delivery.body[:80]!r}: report it")
            return
