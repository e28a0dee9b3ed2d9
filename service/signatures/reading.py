"""Reads a scheme as it stands in the table `[signature]` of a provider's description.

`ways` lists several ways to prove a delivery, the best first. Each has the keys beside `ways` as well as its own.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from difflib import get_close_matches

from service.domain.reading import Reader
from service.signatures.algorithms import Hash, HmacAlgorithm
from service.signatures.bodies import parse_pointer
from service.signatures.encodings import Encoding
from service.signatures.parameters import SortedParameters
from service.signatures.reading_common import (
    KEYS,
    Kind,
    read_header_name,
    read_needed,
    read_tolerance,
    read_when,
)
from service.signatures.reading_signed import read_signed
from service.signatures.schemes import Scheme
from service.signatures.shared import NAMED_PLACES, Place, Shared
from service.signatures.tokens import BodyHashToken
from service.signatures.ways import Way


def read_scheme(table: Mapping[str, object]) -> Scheme:
    """Read the table; raises InvalidInput that names every mistake by its key."""
    reader = Reader(table, "signature")
    scheme = read_signature(reader)
    reader.raise_mistakes("the signing scheme")
    return scheme


def read_signature(reader: Reader) -> Scheme:
    """Read the table; mistakes are noted in the reader, and what is returned then is good for nothing else."""
    noted = len(reader.mistakes)
    ways = tuple(_read_ways(reader))
    optional = reader.flag("optional", default=False)
    if optional and not ways and len(reader.mistakes) == noted:
        reader.note("optional", "is set where nothing is proved", "take it out")
    return Scheme(ways=ways, optional=optional)


def _read_ways(reader: Reader) -> Iterator[Way]:
    common = {key: value for key, value in reader.document.items() if key not in {"ways", "optional"}}
    ways = [Reader({}, reader.path)]
    if reader.has("ways"):
        ways = list(reader.children("ways"))
        if reader.document["ways"] == []:
            reader.note("ways", "lists nothing", "add a table [[signature.ways]], or take it out")
    for own in ways:
        merged = Reader({**common, **own.document}, own.path)
        yield from _read_way(merged)
        _pass_on_mistakes(merged, own, reader)


def _pass_on_mistakes(merged: Reader, own: Reader, common: Reader) -> None:
    """Note the mistakes of a way, each once and where its key really stands."""
    for mistake in merged.mistakes:
        place = mistake.path.removeprefix(own.path).removeprefix(".")
        key = place.partition(".")[0].partition("[")[0]
        inherited = key in common.document and key not in own.document
        where = replace(mistake, path=common.at(place)) if inherited else mistake
        if where not in common.mistakes:
            common.mistakes.append(where)


def _read_way(reader: Reader) -> Iterator[Way]:
    """Yield the way, if it is one."""
    if not reader.has("kind"):
        reader.note("kind", "is missing", f"choose one of {', '.join(Kind)}")
        return
    kind = reader.choice("kind", Kind, Kind.NONE)
    if reader.mistakes:
        return
    for key in reader.document:
        if key not in KEYS[kind]:
            near = get_close_matches(key, KEYS[kind], n=1)
            mend = f"write {near[0]!r}" if near else f"choose from {', '.join(sorted(KEYS[kind]))}"
            reader.note(key, f"is not known to the kind {kind}", mend)
    if kind is not Kind.NONE:
        yield _READERS[kind](reader, kind)


def _read_token(reader: Reader, kind: Kind) -> BodyHashToken:
    del kind
    return BodyHashToken(
        when=read_when(reader),
        header=read_header_name(reader, "header"),
        issuer=read_needed(reader, "issuer", "write the text of the claim 'iss'"),
        claim=reader.text("claim", "sha256"),
        tolerance=read_tolerance(reader),
    )


def _read_parameters(reader: Reader, kind: Kind) -> SortedParameters:
    del kind
    return SortedParameters(
        when=read_when(reader),
        header=read_header_name(reader, "header"),
        algorithm=HmacAlgorithm(reader.choice("hash", Hash, Hash.SHA1)),
        encoding=reader.choice("encoding", Encoding, Encoding.BASE64),
        body_hash_query=reader.text("body_hash_query", "bodySHA256"),
    )


def _read_shared(reader: Reader, kind: Kind) -> Shared:
    del kind
    if not reader.has("place"):
        reader.note("place", "is missing", f"choose one of {', '.join(Place)}")
    place = reader.choice("place", Place, Place.BEARER)
    return Shared(when=read_when(reader), place=place, name=_read_name(reader, place))


def _read_name(reader: Reader, place: Place) -> str:
    if place is Place.HEADER:
        return read_header_name(reader, "name")
    if place not in NAMED_PLACES:
        if reader.has("name") and reader.has("place"):
            reader.note("name", f"is given where the place {place} has none", "take it out")
        return ""
    name = read_needed(reader, "name", "write the parameter's name, or a JSON Pointer such as '/token'")
    if name and place is Place.BODY:
        try:
            parse_pointer(name)
        except ValueError as fault:
            reader.note("name", str(fault), "write a JSON Pointer such as '/token'")
    return name


_READERS: Mapping[Kind, Callable[[Reader, Kind], Way]] = {
    Kind.HMAC: read_signed,
    Kind.HASH: read_signed,
    Kind.RSA: read_signed,
    Kind.ED25519: read_signed,
    Kind.JWT_BODY_HASH: _read_token,
    Kind.SORTED_PARAMETERS: _read_parameters,
    Kind.EQUAL: _read_shared,
}
