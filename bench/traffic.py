"""The submissions that are sent: one form with six fields, each request ready to go over the wire."""

import time
from collections.abc import Iterable

PATH_RULE = "/submissions/v3/integration/submit/<portal_id>/<form_guid>"
PORTAL_ID = 1
FORM_GUID = "5c7a1f0e-93f2-4e0b-a6d8-2f4b6d1c9e70"
QUIET_FORM_GUID = "8d2b64c9-0e15-4f7a-b3c1-7a9e5f2d4b06"
"""A form whose marketing default is off."""
FIELD_NAMES = ("firstname", "lastname", "company", "jobtitle", "message")
KNOWN_CONTACTS = 2_000
"""Contacts that come back in the variant with existing ones."""
NEW_ONE_IN = 5

_BODY = (
    b'{"submittedAt":%d,"fields":['
    b'{"objectTypeId":"0-1","name":"email","value":"visitor.%010d@mail.example.com"},'
    b'{"objectTypeId":"0-1","name":"firstname","value":"Hedwig"},'
    b'{"objectTypeId":"0-1","name":"lastname","value":"Lichtenberg"},'
    b'{"objectTypeId":"0-1","name":"company","value":"Lichtenberg & Daughters"},'
    b'{"objectTypeId":"0-1","name":"jobtitle","value":"Head of purchasing"},'
    b'{"objectTypeId":"0-1","name":"message","value":"Please send me the price list, request %010d."}],'
    b'"context":{"hutk":"%032x","pageUri":"https://www.example.com/products/lamps?campaign=autumn",'
    b'"pageName":"Lamps for every room","ipAddress":"203.0.113.7"}}'
)
_HEAD = (
    "POST /submissions/v3/integration/submit/{portal_id}/{form_guid} HTTP/1.1\r\n"
    "Host: 127.0.0.1\r\n"
    "User-Agent: marketable-bench\r\n"
    "Accept: application/json\r\n"
    "Content-Type: application/json\r\n"
    "Content-Length: {length}\r\n"
    "\r\n"
)
_COOKIE_OFFSET = 0x5EED << 100
_SHUFFLE = 2_654_435_761
"""Knuth's multiplier: spreads consecutive numbers."""


def request(body: bytes, form_guid: str = FORM_GUID) -> bytes:
    """Return the bytes of one request."""
    return _HEAD.format(portal_id=PORTAL_ID, form_guid=form_guid, length=len(body)).encode() + body


def body(contact: int, serial: int, submitted_at: int) -> bytes:
    """Return a submission of one contact; `serial` makes it differ from every other one."""
    return _BODY % (submitted_at, contact, serial, _COOKIE_OFFSET + contact)


class Traffic:
    """The stream of requests to one server; no two of them are alike."""

    def __init__(self, first: int = 0) -> None:
        self._serial = first
        self._all_new = True
        self.contacts = 0
        """Numbers below this one belong to contacts whose first submission was sent."""

    def new(self, count: int) -> list[bytes]:
        """Return requests of visitors whom nobody knows."""
        return self._build((serial, serial) for serial in range(self._serial, self._serial + count))

    def returning(self, count: int, known: int) -> list[bytes]:
        """Return requests of which four in five come from `known` contacts, cookie and all."""
        self._all_new = False
        return self._build(
            (serial, serial if serial % NEW_ONE_IN == 0 else serial * _SHUFFLE % known)
            for serial in range(self._serial, self._serial + count)
        )

    def sent(self, number: int) -> None:
        """Note how many of the requests that were returned last were sent."""
        self._serial += number
        if self._all_new:
            self.contacts = self._serial

    @staticmethod
    def _build(pairs: Iterable[tuple[int, int]]) -> list[bytes]:
        submitted_at = int(time.time() * 1_000)
        head = request(body(0, 0, submitted_at)).partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
        return [head + body(contact, serial, submitted_at) for serial, contact in pairs]
