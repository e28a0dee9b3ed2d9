"""The command `endpoint`: make, list, show, change, pause, rotate and delete the addresses that tools send to."""

from collections.abc import Callable, Iterator
from typing import Any

import click

from service.cli.parts import base_url, open_endpoints, quiet_settings
from service.cli.running import JSON, NUMBER, PORTAL
from service.cli.secret_options import secret_options
from service.cli.tables import show as show_rows
from service.documents import dumps
from service.domain.endpoints import Captcha, Endpoint, EndpointState
from service.endpoints import COLLECTED, Shown, Wanted
from service.errors import InvalidInput
from service.web.documents.endpoints import describe_endpoint

ENDPOINT = click.argument("endpoint_id", metavar="ID", type=NUMBER)
LISTED = ("id", "provider", "name", "state", "secrets", "last_seen_at", "last_outcome")
SECRETS = ("secret", "access_token", "captcha_secret")
LISTS = ("allowed_hosts", "allowed_origins", "honeypots")


def option_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command what can be chosen for an endpoint beside its secrets."""
    for option in (
        click.option("--api-url", help="Where look-ups ask, in place of the vendor's own address."),
        click.option("--tolerance", type=int, help="Seconds that a signature may be old; 0 is the usual."),
        click.option("--thanks-text", help="What our own page of thanks says."),
        click.option("--thanks-url", help="Where visitors are sent when the form doesn't say."),
        click.option("--captcha", type=click.Choice([each.value for each in Captcha])),
        click.option("--honeypot", "honeypots", multiple=True, help="A field people don't see; repeatable."),
        click.option(
            "--allow-origin",
            "allowed_origins",
            multiple=True,
            help="A site whose pages may submit, as https://www.example.com; repeatable.",
        ),
        click.option(
            "--allow-host",
            "allowed_hosts",
            multiple=True,
            help="A host that forms may send visitors on to; repeatable.",
        ),
    ):
        command = option(command)
    return command


@click.group()
def endpoint() -> None:
    """Make and change the addresses that form and chat tools send to."""


@endpoint.command()
@PORTAL
@click.option("--provider", required=True, help="Its name, as 'marketable provider list' shows it.")
@click.option("--name", default="", help="A name of your own; the provider's title if left out.")
@click.option("--new-secret", "make_secret", is_flag=True, help="Make a secret and print it, this once.")
@secret_options("secret", "The secret that deliveries are signed with")
@secret_options("access-token", "What look-ups show the vendor")
@secret_options("captcha-secret", "The secret key of the captcha")
@option_options
@JSON
def create(
    *, portal_id: int, provider: str, name: str, make_secret: bool, as_json: bool, **more: Any
) -> None:
    """Make an endpoint, and print its address and what to do next."""
    secrets = {each: more.pop(each) or "" for each in SECRETS}
    if secrets["secret"] and make_secret:
        raise InvalidInput("a secret is given and one is to be made", field="secret", mend="choose one")
    endpoints = open_endpoints()
    wanted = Wanted(name=name, make_secret=make_secret, options=_chosen(more), **secrets)
    made = endpoints.create(portal_id, provider, wanted)
    _say(endpoints.show(portal_id, made.id), made.secrets[0] if make_secret else "", as_json=as_json)


@endpoint.command(name="list")
@PORTAL
@JSON
def list_all(portal_id: int, *, as_json: bool) -> None:
    """List a portal's endpoints, without their secrets."""
    base = base_url(quiet_settings())
    found = [describe_endpoint(each, base) for each in open_endpoints().every(portal_id)]
    rows = found if as_json else [{name: each[name] for name in LISTED} for each in found]
    show_rows(rows, as_json=as_json, nothing="there are no endpoints: 'marketable endpoint create' makes one")


@endpoint.command(name="show")
@PORTAL
@ENDPOINT
def show_one(portal_id: int, endpoint_id: int) -> None:
    """Print an endpoint and what was sent to it last, as JSON, without secrets."""
    shown = open_endpoints().show(portal_id, endpoint_id)
    preview = shown.activity.preview if shown.activity else None
    click.echo(dumps({**describe_endpoint(shown, base_url(quiet_settings())), "preview": preview}))


@endpoint.command(name="set")
@PORTAL
@ENDPOINT
@click.option("--name", help="A name of your own.")
@secret_options("access-token", "What look-ups show the vendor")
@secret_options("captcha-secret", "The secret key of the captcha")
@option_options
def set_one(
    *,
    portal_id: int,
    endpoint_id: int,
    name: str | None,
    access_token: str | None,
    captcha_secret: str | None,
    **options: Any,
) -> None:
    """Change an endpoint; what is left out stays, and an empty text takes a list away."""
    changes: dict[str, Any] = {
        "name": name,
        "access_token": access_token,
        "captcha_secret": captcha_secret,
        "options": _chosen(options) or None,
    }
    if all(value is None for value in changes.values()):
        raise InvalidInput(
            "nothing to change", mend="'marketable endpoint set --help' lists what can be changed"
        )
    changed = open_endpoints().set(portal_id, endpoint_id, **changes)
    click.echo(f"endpoint {changed.id} is at version {changed.version}")


@endpoint.command()
@PORTAL
@ENDPOINT
def pause(portal_id: int, endpoint_id: int) -> None:
    """Ask senders to try again later; nothing is taken in meanwhile."""
    open_endpoints().set(portal_id, endpoint_id, state=EndpointState.PAUSED)
    click.echo(f"endpoint {endpoint_id} is paused: senders are asked to try again later")


@endpoint.command()
@PORTAL
@ENDPOINT
def resume(portal_id: int, endpoint_id: int) -> None:
    """Take deliveries in again."""
    open_endpoints().set(portal_id, endpoint_id, state=EndpointState.ACTIVE)
    click.echo(f"endpoint {endpoint_id} takes deliveries in again")


@endpoint.command()
@PORTAL
@ENDPOINT
@click.option("--address", is_flag=True, help="Change the address, not the secret.")
@secret_options("secret", "The new secret; one is made if left out")
def rotate(portal_id: int, endpoint_id: int, *, address: bool, secret: str | None) -> None:
    """Give an endpoint a new secret, or a new address; the one before is good until 'finish'."""
    endpoints, given = open_endpoints(), secret or ""
    if address and given:
        raise InvalidInput("--address and --secret are two rotations", mend="do one after the other")
    if address:
        changed = endpoints.rotate_address(portal_id, endpoint_id)
    else:
        changed = endpoints.rotate_secret(portal_id, endpoint_id, given)
    shown = endpoints.show(portal_id, endpoint_id)
    _say(shown, "" if address or given else changed.secrets[0])
    if len(changed.tokens) > 1 or len(changed.secrets) > 1:
        finish_command = f"marketable endpoint finish --portal {portal_id} {endpoint_id}"
        click.echo(f"what was before is good too until '{finish_command}'")


@endpoint.command()
@PORTAL
@ENDPOINT
def finish(portal_id: int, endpoint_id: int) -> None:
    """Give up the secret and the address from before a rotation."""
    open_endpoints().finish_rotation(portal_id, endpoint_id)
    click.echo(f"endpoint {endpoint_id} has one address and at most one secret")


@endpoint.command()
@PORTAL
@ENDPOINT
@click.option("--yes", is_flag=True, help="Don't ask.")
def delete(portal_id: int, endpoint_id: int, *, yes: bool) -> None:
    """Give an endpoint up for good: its address leads nowhere; its submissions stay."""
    endpoints = open_endpoints()
    found = endpoints.show(portal_id, endpoint_id).endpoint
    if not yes:
        click.confirm(f"Delete endpoint {found.id}, {found.name}, for good?", abort=True)
    endpoints.delete(portal_id, endpoint_id)
    click.echo(f"endpoint {endpoint_id} is deleted; its submissions stay")


def _chosen(options: dict[str, Any]) -> dict[str, Any]:
    """Return the options that were given, as the API writes them."""
    chosen = {name: value for name, value in options.items() if value not in (None, ())}
    for name in LISTS:
        if name in chosen:
            chosen[name] = [text for text in chosen[name] if text]
    if chosen.get("tolerance") == 0:
        chosen["tolerance"] = None
    return chosen


def _say(shown: Shown, made_secret: str, *, as_json: bool = False) -> None:
    base = base_url(quiet_settings())
    document = describe_endpoint(shown, base)
    if as_json:
        click.echo(dumps({**document, "secret": made_secret or None}))
        return
    click.echo(f"endpoint {shown.endpoint.id}: {shown.endpoint.name}")
    click.echo(document["url"])
    if made_secret:
        click.echo(f"secret, shown this once: {made_secret}")
    for line in _next_steps(shown, base):
        click.echo(line)
    if not quiet_settings().public_url:
        click.echo("set MARKETABLE_PUBLIC_URL for addresses that the outside can reach")


def _next_steps(shown: Shown, base: str) -> Iterator[str]:
    endpoint, description = shown.endpoint, shown.description
    if description is None:
        return
    if endpoint.provider == COLLECTED:
        yield f'<script async src="{base}/collect.js" data-endpoint="{endpoint.token}"></script>'
        yield "put this line into each page whose forms are to come in"
        return
    yield f"'marketable provider show {endpoint.provider}' says where {description.title} wants the address"
    scheme = description.signature
    if scheme.ways and not endpoint.secrets:
        is_needed = (
            "takes nothing in before it has" if scheme.needs_secret else "proves deliveries once it has"
        )
        yield f"it {is_needed} the secret: '{_command('rotate', endpoint)} --secret -' reads one"
    if description.fetch is not None and not endpoint.access_token:
        command = _command("set", endpoint)
        yield f"deliveries name nobody: '{command} --access-token -' lets {description.title} be asked"


def _command(name: str, endpoint: Endpoint) -> str:
    return f"marketable endpoint {name} --portal {endpoint.portal_id} {endpoint.id}"
