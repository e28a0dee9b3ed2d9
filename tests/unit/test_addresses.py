import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from service.addresses import LONGEST_ADDRESS, is_ordinary, normalise_email, normalise_unusual

labels = st.text("abz09-", min_size=1, max_size=64) | st.sampled_from(
    ["com", "test", "local", "onion", "localhost", "arpa", "invalid", "xn--bcher-kva", "c1", "1c", "a--b"]
)
local_parts = st.text("abz09.-_+!'", min_size=1, max_size=66)
addresses = st.builds(
    lambda local_part, domain: f"{local_part}@{'.'.join(domain)}",
    local_parts,
    st.lists(labels, min_size=1, max_size=4),
)
lookalikes = st.text("abcxyz019.-_+@!#%'~ {}", max_size=40)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("ada@example.com", "ada@example.com"),
        (" Ada.Lovelace@Example.COM\n", "ada.lovelace@example.com"),
        ("o'neil+news@mail.example.co.uk", "o'neil+news@mail.example.co.uk"),
        ("someone@example.test", "someone@example.test"),
        ("info@BÜCHER.example.com", "info@xn--bcher-kva.example.com"),
        ("info@xn--bcher-kva.example.com", "info@xn--bcher-kva.example.com"),
        ("jörg@example.com", "jörg@example.com"),
        ("a@b.co", "a@b.co"),
        ("x" * 64 + "@example.com", "x" * 64 + "@example.com"),
    ],
)
def test_an_address_has_one_spelling(text: str, address: str) -> None:
    assert normalise_email(text) == address


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ada",
        "ada@",
        "@example.com",
        "ada@example",
        "ada@@example.com",
        "ada@example..com",
        ".ada@example.com",
        "ada.@example.com",
        "a da@example.com",
        "ada@-example.com",
        "ada@example.123",
        "ada@example.com;bob@example.com",
        "Ada <ada@example.com>",
        '"ada lovelace"@example.com',
        "ada@[192.0.2.1]",
        "ada@server.local",
        "ada@mail.onion",
        "ada@localhost",
        "ada@ab--cd.com",
        "ada\0@example.com",
        "ada@exa\ud800mple.com",
        "x" * 65 + "@example.com",
        "ada@" + "x" * 64 + ".com",
        "ada@" + "xy." * 100 + "com",
        "@" * 100_000,
    ],
)
def test_what_is_no_address_is_none(text: str) -> None:
    assert normalise_email(text) is None


@given(addresses | lookalikes)
@example("a@b.c-om")
@example("a@b." + "a" * 63)
@example("a@b." + "a" * 64)
@example("a@b.9c")
def test_the_quick_way_takes_nothing_that_the_slow_way_does_not(text: str) -> None:
    address = text.strip().lower()
    if len(address) <= LONGEST_ADDRESS and is_ordinary(address):
        assert normalise_unusual(address) == address


@given(addresses)
def test_the_slow_way_takes_as_it_is_only_what_the_quick_way_leaves_to_it(text: str) -> None:
    address = text.strip().lower()
    plainly_right = normalise_unusual(address) == address and "--" not in address
    assert not plainly_right or is_ordinary(address) or address.endswith("@test")


@given(st.text(max_size=300) | addresses | st.emails())
def test_any_text_gives_a_stable_spelling_or_none(text: str) -> None:
    address = normalise_email(text)
    assert address is None or normalise_email(address) == address
