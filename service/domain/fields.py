"""The fields of a form: what each one is and which values it takes."""

import enum
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from service.domain.reading import Reader

CONTACT = "0-1"
"""HubSpot's object type id of contacts."""

FREE_MAIL_DOMAINS = frozenset(
    {
        *("163.com", "aol.com", "gmail.com", "gmx.com", "gmx.de", "gmx.net", "googlemail.com", "hotmail.com"),
        *("icloud.com", "live.com", "mail.com", "mail.ru", "me.com", "msn.com", "outlook.com", "proton.me"),
        *("protonmail.com", "qq.com", "web.de", "yahoo.co.uk", "yahoo.com", "yandex.com", "yandex.ru"),
        *("ymail.com", "zoho.com"),
    }
)
"""Refused as a business address by an e-mail field with `useDefaultBlockList`."""

LEAST_PHONE_DIGITS = 7
MOST_PHONE_DIGITS = 20
"""HubSpot's own limits where a phone field names none."""

is_object_type_id = re.compile(r"[0-9]{1,9}-[0-9]{1,19}").fullmatch
_is_name = re.compile(r"[^\s/\x00-\x1f\x7f]{1,200}").fullmatch


class FieldType(enum.StrEnum):
    """HubSpot's `fieldType`."""

    EMAIL = "email"
    PHONE = "phone"
    MOBILE_PHONE = "mobile_phone"
    SINGLE_LINE_TEXT = "single_line_text"
    MULTI_LINE_TEXT = "multi_line_text"
    NUMBER = "number"
    SINGLE_CHECKBOX = "single_checkbox"
    MULTIPLE_CHECKBOXES = "multiple_checkboxes"
    DROPDOWN = "dropdown"
    RADIO = "radio"
    DATEPICKER = "datepicker"
    FILE = "file"
    PAYMENT_LINK_RADIO = "payment_link_radio"


CHOICE_TYPES = frozenset({FieldType.MULTIPLE_CHECKBOXES, FieldType.DROPDOWN, FieldType.RADIO})
PHONE_TYPES = frozenset({FieldType.PHONE, FieldType.MOBILE_PHONE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Validation:
    """What a field asks of its values beyond its type; each type reads its own part."""

    blocked_addresses: frozenset[str] = frozenset()
    """Domains and whole addresses, in lower case and ASCII, that an e-mail field refuses."""
    use_default_block_list: bool = False
    least_digits: int | None = None
    most_digits: int | None = None
    least: float | None = None
    most: float | None = None

    def blocks(self, address: str) -> bool:
        """Whether a normalised e-mail address is refused."""
        domain = address.rpartition("@")[2]
        if self.use_default_block_list and domain in FREE_MAIL_DOMAINS:
            return True
        return domain in self.blocked_addresses or address in self.blocked_addresses


NO_VALIDATION = Validation()


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldRule:
    """One field of a form."""

    object_type_id: str = CONTACT
    name: str
    type: FieldType
    label: str = ""
    required: bool = False
    hidden: bool = False
    options: Mapping[str, str] = field(default_factory=dict)
    """Value and label of each choice, in the form's order."""
    validation: Validation = NO_VALIDATION
    key: str = field(init=False, repr=False, compare=False)
    """Object type and name, as `0-1/email`."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "key", f"{self.object_type_id}/{self.name}")


def path_of(key: str) -> str:
    """Return how a field's key is written for people: `email`, but `0-2/name` for other than contacts."""
    return key.removeprefix("0-1/")


def read_field(reader: Reader, *, dependent: bool) -> FieldRule:
    """Read one field; a dependent one is never required, for whether it is shown hangs on another's value."""
    reader.check_spelling(_FIELD_KEYS)
    kind = reader.choice("fieldType", FieldType, FieldType.SINGLE_LINE_TEXT)
    if not reader.has("fieldType"):
        reader.note("fieldType", "is missing", f"choose one of {', '.join(FieldType)}")
    rule = FieldRule(
        object_type_id=_read_object_type(reader),
        name=_read_name(reader),
        type=kind,
        label=reader.text("label"),
        required=reader.flag("required", default=False) and not dependent,
        hidden=reader.flag("hidden", default=False),
        options=_read_options(reader),
        validation=_read_validation(reader.child("validation"), kind),
    )
    if kind in CHOICE_TYPES and not rule.options:
        reader.note(
            "options", f"are missing on a field of type {kind}", 'list them as {"label": …, "value": …}'
        )
    if rule.key == "0-1/email" and kind is not FieldType.EMAIL:
        reader.note("fieldType", f"is {kind} on the contact's e-mail address", "write 'email'")
    return rule


def dump_field(rule: FieldRule) -> dict[str, object]:
    """Return the field as HubSpot writes it."""
    document: dict[str, object] = {
        "objectTypeId": rule.object_type_id,
        "name": rule.name,
        "label": rule.label,
        "required": rule.required,
        "hidden": rule.hidden,
        "fieldType": rule.type.value,
    }
    if rule.options:
        document["options"] = [
            {"label": label, "value": value, "displayOrder": order}
            for order, (value, label) in enumerate(rule.options.items())
        ]
    if rule.validation != NO_VALIDATION:
        document["validation"] = _dump_validation(rule.validation)
    return document


_FIELD_KEYS = frozenset(
    {"objectTypeId", "name", "label", "required", "hidden", "fieldType", "options", "validation"}
    | {"dependentFields"}
)
_VALIDATION_KEYS = frozenset(
    {"blockedEmailDomains", "useDefaultBlockList", "minAllowedDigits", "maxAllowedDigits", "min", "max"}
)


def _read_object_type(reader: Reader) -> str:
    object_type_id = reader.text("objectTypeId", CONTACT)
    if not is_object_type_id(object_type_id):
        reader.note(
            "objectTypeId", f"is {object_type_id[:50]!r}", "write '0-1' for contacts, '0-2' for companies"
        )
    return object_type_id


def _read_name(reader: Reader) -> str:
    name = reader.text("name")
    if not reader.has("name"):
        reader.note("name", "is missing", "write the internal name of the property, such as 'email'")
    elif not _is_name(name):
        reader.note("name", f"is {name[:50]!r}", "use 1 to 200 characters without spaces and '/'")
    return name


def _read_options(reader: Reader) -> Mapping[str, str]:
    options: dict[str, str] = {}
    for option in reader.children("options"):
        value = option.text("value")
        if not value.strip():
            option.note("value", "is missing", "write the text that is stored when this option is chosen")
        elif value in options:
            option.note("value", f"{value[:50]!r} stands there twice", "take one of the options out")
        options[value] = option.text("label", value)
    return options


def _read_validation(reader: Reader, kind: FieldType) -> Validation:
    reader.check_spelling(_VALIDATION_KEYS)
    validation = Validation(
        blocked_addresses=frozenset(_read_blocked(reader)),
        use_default_block_list=reader.flag("useDefaultBlockList", default=False),
        least_digits=reader.whole("minAllowedDigits"),
        most_digits=reader.whole("maxAllowedDigits"),
        least=reader.number("min"),
        most=reader.number("max"),
    )
    for low, high, keys in (
        (validation.least_digits, validation.most_digits, ("minAllowedDigits", "maxAllowedDigits")),
        (validation.least, validation.most, ("min", "max")),
    ):
        if low is not None and high is not None and low > high:
            reader.note(keys[0], f"is above {keys[1]}", "let no value be refused for both")
    if kind is not FieldType.EMAIL and (validation.blocked_addresses or validation.use_default_block_list):
        reader.note("", f"blocks e-mail addresses on a field of type {kind}", "put it on an e-mail field")
    return validation


def _read_blocked(reader: Reader) -> list[str]:
    blocked = []
    for entry in reader.texts("blockedEmailDomains"):
        address = entry.strip().lower().removeprefix("@")
        local_part, at, domain = address.rpartition("@")
        try:
            ascii_domain = domain.encode("idna").decode("ascii")
        except UnicodeError:
            ascii_domain = ""
        if not ascii_domain or " " in address:
            reader.note(
                "blockedEmailDomains", f"holds {entry[:50]!r}", "write domains, such as 'example.com'"
            )
        blocked.append(f"{local_part}{at}{ascii_domain}")
    return blocked


def _dump_validation(validation: Validation) -> dict[str, object]:
    document = {
        "blockedEmailDomains": sorted(validation.blocked_addresses) or None,
        "useDefaultBlockList": validation.use_default_block_list or None,
        "minAllowedDigits": validation.least_digits,
        "maxAllowedDigits": validation.most_digits,
        "min": validation.least,
        "max": validation.most,
    }
    return {key: value for key, value in document.items() if value is not None}
