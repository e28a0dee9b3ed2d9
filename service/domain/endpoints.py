"""Endpoints, where other people's tools send to, and the forms and chatflows that were seen at them."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from service.domain.reading import Mistake, Reader
from service.errors import InvalidInput

LONGEST_NAME = 200
MOST_HOSTS = 100
MOST_HONEYPOTS = 20
LONGEST_THANKS = 2_000
LONGEST_TOLERANCE = 7 * 24 * 3_600
_OPTIONS = frozenset(
    {
        *("allowed_hosts", "allowed_origins", "honeypots", "captcha", "thanks_url", "thanks_text"),
        *("tolerance", "api_url"),
    }
)


class EndpointState(enum.StrEnum):
    """Whether deliveries are taken; a paused endpoint asks its senders to try again later."""

    ACTIVE = "active"
    PAUSED = "paused"


class Captcha(enum.StrEnum):
    """Who says whether a person filled in a form."""

    NONE = "none"
    TURNSTILE = "turnstile"
    HCAPTCHA = "hcaptcha"


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointOptions:
    """What can be chosen for an endpoint beside its secrets."""

    allowed_hosts: tuple[str, ...] = ()
    """Hosts that a form may send its visitor on to."""
    allowed_origins: tuple[str, ...] = ()
    """Pages that browsers may submit from; none means all."""
    honeypots: tuple[str, ...] = ()
    """Names of fields that people don't see, beside the usual ones."""
    captcha: Captcha = Captcha.NONE
    thanks_url: str = ""
    """Where visitors are sent when the form doesn't say."""
    thanks_text: str = ""
    """What our own page of thanks says."""
    tolerance: int | None = None
    """How old a signature may be, in seconds; None is the provider's usual 300."""
    api_url: str = ""
    """Where look-ups ask, or captchas are checked, in place of the vendor's own address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """An address and its secrets for one portal and one provider."""

    id: int
    portal_id: int
    provider: str
    name: str
    state: EndpointState
    tokens: tuple[str, ...] = field(repr=False)
    """The unguessable ends of its addresses, the newest first; two while the address is being changed."""
    secrets: tuple[str, ...] = field(default=(), repr=False)
    """What deliveries are proved by, the newest first; two while the secret is being changed."""
    secret_set_at: datetime | None = None
    """When the newest secret was stored."""
    access_token: str = field(default="", repr=False)
    """What look-ups show the vendor."""
    captcha_secret: str = field(default="", repr=False)
    options: EndpointOptions = EndpointOptions()
    version: int = 1
    created_at: datetime

    @property
    def token(self) -> str:
        """The end of the address to give out."""
        return self.tokens[0]


class ExternalKind(enum.StrEnum):
    """What was seen: a form that is none of HubSpot's, or a chatflow."""

    FORM = "form"
    CHATFLOW = "chatflow"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalForm:
    """A form or chatflow that was seen at an endpoint, or was told of before."""

    id: int
    endpoint_id: int
    portal_id: int
    kind: ExternalKind
    key: str
    """The provider's id of it; empty when the provider tells none, so that the endpoint is the form."""
    name: str = ""
    marketing_default: bool | None = None
    """None: a form takes the portal's default for forms that are not HubSpot's, a chatflow is off (rule 5)."""
    mapping: Mapping[str, str] = field(default_factory=dict)
    """Role to field, as a person chose them."""
    fields: Mapping[str, str] = field(default_factory=dict)
    """Fields that were seen, each with its label."""
    version: int = 0
    """Grows with each change of default or mapping; 0 when nobody has chosen anything."""
    is_new: bool = True
    """Nobody has looked at it yet."""
    first_seen_at: datetime | None = None
    last_seen_at: datetime | None = None

    def default(self, *, of_portal: bool) -> bool:
        """Return the default that decides; `of_portal` is the portal's for forms that are not HubSpot's (rule 5)."""
        if self.marketing_default is not None:
            return self.marketing_default
        return self.kind is ExternalKind.FORM and of_portal


def read_options(document: object) -> EndpointOptions:
    """Read options as the API and the command write them; raises InvalidInput with every mistake."""
    mistakes: list[Mistake] = []
    reader = Reader.of(document, "options", mistakes)
    for key in sorted(reader.document.keys() - _OPTIONS):
        reader.note(key, "is not known", f"write one of {', '.join(sorted(_OPTIONS))}")
    options = EndpointOptions(
        allowed_hosts=_hosts(reader, "allowed_hosts"),
        allowed_origins=_origins(reader),
        honeypots=_bounded(reader, "honeypots", MOST_HONEYPOTS),
        captcha=reader.choice("captcha", Captcha, Captcha.NONE),
        thanks_url=_url(reader, "thanks_url"),
        thanks_text=_short(reader, "thanks_text", LONGEST_THANKS),
        tolerance=_tolerance(reader),
        api_url=_url(reader, "api_url"),
    )
    reader.raise_mistakes("options")
    return options


def dump_options(options: EndpointOptions) -> dict[str, object]:
    """Return what `read_options` reads."""
    return {
        "allowed_hosts": list(options.allowed_hosts),
        "allowed_origins": list(options.allowed_origins),
        "honeypots": list(options.honeypots),
        "captcha": options.captcha.value,
        "thanks_url": options.thanks_url,
        "thanks_text": options.thanks_text,
        "tolerance": options.tolerance,
        "api_url": options.api_url,
    }


def audited(endpoint: Endpoint) -> dict[str, object]:
    """Return what the audit keeps of an endpoint: how many secrets there are, and none of them."""
    return {
        "provider": endpoint.provider,
        "name": endpoint.name,
        "state": endpoint.state.value,
        "secrets": len(endpoint.secrets),
        "addresses": len(endpoint.tokens),
        "has_access_token": bool(endpoint.access_token),
        "has_captcha_secret": bool(endpoint.captcha_secret),
        "options": dump_options(endpoint.options),
        "version": endpoint.version,
    }


def asks_anew(before: Endpoint, after: Endpoint) -> bool:
    """Whether look-ups that failed may succeed now."""
    return (after.access_token, after.options.api_url) != (before.access_token, before.options.api_url)


def check_name(name: str) -> str:
    """Return the name of an endpoint or external form; raises InvalidInput."""
    name = " ".join(name.split())
    if not name or len(name) > LONGEST_NAME:
        raise InvalidInput(
            "the name is empty or too long", field="name", mend=f"use 1 to {LONGEST_NAME} characters"
        )
    return name


def _bounded(reader: Reader, key: str, most: int) -> tuple[str, ...]:
    texts = tuple(dict.fromkeys(text.strip() for text in reader.texts(key)))
    if len(texts) > most or any(not 0 < len(text) <= LONGEST_NAME for text in texts):
        reader.note(key, "is too long or holds an empty text", f"list up to {most} short texts")
    return texts


def _hosts(reader: Reader, key: str) -> tuple[str, ...]:
    hosts = _bounded(reader, key, MOST_HOSTS)
    for host in hosts:
        parts = host.removeprefix("*.").split(".")
        if not host.isascii() or not all(part.replace("-", "").isalnum() for part in parts):
            mend = "write hosts such as 'www.example.com', '*.example.com' or 'xn--bcher-kva.example'"
            reader.note(key, f"holds {host[:60]!r}", mend)
    return tuple(host.lower() for host in hosts)


def _origins(reader: Reader) -> tuple[str, ...]:
    origins = _bounded(reader, "allowed_origins", MOST_HOSTS)
    for origin in origins:
        scheme, found, host = origin.partition("://")
        is_origin = scheme in {"http", "https"} and found and host and "/" not in host
        if not is_origin or not origin.isascii():
            mend = "write origins as 'https://www.example.com', other letters than a to z as 'xn--…'"
            reader.note("allowed_origins", f"holds {origin[:60]!r}", mend)
    return tuple(origin.lower() for origin in origins)


def _url(reader: Reader, key: str) -> str:
    url = reader.text(key)
    scheme, found, host = url.partition("://")
    is_url = scheme in {"http", "https"} and found and host and not any(letter <= " " for letter in url)
    if url and not (is_url and host.partition("/")[0].isascii()):
        reader.note(key, f"is {url[:60]!r}", "write a URL such as 'https://www.example.com/thanks'")
    return url


def _short(reader: Reader, key: str, longest: int) -> str:
    text = reader.text(key)
    if len(text) > longest:
        reader.note(key, f"has {len(text)} characters", f"use up to {longest}")
    return text


def _tolerance(reader: Reader) -> int | None:
    seconds = reader.whole("tolerance")
    if seconds is not None and not 0 < seconds <= LONGEST_TOLERANCE:
        reader.note("tolerance", f"is {seconds}", f"write seconds from 1 to {LONGEST_TOLERANCE}")
    return seconds
