"""Decides which contact a fact belongs to: the visitor's cookie first, then the e-mail address.

Follows HubSpot's order (a known cookie with a new address renames that contact), with its two exceptions: an
address that belongs to another contact wins over the cookie, and a form may ask for a new contact for each
new address.
"""

import enum
from dataclasses import dataclass

from service.domain.model import NEVER_MARKETING, Standing


@dataclass(frozen=True, slots=True)
class Known:
    """A contact as it was when it was read; `version` guards every write on it."""

    contact_id: int
    version: int
    email: str | None
    standing: Standing


class CookieLink(enum.IntEnum):
    """What becomes of the cookie's link to a contact."""

    KEEP = 0
    ADD = 1
    MOVE = 2


@dataclass(frozen=True, slots=True)
class Identity:
    """The contact that a fact belongs to."""

    contact: Known | None
    """None for a contact that comes into being, or for no contact at all."""
    creates: bool
    email: str | None
    """The contact's address afterwards."""
    cookie_link: CookieLink

    @property
    def standing(self) -> Standing:
        """Where the contact stands before the fact."""
        return self.contact.standing if self.contact else NEVER_MARKETING


def identify(
    email: str | None,
    cookie: str | None,
    by_email: Known | None,
    by_cookie: Known | None,
    *,
    new_contact_for_new_email: bool = False,
) -> Identity:
    """Return whose fact it is.

    `by_email` is the contact that has the address, `by_cookie` the one that the cookie is linked to.
    """
    if by_cookie is not None and email in {None, by_cookie.email}:
        return Identity(by_cookie, creates=False, email=by_cookie.email, cookie_link=CookieLink.KEEP)
    if by_email is not None:
        # An address of somebody who merged into this contact leads here too, and does not replace its own.
        return Identity(by_email, creates=False, email=by_email.email, cookie_link=_link(cookie, by_cookie))
    if by_cookie is not None and (by_cookie.email is None or not new_contact_for_new_email):
        return Identity(by_cookie, creates=False, email=email, cookie_link=CookieLink.KEEP)
    if email is None:
        return Identity(None, creates=False, email=None, cookie_link=CookieLink.KEEP)
    return Identity(None, creates=True, email=email, cookie_link=_link(cookie, by_cookie))


def _link(cookie: str | None, by_cookie: Known | None) -> CookieLink:
    if cookie is None:
        return CookieLink.KEEP
    return CookieLink.ADD if by_cookie is None else CookieLink.MOVE
