"""The command `send`: posts a sample submission to a running server."""

import urllib.error
import urllib.request
from http import HTTPStatus

import click

from service import demo
from service.cli.running import read_settings
from service.documents import dumps
from service.errors import InvalidInput, Unavailable

PASSING = {HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS}


@click.command()
@click.option("--url", help="The server; the address of the settings if left out.")
@click.option("--portal", "portal_id", type=int, default=demo.PORTAL_ID, show_default=True)
@click.option("--form", "guid", default=demo.FORM_GUID, show_default=True, help="The form's GUID.")
@click.option("--email", default="ada@example.com", show_default=True)
@click.option(
    "--field", "fields", multiple=True, metavar="NAME=VALUE", help="A further field; may be repeated."
)
@click.option("--token", help="An access token: posts to the secure address.")
def send(
    url: str | None, portal_id: int, guid: str, email: str, fields: tuple[str, ...], token: str | None
) -> None:
    """Post a sample submission and print the answer."""
    settings = read_settings(level="warning")
    base = (url or f"http://{settings.host}:{settings.port}").rstrip("/")
    kind = "secure/submit" if token else "submit"
    body = dumps({"fields": [_field("email=" + email), *(_field(each) for each in fields)]})
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    request = urllib.request.Request(  # noqa: S310 - the scheme is looked at below
        f"{base}/submissions/v3/integration/{kind}/{portal_id}/{guid}", body.encode(), headers
    )
    if not base.startswith(("http://", "https://")):
        raise InvalidInput(f"--url {url!r} is no web address", mend="begin it with http:// or https://")
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - looked at above
            click.echo(f"{answer.status} {answer.read().decode()}")
    except urllib.error.HTTPError as error:
        text = f"{error.code} {error.read().decode()}"
        raise (Unavailable(text) if error.code in PASSING else InvalidInput(text)) from None
    except (urllib.error.URLError, OSError) as error:
        raise Unavailable(f"{base} does not answer ({error})") from None


def _field(pair: str) -> dict[str, str]:
    name, separator, value = pair.partition("=")
    if not separator or not name:
        raise InvalidInput(f"--field {pair!r} is not NAME=VALUE", mend="write it as firstname=Ada")
    return {"objectTypeId": "0-1", "name": name, "value": value}
