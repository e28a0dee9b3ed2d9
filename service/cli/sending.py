"""The command `send`: posts a sample to a running server, to a form or to an endpoint."""

import urllib.error
import urllib.request
import uuid
from http import HTTPStatus
from urllib.parse import urlsplit

import click

from service import demo
from service.cli.parts import open_endpoints, quiet_settings
from service.cli.running import NUMBER
from service.delivery import Delivery
from service.documents import dumps
from service.endpoints import Shown, hook_path
from service.errors import InvalidInput, NotFound, Unavailable
from service.instants import utc_now
from service.providers.samples import read_samples
from service.signatures import sign

PASSING = {HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS}
PLAIN = frozenset({"captured_form", "generic_json", "html_form"})
"""Providers that take any fields as they come."""
JSON = {"Content-Type": "application/json"}


@click.command()
@click.option("--url", help="The server; the address of the settings if left out.")
@click.option("--portal", "portal_id", type=int, default=demo.PORTAL_ID, show_default=True)
@click.option("--form", "guid", default=demo.FORM_GUID, show_default=True, help="The form's GUID.")
@click.option(
    "--endpoint",
    "endpoint_id",
    type=NUMBER,
    help="Send to an endpoint instead: a sample of its provider, signed with its secret.",
)
@click.option("--email", default="ada@example.com", show_default=True, help="Not in a provider's own sample.")
@click.option(
    "--field", "fields", multiple=True, metavar="NAME=VALUE", help="A further field; may be repeated."
)
@click.option("--token", help="An access token: posts to the secure address.")
def send(
    *,
    url: str | None,
    portal_id: int,
    guid: str,
    endpoint_id: int | None,
    email: str,
    fields: tuple[str, ...],
    token: str | None,
) -> None:
    """Post a sample submission and print the answer."""
    settings = quiet_settings()
    base = (url or f"http://{settings.host}:{settings.port}").rstrip("/")
    if not base.startswith(("http://", "https://")):
        raise InvalidInput(f"--url {url!r} is no web address", mend="begin it with http:// or https://")
    values = dict(_pair(each) for each in ("email=" + email, *fields))
    if endpoint_id is not None:
        shown = open_endpoints().show(portal_id, endpoint_id)
        sample = _sample_of(shown, settings.public_url or base, values)
        address = base + sample.url.removeprefix(settings.public_url or base)
        _post(_make_request(address, sample.body, dict(sample.headers)))
        return
    kind = "secure/submit" if token else "submit"
    listed = [{"objectTypeId": "0-1", "name": name, "value": value} for name, value in values.items()]
    address = f"{base}/submissions/v3/integration/{kind}/{portal_id}/{guid}"
    headers = JSON | ({"Authorization": f"Bearer {token}"} if token else {})
    _post(_make_request(address, dumps({"fields": listed}).encode(), headers))


def _sample_of(shown: Shown, base: str, values: dict[str, str]) -> Delivery:
    """Return what the endpoint's provider would send; `base` is where it reaches the service."""
    endpoint, description = shown.endpoint, shown.description
    if description is None:
        raise NotFound("provider", endpoint.provider)
    address, now = base + hook_path(endpoint), utc_now()
    samples = [each.delivery for each in read_samples(description.folder) if not each.is_handshake]
    if endpoint.provider in PLAIN or not samples:
        body, headers, query = dumps(values).encode(), tuple(JSON.items()), ""
    else:
        sample = samples[0].without_headers("Host", "Content-Length", "Connection")
        body, headers, query = sample.body, sample.headers, urlsplit(sample.url).query
    url = f"{address}?{query}" if query else address
    delivery = Delivery(method="POST", url=url, headers=headers, body=body, received_at=now)
    if not description.signature.ways or not endpoint.secrets:
        return delivery
    return sign(description.signature, delivery, endpoint.secrets[0], now, str(uuid.uuid4()))


def _make_request(address: str, body: bytes, headers: dict[str, str]) -> urllib.request.Request:
    return urllib.request.Request(address, body, headers)  # noqa: S310 - the scheme is looked at in `send`


def _post(request: urllib.request.Request) -> None:
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - looked at in `send`
            click.echo(f"{answer.status} {answer.read().decode()}")
    except urllib.error.HTTPError as error:
        text = f"{error.code} {error.read().decode()}"
        raise (Unavailable(text) if error.code in PASSING else InvalidInput(text)) from None
    except (urllib.error.URLError, OSError) as error:
        raise Unavailable(f"{request.host} does not answer ({error})") from None


def _pair(pair: str) -> tuple[str, str]:
    name, separator, value = pair.partition("=")
    if not separator or not name:
        raise InvalidInput(f"--field {pair!r} is not NAME=VALUE", mend="write it as firstname=Ada")
    return name, value
