"""The demo portal that `marketable up` makes on an empty database, so that the first curl has somewhere to go."""

import secrets
from datetime import datetime
from pathlib import Path

from service.domain.actors import COMMAND
from service.domain.billing import TIER_STEPS, Commitment, Product, Subscription
from service.domain.forms import Form, read_definition
from service.domain.portals import Portal, Scope
from service.store import audit, portals
from service.store.audit import Entry
from service.store.session import Database

PORTAL_ID = 1
FORM_GUID = "11111111-1111-4111-8111-111111111111"
TOKEN_FILE = "demo.token"  # noqa: S105 - the name of a file
TOKEN_PREFIX = "mk_"  # noqa: S105 - what every secret begins with
DEFINITION = {
    "name": "Demo form",
    "fields": [
        {"objectTypeId": "0-1", "name": "email", "label": "E-mail", "fieldType": "email", "required": True},
        {"objectTypeId": "0-1", "name": "firstname", "label": "First name", "fieldType": "single_line_text"},
        {"objectTypeId": "0-1", "name": "lastname", "label": "Last name", "fieldType": "single_line_text"},
    ],
    "marketingDefault": True,
}


def new_secret() -> str:
    """Return the secret of a new access token: 256 random bits, recognisable by secret scanners."""
    return TOKEN_PREFIX + secrets.token_urlsafe(32)


def make_demo(database: Database, data_dir: Path, now: datetime) -> bool:
    """Make portal 1 with its form and an access token, unless there is a portal; True when it was made.

    The token's secret is in `demo.token` in the data folder, readable by its owner only.
    """
    with database.writing() as connection:
        if portals.list_portals(connection):
            return False
        product = Product.STARTER
        subscription = Subscription(Commitment.MONTHLY, now.date())
        tier = TIER_STEPS[product].included
        portals.add_portal(connection, Portal(PORTAL_ID, "Demo", subscription, product, tier, now))
        form = Form.of(read_definition(DEFINITION), portal_id=PORTAL_ID, guid=FORM_GUID)
        portals.save_form(connection, form, now)
        secret = new_secret()
        token_id = portals.add_token(connection, PORTAL_ID, "demo", secret, list(Scope), now)
        for subject in (f"portal:{PORTAL_ID}", f"form:{FORM_GUID}", f"token:{token_id}"):
            audit.note(connection, PORTAL_ID, Entry(str(COMMAND), "created", subject), now)
    data_dir.mkdir(parents=True, exist_ok=True)
    file = data_dir / TOKEN_FILE
    file.touch(mode=0o600)
    file.write_text(secret + "\n", encoding="utf-8")
    return True


def curl(url: str) -> str:
    """Return the command line that sends the first submission."""
    fields = '{"fields":[{"objectTypeId":"0-1","name":"email","value":"ada@example.com"}]}'
    path = f"/submissions/v3/integration/submit/{PORTAL_ID}/{FORM_GUID}"
    return f"curl -X POST {url}{path} -H 'Content-Type: application/json' -d '{fields}'"
