"""What a form asks of the visitor's consent: HubSpot's `legalConsentOptions` of a form definition."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

from service.domain.reading import Reader


class LegalType(enum.StrEnum):
    """The kinds of legal basis that a form can have."""

    NONE = "none"
    LEGITIMATE_INTEREST = "legitimate_interest"
    EXPLICIT_CONSENT = "explicit_consent_to_process"
    IMPLICIT_CONSENT = "implicit_consent_to_process"


class LawfulBasis(enum.StrEnum):
    """On which ground a legitimate interest is claimed."""

    LEAD = "lead"
    CLIENT = "client"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class ConsentBox:
    """A box to tick for one subscription type."""

    subscription_type_id: int
    label: str = ""
    required: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LegalSettings:
    """A form's legal basis, with the texts that the visitor reads."""

    type: LegalType = LegalType.NONE
    boxes: tuple[ConsentBox, ...] = ()
    subscription_type_ids: tuple[int, ...] = ()
    """Those of a legitimate interest."""
    lawful_basis: LawfulBasis | None = None
    texts: Mapping[str, str] = field(default_factory=dict)
    """By HubSpot's names: `privacyText`, `consentToProcessText` and so on."""


TEXTS = (
    "privacyText",
    "communicationConsentText",
    "consentToProcessText",
    "consentToProcessCheckboxLabel",
    "consentToProcessFooterText",
)
NO_LEGAL_BASIS = LegalSettings()
_KEYS = frozenset(("type", "communicationsCheckboxes", "subscriptionTypeIds", "lawfulBasis", *TEXTS))
_BOX_KEYS = frozenset(("subscriptionTypeId", "label", "required"))


def read_legal(reader: Reader) -> LegalSettings:
    """Read `legalConsentOptions`; without it there is no legal basis."""
    reader.check_spelling(_KEYS)
    legal = LegalSettings(
        type=reader.choice("type", LegalType, LegalType.NONE),
        boxes=tuple(_read_box(box) for box in reader.children("communicationsCheckboxes")),
        subscription_type_ids=tuple(_read_ids(reader)),
        lawful_basis=(
            reader.choice("lawfulBasis", LawfulBasis, LawfulBasis.LEAD) if reader.has("lawfulBasis") else None
        ),
        texts={key: reader.text(key) for key in TEXTS if reader.has(key)},
    )
    if reader.document and not reader.has("type"):
        reader.note("type", "is missing", f"choose one of {', '.join(LegalType)}")
    if len({box.subscription_type_id for box in legal.boxes}) < len(legal.boxes):
        reader.note("communicationsCheckboxes", "name a subscription type twice", "take one of them out")
    return legal


def dump_legal(legal: LegalSettings) -> dict[str, object]:
    """Return the settings as HubSpot writes them."""
    document: dict[str, object] = {"type": legal.type.value, **legal.texts}
    if legal.boxes:
        document["communicationsCheckboxes"] = [
            {"subscriptionTypeId": box.subscription_type_id, "label": box.label, "required": box.required}
            for box in legal.boxes
        ]
    if legal.subscription_type_ids:
        document["subscriptionTypeIds"] = list(legal.subscription_type_ids)
    if legal.lawful_basis is not None:
        document["lawfulBasis"] = legal.lawful_basis.value
    return document


def _read_box(reader: Reader) -> ConsentBox:
    reader.check_spelling(_BOX_KEYS)
    if not reader.has("subscriptionTypeId"):
        reader.note("subscriptionTypeId", "is missing", "write the number of the subscription type")
    return ConsentBox(
        reader.whole("subscriptionTypeId") or 0, reader.text("label"), reader.flag("required", default=False)
    )


def _read_ids(reader: Reader) -> list[int]:
    ids = []
    for path, item in reader.items("subscriptionTypeIds"):
        number = Reader({path: item}, "", reader.mistakes).whole(path)
        if number is not None:
            ids.append(number)
    return ids
