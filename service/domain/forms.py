"""Forms: what a portal's form asks of a submission, and the document it is written in."""

import enum
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields

from service.domain.fields import FieldRule, dump_field, path_of, read_field
from service.domain.legal import NO_LEGAL_BASIS, LegalSettings, dump_legal, read_legal
from service.domain.reading import Reader

DEFAULT_THANKS = "<p>Thank you. Your submission has been received.</p>"

is_web_address = re.compile(
    r"https?://[^\s/?#\\\x00-\x1f\x7f]+(?:[/?#][^\s\x00-\x1f\x7f]*)?", re.IGNORECASE
).fullmatch
"""Whether a text is an absolute http or https address."""


class PostSubmitType(enum.StrEnum):
    """What a visitor gets after a submission."""

    THANK_YOU = "thank_you"
    REDIRECT = "redirect_url"


@dataclass(frozen=True, slots=True)
class PostSubmit:
    """The post-submit action: HTML to show, or where to go."""

    type: PostSubmitType = PostSubmitType.THANK_YOU
    value: str = ""


SHOW_THANKS = PostSubmit()


@dataclass(frozen=True, slots=True, kw_only=True)
class FormDefinition:
    """What the author of a form decides."""

    name: str
    fields: Mapping[str, FieldRule]
    """By key, as `0-1/email`."""
    legal: LegalSettings = NO_LEGAL_BASIS
    post_submit: PostSubmit = SHOW_THANKS
    recaptcha: bool = False
    new_contact_for_new_email: bool = False
    marketing_default: bool = True
    """Whether contacts that submit the form become marketing contacts (rule 5: on for HubSpot forms)."""
    required: tuple[str, ...] = field(init=False, repr=False, compare=False)
    """Keys of the required fields."""

    def __post_init__(self) -> None:
        required = tuple(key for key, rule in self.fields.items() if rule.required)
        object.__setattr__(self, "required", required)


@dataclass(frozen=True, slots=True, kw_only=True)
class Form(FormDefinition):
    """A form of a portal, as it is at one version."""

    portal_id: int
    guid: str
    version: int = 1
    archived: bool = False

    @classmethod
    def of(
        cls,
        definition: FormDefinition,
        *,
        portal_id: int,
        guid: str,
        version: int = 1,
        archived: bool = False,
    ) -> "Form":
        """Give a definition its place in a portal."""
        decided = {part.name: getattr(definition, part.name) for part in fields(FormDefinition) if part.init}
        return cls(portal_id=portal_id, guid=guid, version=version, archived=archived, **decided)


def read_definition(document: Mapping[str, object]) -> FormDefinition:
    """Read a form as HubSpot's forms API writes it; raises InvalidInput that lists every mistake.

    `fieldGroups[].fields[]` and a plain `fields` list are read, dependent fields as optional ones.
    `marketingDefault` is ours: HubSpot's API has no name for that switch. Keys without a meaning here
    are let be.
    """
    reader = Reader.of(document, "", [])
    reader.check_spelling(_KEYS)
    configuration = reader.child("configuration")
    configuration.check_spelling(_CONFIGURATION_KEYS)
    definition = FormDefinition(
        name=_read_form_name(reader),
        fields=_read_fields(reader),
        legal=read_legal(reader.child("legalConsentOptions")),
        post_submit=_read_post_submit(reader if reader.has("postSubmitAction") else configuration),
        recaptcha=configuration.flag("recaptchaEnabled", default=False),
        new_contact_for_new_email=configuration.flag("createNewContactForNewEmail", default=False),
        marketing_default=reader.flag("marketingDefault", default=True),
    )
    reader.raise_mistakes("the form definition")
    return definition


def dump_definition(definition: FormDefinition) -> dict[str, object]:
    """Return the document that `read_definition` reads as this definition."""
    action = {"type": definition.post_submit.type.value, "value": definition.post_submit.value}
    return {
        "formType": "hubspot",
        "name": definition.name,
        "fieldGroups": [
            {"groupType": "default_group", "richTextType": "text", "fields": [dump_field(rule)]}
            for rule in definition.fields.values()
        ],
        "configuration": {
            "createNewContactForNewEmail": definition.new_contact_for_new_email,
            "recaptchaEnabled": definition.recaptcha,
            "postSubmitAction": action,
        },
        "legalConsentOptions": dump_legal(definition.legal),
        "marketingDefault": definition.marketing_default,
    }


_KEYS = frozenset(
    {"name", "fieldGroups", "fields", "configuration", "legalConsentOptions", "postSubmitAction"}
    | {"marketingDefault"}
)
_CONFIGURATION_KEYS = frozenset({"createNewContactForNewEmail", "postSubmitAction", "recaptchaEnabled"})


def _read_form_name(reader: Reader) -> str:
    name = reader.text("name").strip()
    if not name:
        reader.note("name", "is missing", "give the form a name")
    return name


def _read_fields(reader: Reader) -> Mapping[str, FieldRule]:
    rules: dict[str, FieldRule] = {}
    dependents: dict[str, FieldRule] = {}
    for field_reader in _field_readers(reader):
        rule = read_field(field_reader, dependent=False)
        if rule.key in rules:
            field_reader.note(
                "name", f"{path_of(rule.key)!r} stands on the form twice", "take one of them out"
            )
        rules[rule.key] = rule
        for dependent in _dependents(field_reader):
            found = read_field(dependent, dependent=True)
            dependents.setdefault(found.key, found)
    if not rules:
        reader.note("fieldGroups", "hold no field", "list the form's fields in fieldGroups[].fields[]")
    return {**rules, **{key: rule for key, rule in dependents.items() if key not in rules}}


def _field_readers(reader: Reader) -> Iterator[Reader]:
    for group in reader.children("fieldGroups"):
        yield from group.children("fields")
    yield from reader.children("fields")


def _dependents(reader: Reader, depth: int = 0) -> Iterator[Reader]:
    """Yield the fields that hang on this one's value, and those that hang on theirs."""
    if depth > _DEEPEST_DEPENDENCE:
        reader.note("dependentFields", "are nested too deep", "nest fewer")
        return
    for entry in reader.children("dependentFields"):
        dependent = entry.child("dependentField")
        yield dependent
        yield from _dependents(dependent, depth + 1)


_DEEPEST_DEPENDENCE = 10


def _read_post_submit(reader: Reader) -> PostSubmit:
    action = reader.child("postSubmitAction")
    kind = action.choice("type", PostSubmitType, PostSubmitType.THANK_YOU)
    value = action.text("value")
    if kind is PostSubmitType.REDIRECT and not is_web_address(value):
        action.note(
            "value", "is no web address", "write the whole address, such as https://example.com/thanks"
        )
    return PostSubmit(kind, value)
