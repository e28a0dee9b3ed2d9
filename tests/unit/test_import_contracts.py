"""Each import contract is broken on purpose, in a copy: one that can't be broken guards nothing."""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import NamedTuple

import pytest

PROJECT = Path(__file__).parents[2]

DIRECTION = "Consumers may import service, service may import config, and never back"
LAYERS = "Inside service, imports go down only"
DOMAIN = "The domain knows the standard library only"
EDGE = "Flask stays at the edge"
DATABASE = "Only the store speaks to the database"
BROKER = "Only the broker module and the consumers' runner speak to the broker"
SETTINGS = "Only entry points read the settings"
PROVIDERS = "No provider knows another"
REQUESTS = "Requests never reach the broker, not even by way of another module"
LOOK_UPS = "Nobody but a look-up asks vendors, and no request waits for one"
CLIENT = "The vendor's client stays with the look-ups"
RELAY = "The relay decides nothing"


class Planted(NamedTuple):
    contract: str
    imports: tuple[tuple[str, str], ...]
    """Pairs of an importing and an imported module, which together break the contract."""

    def __str__(self) -> str:
        return ", ".join(f"{importer} imports {imported}" for importer, imported in self.imports)


VIOLATIONS = [
    Planted(DIRECTION, (("service.relay", "consumers.runner"),)),
    Planted(DIRECTION, (("config.logs", "service.errors"),)),
    Planted(LAYERS, (("service.relay", "service.app"),)),
    Planted(LAYERS, (("service.intake", "service.web"),)),
    Planted(LAYERS, (("service.store.session", "service.intake"),)),
    Planted(LAYERS, (("service.messages", "service.broker"),)),
    Planted(LAYERS, (("service.errors", "service.domain.model"),)),
    Planted(LAYERS, (("service.room_without_a_layer", "service.errors"),)),
    Planted(DOMAIN, (("service.domain.model", "orjson"),)),
    Planted(DOMAIN, (("service.domain.model", "config.logs"),)),
    Planted(EDGE, (("service.intake", "flask"),)),
    Planted(EDGE, (("service.errors", "werkzeug.exceptions"),)),
    Planted(DATABASE, (("service.intake", "sqlalchemy.orm"),)),
    Planted(DATABASE, (("consumers.billing_count", "sqlite3"),)),
    Planted(BROKER, (("service.relay", "kombu"),)),
    Planted(BROKER, (("consumers.billing_count", "amqp"),)),
    Planted(SETTINGS, (("service.store.session", "config.settings"),)),
    Planted(PROVIDERS, (("service.providers.catalogue.one", "service.providers.catalogue.other"),)),
    Planted(REQUESTS, (("service.web.health", "service.broker"),)),
    Planted(
        REQUESTS, (("service.intake", "service.store.session"), ("service.store.session", "service.broker"))
    ),
    Planted(LOOK_UPS, (("service.web.health", "service.providers.lookups"),)),
    Planted(LOOK_UPS, (("service.intake", "service.providers.lookups.calling"),)),
    Planted(CLIENT, (("service.health", "hubspot"),)),
    Planted(RELAY, (("service.relay", "service.domain.marketing"),)),
]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for folder in ("config", "service", "consumers"):
        shutil.copytree(PROJECT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("pyproject.toml", "tests/import_contracts.py"):
        (tmp_path / file).parent.mkdir(exist_ok=True)
        shutil.copy(PROJECT / file, tmp_path / file)
    return tmp_path


def source_file(root: Path, module: str) -> Path:
    """Where a module of ours is written; made, with the packages around it, if it isn't there."""
    path = root.joinpath(*module.split("."))
    if path.is_dir():
        return path / "__init__.py"
    path.parent.mkdir(parents=True, exist_ok=True)
    for package in path.parent.relative_to(root).parents:
        if package != Path():
            (root / package / "__init__.py").touch()
    (path.parent / "__init__.py").touch()
    path.with_suffix(".py").touch()
    return path.with_suffix(".py")


def plant(root: Path, importer: str, imported: str) -> None:
    if imported.partition(".")[0] in {"config", "service", "consumers"}:
        source_file(root, imported)
    with source_file(root, importer).open("a") as file:
        file.write(f"\nimport {imported}\n")


def lint(root: Path) -> str:
    """What the linter prints. A process of its own, so that it finds the copy and not the project."""
    linter = str(Path(sys.executable).with_name("lint-imports"))
    command = [linter, "--no-logo", "--no-cache"]
    run = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    return run.stdout + run.stderr


def test_the_project_keeps_every_contract(copy: Path) -> None:
    assert "0 broken" in lint(copy)


@pytest.mark.parametrize("planted", VIOLATIONS, ids=str)
def test_a_wrong_import_breaks_its_contract(copy: Path, planted: Planted) -> None:
    for importer, imported in planted.imports:
        plant(copy, importer, imported)
    assert f"{planted.contract} BROKEN" in lint(copy)


def test_every_contract_has_been_broken_once() -> None:
    with (PROJECT / "pyproject.toml").open("rb") as file:
        contracts = tomllib.load(file)["tool"]["importlinter"]["contracts"]
    assert {contract["name"] for contract in contracts} == {planted.contract for planted in VIOLATIONS}
