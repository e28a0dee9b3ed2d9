"""Any body, signed by any kind, is taken; anything else is refused, and nothing raises an error."""

from dataclasses import replace
from urllib.parse import urlencode

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from service.delivery import Delivery
from service.documents import dumps
from service.errors import InvalidInput
from service.signatures import (
    Reason,
    Scheme,
    SecretPair,
    check_secret,
    new_secret,
    sign,
    sign_challenge,
    verify,
)
from tests.signature_samples import (
    BASE64,
    BESIDE,
    BODY,
    ED25519,
    EQUAL_HEADER,
    FORM,
    HASH,
    HEX,
    HUBSPOT,
    LISTED,
    NETLIFY,
    NOTHING,
    NOW,
    RSA,
    SHA256_HEX,
    TWILIO,
    delivery,
    reason,
    scheme,
)

SIGNING = {
    "hex": HEX,
    "base64": BASE64,
    "listed": LISTED,
    "time beside": BESIDE,
    "several ways": HUBSPOT,
    "hash": HASH,
    "rsa": RSA,
    "ed25519": ED25519,
    "jwt-body-hash": NETLIFY,
    "joined key": scheme(
        'kind = "hmac"\nheader = "X"\nhash = "sha512"\nkey = "joined"\nkey_parts = ["id", "key"]'
    ),
    "hex key": scheme('kind = "hmac"\nheader = "X"\nkey = "hex"\nkey_prefix = "key_"'),
    "base64 key": scheme('kind = "hmac"\nheader = "X"\nkey = "base64"\nkey_prefix = "whsec_"'),
    "id": scheme('kind = "hmac"\nheader = "X"\nsigned = "{id} {{}} {body}"\nid_header = "X-Id"'),
    "iso": scheme(
        'kind = "hmac"\nheader = "X"\nsigned = "{timestamp}{body}"\ntimestamp_header = "T"\ntimestamp_unit = "iso"'
    ),
}
SHARED = {
    "header": EQUAL_HEADER,
    "bearer": scheme('kind = "equal"\nplace = "bearer"'),
    "basic": scheme('kind = "equal"\nplace = "basic"'),
    "basic-user": scheme('kind = "equal"\nplace = "basic-user"'),
    "basic-password": scheme('kind = "equal"\nplace = "basic-password"'),
    "query": scheme('kind = "equal"\nplace = "query"\nname = "key & more"'),
}
SECRETS = {name: (new_secret(each), new_secret(each)) for name, each in (SIGNING | SHARED).items()}

bodies = st.binary(max_size=300)
urls = st.from_regex(r"https://[a-z]{1,9}(:[0-9]{1,4})?/[!-~]{0,30}", fullmatch=True)


def check_round_trip(of: Scheme, sent: Delivery, ours: SecretPair, other: SecretPair) -> Delivery:
    signed = sign(of, sent, ours.signing, NOW, "evt_1")
    assert reason(of, signed, [ours.verifying]) is None
    assert reason(of, signed, [other.verifying, ours.verifying]) is None
    assert reason(of, signed, [other.verifying]) == Reason.SIGNATURE_WRONG
    return signed


@pytest.mark.parametrize("kind", SIGNING)
@settings(max_examples=25, deadline=None)
@given(body=bodies, url=urls)
def test_what_is_signed_is_taken_and_another_body_is_not(kind: str, body: bytes, url: str) -> None:
    ours, other = SECRETS[kind]
    signed = check_round_trip(SIGNING[kind], delivery(body, url=url), ours, other)
    changed = replace(signed, body=body + b"!")
    assert reason(SIGNING[kind], changed, [ours.verifying]) == Reason.SIGNATURE_WRONG


@pytest.mark.parametrize("kind", SHARED)
@settings(max_examples=25, deadline=None)
@given(body=bodies, url=urls.filter(lambda url: "#" not in url))
def test_a_shared_secret_is_taken_beside_any_body(kind: str, body: bytes, url: str) -> None:
    check_round_trip(SHARED[kind], delivery(body, url=url), *SECRETS[kind])


@settings(deadline=None)
@given(pairs=st.lists(st.tuples(st.text(max_size=9), st.text(max_size=9)), max_size=9), body=bodies)
def test_twilios_forms_and_its_other_bodies_are_taken(pairs: list[tuple[str, str]], body: bytes) -> None:
    ours, other = SecretPair("one", "one"), SecretPair("two", "two")
    check_round_trip(TWILIO, delivery(urlencode(pairs).encode(), Content_Type=FORM), ours, other)
    check_round_trip(TWILIO, delivery(body, Content_Type="application/json"), ours, other)
    check_round_trip(TWILIO, delivery(body, url="https://hooks.example.com/in?a=1"), ours, other)


@settings(deadline=None)
@given(document=st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=9), st.integers(0, 9)))
def test_a_secret_in_the_body_stands_beside_anything_else(document: dict[str, int]) -> None:
    ours, other = SecretPair("s3crét", "s3crét"), SecretPair("two", "two")
    for place in ("/secret_key", "/x/y/z"):
        in_body = scheme(f'kind = "equal"\nplace = "body"\nname = "{place}"')
        document.pop("x", None)
        check_round_trip(in_body, delivery(dumps(document).encode()), ours, other)
    form = delivery(urlencode(document).encode(), Content_Type=FORM)
    check_round_trip(scheme('kind = "equal"\nplace = "body"\nname = "/secret_key"'), form, ours, other)


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"a":1}', b"7"])
def test_a_secret_needs_a_place_in_the_body(body: bytes) -> None:
    with pytest.raises(InvalidInput, match="no place /a/b"):
        sign(scheme('kind = "equal"\nplace = "body"\nname = "/a/b"'), delivery(body), "s3cret", NOW, "")


def test_signing_again_leaves_nothing_of_the_first_time() -> None:
    once = sign(HUBSPOT, delivery(), "another", NOW, "")
    assert sign(HUBSPOT, once, "s3cret", NOW, "") == sign(HUBSPOT, delivery(), "s3cret", NOW, "")


def test_an_unsigned_scheme_adds_nothing() -> None:
    assert sign(NOTHING, delivery(), "", NOW, "") == delivery()
    verify(NOTHING, delivery(), [], NOW)
    check_secret(NOTHING, "")
    with pytest.raises(InvalidInput, match="no secret"):
        new_secret(NOTHING)


@pytest.mark.parametrize("kind", ["rsa", "ed25519"])
def test_a_public_key_only_verifies(kind: str) -> None:
    pair = SECRETS[kind][0]
    with pytest.raises(InvalidInput) as caught:
        sign(SIGNING[kind], delivery(), pair.verifying, NOW, "")
    assert caught.value.field == "secret"
    with pytest.raises(InvalidInput):
        check_secret(SIGNING[kind], pair.signing)
    with pytest.raises(InvalidInput):
        sign_challenge(SIGNING[kind], "challenge", pair.verifying)


@pytest.mark.parametrize("delivery_id", ["", "é", "a\r\nX-Evil: 1"])
def test_an_id_must_fit_into_a_header(delivery_id: str) -> None:
    with pytest.raises(InvalidInput, match="id"):
        sign(SIGNING["id"], delivery(), "s3cret", NOW, delivery_id)


any_text = st.text(st.characters(codec=None), max_size=100)
header_text = st.one_of(
    any_text,
    st.from_regex(r"(sha256=|t=[0-9]{0,20},v1=|v1,)?[A-Za-z0-9+/=._-]{0,100}", fullmatch=True),
    st.sampled_from(["v1", "v2", FORM, "eyJhbGciOiJIUzI1NiJ9.e30.AA", f"sha256={SHA256_HEX}"]),
)
header_names = st.sampled_from(
    [
        *(
            "X-Signature",
            "X-Timestamp",
            "X",
            "X-Id",
            "T",
            "Authorization",
            "Content-Type",
            "X-HubSpot-Signature",
        ),
        *("X-HubSpot-Signature-v3", "X-HubSpot-Signature-Version", "X-HubSpot-Request-Timestamp"),
    ]
)


@settings(max_examples=300, deadline=None)
@given(
    headers=st.lists(st.tuples(header_names, header_text), max_size=6),
    body=st.one_of(st.binary(max_size=100), st.just(BODY)),
    url=st.one_of(any_text, st.from_regex(r"https://[a-z\[\]:]{0,9}[/?#a-z%=&]{0,20}", fullmatch=True)),
    method=any_text,
)
@example(headers=[("X-Signature", f"sha256={SHA256_HEX}")], body=BODY, url="https://[", method="\ud800")
def test_whatever_is_sent_is_refused_and_never_an_error(
    headers: list[tuple[str, str]], body: bytes, url: str, method: str
) -> None:
    sent = Delivery(method=method, url=url, headers=tuple(headers), body=body, received_at=NOW)
    for kind, each in (SIGNING | SHARED | {"sorted-parameters": TWILIO}).items():
        right = (
            kind == "hex" and body == BODY and sent.headers_named("X-Signature") == (f"sha256={SHA256_HEX}",)
        )
        secrets = ["s3cret", *(pair.verifying for pair in SECRETS.get(kind, ()))]
        assert (reason(each, sent, secrets) is None) == right
