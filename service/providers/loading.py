"""Reads a provider's folder into its description; raises all mistakes at once, each with file and key."""

import re
import tomllib
from collections.abc import Mapping
from datetime import UTC, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from service.domain.reading import Mistake
from service.errors import InvalidInput
from service.providers.description import (
    BodyKind,
    Condition,
    DecodeRule,
    Description,
    EventRule,
    FetchRule,
    Grade,
    Handshake,
    HandshakeKind,
    HoneypotRule,
    IdentityRule,
    ProviderKind,
    Reply,
)
from service.providers.events import EventKind, KeptReason
from service.providers.field_rules import read_fields, read_roles
from service.providers.pointers import WHOLE, Pick, Pointer, parse_pointer
from service.providers.tables import Table
from service.providers.times import Format, make_format
from service.signatures import NO_SCHEME, Scheme, read_signature

FILE = "provider.toml"
_LARGEST_FILE = 100_000
_is_name = re.compile(r"[a-z][a-z0-9_]{0,39}").fullmatch
_is_slug = re.compile(r"[a-z][a-z0-9_]{0,49}").fullmatch
_STATUSES = range(200, 300)
_TOP = (
    *("title", "kind", "grade", "proven", "documentation", "about", "replaces"),
    *("signature", "handshake", "decode", "events", "identity", "fields", "roles", "consent", "pick"),
    *("honeypot", "reply", "redact", "fetch"),
)


def load_description(folder: Path) -> Description:
    """Read one folder; raises InvalidInput."""
    mistakes: list[Mistake] = []
    description = read_folder(folder, mistakes)
    if description is None or mistakes:
        raise refusal(mistakes)
    return description


def refusal(mistakes: list[Mistake]) -> InvalidInput:
    lines = "".join(f"\n- {mistake}" for mistake in mistakes)
    return InvalidInput(
        f"the provider catalogue has {len(mistakes)} mistake(s):{lines}", field=mistakes[0].path
    )


def read_folder(folder: Path, mistakes: list[Mistake]) -> Description | None:
    """Read one folder and add what is wrong to `mistakes`; None when there is nothing to read."""
    place = f"{folder.name}/{FILE}"
    if not _is_name(folder.name):
        mistakes.append(Mistake(folder.name, "is no name for a provider", "use a-z, 0-9 and _, at most 40"))
    try:
        document = _parse(folder / FILE)
    except (OSError, ValueError) as problem:
        mistakes.append(Mistake(place, f"can't be read ({problem})", "write it in TOML"))
        return None
    found: list[Mistake] = []
    description = _read(folder, Table(document, "", found))
    mistakes.extend(Mistake(f"{place}: {mistake.path}", mistake.message, mistake.mend) for mistake in found)
    return description


def _parse(path: Path) -> Mapping[str, object]:
    with path.open("rb") as file:
        text = file.read(_LARGEST_FILE + 1)
    if len(text) > _LARGEST_FILE:
        raise ValueError(f"it is over {_LARGEST_FILE} bytes")
    return tomllib.loads(text.decode())


def _read(folder: Path, table: Table) -> Description:
    table.expect(*_TOP)
    table.require("title", "kind", "grade", "about")
    kind = table.choice("kind", ProviderKind, ProviderKind.GENERIC)
    picks = _read_picks(table.table("pick"), table.picks)
    signature = _read_signature(table)
    return Description(
        name=folder.name,
        folder=folder,
        title=table.text("title"),
        kind=kind,
        grade=table.choice("grade", Grade, Grade.M),
        proven=table.flag("proven", default=True),
        documentation=table.texts_of("documentation"),
        about=table.text("about"),
        replaces=table.flag("replaces", default=False),
        signature=signature,
        handshake=_read_handshake(table.table("handshake")) if table.has("handshake") else None,
        decode=_read_decode(table.table("decode")),
        events=_read_events(table.table("events"), kind),
        identity=_read_identity(table.table("identity")),
        fields=read_fields(table.table("fields")),
        roles=read_roles(table.table("roles"), table.table("consent")),
        picks=picks,
        honeypot=_read_honeypot(table.table("honeypot")),
        reply=_read_reply(table.table("reply")),
        redact=_read_redact(table.table("redact"), signature),
        fetch=_read_fetch(table.table("fetch")) if table.has("fetch") else None,
    )


def _read_signature(table: Table) -> Scheme:
    return read_signature(table.table("signature")) if table.has("signature") else NO_SCHEME


def _read_handshake(table: Table) -> Handshake:
    kind = table.choice("kind", HandshakeKind, HandshakeKind.HEAD)
    own = ("when", "answer", "answer_key", "content_type") if kind is HandshakeKind.ECHO_JSON else ()
    table.expect("kind", *own)
    table.require("kind", *own[1:2])
    answer = table.sources("answer")
    return Handshake(
        kind=kind,
        when=_read_where(table.table("when")),
        answer=answer,
        answer_key=table.text("answer_key", (answer[0].pointer.tokens or ("",))[-1] if answer else ""),
        content_type=table.text("content_type", "application/json"),
    )


def _read_where(table: Table) -> tuple[tuple[Pointer, str], ...]:
    pairs = []
    for key in table.document:
        pointer = _pointer_key(table, key)
        if pointer is not None:
            pairs.append((pointer, table.text(key)))
    return tuple(pairs)


def _pointer_key(table: Table, key: str) -> Pointer | None:
    try:
        return parse_pointer(key)
    except ValueError as problem:
        table.note(key, str(problem), "write a pointer")
        return None


def _read_decode(table: Table) -> DecodeRule:
    table.expect("body", "unpack", "root")
    return DecodeRule(
        body=table.choice("body", BodyKind, BodyKind.JSON),
        unpack=table.pointers("unpack"),
        root=table.pointers("root") or (WHOLE,),
    )


def _read_picks(table: Table, known: set[str]) -> dict[str, Pick]:
    picks = {}
    for name in table.document:
        entry = table.table(name)
        entry.expect("at", "where")
        entry.require("at", "where")
        where = entry.table("where")
        pairs = [(_pointer_key(where, key), where.names(key)) for key in where.document]
        picks[name] = Pick(
            at=entry.sources("at"),
            where=tuple((pointer, wanted) for pointer, wanted in pairs if pointer is not None),
        )
        known.add(name)
    return picks


def _read_events(table: Table, kind: ProviderKind) -> EventRule:
    table.expect("each", "type", "submission", "chat", "kept", "only_if", "test")
    rule = EventRule(
        each=table.pointers("each"),
        type=table.sources("type"),
        submission=table.names("submission"),
        chat=table.names("chat"),
        kept=_read_kept(table.table("kept")),
        conditions=tuple(_read_condition(entry) for entry in table.tables("only_if")),
        test=table.sources("test"),
        default_kind=EventKind.CHAT if kind is ProviderKind.CHAT else EventKind.SUBMISSION,
    )
    listed = rule.submission | rule.chat | rule.kept.keys()
    if listed and not rule.type:
        table.note("type", "is missing beside lists of types", "say where the type stands")
    if rule.type and not rule.submission | rule.chat:
        table.note("type", "leads to nothing that counts", "list types in submission or chat")
    for twice in sorted((rule.submission & rule.chat) | (rule.kept.keys() & (rule.submission | rule.chat))):
        table.note("type", f"{twice!r} stands in two lists", "take it out of one")
    return rule


def _read_kept(table: Table) -> dict[str, KeptReason]:
    return {name: table.choice(name, KeptReason, KeptReason.OTHER_EVENT) for name in table.document}


def _read_condition(table: Table) -> Condition:
    table.expect("at", "in", "not_in", "like", "absent", "types", "otherwise")
    table.require("at", "otherwise")
    tests = [key for key in ("in", "not_in", "like", "absent") if table.has(key)]
    if len(tests) != 1:
        table.note("", "has not exactly one of in, not_in, like, absent", "write one of them")
    return Condition(
        at=table.sources("at"),
        wanted=table.names("in") if table.has("in") else None,
        unwanted=table.names("not_in") if table.has("not_in") else None,
        like=table.pattern("like"),
        absent=table.flag("absent", default=False),
        types=table.names("types") if table.has("types") else None,
        otherwise=table.choice("otherwise", KeptReason, KeptReason.OTHER_EVENT),
    )


def _read_identity(table: Table) -> IdentityRule:
    table.expect("form", "form_name", "id", "session", "at", "volatile")
    at = table.table("at")
    at.expect("from", "format", "zone")
    return IdentityRule(
        forms=table.alternatives("form", flat_is_one=False),
        form_name=table.sources("form_name"),
        ids=table.alternatives("id", flat_is_one=True),
        session=table.sources("session"),
        at=at.sources("from"),
        at_formats=_read_formats(at, _read_zone(at)),
        volatile=table.names("volatile"),
    )


def _read_zone(table: Table) -> tzinfo:
    name = table.text("zone", "UTC")
    try:
        return UTC if name == "UTC" else ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        table.note("zone", f"is {name[:60]!r}", "write a time zone such as 'Europe/Berlin'")
        return UTC


def _read_formats(table: Table, zone: tzinfo) -> tuple[Format, ...]:
    formats = []
    for name in table.texts_of("format") or ("iso",):
        try:
            formats.append(make_format(name, zone))
        except ValueError as problem:
            table.note("format", f"is {name[:60]!r} and {problem}", "write iso, s, ms, auto or '%Y-%m-%d'")
    return tuple(formats)


def _read_honeypot(table: Table) -> HoneypotRule:
    table.expect("fields")
    texts = table.texts_of("fields")
    pointers = [_pointer_key(table, text) for text in texts if text.startswith("/")]
    return HoneypotRule(
        names=frozenset(text for text in texts if not text.startswith("/")),
        pointers=tuple(pointer for pointer in pointers if pointer is not None),
    )


def _read_reply(table: Table) -> Reply:
    table.expect("status", "body", "content_type", "browser", "next")
    status = table.whole("status") or 200
    if status not in _STATUSES:
        table.note("status", f"is {status}", "write one from 200 to 299")
    return Reply(
        status=status,
        body=table.text("body", "{}"),
        content_type=table.text("content_type", "application/json"),
        browser=table.flag("browser", default=False),
        next=table.sources("next"),
    )


def _read_redact(table: Table, signature: Scheme) -> tuple[Pointer, ...]:
    """Add the places where the signature's secret stands in the body."""
    table.expect("at")
    secrets = [way.name for way in signature.secret_places if way.place == "body"]
    return (*table.pointers("at"), *map(parse_pointer, secrets if not table.mistakes else ()))


def _read_fetch(table: Table) -> FetchRule:
    table.expect("plugin", "types", "unless")
    table.require("plugin")
    plugin = table.text("plugin")
    if plugin and not _is_slug(plugin):
        table.note("plugin", f"is {plugin[:60]!r}", "use a-z, 0-9 and _")
    unless = table.text("unless")
    if unless not in {"", "email"}:
        table.note("unless", f"is {unless[:60]!r}", "write 'email' or leave it out")
    return FetchRule(
        plugin=plugin,
        types=table.names("types") if table.has("types") else None,
        unless_email=unless == "email",
    )
