"""The providers that come with Marketable, one folder of data each, and the loading of these and of an operator's."""

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from service.domain.reading import Mistake
from service.providers.description import Description
from service.providers.loading import FILE, read_folder, refusal

BUILT_IN = Path(__file__).parent

Catalogue = Mapping[str, Description]
"""Descriptions by name, in alphabetical order."""


def load_catalogue(own: Path | None = None) -> Catalogue:
    """Read all built-in folders and those inside `own`; raises InvalidInput with every mistake in any of them."""
    built_in, found = _load_built_in()
    catalogue, mistakes = dict(built_in), list(found)
    if own is not None:
        for name, description in _load_own(own, mistakes).items():
            if name in catalogue and not description.replaces:
                mend = "choose another name, or write replaces = true"
                mistakes.append(Mistake(f"{name}/{FILE}", "has the name of a built-in provider", mend))
            catalogue[name] = description
    if mistakes:
        raise refusal(mistakes)
    return dict(sorted(catalogue.items()))


def folders(place: Path) -> Iterator[Path]:
    """Yield the folders of a catalogue, in alphabetical order."""
    for folder in sorted(place.iterdir()):
        if folder.is_dir() and not folder.name.startswith((".", "__")):
            yield folder


@cache
def _load_built_in() -> tuple[Catalogue, tuple[Mistake, ...]]:
    """Return the built-in descriptions and their mistakes: once for a process, for they come with the code."""
    mistakes: list[Mistake] = []
    return _load(BUILT_IN, mistakes), tuple(mistakes)


def _load(place: Path, mistakes: list[Mistake]) -> dict[str, Description]:
    read = (read_folder(folder, mistakes) for folder in folders(place))
    return {description.name: description for description in read if description is not None}


def _load_own(own: Path, mistakes: list[Mistake]) -> dict[str, Description]:
    try:
        return _load(own, mistakes)
    except OSError as problem:
        mend = "name a folder that holds one folder for each provider"
        mistakes.append(Mistake(str(own), f"can't be read ({problem.strerror})", mend))
        return {}
