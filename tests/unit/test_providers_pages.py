"""The pages about providers are held against the catalogue, the loader and the command."""

import ast
import inspect
import re
from pathlib import Path

import pytest

from service.providers import field_rules, limits, loading, overview
from service.providers.catalogue import BUILT_IN, load_catalogue
from service.providers.description import BodyKind, HandshakeKind, Role
from service.providers.events import KeptReason
from service.providers.pointers import parse_source
from service.signatures import KEYS, Kind
from tests.commands import run

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "adding-a-provider.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| `([^`]+)` \|", PAGE, re.MULTILINE)
FENCED = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def expected_keys() -> set[str]:
    """Return every key that the loader's modules expect anywhere."""
    keys = {"ways", "optional"}.union(*KEYS.values(), loading._TOP, field_rules._NAMES, Role)  # noqa: SLF001
    for module in (loading, field_rules):
        tree = ast.parse(inspect.getsource(module))
        for call in ast.walk(tree):
            if (
                isinstance(call, ast.Call)
                and isinstance(call.func, ast.Attribute)
                and call.func.attr == "expect"
            ):
                texts = (node.value for node in ast.walk(call) if isinstance(node, ast.Constant))
                keys |= {text for text in texts if isinstance(text, str)}
    return keys | {"when", "answer", "answer_key", "content_type"}


def notation() -> set[str]:
    """Return the keys that the page's tables of the notation explain."""
    kinds = {*Kind, *HandshakeKind, *BodyKind}
    files = {"provider.toml", "samples/*.http", "samples/secret.txt", "expected.json", "README.md"}
    sources = {row for row in ROWS if ":" in row or row.startswith("=")}
    return {row for row in ROWS if row not in kinds | files | sources}


@pytest.mark.parametrize("key", sorted(expected_keys()))
def test_a_key_of_the_notation_is_explained(key: str) -> None:
    assert key in {row.rpartition(".")[2] for row in notation()}


@pytest.mark.parametrize("row", sorted(notation()))
def test_what_is_explained_is_read_by_the_loader(row: str) -> None:
    assert {part for part in row.split(".") if part != "<name>"} <= expected_keys()


@pytest.mark.parametrize("name", [*Kind, *HandshakeKind, *BodyKind, *KeptReason])
def test_every_kind_and_reason_is_named(name: str) -> None:
    assert f"`{name}`" in PAGE


def test_the_page_s_sources_are_sources() -> None:
    sources = [row for row in ROWS if ":" in row or row.startswith("=")]
    assert len({parse_source(source).place for source in sources}) == len(sources)


def test_the_limits_are_those_of_the_code() -> None:
    table = PAGE.partition("\n## Limits\n")[2].partition("\n## ")[0]
    numbers = {int(number.replace(",", "")) for number in re.findall(r"\| ([\d,]+)", table)}
    assert numbers == {value for name, value in vars(limits).items() if name.isupper()}


def test_the_table_of_providers_is_made_from_the_catalogue() -> None:
    page = (DOCS / "providers.md").read_text(encoding="utf-8")
    message = f"run '{overview.COMMAND} > docs/providers.md'"
    assert page == overview.table(load_catalogue()), message


def test_the_readme_names_the_providers_of_the_catalogue() -> None:
    page = (DOCS.parent / "README.md").read_text(encoding="utf-8")
    assert overview.summary(load_catalogue()).strip() in page


def test_the_summary_names_every_provider() -> None:
    catalogue = load_catalogue()
    summary = overview.summary(catalogue)
    assert all(description.title in summary for description in catalogue.values())
    assert [row.name for row in overview.rows(catalogue) if not row.about] == []


def blocks(language: str) -> list[str]:
    steps = PAGE.partition("\n## Step by step\n")[2].partition("\n### 7.")[0]
    return [text for found, text in FENCED.findall(steps) if found == language]


def transcripts() -> list[tuple[list[str], str]]:
    """Return the commands of the page, and what they print."""
    pairs = (block.partition("\n") for block in blocks("console"))
    return [(command.split()[3:], shown) for command, _, shown in pairs]


def plain(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.splitlines())


def test_the_example_works_as_it_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("captured.http").write_text(blocks("http")[0].removesuffix("\n"), encoding="utf-8")
    Path("secret.txt").write_text("paper-secret\n", encoding="utf-8")
    guessed, mended = blocks("toml")
    for number, (arguments, shown) in enumerate(transcripts()):
        if number == 2:
            assert Path("paperboat/provider.toml").read_text(encoding="utf-8") == guessed
            Path("paperboat/provider.toml").write_text(put_right(guessed, mended), encoding="utf-8")
        if "Eve" in shown:
            said = Path("paperboat/expected.json")
            said.write_text(said.read_text(encoding="utf-8").replace('"Ada"', '"Eve"'), encoding="utf-8")
        result = run(["provider", *arguments], tmp_path)
        assert result.returncode == 0 or "Eve" in shown
        if shown:
            assert plain(result.stdout) == plain(shown)


def put_right(guessed: str, mended: str) -> str:
    """Do with the guess what the page says."""
    documentation, _, events = mended.split("\n\n")
    paragraphs = re.sub(r"^documentation =.*", documentation, guessed, flags=re.MULTILINE).split("\n\n")
    for number, paragraph in enumerate(paragraphs):
        if paragraph.startswith("# [signature]"):
            paragraphs[number] = paragraph.replace("# ", "", 1).replace("\n# ", "\n")
        if paragraph.startswith("[events]"):
            paragraphs[number] = events
    return "\n\n".join(paragraphs)


def test_the_table_has_a_row_for_every_folder() -> None:
    page = overview.table(load_catalogue())
    folders = {path.parent.name for path in BUILT_IN.glob("*/provider.toml")}
    assert set(re.findall(r"^\| [^|]+ \| `(\w+)` \|", page, re.MULTILINE)) == folders
