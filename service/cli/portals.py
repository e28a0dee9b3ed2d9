"""The command `portal`: create, list, set and change."""

from datetime import datetime
from zoneinfo import available_timezones

import click

from service import subscriptions
from service.cli.opening import open_database
from service.cli.running import JSON
from service.cli.tables import show
from service.documents import dumps
from service.domain.actors import COMMAND
from service.domain.billing import TIER_STEPS, Commitment, Product, Subscription
from service.domain.defaults import EXTERNAL_FORMS
from service.domain.portals import Portal
from service.errors import InvalidInput
from service.instants import utc_now
from service.store import audit, defaults, portals
from service.store.audit import Entry

ID = click.option(
    "--id", "portal_id", type=click.IntRange(1, 2**31 - 1), required=True, help="The portal's id."
)


@click.group()
def portal() -> None:
    """Make, list and change portals."""


@portal.command()
@ID
@click.option("--name", required=True)
@click.option("--time-zone", default="UTC", show_default=True, help="An IANA name, as Europe/Vienna.")
@click.option(
    "--product", type=click.Choice([each.value for each in Product]), default="starter", show_default=True
)
@click.option(
    "--commitment",
    type=click.Choice([each.value for each in Commitment]),
    default="monthly",
    show_default=True,
)
@click.option("--renews-on", type=click.DateTime(["%Y-%m-%d"]), help="A day of renewal; today if left out.")
@click.option(
    "--tier", type=click.IntRange(0), help="Marketing contacts paid for; the product's if left out."
)
def create(
    *,
    portal_id: int,
    name: str,
    time_zone: str,
    product: str,
    commitment: str,
    renews_on: datetime | None,
    tier: int | None,
) -> None:
    """Make a portal."""
    if time_zone not in available_timezones():
        message = f"--time-zone {time_zone!r} is unknown"
        raise InvalidInput(message, mend="give an IANA name, as Europe/Vienna")
    now = utc_now()
    subscription = Subscription(Commitment(commitment), (renews_on or now).date(), time_zone)
    paid = TIER_STEPS[Product(product)].included if tier is None else tier
    new = Portal(portal_id, name, subscription, Product(product), paid, now)
    with open_database().writing() as connection:
        portals.add_portal(connection, new)
        told = {"name": name, "product": product, "commitment": commitment, "tier": paid}
        entry = Entry(str(COMMAND), "created", f"portal:{portal_id}", after=told)
        audit.note(connection, portal_id, entry, now)
    click.echo(f"portal {portal_id} made, tier {paid}")


@portal.command(name="list")
@JSON
def list_all(*, as_json: bool) -> None:
    """List the portals."""
    with open_database().reading() as connection:
        found = portals.list_portals(connection)
    rows = [
        {
            "id": each.id,
            "name": each.name,
            "product": each.product.value,
            "tier": each.tier,
            "commitment": each.subscription.commitment.value,
            "renews_on": each.subscription.renews_on.isoformat(),
            "time_zone": each.subscription.time_zone,
        }
        for each in found
    ]
    show(rows, as_json=as_json, nothing="there are no portals: 'marketable portal create' makes one")


@portal.command(name="set")
@ID
@click.option(
    "--external-forms",
    type=click.Choice(["marketing", "non-marketing"]),
    required=True,
    help="The default of forms that are not HubSpot's and have none of their own.",
)
def set_one(portal_id: int, external_forms: str) -> None:
    """Change a portal's defaults."""
    on, now = external_forms == "marketing", utc_now()
    with open_database().writing() as connection:
        portals.get_portal(connection, portal_id)
        defaults.set_default(connection, portal_id, COMMAND, EXTERNAL_FORMS, on, now)
    click.echo(f"portal {portal_id}: forms that are not HubSpot's are {external_forms}")


@portal.command()
@ID
@click.option("--product", type=click.Choice([each.value for each in Product]))
@click.option("--commitment", type=click.Choice([each.value for each in Commitment]))
@click.option("--renews-on", type=click.DateTime(["%Y-%m-%d"]), help="Any day on which it renews.")
@click.option("--time-zone", help="An IANA name, as Europe/Vienna.")
def change(
    portal_id: int,
    product: str | None,
    commitment: str | None,
    renews_on: datetime | None,
    time_zone: str | None,
) -> None:
    """Change a portal's subscription; what is left out stays. The tier comes down at a renewal only."""
    if not (product or commitment or renews_on or time_zone):
        mend = "give --product, --commitment, --renews-on or --time-zone"
        raise InvalidInput("nothing to change", mend=mend)
    changes = subscriptions.Changes(
        product=Product(product) if product else None,
        commitment=Commitment(commitment) if commitment else None,
        renews_on=renews_on.date() if renews_on else None,
        time_zone=time_zone,
    )
    now = utc_now()
    changed = subscriptions.change(open_database(), COMMAND, portal_id, changes, now)
    click.echo(dumps(subscriptions.document(changed, now)))
