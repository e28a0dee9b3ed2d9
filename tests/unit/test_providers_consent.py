import pytest

from service.providers.description import Role
from service.providers.vocabulary import FOLDER, Stance, meaning_of, says_yes
from tests.provider_samples import describe, read_one

BOXES = describe("""
[[fields.lists]]
at = ""
key = "/key"
label = "/label"
type = "/type"
options = "/options"
[roles.types]
consent = ["legal", "yes_no"]
""")


def consent(value: object, label: str = "Newsletter", **more: object) -> tuple[bool | None, str | None]:
    event = read_one(BOXES, [{"key": "f1", "label": label, "value": value, **more}])
    return event.consent, event.consent_text


def ticked(value: object, label: str = "Newsletter", **more: object) -> bool | None:
    return consent(value, label, **more)[0]


YES = [
    *(True, 1, "1", "true", "on", "Yes", "checked", "accepted", "subscribed", "opt_in", "I agree"),
    *("Ja", "oui", "Sí", "sì", "Tak", "ano", "j'accepte", "Yes, send me news", "Ja, gerne!"),
    *(["Yes"], ["Anything chosen"], ["x", ""]),
]
NO = [
    *(False, 0, "0", "false", "off", "No", "declined", "unsubscribed", "opt_out", "I do not agree"),
    *("", " ", "Nein", "non merci", "nie", "No, thank you", [], ["No"], [""]),
]


@pytest.mark.parametrize("value", YES, ids=repr)
def test_what_says_yes_is_consent(value: object) -> None:
    assert ticked(value) is True


@pytest.mark.parametrize("value", NO, ids=repr)
def test_a_box_that_is_there_and_not_ticked_is_a_no(value: object) -> None:
    assert ticked(value) is False


@pytest.mark.parametrize("value", [None, "maybe", "I read it now and then", "2"])
def test_what_says_neither_is_unknown(value: object) -> None:
    assert consent(value) == (None, None)


def test_a_box_that_is_not_there_is_unknown() -> None:
    assert read_one(BOXES, []).consent is None


@pytest.mark.parametrize(
    "label",
    [
        *("Newsletter", "I want the newsletter", "acceptance-news", "marketing_consent", "Keep me posted"),
        *("Send me special offers", "Yes, I would like to receive marketing emails", "opt_in", "Subscribe"),
        *(
            "Ja, ich möchte den Newsletter erhalten",
            "Werbliche Informationen",
            "Je souhaite recevoir la newsletter",
        ),
        *(
            "Recevoir nos offres",
            "Quiero recibir el boletín",
            "Iscriviti alla newsletter",
            "Receber novidades",
        ),
        *("Ik wil de nieuwsbrief ontvangen", "Zgoda marketingowa", "Informacje handlowe", "Nyhetsbrev"),
        *("Tilmeld nyhedsbrev", "Haluan uutiskirjeen", "Zasílat obchodní sdělení"),
        *("Don't miss our newsletter", "Don't hesitate: subscribe to our newsletter"),
        "Newsletter (see our privacy policy; you can unsubscribe at any time)",
    ],
)
def test_boxes_about_marketing_are_known_in_many_languages(label: str) -> None:
    assert ticked("yes", label) is True
    assert ticked(value=False, label=label) is False


@pytest.mark.parametrize(
    "label",
    [
        *("I accept the terms", "I have read the privacy policy", "Ich akzeptiere die Datenschutzerklärung"),
        *("J'accepte les conditions générales", "Acepto la política de privacidad", "Akceptuję regulamin"),
        *(
            "Accetto l'informativa sulla privacy",
            "Ik ga akkoord met de voorwaarden",
            "Jag godkänner villkoren",
        ),
        *("Are you no longer a customer?", "Reklamacja", "Promotional code"),
        *("Do you own a dog?", "I agree", "Are you a robot?", "Consent", ""),
        "I accept the terms and conditions, the privacy policy and the newsletter",
    ],
)
def test_accepted_terms_and_other_questions_say_nothing(label: str) -> None:
    assert consent(value=True, label=label, type="legal") == (None, None)


REFUSALS = (
    *(
        "Please do not send me the newsletter",
        "Keinen Newsletter",
        "Je ne souhaite pas recevoir la newsletter",
    ),
    *("opt_out", "Unsubscribe", "Geen nieuwsbrief", "No quiero recibir el boletín", "Nie chcę newslettera"),
)


@pytest.mark.parametrize("label", REFUSALS)
def test_a_box_against_marketing_is_turned_round(label: str) -> None:
    assert consent(value=True, label=label) == (False, label)
    assert consent(value=False, label=label) == (None, None)


def test_a_sentence_counts_as_a_tick_only_beside_a_known_box() -> None:
    sentence = "Keep me in the picture about all of it"
    assert ticked(sentence) is None
    assert ticked(sentence, type="legal") is True
    assert ticked("o1", options=[{"id": "o1", "text": sentence}]) is True


def test_the_evidence_is_the_sentence_chosen_or_the_label_or_the_key() -> None:
    assert consent("Yes, keep me posted") == (True, "Yes, keep me posted")
    assert consent(["Product news"]) == (True, "Product news")
    assert consent(value=True, label="Send me news") == (True, "Send me news")
    assert consent("Yes", "Newsletter") == (True, "Newsletter")
    assert consent("No, thanks", "Newsletter") == (False, "Newsletter")
    event = read_one(BOXES, [{"key": "newsletter", "value": "on"}])
    assert event.consent_text == "newsletter"


def test_of_several_boxes_one_ticked_is_enough() -> None:
    body = [
        {"label": "Newsletter", "value": False},
        {"label": "Product news", "value": True},
        {"label": "News"},
    ]
    event = read_one(BOXES, body)
    assert (event.consent, event.consent_text) == (True, "Product news")


def test_options_speak_for_themselves_where_the_label_says_nothing() -> None:
    options = [{"id": "1", "text": "Send me the newsletter"}, {"id": "2", "text": "Call me back"}]
    assert consent(["1"], "Anything else?", options=options) == (True, "Send me the newsletter")
    assert consent(["2"], "Anything else?", options=options) == (False, "Send me the newsletter")
    assert ticked("Your newsletter", "How did you hear of us?") is None
    assert ticked(["Newsletter"], "How did you hear of us?") is None


def test_an_address_not_given_is_no_refusal() -> None:
    assert ticked("", "E-mail for our newsletter") is None
    assert ticked("ada@example.com", "E-mail for our newsletter") is None


STATED = describe("""
[events]
type = "/type"
submission = ["*"]
[fields]
maps = [{ at = "/fields" }]
[roles]
consent = ["/none", "/consent"]
consent_text = "/said"
[consent]
by_type = { subscribed = true, unsubscribed = false }
refused = ["/gone", "/unsubscribed"]
""")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"type": "subscribed"}, (True, "subscribed")),
        ({"type": "unsubscribed", "consent": "yes"}, (False, "unsubscribed")),
        ({"type": "subscribed", "gone": 1}, (False, "gone")),
        ({"unsubscribed": False}, (None, None)),
        ({"consent": "yes"}, (True, "consent")),
        ({"consent": "yes", "said": "Send it"}, (True, "Send it")),
        ({"consent": "perhaps", "fields": {"newsletter": 1}}, (True, "newsletter")),
        ({"consent": "no", "fields": {"newsletter": 1}}, (False, "consent")),
        ({"said": "Send it"}, (None, None)),
    ],
)
def test_what_the_provider_states_counts_before_detection(body: dict[str, object], expected: object) -> None:
    event = read_one(STATED, body)
    assert (event.consent, event.consent_text) == expected


def test_every_language_has_words_for_everything() -> None:
    files = sorted(path.stem for path in FOLDER.glob("*.toml"))
    assert {"de", "en", "es", "fr", "it", "nl", "pl", "pt", "sv"} <= set(files)


@pytest.mark.parametrize(
    ("text", "roles", "stance"),
    [
        ("company name", {Role.COMPANY}, None),
        ("Name of your company", {Role.COMPANY}, None),
        ("Your e-mail for the newsletter", {Role.EMAIL}, Stance.MARKETING),
        ("email newsletter", set(), Stance.MARKETING),
        ("Colleague's e-mail", set(), None),
        ("newsletterAnmeldung", set(), Stance.MARKETING),
    ],
)
def test_the_longest_phrase_counts(text: str, roles: set[Role], stance: Stance | None) -> None:
    meaning = meaning_of(text)
    assert meaning.roles == roles
    assert meaning.stance is stance


def test_a_long_answer_is_looked_at_only_at_its_beginning() -> None:
    assert says_yes("yes, " + "and more " * 10_000) is True
    assert says_yes("and more " * 10_000) is None
