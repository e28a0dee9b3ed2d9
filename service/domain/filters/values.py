"""What is equal, earlier and contained: values of properties and of filters, read into what can be compared."""

import functools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

from service.domain.filters.model import PropertyType

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
LATEST = datetime(9999, 12, 30, tzinfo=UTC)
LARGEST_ID = 2**63 - 1
ANYTHING = "*"
"""In a token's value: any characters or none."""

WORD_CHARACTERS = "0-9A-Z_a-z\u00c0-\u1fff\u2070-\u2fff\u3040-\U0010ffff"
"""Ranges, as regular expressions and GLOB both write them: all beyond ASCII but for its general punctuation."""
NUMBER = r"[ ]*[+-]?(?!([0-9][.]?){16})[0-9]+([.][0-9]+)?[ ]*"
MILLISECONDS = "-?[0-9]{1,14}"
DAY = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
SECOND = f"{DAY}T[0-9]{{2}}:[0-9]{{2}}:[0-9]{{2}}Z"
INSTANT = f"{SECOND[:-1]}[.][0-9]{{3}}Z"
"""These five are regular expressions to Python and to PostgreSQL alike."""


@functools.cache
def _fold(character: str) -> str:
    small = character.lower()
    return small if len(small) == 1 and small.upper() == character else character


def fold(text: str) -> str:
    """Return the text by which texts are equal."""
    return text.lower() if text.isascii() else "".join(map(_fold, text))


def fold_ascii(text: str) -> str:
    """Return the text by which texts are in order, which any database can make of it."""
    return "".join([character.lower() if character.isascii() else character for character in text])


def capital_of(character: str) -> str | None:
    """Return the one other character that `fold` makes this one of, or None."""
    capital = character.upper()
    return capital if len(capital) == 1 and capital != character and _fold(capital) == character else None


@dataclass(frozen=True, slots=True)
class Token:
    """The value of CONTAINS_TOKEN, folded."""

    segments: tuple[str, ...]
    """What has to follow one another, with anything between; never empty ones."""
    starts_a_word: bool
    """Before the first segment no character of a word may stand."""
    ends_a_word: bool

    @classmethod
    def of(cls, value: str) -> "Token":
        folded = fold(value)
        segments = tuple(segment for segment in folded.split(ANYTHING) if segment)
        return cls(segments, _is_word(folded[:1]), _is_word(folded[-1:]))


def _is_word(character: str) -> bool:
    return re.fullmatch(f"[{WORD_CHARACTERS}]", character) is not None


@functools.lru_cache(maxsize=1024)
def _searches(token: Token) -> tuple[Callable[[str, int], re.Match[str] | None], ...]:
    patterns = [re.escape(segment) for segment in token.segments]
    if token.starts_a_word:
        patterns[0] = f"(?<![{WORD_CHARACTERS}]){patterns[0]}"
    if token.ends_a_word:
        patterns[-1] = f"{patterns[-1]}(?![{WORD_CHARACTERS}])"
    return tuple(re.compile(pattern).search for pattern in patterns)


def contains(text: str, token: Token) -> bool:
    """Whether the folded text has the token in it. The first place for each segment leaves most for the rest."""
    text, place = f" {text} ", 0
    for search in _searches(token):
        found = search(text, place)
        if found is None:
            return False
        place = found.end()
    return True


def read_number(text: str) -> float | None:
    """Return the number; 15 digits are told apart by any double, so engines agree on it."""
    return float(text) if re.fullmatch(NUMBER, text) else None


def read_id(text: str) -> int | None:
    """Return the whole number that an id can be."""
    found = int(text) if re.fullmatch("[0-9]{1,19}", text) else LARGEST_ID + 1
    return found if found <= LARGEST_ID else None


def read_instant(text: str) -> datetime | None:
    """Return what a filter means by a date or time, cut to the millisecond."""
    try:
        if re.fullmatch(MILLISECONDS, text):
            found = EPOCH + int(text) * MILLISECOND
        elif re.match(DAY, text):
            found = datetime.fromisoformat(text)
        else:
            return None
        found = (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return cut(found) if found < LATEST else None


def read_flag(text: str) -> str | None:
    """Return `true` or `false`."""
    return fold(text) if fold(text) in {"true", "false"} else None


def cut(instant: datetime) -> datetime:
    """Return the instant without what is finer than milliseconds."""
    return instant.replace(microsecond=instant.microsecond // 1000 * 1000)


def milliseconds(instant: datetime) -> int:
    """Return milliseconds since 1970; the instant has nothing finer."""
    return (instant - EPOCH) // MILLISECOND


def read_milliseconds(text: str) -> int | None:
    """Return what a stored text says in milliseconds since 1970, if it does."""
    return int(text) if re.fullmatch(MILLISECONDS, text) else None


def iso(instant: datetime) -> str:
    """Return the one spelling in which instants stand in order, small as `fold_ascii` makes it."""
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "z").lower()


def iso_of(text: str) -> str | None:
    """Return a stored day or time in that spelling, or None if it has another shape."""
    if re.fullmatch(DAY, text):
        return f"{text}t00:00:00.000z"
    if re.fullmatch(SECOND, text):
        return f"{text[:-1].lower()}.000z"
    return text.lower() if re.fullmatch(INSTANT, text) else None


READERS: Mapping[PropertyType, Callable[[str], object | None]] = MappingProxyType(
    {
        PropertyType.NUMBER: read_number,
        PropertyType.DATETIME: read_instant,
        PropertyType.BOOL: read_flag,
        PropertyType.ID: read_id,
    }
)
"""How a filter's values are read, by type, if not every text will do; None means it can't be."""
