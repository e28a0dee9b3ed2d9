"""What the tests know about a service: where it is, which version, and how this run came by it."""

import json
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

from tests.services.run import Run


class Origin(StrEnum):
    GIVEN = "given"
    FOUND = "found"
    PRIVATE = "private"


class ServiceMissingError(Exception):
    """There is no such service here and none can be started; the text says what would enable it."""


class ServiceBrokenError(Exception):
    """There is one, or there are its programs, but it does not work; the text says why."""


@dataclass(frozen=True, slots=True)
class Server:
    product: str
    version: str
    url: str
    origin: Origin

    def __str__(self) -> str:
        where = "" if self.origin is Origin.PRIVATE else f" at {address(self.url)}"
        return f"{self.product} {self.version}{where} ({self.origin})"


@dataclass(frozen=True, slots=True)
class Places:
    """Where a service may be, in the order of asking: a URL that somebody gave, the usual URL, programs.

    `folders` are patterns of absolute paths where the programs may be.
    """

    given: str | None
    usual: str
    folders: tuple[str, ...]


def address(url: str) -> str:
    """Host and port of a URL, without the secrets that it may hold."""
    return urlsplit(url).netloc.rpartition("@")[2] or "a local socket"


def search_path(path: str) -> tuple[str, ...]:
    return tuple(folder for folder in path.split(":") if folder)


def first_program_folder(places: Places, programs: tuple[str, ...]) -> Path | None:
    """The first folder that holds all the programs; where a pattern fits several versions, the newest."""
    for pattern in places.folders:
        root = Path(pattern).anchor
        matches = Path(root).glob(pattern.removeprefix(root)) if root and pattern != root else []
        for folder in sorted(matches, key=_numbers, reverse=True):
            if all((folder / program).is_file() for program in programs):
                return folder
    return None


def _numbers(folder: Path) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", str(folder))]


def shared(run: Run, product: str, obtain: Callable[[], Server]) -> Server:
    """The server of this run: the first worker that asks obtains it, the others get its outcome."""
    path = run.common_folder("state") / f"{product}.json"
    with run.lock():
        if not path.exists():
            path.write_text(json.dumps(_outcome(obtain)))
    outcome = json.loads(path.read_text())
    if "missing" in outcome:
        raise ServiceMissingError(outcome["missing"])
    if "broken" in outcome:
        raise ServiceBrokenError(outcome["broken"])
    return _load(outcome)


def servers_of(run: Run) -> list[Server]:
    return [_load(outcome) for outcome in _outcomes(run).values() if "url" in outcome]


def missing_in(run: Run) -> list[str]:
    return [product for product, outcome in _outcomes(run).items() if "url" not in outcome]


def _outcomes(run: Run) -> dict[str, dict[str, str]]:
    files = sorted((run.folder / "state").glob("*.json"))
    return {path.stem: json.loads(path.read_text()) for path in files}


def _outcome(obtain: Callable[[], Server]) -> dict[str, str]:
    try:
        return asdict(obtain())
    except ServiceMissingError as error:
        return {"missing": str(error)}
    except ServiceBrokenError as error:
        return {"broken": str(error)}


def _load(outcome: dict[str, str]) -> Server:
    return Server(outcome["product"], outcome["version"], outcome["url"], Origin(outcome["origin"]))
