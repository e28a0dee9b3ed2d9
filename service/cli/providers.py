"""The command `provider`: looks at the catalogue, and helps to describe a tool that isn't in it."""

import dataclasses
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path

import click

from service.cli import trials
from service.cli.running import EXIT_FAILED, JSON, read_settings
from service.cli.tables import show as show_rows
from service.delivery import Delivery, dump_http, read_http
from service.documents import dumps
from service.errors import InvalidInput
from service.instants import utc_now
from service.providers import overview
from service.providers.catalogue import Catalogue, load_catalogue
from service.providers.checking import README, Report, check_folder
from service.providers.description import Description, Role
from service.providers.loading import FILE, load_description
from service.providers.samples import EXPECTED, USUAL_SECRET, read_samples, read_secret, write_expected
from service.providers.skeleton import write_skeleton
from service.providers.trying import try_delivery
from service.signatures import sign

FOLDER = click.Path(file_okay=False, path_type=Path)
REQUEST = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group()
def provider() -> None:
    """Look at providers, and describe new ones."""


@provider.command(name="list")
@JSON
def list_all(*, as_json: bool) -> None:
    """List the providers, built-in and your own."""
    rows = [dataclasses.asdict(row) for row in overview.rows(_catalogue())]
    for row in rows if not as_json else ():
        del row["about"]
        row["proven"] = "yes" if row["proven"] else "no"
    show_rows(rows, as_json=as_json, nothing="there are no providers")


@provider.command()
@click.argument("place", metavar="NAME")
@JSON
def show(*, place: str, as_json: bool) -> None:
    """Show what a provider needs and how it is set up."""
    description = _find(place)
    row = overview.row_of(description)
    if as_json:
        click.echo(dumps(dataclasses.asdict(row) | {"needs": _needs(description)}))
        return
    click.echo(f"{description.about}\n")
    for name, value in dataclasses.asdict(row).items():
        if value != "" and name != "about":
            click.echo(f"{name.replace('_', ' ')}: {value}")
    click.echo(f"needs: {_needs(description)}\n")
    readme = description.folder / README
    click.echo(readme.read_text(encoding="utf-8").rstrip() if readme.exists() else f"there is no {README}")


@provider.command()
def table() -> None:
    """Print the table of all built-in providers, which is `docs/providers.md`."""
    click.echo(overview.table(load_catalogue()), nl=False)


@provider.command()
@click.argument("folder", type=FOLDER)
@click.option("--from", "request_file", type=REQUEST, help="A captured request; becomes the first sample.")
def new(*, folder: Path, request_file: Path | None) -> None:
    """Write a folder to begin with, guessed from a captured request."""
    request = _read_request(request_file) if request_file is not None else None
    for path in write_skeleton(folder, request):
        click.echo(f"wrote {path}")
    click.echo(f"now read {folder / FILE}, then run 'marketable provider check {folder}'")


@provider.command()
@click.argument("folder", type=FOLDER)
@click.option(
    "--accept", is_flag=True, help="First write what the samples are read as to expected.json, for review."
)
def check(*, folder: Path, accept: bool) -> int:
    """Check a provider's folder: its description, samples, signing, and that nothing sent can break it."""
    if accept:
        description = load_description(folder.resolve())
        secret = read_secret(folder) or USUAL_SECRET
        write_expected(description, list(read_samples(folder)), secret)
        click.echo(f"wrote {folder / EXPECTED}: review it")
    report = check_folder(folder.resolve())
    _say(folder, report)
    return 0 if report.passed else EXIT_FAILED


@provider.command(name="try")
@click.argument("place", metavar="FOLDER|NAME")
@click.argument("request_file", metavar="REQUEST", type=REQUEST)
@click.option("--secret", help="The endpoint's secret; better in a file.")
@click.option("--secret-file", type=REQUEST, help="A file that holds the secret.")
@click.option("--sign", "is_to_be_signed", is_flag=True, help="First sign it with the secret, as of now.")
@click.option("--write", "target", type=click.Path(path_type=Path), help="Write the request that was tried.")
@click.option(
    "--mapping", "pairs", multiple=True, metavar="ROLE=KEY", help="Which field is what; may be repeated."
)
@JSON
def try_one(  # noqa: PLR0913 - each is an option
    *,
    place: str,
    request_file: Path,
    secret: str | None,
    secret_file: Path | None,
    is_to_be_signed: bool,
    target: Path | None,
    pairs: tuple[str, ...],
    as_json: bool,
) -> int:
    """Show what would be read from a captured request, and whether its signature holds."""
    description = _find(place)
    now = utc_now()
    secrets = _secrets(secret, secret_file)
    request = _read_request(request_file)
    if is_to_be_signed:
        request = _signed(description, request, secrets)
    if target is not None:
        target.write_bytes(dump_http(request))
    trial = try_delivery(description, request, secrets, now, _mapping(pairs))
    if as_json:
        click.echo(dumps(trials.dump(trial)))
    else:
        trials.show(trial)
    return EXIT_FAILED if trial.refusal or trial.proved is False else 0


def _catalogue() -> Catalogue:
    return load_catalogue(read_settings(level="warning").own_providers)


def _find(place: str) -> Description:
    """Return the provider of a folder, or of a name in the catalogue."""
    if (Path(place) / FILE).is_file():
        return load_description(Path(place).resolve())
    catalogue = _catalogue()
    if place in catalogue:
        return catalogue[place]
    close = get_close_matches(place, catalogue, n=1)
    mend = f"did you mean {close[0]!r}?" if close else "'marketable provider list' shows all"
    raise InvalidInput(f"there is no provider {place!r}, and no folder with a {FILE}", mend=mend)


def _needs(description: Description) -> str:
    scheme = description.signature
    parts = " and ".join(scheme.secret_parts)
    secret = f"a secret ({parts})" if parts else "a secret"
    needs = [f"{secret}{'' if scheme.needs_secret else ', if you want one'}"] if scheme.ways else []
    needs += ["an access token, for the look-up"] if description.fetch is not None else []
    return " and ".join(needs) or "nothing but its address"


def _read_request(path: Path) -> Delivery:
    return read_http(path.read_bytes(), received_at=utc_now())


def _secrets(secret: str | None, secret_file: Path | None) -> list[str]:
    if secret is not None and secret_file is not None:
        raise InvalidInput("--secret and --secret-file are both given", mend="leave one out")
    if secret_file is not None:
        text = secret_file.read_text(encoding="utf-8")
        return [text if "-----BEGIN" in text else text.strip()]
    return [secret] if secret else []


def _signed(description: Description, request: Delivery, secrets: list[str]) -> Delivery:
    if not secrets:
        raise InvalidInput("--sign is given without a secret", mend="give --secret or --secret-file")
    return sign(description.signature, request, secrets[0], utc_now(), "evt_tried")


def _mapping(pairs: tuple[str, ...]) -> Mapping[str, str]:
    mapping = {}
    for pair in pairs:
        role, separator, key = pair.partition("=")
        if not separator or role not in set(Role):
            raise InvalidInput(
                f"--mapping {pair!r} is not ROLE=KEY",
                mend=f"the roles are {', '.join(Role)}; an empty key is none",
            )
        mapping[role] = key
    return mapping


def _say(folder: Path, report: Report) -> None:
    click.echo(f"checked {folder.name}: {', '.join(report.checked)}")
    for finding in report.findings:
        click.echo(f"{'warning' if finding.is_warning else 'mistake'}  {finding}")
    mistakes = sum(not finding.is_warning for finding in report.findings)
    click.echo("all is well" if report.passed else f"{mistakes} mistake(s)")
