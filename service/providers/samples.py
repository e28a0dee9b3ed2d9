"""The samples of a provider's folder: requests as they arrive, what they are to be read as, a secret for tests."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from service.delivery import Delivery, read_http
from service.errors import InvalidInput, Unreadable
from service.providers.description import Description
from service.providers.events import dump_event
from service.providers.handshakes import HandshakeReply, shake_hands
from service.providers.reader import read

EXPECTED = "expected.json"
SAMPLES = "samples"
HANDSHAKE = "handshake"
SIGNED_AT = datetime(2026, 3, 2, 10, 0, 42, tzinfo=UTC)
"""When the samples of the catalogue were signed: all arrive in this second."""
USUAL_SECRET = "s3cret"  # noqa: S105 - of samples only
_hook = re.compile(r"/hooks/[^/]+/([^/]+)").match
_SECRET_FILES = ("secret.pem", "secret.txt")


@dataclass(frozen=True, slots=True)
class Sample:
    """One request of a folder."""

    name: str
    """Of its file, without `.http`; one of a handshake begins with `handshake`."""
    delivery: Delivery

    @property
    def is_handshake(self) -> bool:
        return self.name.startswith(HANDSHAKE)

    @property
    def token(self) -> str:
        """The part of the address that nobody can guess: `/hooks/<provider>/<token>`, else the path's end."""
        path = urlsplit(self.delivery.url).path
        found = _hook(path)
        return found[1] if found is not None else path.rpartition("/")[2]


def read_samples(folder: Path) -> Iterator[Sample]:
    """Yield the folder's samples by name; raises InvalidInput for a file that is no request."""
    for path in sorted((folder / SAMPLES).glob("*.http")):
        try:
            delivery = read_http(path.read_bytes(), received_at=SIGNED_AT)
        except InvalidInput as problem:
            raise InvalidInput(
                f"{path.name}: {problem.message}", field=path.name, mend=problem.mend
            ) from None
        yield Sample(path.stem, delivery)


def read_secret(folder: Path) -> str | None:
    """Return the secret that the samples are signed with, where a file has one."""
    for name in _SECRET_FILES:
        path = folder / SAMPLES / name
        if path.exists():
            text = path.read_text(encoding="utf-8", errors="replace")
            return text if path.suffix == ".pem" else text.rstrip("\n")
    return None


def read_expected(folder: Path) -> Mapping[str, Any]:
    """Return what each sample is to be read as; raises InvalidInput."""
    try:
        document = json.loads((folder / EXPECTED).read_text(encoding="utf-8"))
    except (OSError, ValueError) as problem:
        mend = "'marketable provider check --accept' writes it"
        raise InvalidInput(f"{EXPECTED} can't be read ({problem})", field=EXPECTED, mend=mend) from None
    if not isinstance(document, dict):
        raise InvalidInput(f"{EXPECTED} is no object", field=EXPECTED, mend="write what each sample reads as")
    return document


def write_expected(description: Description, samples: list[Sample], secret: str) -> Path:
    """Write what the samples are read as now, for review; returns the file."""
    document = {sample.name: outcome(description, sample, secret) for sample in samples}
    path = description.folder / EXPECTED
    path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return path


def outcome(description: Description, sample: Sample, secret: str) -> Any:
    """Return what becomes of a sample, as it stands in `expected.json`."""
    if sample.is_handshake:
        reply = shake_hands(description, sample.delivery, [secret], sample.token)
        return {HANDSHAKE: _dump_reply(reply) if reply is not None else None}
    try:
        return [dump_event(event) for event in read(description, sample.delivery)]
    except Unreadable as refusal:
        return {"unreadable": refusal.reason}


def _dump_reply(reply: HandshakeReply) -> dict[str, Any]:
    headers = {"headers": dict(reply.headers)} if reply.headers else {}
    return {"status": reply.status, "content_type": reply.content_type, "body": reply.body} | headers


def differences(expected: Any, found: Any, place: str = "") -> Iterator[str]:
    """Yield, field by field, where what was found is not what was expected. Times are compared as instants."""
    if isinstance(expected, dict) and isinstance(found, dict):
        for name in [*expected, *(name for name in found if name not in expected)]:
            yield from differences(expected.get(name), found.get(name), f"{place}.{name}" if place else name)
    elif isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        for number, (one, other) in enumerate(zip(expected, found, strict=True)):
            yield from differences(one, other, f"{place}[{number}]")
    elif not _is_same(expected, found, place):
        yield f"{place or 'it'}: expected {_shown(expected)}, found {_shown(found)}"


def handshake_differences(expected: Mapping[str, Any], found: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is not as expected of an answer. What isn't written is not compared, nor how JSON is spaced."""
    wanted, given = expected.get(HANDSHAKE) or {}, found[HANDSHAKE] or {}
    for name in wanted:
        one, other = wanted[name], given.get(name)
        if name == "headers":
            other = {key: value for key, value in (other or {}).items() if key in one}
        yield from differences(_as_document(one), _as_document(other), f"{HANDSHAKE}.{name}")


def _as_document(value: Any) -> Any:
    try:
        return json.loads(value) if isinstance(value, str) else value
    except ValueError:
        return value


def _is_same(expected: Any, found: Any, place: str) -> bool:
    if place.endswith("occurred_at") and isinstance(expected, str) and isinstance(found, str):
        try:
            return datetime.fromisoformat(expected) == datetime.fromisoformat(found)
        except ValueError:
            return False
    return bool(expected == found)


def _shown(value: Any) -> str:
    return "nothing" if value is None else json.dumps(value, ensure_ascii=False)
