"""What is known about one provider: `provider.toml` after reading. `docs/adding-a-provider.md` tells the notation."""

import enum
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from service.providers.events import EventKind, KeptReason
from service.providers.pointers import WHOLE, Pick, Pointer, Sources
from service.providers.times import Format
from service.signatures import Scheme


class ProviderKind(enum.StrEnum):
    """What the tool is; events of a chat tool are chat events when nothing else is said."""

    FORM = "form"
    CHAT = "chat"
    GENERIC = "generic"


class Grade(enum.StrEnum):
    """How well the shape is known: from the vendor's detailed page or source, thinly, from others, from memory."""

    A = "A"
    B = "B"
    C = "C"
    M = "M"


class BodyKind(enum.StrEnum):
    """How a body is taken apart."""

    JSON = "json"
    FORM = "form"
    FORM_PHP = "form-php"
    MULTIPART = "multipart"
    AUTO = "auto"
    AUTO_PHP = "auto-php"
    CLOUDEVENTS = "cloudevents"


class HandshakeKind(enum.StrEnum):
    """How a tool asks whether the address is ours before it sends."""

    HUB_CHALLENGE = "hub-challenge"
    CHALLENGE_HMAC = "challenge-hmac"
    HEAD = "head"
    ECHO_JSON = "echo-json"
    OPTIONS_WEBHOOK = "options-webhook"


class Role(enum.StrEnum):
    """What an answer can be for the contact."""

    EMAIL = "email"
    FIRST_NAME = "first_name"
    LAST_NAME = "last_name"
    NAME = "name"
    PHONE = "phone"
    COMPANY = "company"
    CONSENT = "consent"
    CONSENT_TEXT = "consent_text"


@dataclass(frozen=True, slots=True, kw_only=True)
class Handshake:
    """`when` and `answer` are of `echo-json`: which delivery is a handshake, and what is sent back of it."""

    kind: HandshakeKind
    when: tuple[tuple[Pointer, str], ...] = ()
    answer: Sources = ()
    answer_key: str = ""
    content_type: str = "application/json"


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodeRule:
    body: BodyKind = BodyKind.JSON
    unpack: tuple[Pointer, ...] = ()
    root: tuple[Pointer, ...] = (WHOLE,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """Holds when the value is among `wanted`, not among `unwanted`, like the pattern, or absent: one is set."""

    at: Sources
    wanted: frozenset[str] | None = None
    unwanted: frozenset[str] | None = None
    like: re.Pattern[str] | None = None
    absent: bool = False
    types: frozenset[str] | None = None
    """Event types that it is asked of; None is all."""
    otherwise: KeptReason = KeptReason.OTHER_EVENT


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRule:
    each: tuple[Pointer, ...] = ()
    type: Sources = ()
    submission: frozenset[str] = frozenset()
    chat: frozenset[str] = frozenset()
    kept: Mapping[str, KeptReason] = field(default_factory=dict)
    conditions: tuple[Condition, ...] = ()
    test: Sources = ()
    default_kind: EventKind = EventKind.SUBMISSION


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityRule:
    forms: tuple[Sources, ...] = ()
    """Alternatives; the parts of each are joined."""
    form_name: Sources = ()
    ids: tuple[Sources, ...] = ()
    """Alternatives; of each all parts are needed."""
    session: Sources = ()
    at: Sources = ()
    at_formats: tuple[Format, ...] = ()
    volatile: frozenset[str] = frozenset()
    """Keys of fields that differ between two sends of one submission."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NameRule:
    """Which names of fields count, and what is taken off them."""

    skip: frozenset[str] = frozenset()
    keep: re.Pattern[str] | None = None
    strip: re.Pattern[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelRule:
    """Where labels and types stand when they don't stand with the answers; found by the answer's key."""

    at: Sources
    key: tuple[Pointer, ...]
    label: tuple[Pointer, ...] = ()
    type: tuple[Pointer, ...] = ()
    parts: "PartRule | None" = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PartRule:
    """Sub-fields, inside what tells the label of a field; their own label comes after the field's."""

    at: Pointer
    key: tuple[Pointer, ...]
    label: tuple[Pointer, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MapRule:
    """An object whose keys are the fields."""

    at: Sources
    names: NameRule = NameRule()
    labels: LabelRule | None = None
    split: str = ""
    """Texts that hold this are lists."""
    json_lists: bool = False
    """Texts that say a JSON list of plain values are that list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListRule:
    """A list, or an object, of fields that tell their own key, label, type and value."""

    at: Sources
    key: tuple[Pointer, ...] = ()
    label: tuple[Pointer, ...] = ()
    type: tuple[Pointer, ...] = ()
    value: tuple[Pointer, ...] = ()
    """Empty: under the name that the item's own `type` gives."""
    item_text: Pointer | None = None
    options: Pointer | None = None
    option_id: Pointer = WHOLE
    option_text: Pointer = WHOLE
    names: NameRule = NameRule()
    labels: LabelRule | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LineRule:
    """A text whose lines are `name : value`."""

    at: Sources
    separator: str = " : "


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldRule:
    maps: tuple[MapRule, ...] = ()
    lists: tuple[ListRule, ...] = ()
    named: tuple[tuple[str, Sources], ...] = ()
    lines: tuple[LineRule, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleGroup:
    """Roles of fields that are numbered parts of one question, told by which parts there are."""

    key: re.Pattern[str]
    """Of the whole key; its two groups are the question and the part."""
    parts: frozenset[str]
    """No other part may be there."""
    values: Mapping[str, re.Pattern[str]]
    roles: Mapping[str, Role]
    """By part; all must be there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleRule:
    fixed: Mapping[Role, Sources] = field(default_factory=dict)
    types: Mapping[str, frozenset[Role]] = field(default_factory=dict)
    """By the provider's field type."""
    groups: tuple[RoleGroup, ...] = ()
    ignore: Mapping[Role, re.Pattern[str]] = field(default_factory=dict)
    strip: Mapping[Role, re.Pattern[str]] = field(default_factory=dict)
    detect: bool = True
    consent_by_type: Mapping[str, bool] = field(default_factory=dict)
    """By event type."""
    refused: Sources = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class HoneypotRule:
    """Fields that people don't see and so leave empty."""

    names: frozenset[str] = frozenset()
    pointers: tuple[Pointer, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What the sender gets for a delivery that is kept."""

    status: int = 200
    body: str = "{}"
    content_type: str = "application/json"
    browser: bool = False
    """A person waits for it: JSON or a redirect, by what the request accepts."""
    next: Sources = ()
    """Where the form wants its visitor to be sent; to be followed to allowed hosts only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchRule:
    """Who is asked for the person when the delivery doesn't name it."""

    plugin: str
    types: frozenset[str] | None = None
    unless_email: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """One provider."""

    name: str
    folder: Path
    title: str
    kind: ProviderKind
    grade: Grade
    proven: bool
    documentation: tuple[str, ...]
    about: str
    replaces: bool
    signature: Scheme
    handshake: Handshake | None
    decode: DecodeRule
    events: EventRule
    identity: IdentityRule
    fields: FieldRule
    roles: RoleRule
    picks: Mapping[str, Pick]
    honeypot: HoneypotRule
    reply: Reply
    redact: tuple[Pointer, ...]
    fetch: FetchRule | None
