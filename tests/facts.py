"""Facts, portals and forms that tests of the rules and of the store start from."""

import hashlib
import itertools
from collections.abc import Mapping
from datetime import UTC, date, datetime

from service.documents import dumps
from service.domain.billing import Commitment, Product, Subscription
from service.domain.forms import Form, read_definition
from service.domain.model import Fact, Source
from service.domain.portals import Portal

NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
UPDATE_DATE = datetime(2026, 4, 1, tzinfo=UTC)
"""Of the portals made here, after `NOW`."""
PORTAL = 1
FORM = "11111111-1111-4111-8111-111111111111"
FORM_THAT_IS_OFF = "22222222-2222-4222-8222-222222222222"

_numbers = itertools.count(1)


def digest_of(text: str) -> str:
    """Return 32 hex digits, always the same for one text."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def make_fact(
    email: str | None = "ada@example.com",
    *,
    cookie: str | None = None,
    form: str = FORM,
    delivery: str | None = None,
    properties: Mapping[str, str] | None = None,
    **more: object,
) -> Fact:
    """Return a fact; `delivery` is the sender's id, and a new one if left out."""
    number = next(_numbers)
    values: dict[str, object] = {
        "submission_id": f"{number:032x}",
        "portal_id": PORTAL,
        "source": Source.HUBSPOT_FORM,
        "source_id": form,
        "email": email,
        "cookie": cookie,
        "properties": {} if properties is None else properties,
        "content": dumps({"fields": []}),
        "received_at": NOW,
        "submitted_at": NOW,
        "once_key": digest_of(f"delivery {delivery or number}"),
        "earlier_key": None,
        "digest": digest_of("body"),
    }
    return Fact(**(values | more))  # type: ignore[arg-type]


def make_portal(
    portal_id: int = PORTAL, *, product: Product = Product.STARTER, tier: int = 1_000, time_zone: str = "UTC"
) -> Portal:
    """Return a portal whose update date is the first of each month."""
    subscription = Subscription(Commitment.MONTHLY, date(2026, 1, 1), time_zone)
    return Portal(portal_id, f"Portal {portal_id}", subscription, product, tier, NOW)


def make_form(guid: str = FORM, *, marketing: bool = True, portal_id: int = PORTAL, version: int = 1) -> Form:
    """Return a form that asks for an e-mail address."""
    document = {
        "name": "Contact us",
        "fields": [{"name": "email", "fieldType": "email"}],
        "marketingDefault": marketing,
    }
    return Form.of(read_definition(document), portal_id=portal_id, guid=guid, version=version)
