"""The two little notations of a scheme: what is signed, as bytes, and how the header is written."""

import enum
import re
from collections.abc import Mapping
from dataclasses import dataclass

from service.signatures.refusals import Reason, refused

MOST_ITEMS = 16
"""Of a header that is a list; nobody rotates more secrets than that at once."""

_brace = re.compile(r"\{\{|\}\}|\{([a-z_]*)\}|[{}]")
_item = re.compile(r"([^{}]*)\{(signature|timestamp)\}").fullmatch


class Slot(enum.StrEnum):
    """What a template takes from the delivery, and from the scheme."""

    BODY = "body"
    TIMESTAMP = "timestamp"
    ID = "id"
    METHOD = "method"
    URL = "url"
    SECRET = "secret"  # noqa: S105 - the name of a slot


@dataclass(frozen=True, slots=True)
class Template:
    """The bytes that are signed, such as `{timestamp}.{body}`; `{{` and `}}` stand for braces."""

    parts: tuple[bytes | Slot, ...]

    def render(self, values: Mapping[Slot, bytes]) -> bytes:
        return b"".join(part if isinstance(part, bytes) else values[part] for part in self.parts)

    def has(self, slot: Slot) -> bool:
        return slot in self.parts


def parse_template(text: str) -> Template:
    """Read a template; raises ValueError with what is wrong."""
    parts: list[bytes | Slot] = []
    position = 0
    for match in _brace.finditer(text):
        parts.append(text[position : match.start()].encode())
        parts.append(_read_brace(match))
        position = match.end()
    parts.append(text[position:].encode())
    return Template(tuple(part for part in parts if part))


def _read_brace(match: re.Match[str]) -> bytes | Slot:
    if match[0] in {"{{", "}}"}:
        return match[0][0].encode()
    if match[0] in {"{", "}"}:
        raise ValueError(f"holds a single {match[0]!r}")
    if match[1] not in set(Slot):
        raise ValueError(f"holds {match[0]!r}")
    return Slot(match[1])


@dataclass(frozen=True, slots=True)
class HeaderForm:
    """How signatures, and perhaps a time, stand in a header: `sha256={signature}`, `t={timestamp},v1={signature}`."""

    signature_prefix: str = ""
    timestamp_prefix: str | None = None
    """None when the time is not in this header."""
    separator: str = ""
    """Between the items of a list; empty when the header is one item. Items that begin in no known way are let be."""

    def read(self, text: str) -> tuple[tuple[str, ...], str | None]:
        """Return the signatures and the time's text; raises InvalidSignature."""
        if not self.separator:
            if not text.startswith(self.signature_prefix):
                raise refused(Reason.SIGNATURE_MALFORMED)
            return (text[len(self.signature_prefix) :],), None
        items = [item.strip() for item in text.split(self.separator) if not item.isspace()]
        signatures = _after(self.signature_prefix, items)
        times = () if self.timestamp_prefix is None else _after(self.timestamp_prefix, items)
        if len(signatures) > MOST_ITEMS or len(times) > 1:
            raise refused(Reason.SIGNATURE_MALFORMED)
        if not signatures:
            raise refused(Reason.SIGNATURE_MISSING)
        return signatures, times[0] if times else None

    def write(self, signature: str, timestamp: str) -> str:
        items = [self.signature_prefix + signature]
        if self.timestamp_prefix is not None:
            items.insert(0, self.timestamp_prefix + timestamp)
        return self.separator.join(items)


def _after(prefix: str, items: list[str]) -> tuple[str, ...]:
    return tuple(item[len(prefix) :] for item in items if item.startswith(prefix))


def parse_form(text: str, separator: str = "") -> HeaderForm:
    """Read a header's form; raises ValueError with what is wrong. A comma separates a time from it unless told."""
    if not separator and "{timestamp}" in text:
        separator = ","
    prefixes: dict[str, str] = {}
    for item in text.split(separator) if separator else [text]:
        match = _item(item.strip())
        if match is None or match[2] in prefixes:
            raise ValueError(f"holds {item!r}")
        prefixes[match[2]] = match[1]
    if "signature" not in prefixes:
        raise ValueError("holds no '{signature}'")
    if len(set(prefixes.values())) < len(prefixes):
        raise ValueError("can't tell signature and time apart")
    return HeaderForm(prefixes["signature"], prefixes.get("timestamp"), separator)


BARE_FORM = HeaderForm()
"""The signature and nothing else."""
