"""The pages are held against the code: what a reader can meet is on its page, and what a page shows is there."""

import ast
import dataclasses
import enum
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import pytest
from flask import Flask
from ruamel.yaml import YAML

from config.settings import Settings, unknown_variables, variables
from consumers.billing_count import REFUSED_BY_DATABASE, UNKNOWN_PORTAL
from consumers.outcome import Outcome
from service import __version__
from service.app import create_app
from service.broker import Topology
from service.cli.commands import group
from service.cli.running import EXIT_FAILED, EXIT_UNAVAILABLE, EXIT_USAGE
from service.committer import REPEATED
from service.domain.billing import TIER_STEPS, Commitment, Product
from service.domain.model import ReasonType, Source, Verdict
from service.domain.portals import Scope
from service.errors import MarketableError
from service.health import Health
from service.messages import CONTENT_TYPE, STATUS_CHANGED, dump, load
from service.process import HEALTH_PORTS
from service.providers.events import UnreadableReason
from service.providers.lookups.refusals import DelayedReason, RefusedReason
from service.signatures import Reason
from service.store import schema
from service.store.session import Database
from service.store.tables import metadata
from service.web.health import create_health_app

PROJECT = Path(__file__).parents[2]
DOCS = PROJECT / "docs"
PAGES = sorted([*PROJECT.glob("*.md"), *DOCS.rglob("*.md")])
DECISIONS = sorted(DOCS.glob("decisions/0*.md"))
EXAMPLE = PROJECT / "config" / "example.env"
SETTINGS = dataclasses.fields(Settings)

FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")
VARIABLE = re.compile(r"\bMARKETABLE_[A-Z_]*[A-Z]\b")
SHOWN_COMMAND = re.compile(r"(?:`|^)(?:\$ )?(?:\S*/)?(marketable(?: [^`#\n]*)?)", re.MULTILINE)
COMPOSE_COMMAND = "docker compose run --rm web"
LOGGED = re.compile(r"(?:\blog\.(?:debug|info|warning|error|exception)|(?<![.\w])note)\(\s*\"(\w+)\"")


def page(name: str) -> str:
    return (PROJECT / name).read_text(encoding="utf-8")


def name_of(path: Path) -> str:
    return str(path.relative_to(PROJECT))


def in_code(word: object, text: str) -> bool:
    return f"`{word}`" in text


# Settings


def setting_row(field: "dataclasses.Field[Any]") -> str:
    try:
        field.metadata["parse"]("!")
        takes = "text"
    except ValueError as refusal:
        takes = str(refusal)
    names = ", ".join(f"`{name}`" for name in variables(field))
    default = f"`{field.default}`" if str(field.default) else ""
    return f"| {names} | {default} | {takes} | {field.metadata['about']} |"


@pytest.mark.parametrize("field", SETTINGS, ids=lambda field: field.name)
def test_a_setting_has_its_row(field: "dataclasses.Field[Any]") -> None:
    assert setting_row(field) in page("docs/settings.md").splitlines()


@pytest.mark.parametrize("field", SETTINGS, ids=lambda field: field.name)
def test_a_setting_is_in_the_example_with_what_it_means(field: "dataclasses.Field[Any]") -> None:
    lines = f"\n# {field.metadata['about']}\n#{variables(field)[0]}={field.default}\n"
    assert lines in EXAMPLE.read_text(encoding="utf-8")


def test_the_example_changes_nothing_as_it_stands() -> None:
    lines = EXAMPLE.read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if line and not line.startswith("#")] == []


def test_the_example_uncommented_is_the_defaults() -> None:
    pairs = re.findall(r"^#([A-Z_]+)=(.*)$", EXAMPLE.read_text(encoding="utf-8"), re.MULTILINE)
    assert unknown_variables(dict(pairs)) == []
    assert Settings.from_environment(dict(pairs)) == Settings()


@pytest.mark.parametrize("path", [*PAGES, PROJECT / "compose.yaml", PROJECT / "Dockerfile"], ids=name_of)
def test_no_page_names_a_setting_that_is_none(path: Path) -> None:
    named = dict.fromkeys(VARIABLE.findall(path.read_text(encoding="utf-8")), "")
    assert unknown_variables({**named, "MARKETABLE_TEST": ""}) == ["MARKETABLE_TEST"]


# Commands and surfaces


def leaves(command: click.Command, path: str = "marketable") -> Iterator[str]:
    if not isinstance(command, click.Group):
        yield path
        return
    for name, child in children(command).items():
        yield from leaves(child, f"{path} {name}")


def children(command: click.Group) -> dict[str, click.Command]:
    """Return the commands of a group by name; those of ours are loaded when they are asked for."""
    context = click.Context(command)
    found = {name: command.get_command(context, name) for name in command.list_commands(context)}
    return {name: child for name, child in found.items() if child is not None}


def runnable(path: str) -> str:
    """Return a command as it is typed: a consumer has a name."""
    return path.replace("marketable consume", "marketable consume billing-count")


def shown_commands() -> list[str]:
    """Return every `marketable …` in code."""
    pages = [path.read_text(encoding="utf-8").replace(COMPOSE_COMMAND, "marketable") for path in PAGES]
    return sorted({shown.strip() for text in pages for shown in SHOWN_COMMAND.findall(text)})


@pytest.mark.parametrize("path", list(leaves(group)))
def test_a_command_is_in_the_readme(path: str) -> None:
    assert in_code(runnable(path), page("README.md"))


@pytest.mark.parametrize("shown", shown_commands())
def test_a_shown_command_is_there_with_its_options(shown: str) -> None:
    command: click.Command = group
    words = shown.split()[1:]
    while words and isinstance(command, click.Group):
        known_here = children(command)
        assert words[0].startswith("-") or words[0] in {*known_here, "…"}
        command = known_here.get(words.pop(0), click.Command("none"))
    known = {name for option in command.params for name in [*option.opts, *option.secondary_opts]} | {
        "--help"
    }
    assert {word for word in words if word.startswith("--")} <= known


def routes(application: Flask) -> list[str]:
    """Return the paths of an application as the pages write them: `<portalId>`, not `<int:portal_id>`."""
    rules = [rule.rule for rule in application.url_map.iter_rules()]
    plain = {re.sub(r"<(?:\w+(?:\([^)]*\))?:)?(\w+)>", r"<\1>", rule) for rule in rules}
    return sorted(re.sub(r"_(\w)", lambda found: found[1].upper(), path) for path in plain)


def test_a_surface_is_in_the_readme() -> None:
    surfaces = page("README.md").partition("## Surfaces")[2]
    assert [path for path in routes(create_app(Settings())) if f"{path}`" not in surfaces] == []


# Operating


def reasons(kind: type[MarketableError]) -> set[str]:
    return {kind.reason}.union(*(reasons(child) for child in kind.__subclasses__()))


OF_DELIVERIES = {*Reason, *UnreadableReason}
OF_LOOK_UPS = {*RefusedReason, *DelayedReason}


@pytest.mark.parametrize(
    "reason",
    sorted({*reasons(MarketableError), UNKNOWN_PORTAL, REFUSED_BY_DATABASE, *OF_DELIVERIES, *OF_LOOK_UPS}),
)
def test_a_refusal_has_its_row(reason: str) -> None:
    assert f"\n| `{reason}` |" in page("docs/operating.md")


def test_a_metric_has_its_row(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'metrics.db'}")
    schema.migrate(database)
    health = Health("web", database, lambda: datetime.now(UTC))
    text = create_health_app(health).test_client().get("/metrics").text
    database.dispose()
    metrics = [name for name in re.findall(r"# TYPE (marketable_\w+)", text) if not name.endswith("_created")]
    rows = page("docs/operating.md")
    assert metrics
    assert [name for name in metrics if f"\n| `{name}` |" not in rows] == []


def logged_events() -> set[str]:
    sources = (
        source for name in ("config", "service", "consumers") for source in (PROJECT / name).rglob("*.py")
    )
    return {event for source in sources for event in LOGGED.findall(source.read_text(encoding="utf-8"))}


@pytest.mark.parametrize("event", sorted(logged_events()))
def test_a_log_event_has_its_row(event: str) -> None:
    assert in_code(event, page("docs/operating.md").partition("## Logs")[2].partition("###")[0])


@pytest.mark.parametrize("port", HEALTH_PORTS.values())
def test_a_health_port_is_among_the_processes(port: int) -> None:
    assert f"| {port} |" in page("docs/operating.md")


@pytest.mark.parametrize("code", [0, EXIT_FAILED, EXIT_USAGE, EXIT_UNAVAILABLE])
def test_an_exit_code_has_its_row(code: int) -> None:
    assert f"\n| {code} |" in page("docs/operating.md")


# Words and tables


@pytest.mark.parametrize("verdict", [*Verdict, REPEATED])
def test_a_verdict_has_its_row(verdict: str) -> None:
    assert f"\n| `{verdict}` |" in page("docs/vocabulary.md")


@pytest.mark.parametrize("words", [Source, ReasonType, Product, Commitment, Scope, Outcome])
def test_the_words_of_a_closed_list_are_in_the_vocabulary(words: type[enum.Enum]) -> None:
    text = page("docs/vocabulary.md")
    assert [word.value for word in words if not in_code(word.value, text)] == []


@pytest.mark.parametrize("table", metadata.tables)
def test_a_table_has_its_row(table: str) -> None:
    assert f"\n| `{table}` |" in page("docs/architecture.md").partition("## Data model")[2]


@pytest.mark.parametrize("product", Product)
def test_a_product_has_its_row(product: Product) -> None:
    steps = TIER_STEPS[product]
    step = f"{steps.step:,}" if steps.step else "the tier stays as it is"
    assert f"\n| `{product}` | {steps.included:,} | {step} |" in page("docs/billing.md")


# Messages


def example_message() -> bytes:
    found = [body for language, body in FENCED.findall(page("docs/messages.md")) if language == "json"]
    assert len(found) == 1
    return str(found[0]).encode()


def keys(document: Any, path: str = "") -> set[str]:
    """Return the keys of a document and of the objects in it, as `data.stint.since`."""
    if not isinstance(document, dict):
        return set()
    here = {f"{path}{key}" for key in document}
    return here.union(*(keys(value, f"{path}{key}.") for key, value in document.items()))


def test_the_example_message_is_read_and_written_as_it_stands() -> None:
    body = example_message()
    assert json.loads(dump(load(body))) == json.loads(body)


def test_a_field_of_the_message_is_explained() -> None:
    text = page("docs/messages.md").partition("## Field by field")[2]
    assert [key for key in sorted(keys(json.loads(example_message()))) if not in_code(key, text)] == []


def test_the_reader_that_is_shown_is_python() -> None:
    shown = [body for language, body in FENCED.findall(page("docs/messages.md")) if language == "python"]
    assert all(ast.parse(body) for body in shown)


def asyncapi() -> Any:
    return YAML(typ="safe").load(DOCS / "asyncapi.yaml")


def test_asyncapi_names_what_is_published() -> None:
    document, exchange = asyncapi(), Topology(Settings().topology).exchange
    message = document["components"]["messages"]["statusChanged"]
    binding = document["channels"]["status"]["bindings"]["amqp"]["exchange"]
    assert (document["asyncapi"], document["info"]["version"]) == ("3.0.0", __version__)
    assert (message["name"], message["contentType"]) == (STATUS_CHANGED, CONTENT_TYPE)
    assert (binding["name"], binding["type"]) == (exchange.name, exchange.type)


def described(schemas: Any, name: str, path: str = "") -> set[str]:
    """Return the keys that a schema asks for, as `keys` does for a document."""
    schema_of = schemas[name]
    assert set(schema_of["required"]) == set(schema_of["properties"])
    found = {f"{path}{key}" for key in schema_of["properties"]}
    inner = {key: value["$ref"] for key, value in schema_of["properties"].items() if "$ref" in value}
    return found.union(
        *(described(schemas, ref.split("/")[-1], f"{path}{key}.") for key, ref in inner.items())
    )


def test_asyncapi_describes_each_field() -> None:
    assert described(asyncapi()["components"]["schemas"], "event") == keys(json.loads(example_message()))


def test_asyncapi_lists_the_words_there_are() -> None:
    properties = asyncapi()["components"]["schemas"]["statusChange"]["properties"]
    assert properties["source"]["enum"] == list(Source)
    assert set(properties["verdict"]["enum"]) <= set(Verdict)


# Pages


def anchors(path: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    text = FENCED.sub("", path.read_text(encoding="utf-8"))
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def is_there(source: Path, link: str) -> bool:
    name, _, anchor = link.partition("#")
    target = (source.parent / name).resolve() if name else source
    return target.exists() and (not anchor or anchor in anchors(target))


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_links_lead_somewhere(path: Path) -> None:
    links = [link for link in LINK.findall(path.read_text(encoding="utf-8")) if "://" not in link]
    assert [link for link in links if not is_there(path, link)] == []


@pytest.mark.parametrize("path", sorted(DOCS.glob("*.*")), ids=name_of)
def test_a_page_is_linked_from_the_readme(path: Path) -> None:
    assert f"](docs/{path.name}" in page("README.md")


@pytest.mark.parametrize("path", DECISIONS, ids=name_of)
def test_a_decision_has_its_three_parts(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    title = text.splitlines()[0].removeprefix(f"# {path.name[:4]}: ")
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == ["Context", "Decision", "Consequences"]
    assert f"| [{path.name[:4]}]({path.name}) | {title} |" in page("docs/decisions/README.md")
