"""Takes people's full names apart."""

from service.providers.vocabulary import normalise, particles, titles

_SUFFIXES = frozenset({"phd", "ph d", "md", "m d", "mba", "msc", "bsc", "ma", "esq", "jr", "ii", "iii", "iv"})
"""What may follow a whole name after a comma."""


def split_name(name: str) -> tuple[str | None, str | None]:
    """Return first and last name. The last word is the last name, with the particles before it (van, de la).

    `Lovelace, Ada` is turned round, titles are left out; one word alone is a first name, after a title a last name.
    """
    last, comma, first = name.partition(",")
    if comma and last.strip() and first.strip() and normalise(first) not in _SUFFIXES | titles():
        return " ".join(_without_titles(first.split())), " ".join(last.split())
    words = (last if comma and last.strip() else first if comma else name).split()
    bare = _without_titles(words)
    if len(bare) == 1 and len(words) > 1:
        return None, bare[0]
    if len(bare) < 2:  # noqa: PLR2004 - two words make two names
        return (bare[0] if bare else None), None
    begin = len(bare) - 1
    while begin > 1 and normalise(bare[begin - 1]) in particles():
        begin -= 1
    return " ".join(bare[:begin]), " ".join(bare[begin:])


def complete(name: str | None, first: str | None, last: str | None) -> tuple[str | None, str | None]:
    """Return first and last name from what a form asked: in many languages 'name' beside the one means the other."""
    if name is None or (first is not None and last is not None):
        return first, last
    if first is None and last is None:
        return split_name(name)
    if first is not None:
        rest = _rest(name, first, at_start=True)
        return first, rest
    return _rest(name, last or "", at_start=False), last


def _rest(name: str, part: str, *, at_start: bool) -> str | None:
    """Return the name less the part that is known; all of it when the part isn't in it."""
    folded, known = name.casefold(), part.casefold()
    if at_start and folded.startswith(known):
        return name[len(part) :].strip(" ,") or None
    if not at_start and folded.endswith(known):
        return name[: len(name) - len(part)].strip(" ,") or None
    return name


def _without_titles(words: list[str]) -> list[str]:
    begin = 0
    while begin < len(words) - 1 and normalise(words[begin]) in titles():
        begin += 1
    return words[begin:]
