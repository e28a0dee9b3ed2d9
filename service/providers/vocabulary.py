"""What the words in a field's key or label say about it, in several languages; the words are in `words/*.toml`."""

import enum
import re
import tomllib
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from service.providers.description import Role

FOLDER = Path(__file__).parent / "words"
LONGEST_TEXT = 500
"""In characters; what a label says beyond is not looked at."""
_LONGEST_ANSWER = 100
_MOST_REMEMBERED = 4096

PERSON_ROLES = (Role.EMAIL, Role.FIRST_NAME, Role.LAST_NAME, Role.NAME, Role.PHONE, Role.COMPANY)


class Stance(enum.StrEnum):
    """What a box is about. Whatever is said first decides: 'I want the newsletter, see our privacy policy'."""

    MARKETING = "marketing"
    REFUSAL = "refusal"
    """Ticking it says no to marketing."""
    TERMS = "terms"


@dataclass(frozen=True, slots=True)
class Meaning:
    """What was found in a text."""

    roles: frozenset[Role] = frozenset()
    stance: Stance | None = None
    of_others: bool = False
    """It asks for a friend, a colleague, somebody for emergencies: no role of the contact's."""
    length: int = 0
    """In words."""


_NOTHING = Meaning()
_OTHERS, _NEUTRAL, _NEGATION = "others", "neutral", "negation"
_MEANINGS = (*PERSON_ROLES, *Stance, _OTHERS, _NEUTRAL, _NEGATION)
_STANCES = frozenset(Stance)
_KEYS = frozenset({"language", *_MEANINGS, "fillers", "yes", "no", "titles", "particles"})
_hump = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|(?<=[A-Za-z])(?=[0-9])")
_sign = re.compile(r"[,.;:!(\u2013\u2014]")
_no_word = re.compile(r"[\W_]+")
_UNACCENTED = str.maketrans(
    {"ł": "l", "ø": "o", "æ": "ae", "œ": "oe", "đ": "d", "\N{LATIN SMALL LETTER DOTLESS I}": "i"}
)


@dataclass(frozen=True, slots=True)
class _Vocabulary:
    phrases: dict[str, frozenset[str]]
    whole: dict[str, frozenset[str]]
    stems: dict[str, frozenset[str]]
    fillers: frozenset[str]
    yes: frozenset[str]
    no: frozenset[str]
    titles: frozenset[str]
    particles: frozenset[str]
    beginnings: dict[str, int]
    """By a phrase's first word: the longest phrase's length in words."""
    longest_stem: int


@lru_cache(maxsize=_MOST_REMEMBERED)
def meaning_of(text: str) -> Meaning:
    """Return what a key or label is about. The answers are remembered, for forms have few different ones."""
    if not text:
        return _NOTHING
    words = [word for word in normalise(text[:LONGEST_TEXT]).split() if not word.isdecimal()]
    vocabulary = _load()
    found = _scan(words, vocabulary)
    bare = " ".join(word for word in words if word not in vocabulary.fillers)
    found += [*vocabulary.whole.get(" ".join(words), ()), *vocabulary.whole.get(bare, ())]
    of_others = _OTHERS in found
    roles = () if of_others else (Role(meaning) for meaning in found if meaning in PERSON_ROLES)
    return Meaning(frozenset(roles), _stance(found), of_others, len(words))


def _stance(found: list[str]) -> Stance | None:
    """Return what is said first; a 'do not' turns marketing round that comes later, and otherwise means nothing."""
    negated = False
    for meaning in found:
        if meaning in _STANCES:
            return Stance.REFUSAL if negated and meaning == Stance.MARKETING else Stance(meaning)
        negated = negated or meaning == _NEGATION
    return None


def normalise(text: str) -> str:
    """Return words in lower case without accents, one space apart; humps, digits, dashes and dots part words."""
    if text.isascii() and text.isalpha() and text[1:].islower():  # one plain word, as names are
        return text.lower()
    plain = _hump.sub(" ", text)
    plain = plain.casefold().translate(_UNACCENTED)
    if not plain.isascii():
        decomposed = unicodedata.normalize("NFKD", plain)
        plain = "".join(character for character in decomposed if not unicodedata.combining(character))
    return _no_word.sub(" ", plain).strip()


def says_yes(text: str) -> bool | None:
    """Return what an answer says: yes, no, or None when it says something else.

    `Yes, send me news` is a yes: the first words count when a sign follows them.
    """
    vocabulary = _load()
    begin = text[:_LONGEST_ANSWER]
    for candidate in (begin, _sign.split(begin, maxsplit=1)[0]):
        plain = normalise(candidate)
        if plain in vocabulary.no:
            return False
        if plain in vocabulary.yes:
            return True
    return None


def is_bare_answer(text: str) -> bool:
    """Whether a text says yes or no and nothing more."""
    plain = normalise(text[:_LONGEST_ANSWER])
    return plain in _load().yes or plain in _load().no


def titles() -> frozenset[str]:
    return _load().titles


def particles() -> frozenset[str]:
    return _load().particles


def _scan(words: list[str], vocabulary: _Vocabulary) -> list[str]:
    """Return what is said, in the order in which it is said; the longest phrase at a place counts."""
    found: list[str] = []
    position = 0
    while position < len(words):
        size, meanings = _phrase_at(words, position, vocabulary)
        found += sorted(meanings - {_NEUTRAL})
        position += size
    return found


def _phrase_at(words: list[str], position: int, vocabulary: _Vocabulary) -> tuple[int, frozenset[str]]:
    """Return the longest phrase's length and meanings; a word that begins none may have a known stem."""
    word = words[position]
    longest = min(vocabulary.beginnings.get(word, 0), len(words) - position)
    for size in range(longest, 0, -1):
        meanings = vocabulary.phrases.get(" ".join(words[position : position + size]))
        if meanings is not None:
            return size, meanings
    for size in range(min(len(word), vocabulary.longest_stem), 2, -1):
        meanings = vocabulary.stems.get(word[:size])
        if meanings is not None:
            return 1, meanings
    return 1, frozenset()


@cache
def _load() -> _Vocabulary:
    languages = [_read(path) for path in sorted(FOLDER.glob("*.toml"))]
    entries = [
        (entry, meaning)
        for language in languages
        for meaning in _MEANINGS
        for entry in language.get(meaning, ())
    ]
    plain = [(entry, meaning) for entry, meaning in entries if entry[0] != "=" and entry[-1] != "*"]
    phrases = _index(plain)
    stems = _index((entry[:-1], meaning) for entry, meaning in entries if entry[-1] == "*")
    beginnings: dict[str, int] = {}
    for phrase in phrases:
        words = phrase.split()
        beginnings[words[0]] = max(len(words), beginnings.get(words[0], 0))
    return _Vocabulary(
        phrases=phrases,
        whole=_index((entry[1:], meaning) for entry, meaning in entries if entry[0] == "="),
        stems=stems,
        fillers=_words(languages, "fillers"),
        yes=_words(languages, "yes") | {"1", "true", "on", "y", "checked"},
        no=_words(languages, "no") | {"0", "false", "off", "n", "unchecked"},
        titles=_words(languages, "titles"),
        particles=_words(languages, "particles"),
        beginnings=beginnings,
        longest_stem=max(map(len, stems)),
    )


def _read(path: Path) -> dict[str, Any]:
    document = tomllib.loads(path.read_text(encoding="utf-8"))
    wrong = document.keys() ^ _KEYS
    if wrong:
        raise ValueError(f"{path.name}: {', '.join(sorted(wrong))} missing or not known")
    return document


def _index(entries: Iterable[tuple[str, str]]) -> dict[str, frozenset[str]]:
    index: dict[str, frozenset[str]] = {}
    for entry, meaning in entries:
        phrase = normalise(entry)
        index[phrase] = index.get(phrase, frozenset()) | {meaning}
    return index


def _words(languages: list[dict[str, Any]], key: str) -> frozenset[str]:
    return frozenset(normalise(word) for language in languages for word in language[key])
