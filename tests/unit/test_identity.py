import pytest

from service.domain.identity import CookieLink, Identity, Known, identify
from service.domain.model import NEVER_MARKETING, Standing, Stint
from tests.facts import NOW

STANDING = Standing(Stint(1, NOW, None, "FORM_SUBMISSION", "some form"), 1)
ADA = Known(1, 4, "ada@example.com", STANDING)
BOB = Known(2, 7, "bob@example.com", NEVER_MARKETING)
NAMELESS = Known(3, 1, None, NEVER_MARKETING)


def existing(contact: Known, email: str | None, link: CookieLink = CookieLink.KEEP) -> Identity:
    return Identity(contact, creates=False, email=email, cookie_link=link)


def test_an_unknown_address_is_a_new_contact() -> None:
    found = identify("ada@example.com", None, None, None)
    assert found == Identity(None, creates=True, email="ada@example.com", cookie_link=CookieLink.KEEP)


def test_a_new_contact_takes_the_cookie_that_came_with_it() -> None:
    found = identify("ada@example.com", "cookie", None, None)
    assert found == Identity(None, creates=True, email="ada@example.com", cookie_link=CookieLink.ADD)


@pytest.mark.parametrize(("cookie", "link"), [(None, CookieLink.KEEP), ("cookie", CookieLink.ADD)])
def test_a_known_address_is_its_contact(cookie: str | None, link: CookieLink) -> None:
    assert identify("ada@example.com", cookie, ADA, None) == existing(ADA, "ada@example.com", link)


def test_a_known_cookie_without_an_address_is_its_contact() -> None:
    assert identify(None, "cookie", None, ADA) == existing(ADA, "ada@example.com")


def test_a_known_cookie_with_its_contacts_own_address_stays_as_it_is() -> None:
    assert identify("ada@example.com", "cookie", ADA, ADA) == existing(ADA, "ada@example.com")


def test_a_known_cookie_with_a_new_address_renames_the_contact() -> None:
    assert identify("new@example.com", "cookie", None, ADA) == existing(ADA, "new@example.com")


def test_an_address_of_another_contact_wins_over_the_cookie_and_takes_it_along() -> None:
    assert identify("bob@example.com", "cookie", BOB, ADA) == existing(
        BOB, "bob@example.com", CookieLink.MOVE
    )


def test_a_form_may_ask_for_a_new_contact_for_a_new_address() -> None:
    found = identify("new@example.com", "cookie", None, ADA, new_contact_for_new_email=True)
    assert found == Identity(None, creates=True, email="new@example.com", cookie_link=CookieLink.MOVE)


def test_such_a_form_takes_a_known_address_as_it_is() -> None:
    found = identify("ada@example.com", "cookie", ADA, ADA, new_contact_for_new_email=True)
    assert found == existing(ADA, "ada@example.com")


@pytest.mark.parametrize("asks_for_new", ["yes", ""])
def test_a_contact_without_an_address_gets_the_first_one_that_comes(asks_for_new: str) -> None:
    found = identify(
        "new@example.com", "cookie", None, NAMELESS, new_contact_for_new_email=bool(asks_for_new)
    )
    assert found == existing(NAMELESS, "new@example.com")


@pytest.mark.parametrize("cookie", [None, "cookie"])
def test_without_an_address_and_a_known_cookie_there_is_no_contact(cookie: str | None) -> None:
    found = identify(None, cookie, None, None)
    assert found == Identity(None, creates=False, email=None, cookie_link=CookieLink.KEEP)


def test_a_new_contact_has_never_been_a_marketing_contact() -> None:
    assert identify("ada@example.com", None, None, None).standing == NEVER_MARKETING


def test_a_known_contact_stands_where_it_stood() -> None:
    assert identify("ada@example.com", None, ADA, None).standing == STANDING
