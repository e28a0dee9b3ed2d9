"""The table of sources: what `defaults.toml` says of each way by which contacts come in (rule 5)."""

import functools
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

FILE = Path(__file__).with_name("defaults.toml")
NOWHERE = "no"
"""What `changeable` says of a default that is fixed."""


@dataclass(frozen=True, slots=True)
class SourceDefault:
    """What a source does when nobody has chosen anything."""

    marketing: bool
    changeable: str
    """Where it can be set otherwise; `NOWHERE` when it can't."""
    contacts: str
    """`all`, or `new`: contacts that exist already are left as they are."""

    @property
    def is_fixed(self) -> bool:
        """Whether nobody can set it otherwise."""
        return self.changeable == NOWHERE


@functools.cache
def read_sources(path: Path = FILE) -> Mapping[str, SourceDefault]:
    """Return the table, by the source's name."""
    with path.open("rb") as file:
        tables = tomllib.load(file)
    return {
        source: SourceDefault(bool(table["marketing"]), str(table["changeable"]), str(table["contacts"]))
        for source, table in tables.items()
    }
