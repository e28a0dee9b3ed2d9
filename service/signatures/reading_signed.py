"""Reads the kinds that sign bytes of the request: hmac, hash, rsa, ed25519."""

import re
from collections.abc import Callable, Mapping

from service.domain.reading import Reader
from service.signatures.algorithms import (
    Algorithm,
    Ed25519Algorithm,
    Hash,
    HashAlgorithm,
    HmacAlgorithm,
    RsaAlgorithm,
)
from service.signatures.encodings import Encoding
from service.signatures.keys import Key, KeyForm
from service.signatures.reading_common import Kind, read_header_name, read_tolerance, read_when
from service.signatures.signed import Signed
from service.signatures.templates import BARE_FORM, HeaderForm, Slot, Template, parse_form, parse_template
from service.signatures.times import SignedTime, Unit

LEAST_PARTS = 2
"""Of a joined key."""

_is_visible = re.compile(r"[\x21-\x7e]*").fullmatch


def read_signed(reader: Reader, kind: Kind) -> Signed:
    form = _read_form(reader)
    asymmetric = kind in {Kind.RSA, Kind.ED25519}
    way = Signed(
        when=read_when(reader),
        header=read_header_name(reader, "header"),
        algorithm=_ALGORITHMS[kind](reader),
        form=form,
        encoding=reader.choice("encoding", Encoding, Encoding.BASE64 if asymmetric else Encoding.HEX),
        templates=_read_templates(reader, kind),
        time=_read_time(reader, form),
        id_header=read_header_name(reader, "id_header") if reader.has("id_header") else "",
        unescape=_read_unescape(reader),
    )
    for template in way.templates:
        _check_slots(reader, template, way, kind)
    return way


def _read_form(reader: Reader) -> HeaderForm:
    text, separator = reader.text("form", "{signature}"), reader.text("separator")
    if separator and not reader.has("form"):
        reader.note("separator", "is given without a form", "write 'form', such as 'v1,{signature}'")
    try:
        return parse_form(text, separator)
    except ValueError as fault:
        reader.note(
            "form", str(fault), "write it like 'sha256={signature}' or 't={timestamp},v1={signature}'"
        )
        return BARE_FORM


def _read_templates(reader: Reader, kind: Kind) -> tuple[Template, ...]:
    value = reader.document.get("signed")
    if value is None:
        return (parse_template("{secret}{body}" if kind is Kind.HASH else "{body}"),)
    texts = [reader.text("signed")] if isinstance(value, str) else list(reader.texts("signed"))
    if value == []:
        reader.note("signed", "is an empty list", "write what is signed, such as '{body}'")
    return tuple(template for text in texts for template in _parse_template(reader, text))


def _parse_template(reader: Reader, text: str) -> tuple[Template, ...]:
    try:
        return (parse_template(text),)
    except ValueError as fault:
        slots = ", ".join(f"{{{slot}}}" for slot in Slot)
        reader.note("signed", str(fault), f"choose from {slots}; a brace is written twice")
        return ()


def _read_time(reader: Reader, form: HeaderForm) -> SignedTime | None:
    listed, beside = form.timestamp_prefix is not None, reader.has("timestamp_header")
    time = SignedTime(
        header=read_header_name(reader, "timestamp_header") if beside else "",
        unit=reader.choice("timestamp_unit", Unit, Unit.SECONDS),
        tolerance=read_tolerance(reader),
    )
    if listed and beside:
        reader.note("timestamp_header", "is given though the form has a time", "take one of them out")
    if listed or beside:
        return time
    for key in ("timestamp_unit", "tolerance"):
        if reader.has(key):
            reader.note(key, "is given without a time", "write 'timestamp_header', or take it out")
    return None


def _read_unescape(reader: Reader) -> str:
    text = reader.text("unescape")
    if not _is_visible(text) or "%" in text or any(character.isalnum() for character in text):
        reader.note("unescape", f"is {text[:50]!r}", "list ASCII signs other than '%', such as ':/?@'")
        return ""
    return text


def _check_slots(reader: Reader, template: Template, way: Signed, kind: Kind) -> None:
    """What a template takes must be there, and what is there must be signed: anything else proves nothing."""
    there = {
        Slot.BODY: True,
        Slot.SECRET: kind is Kind.HASH,
        Slot.TIMESTAMP: way.time is not None,
        Slot.ID: bool(way.id_header),
    }
    for slot, is_there in there.items():
        if is_there and not template.has(slot):
            reader.note("signed", f"leaves out {{{slot}}}", _MENDS_LEFT_OUT[slot])
        if template.has(slot) and not is_there:
            reader.note("signed", f"takes {{{slot}}}, which is nowhere", _MENDS_NOWHERE[slot])
    if way.unescape and not template.has(Slot.URL):
        reader.note("unescape", "is given where no {url} is signed", "take it out")


_MENDS_LEFT_OUT: Mapping[Slot, str] = {
    Slot.BODY: "put it in: nothing else proves the body",
    Slot.SECRET: "put it in, or choose the kind hmac",
    Slot.TIMESTAMP: "put it in, or take the time out: one that is not signed proves nothing",
    Slot.ID: "put it in, or take out 'id_header'",
}
_MENDS_NOWHERE: Mapping[Slot, str] = {
    Slot.SECRET: "take it out, or choose the kind hash",
    Slot.TIMESTAMP: "write 'timestamp_header', or put {timestamp} into 'form'",
    Slot.ID: "write 'id_header'",
}


def _read_hash(reader: Reader) -> Hash:
    return reader.choice("hash", Hash, Hash.SHA256)


def _read_key(reader: Reader) -> Key:
    form = reader.choice("key", KeyForm, KeyForm.UTF8)
    parts = tuple(reader.texts("key_parts"))
    joined = form is KeyForm.JOINED
    if joined and (len(parts) < LEAST_PARTS or not all(parts)):
        reader.note(
            "key_parts", "names fewer than two parts", "name them, such as ['client_id', 'client_secret']"
        )
    for key in () if joined else ("key_parts", "key_separator"):
        if reader.has(key):
            reader.note(key, f"is given for a key of the form {form}", "take it out, or write key = 'joined'")
    if reader.has("key_separator") and not reader.text("key_separator"):
        reader.note("key_separator", "is empty", "write what stands between the parts, such as '&'")
    return Key(
        form=form,
        prefix=reader.text("key_prefix"),
        parts=parts if joined else (),
        separator=reader.text("key_separator") or "&",
    )


_ALGORITHMS: Mapping[Kind, Callable[[Reader], Algorithm]] = {
    Kind.HMAC: lambda reader: HmacAlgorithm(_read_hash(reader), _read_key(reader)),
    Kind.HASH: lambda reader: HashAlgorithm(_read_hash(reader)),
    Kind.RSA: lambda reader: RsaAlgorithm(_read_hash(reader)),
    Kind.ED25519: lambda _: Ed25519Algorithm(),
}
