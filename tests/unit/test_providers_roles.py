from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.providers.description import Role
from service.providers.events import Event
from service.providers.names import complete, split_name
from service.providers.reader import read
from service.providers.roles import FITS, MOST_TRIES, remap
from service.providers.vocabulary import meaning_of
from tests.provider_samples import deliver, describe, read_one

FLAT = describe('[fields]\nmaps = [{ at = "" }]')
TYPED = describe("""
[[fields.lists]]
at = ""
key = "/key"
label = "/label"
type = "/type"
[roles.types]
email = ["mailbox"]
phone = ["tel"]
company = ["org"]
""")
ADDRESS = "ada@example.com"


def person(event: Event) -> dict[str, Any]:
    names = ("email", "first_name", "last_name", "phone", "company")
    return {name: value for name in names if (value := getattr(event, name)) is not None}


def flat(body: object) -> dict[str, Any]:
    return person(read_one(FLAT, body))


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("email", " Ada@Example.COM ", {"email": ADDRESS}),
        ("your-email", ADDRESS, {"email": ADDRESS}),
        ("E-Mail-Adresse", ADDRESS, {"email": ADDRESS}),
        ("emailAddress", ADDRESS, {"email": ADDRESS}),
        ("q4_email4", ADDRESS, {"email": ADDRESS}),
        ("first_name", "Ada", {"first_name": "Ada"}),
        ("firstName", "Ada", {"first_name": "Ada"}),
        ("First Name*", "Ada", {"first_name": "Ada"}),
        ("Name (First)", "Ada", {"first_name": "Ada"}),
        ("name3.first", "Ada", {"first_name": "Ada"}),
        ("Vorname", "Ada", {"first_name": "Ada"}),
        ("prénom", "Ada", {"first_name": "Ada"}),
        ("Imię", "Ada", {"first_name": "Ada"}),
        ("förnamn", "Ada", {"first_name": "Ada"}),
        ("voornaam", "Ada", {"first_name": "Ada"}),
        ("Apellidos", "Lovelace", {"last_name": "Lovelace"}),
        ("Cognome", "Lovelace", {"last_name": "Lovelace"}),
        ("sobrenome", "Lovelace", {"last_name": "Lovelace"}),
        ("Ihr Name", "Ada Lovelace", {"first_name": "Ada", "last_name": "Lovelace"}),
        ("your-name", "Ada Lovelace", {"first_name": "Ada", "last_name": "Lovelace"}),
        ("form_fields[name]", "Ada Lovelace", {"first_name": "Ada", "last_name": "Lovelace"}),
        ("name-1", "Ada Lovelace", {"first_name": "Ada", "last_name": "Lovelace"}),
        ("Telefonnummer", "030 / 123 45 67", {"phone": "030 / 123 45 67"}),
        ("Téléphone portable", "+33 6 12 34 56 78", {"phone": "+33 6 12 34 56 78"}),
        ("Numer telefonu", "600 100 200", {"phone": "600 100 200"}),
        ("Company", "Analytical Engines", {"company": "Analytical Engines"}),
        ("Firmenname", "Analytical Engines", {"company": "Analytical Engines"}),
        ("raison sociale", "Analytical Engines", {"company": "Analytical Engines"}),
    ],
)
def test_words_in_keys_are_known_in_many_languages(key: str, value: str, expected: dict[str, str]) -> None:
    assert flat({key: value}) == expected


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("email_opt_in", "1"),
        ("email", "ask me"),
        ("product name", "Widget"),
        ("Company size", "50"),
        ("file name", "a.png"),
        ("phone", "later"),
        ("phone", "2026-03-02T10:00:42Z"),
        ("name", "12345"),
        ("name", "https://example.com/"),
        ("Friend's phone number", "030 1234567"),
        ("Emergency contact name", "Bob"),
        ("Your friend's e-mail", "bob@example.com"),
        ("first_name", "x" * 300),
        ("last visit", "yesterday"),
        ("form_name", "Contact"),
        ("User name", "ada99"),
    ],
)
def test_a_value_that_does_not_fit_has_no_role(key: str, value: str) -> None:
    assert flat({key: value}) == {}


def test_the_type_counts_before_the_key_and_the_key_before_the_label() -> None:
    body = [
        {"key": "a", "label": "E-mail", "value": "label@example.com"},
        {"key": "email", "value": "key@example.com"},
        {"key": "b", "type": "mailbox", "value": "type@example.com"},
        {"key": "c", "type": "org", "value": "Engines"},
    ]
    assert person(read_one(TYPED, body)) == {"email": "type@example.com", "company": "Engines"}
    assert person(read_one(TYPED, body[:2]))["email"] == "key@example.com"
    assert person(read_one(TYPED, body[:1]))["email"] == "label@example.com"


def test_of_equally_good_answers_the_first_that_fits_counts() -> None:
    body = {"email": "none", "email 1": "one@example.com", "email 2": "two@example.com"}
    assert flat(body)["email"] == "one@example.com"


def test_the_only_address_of_a_submission_is_the_submitters() -> None:
    assert flat({"2": ADDRESS, "3": "x"})["email"] == ADDRESS
    assert flat({"2": ADDRESS, "3": "Ada@example.com"})["email"] == ADDRESS
    assert flat({"2": ADDRESS, "3": "bob@example.com"}) == {}
    assert person(read_one(describe('[fields]\nmaps = [{ at = "" }]', "chat"), {"2": ADDRESS})) == {}


FIXED = describe("""
[roles]
detect = false
email = ["/text", "/contact/email"]
name = "/contact/name"
phone = "/contact/phone"
company = "=Engines"
[roles.ignore]
name = '^Visitor \\d+$'
[roles.strip]
phone = '^whatsapp:'
[fields]
maps = [{ at = "" }]
""")


def test_fixed_places_pass_over_what_does_not_fit() -> None:
    contact = {"email": ADDRESS, "name": "Ada Lovelace", "phone": "whatsapp:+15550100199"}
    assert person(read_one(FIXED, {"text": "Hi", "contact": contact})) == {
        "email": ADDRESS,
        "first_name": "Ada",
        "last_name": "Lovelace",
        "phone": "+15550100199",
        "company": "Engines",
    }
    assert (
        person(read_one(FIXED, {"text": "bob@example.com", "contact": contact}))["email"] == "bob@example.com"
    )


def test_made_up_names_are_ignored_and_nothing_is_detected_when_that_is_off() -> None:
    body = {"contact": {"name": "Visitor 123"}, "email": ADDRESS, "first_name": "Ada"}
    event = read_one(FIXED, body)
    assert person(event) == {"company": "Engines"}
    assert event.fields["contact.name"] == "Visitor 123"


def test_fixed_places_win_over_detection() -> None:
    description = describe('[fields]\nmaps = [{ at = "" }]\n[roles]\nemail = "/2"')
    event = read_one(description, {"email": ADDRESS, "2": "two@example.com", "first name": "Ada"})
    assert person(event) == {"email": "two@example.com", "first_name": "Ada"}


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("Ada Lovelace", ("Ada", "Lovelace")),
        ("  Ada   King  Lovelace ", ("Ada King", "Lovelace")),
        ("Ludwig van Beethoven", ("Ludwig", "van Beethoven")),
        ("Charles de la Vallée", ("Charles", "de la Vallée")),
        ("van Gogh", ("van", "Gogh")),
        ("Lovelace, Ada", ("Ada", "Lovelace")),
        ("Dr. Ada Lovelace", ("Ada", "Lovelace")),
        ("Frau Dr. Ada Lovelace", ("Ada", "Lovelace")),
        ("Ada", ("Ada", None)),
        ("Dr.", ("Dr.", None)),
        ("Frau Lovelace", (None, "Lovelace")),
        ("Don Draper", ("Don", "Draper")),
        ("Ada Lovelace, PhD", ("Ada", "Lovelace")),
        (", Ada", ("Ada", None)),
        ("", (None, None)),
        (",", (None, None)),
        ("李小龍", ("李小龍", None)),
    ],
)
def test_full_names_are_split(name: str, parts: tuple[str | None, str | None]) -> None:
    assert split_name(name) == parts


@pytest.mark.parametrize(
    ("fields", "first", "last"),
    [
        ({"Vorname": "Ada", "Name": "Lovelace"}, "Ada", "Lovelace"),
        ({"Nom": "Lovelace", "Prénom": "Ada"}, "Ada", "Lovelace"),
        ({"Nombre": "Ada", "Apellidos": "King Lovelace"}, "Ada", "King Lovelace"),
        ({"Nome": "Ada", "Cognome": "Lovelace"}, "Ada", "Lovelace"),
        ({"name": "Ada Lovelace", "first_name": "Ada"}, "Ada", "Lovelace"),
        ({"name": "Ada Lovelace", "last_name": "Lovelace"}, "Ada", "Lovelace"),
        ({"name": "Ada", "first_name": "Ada"}, "Ada", None),
        ({"Name.First": "Ada", "Name.Last": "L", "Name.FirstAndLast": "Ada L"}, "Ada", "L"),
    ],
)
def test_a_name_beside_a_part_of_it_means_the_other_part(
    fields: dict[str, str], first: str | None, last: str | None
) -> None:
    event = read_one(FLAT, fields)
    assert (event.first_name, event.last_name) == (first, last)


@given(*[st.none() | st.text(max_size=20)] * 3)
def test_any_names_are_completed(name: str | None, first: str | None, last: str | None) -> None:
    complete(name, first, last)


GROUPS = describe(r"""
[fields]
maps = [{ at = "" }]
[[roles.groups]]
key = '(\d+)\.(\d+)'
parts = ["2", "3", "6"]
roles = { "3" = "first_name", "6" = "last_name" }
[[roles.groups]]
key = '(\d+)\.(\d+)'
parts = ["1", "2", "3"]
values = { "1" = '1' }
roles = { "1" = "consent", "2" = "consent_text" }
""")


def test_numbered_parts_have_roles_by_which_of_them_there_are() -> None:
    body = {"1.3": "Ada", "1.6": "Lovelace", "4.1": "1 High Street", "4.3": "London", "4.6": "GB"}
    assert person(read_one(GROUPS, body)) == {"first_name": "Ada", "last_name": "Lovelace"}


@pytest.mark.parametrize(
    ("ticked", "text", "consent"),
    [
        ("1", "I want the newsletter", True),
        ("1", "I accept the terms", None),
        ("x", "I want the newsletter", None),
    ],
)
def test_a_numbered_consent_has_the_text_beside_it(ticked: str, text: str, consent: object) -> None:
    event = read_one(GROUPS, {"5.1": ticked, "5.2": text, "5.3": "7"})
    assert event.consent is consent
    assert event.consent_text == (text if consent else None)


MAPPED = {"email": "who", "name": "what", "phone": "gone", "company": ""}


def test_a_mapping_always_wins() -> None:
    body = {
        "email": "wrong@example.com",
        "who": ADDRESS,
        "what": "Ada Lovelace",
        "phone": "030 12345",
        "company": "X",
    }
    (event,) = read(FLAT, deliver(body), {"": MAPPED})
    assert person(event) == {"email": ADDRESS, "first_name": "Ada", "last_name": "Lovelace"}


def test_a_mapped_value_that_does_not_fit_is_none_and_not_detected() -> None:
    (event,) = read(FLAT, deliver({"email": ADDRESS, "who": "nobody"}), {"": {"email": "who"}})
    assert event.email is None


def test_a_mapped_address_spares_the_look_up() -> None:
    description = describe('[fields]\nmaps = [{ at = "" }]\n[fetch]\nplugin = "ask"\nunless = "email"')
    fields = {"1": ADDRESS, "2": "bob@example.com"}
    assert read(description, deliver(fields))[0].fetch == "ask"
    assert read(description, deliver(fields), {"": {"email": "1"}})[0].fetch is None


def test_a_mapping_is_the_forms_own() -> None:
    description = describe('[fields]\nmaps = [{ at = "" }]\n[identity]\nform = "/form"')
    mappings = {"7": {"email": "who"}}
    body = {"email": "a@example.com", "who": "b@example.com"}
    emails = [read(description, deliver(body | {"form": form}), mappings)[0].email for form in ("7", "8")]
    assert emails == ["b@example.com", "a@example.com"]


@pytest.mark.parametrize(
    ("value", "consent", "text"),
    [
        ("Keep me posted", True, "Keep me posted"),
        ("no", False, "box"),
        ("", False, "box"),
        (True, True, "box"),
    ],
)
def test_a_mapped_consent_is_a_box(value: object, consent: object, text: str) -> None:
    (event,) = read(FLAT, deliver({"box": value, "newsletter": "yes"}), {"": {"consent": "box"}})
    assert (event.consent, event.consent_text) == (consent, text)


def test_a_mapped_consent_that_is_missing_is_unknown() -> None:
    (event,) = read(FLAT, deliver({"newsletter": "yes"}), {"": {"consent": "box"}})
    assert (event.consent, event.consent_text) == (None, None)


def test_an_event_read_before_can_be_mapped_anew() -> None:
    event = read_one(FLAT, {"who": "Ada", "text": "I want it", "box": "1"})
    changed = remap(event, {"first_name": "who", "consent": "box", "consent_text": "text"})
    assert (changed.first_name, changed.consent, changed.consent_text) == ("Ada", True, "I want it")
    assert changed.fields == event.fields


@given(st.sampled_from(sorted(FITS)), st.text(max_size=60))
def test_what_fits_is_short_enough_to_be_kept(role: Role, text: str) -> None:
    value = FITS[role](text)
    assert value is None or 0 < len(value) <= 254


@given(st.text(max_size=300))
def test_any_text_means_the_same_between_signs(text: str) -> None:
    assert meaning_of(f"({text})") == meaning_of(text)


def test_looking_for_addresses_ends_soon() -> None:
    body = {f"email {number}": f"ada@localhost{number}" for number in range(MOST_TRIES)}
    assert flat(body | {"email": ADDRESS}) == {}
