"""All providers at a glance, made from their descriptions: for the pages, the console and the command."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby

from service.providers.catalogue import Catalogue
from service.providers.description import BodyKind, Description, HandshakeKind, ProviderKind
from service.signatures.algorithms import HashAlgorithm, HmacAlgorithm, RsaAlgorithm
from service.signatures.parameters import SortedParameters
from service.signatures.shared import Place, Shared
from service.signatures.signed import Signed
from service.signatures.tokens import BodyHashToken
from service.signatures.ways import HeaderWay, Way

COMMAND = "marketable provider table"
_NOTHING = "\N{EN DASH}"
_KINDS: Mapping[ProviderKind, str] = {
    ProviderKind.FORM: "Forms",
    ProviderKind.CHAT: "Chats",
    ProviderKind.GENERIC: "Any tool",
}
_SENT: Mapping[BodyKind, str] = {
    BodyKind.JSON: "JSON",
    BodyKind.FORM: "form",
    BodyKind.FORM_PHP: "form, nested names",
    BodyKind.MULTIPART: "multipart form",
    BodyKind.AUTO: "JSON or form",
    BodyKind.AUTO_PHP: "JSON or form, nested names",
    BodyKind.CLOUDEVENTS: "CloudEvents",
}
_SHAKEN: Mapping[HandshakeKind, str] = {
    HandshakeKind.HUB_CHALLENGE: "GET, echoes a challenge",
    HandshakeKind.CHALLENGE_HMAC: "GET, signs a challenge",
    HandshakeKind.HEAD: "HEAD",
    HandshakeKind.ECHO_JSON: "POST, echoes a challenge",
    HandshakeKind.OPTIONS_WEBHOOK: "OPTIONS, allows the origin",
}
_PLACES: Mapping[Place, str] = {
    Place.HEADER: "secret in {}",
    Place.BEARER: "bearer token",
    Place.BASIC: "user and password",
    Place.BASIC_USER: "secret as user name",
    Place.BASIC_PASSWORD: "secret as password",
    Place.QUERY: "secret in the query, {}",
    Place.BODY: "secret in the body, {}",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One provider. Empty is nothing: it doesn't sign, doesn't shake hands, needs no look-up."""

    name: str
    title: str
    kind: str
    sent: str
    signed: str
    handshake: str
    look_up: str
    grade: str
    proven: bool
    """Whether its shape was seen in a real capture, in the vendor's page or source."""
    about: str


def rows(catalogue: Catalogue) -> list[Row]:
    """Return the providers by kind, forms first, and then by title."""
    kinds = list(ProviderKind)
    ordered = sorted(catalogue.values(), key=lambda each: (kinds.index(each.kind), each.title.casefold()))
    return [row_of(description) for description in ordered]


def row_of(description: Description) -> Row:
    handshake, fetch = description.handshake, description.fetch
    return Row(
        name=description.name,
        title=description.title,
        kind=description.kind.value,
        sent=_SENT[description.decode.body],
        signed=signed_how(description),
        handshake=_SHAKEN[handshake.kind] if handshake is not None else "",
        look_up=fetch.plugin if fetch is not None else "",
        grade=description.grade.value,
        proven=description.proven,
        about=description.about,
    )


def signed_how(description: Description) -> str:
    """Say how deliveries are proved, in a few words; empty when they are not."""
    said = "; or ".join(dict.fromkeys(map(_way, description.signature.ways)))
    return f"{said} (optional)" if description.signature.optional else said


def table(catalogue: Catalogue) -> str:
    """Return `docs/providers.md`."""
    lines = [
        "# Providers",
        "",
        f"All {len(catalogue)} tools whose deliveries are understood. This page is made from the catalogue by",
        f"`{COMMAND}`; [adding a provider](adding-a-provider.md) tells how another one gets in, without any Python.",
        "",
        "Every provider has an address with an unguessable token; *signed* is what proves a delivery beyond it, and",
        "*optional* is taken without a proof as long as the endpoint has no secret. *Look-up*: the delivery names no",
        "person, who is asked for with an access token. *Grade*: how well the shape is known, A from the vendor's",
        "detailed page or source, B from a thin one, C from others, M from memory; *no* under *proven*: part of it",
        "waits for a real capture.",
    ]
    for kind, members in groupby(rows(catalogue), key=lambda row: row.kind):
        lines += ["", f"## {_KINDS[ProviderKind(kind)]}", "", *_markdown(list(members))]
    return "\n".join(lines) + "\n"


def summary(catalogue: Catalogue) -> str:
    """Return one line of titles for each kind, as the README has them."""
    return "\n".join(
        f"- **{_KINDS[ProviderKind(kind)]}** ({len(titles)}): {', '.join(titles)}."
        for kind, titles in (
            (kind, [row.title for row in members])
            for kind, members in groupby(rows(catalogue), key=lambda row: row.kind)
        )
    )


def _markdown(members: list[Row]) -> list[str]:
    head = ("provider", "name", "sends", "signed", "handshake", "look-up", "grade", "proven")
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for row in members:
        cells = (row.title, f"`{row.name}`", row.sent, row.signed, row.handshake, _code(row.look_up))
        shown = [cell or _NOTHING for cell in cells] + [row.grade, "yes" if row.proven else "no"]
        lines.append("| " + " | ".join(shown) + " |")
    return lines


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


def _way(way: Way) -> str:
    if isinstance(way, Shared):
        return _PLACES[way.place].format(f"`{way.name}`")
    name = _algorithm(way)
    return f"{name} in `{way.header}`" if isinstance(way, HeaderWay) else name


def _algorithm(way: Way) -> str:
    if isinstance(way, BodyHashToken):
        return "JSON Web Token"
    if not isinstance(way, Signed | SortedParameters):
        return "own way"
    algorithm = way.algorithm
    if isinstance(algorithm, HashAlgorithm):
        return algorithm.hash.upper().replace("SHA", "SHA-")
    if isinstance(algorithm, HmacAlgorithm):
        return f"HMAC {algorithm.hash.upper().replace('SHA', 'SHA-')}"
    return "RSA" if isinstance(algorithm, RsaAlgorithm) else "Ed25519"
