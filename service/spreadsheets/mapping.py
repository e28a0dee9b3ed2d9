"""Guesses which column of a file fills which property, by the words of its name and by the values below it.

The languages of names are known higher up, where forms are read: whoever calls hands that knowledge in.
"""

import enum
import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from service.addresses import normalise_email
from service.spreadsheets.model import Row
from service.spreadsheets.reading import EMAIL, RECORD_ID


class Meaning(Protocol):
    """What `service.providers.vocabulary.meaning_of` returns."""

    @property
    def roles(self) -> Collection[str]: ...

    @property
    def of_others(self) -> bool: ...


class Certainty(enum.StrEnum):
    CERTAIN = "certain"
    """Name and values agree."""
    LIKELY = "likely"
    """One of the two says so, and the other nothing."""
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Guess:
    """`property` is None for a column that is better left out; `why` is a sentence for people."""

    property: str | None
    certainty: Certainty
    why: str


def guess_mapping(
    header: Sequence[str], sample_rows: Iterable[Row], meaning_of: Callable[[str], Meaning] | None = None
) -> dict[str, Guess]:
    """Return a guess for each column that has a name. No two are guessed to fill one property."""
    sample = [row.cells for row in sample_rows]
    guesses = {
        name: _guess(name, _values(sample, column), meaning_of) for column, name in enumerate(header) if name
    }
    taken: dict[str, str] = {}
    for name in sorted(guesses, key=lambda name: list(Certainty).index(guesses[name].certainty)):
        target = guesses[name].property
        if target is not None and taken.setdefault(target, name) != name:
            guesses[name] = Guess(
                None, Certainty.NONE, f"the column {taken[target]!r} fills {target} already"
            )
    return guesses


def _guess(name: str, values: list[str], meaning_of: Callable[[str], Meaning] | None) -> Guess:
    target = _by_words(name, meaning_of)
    if target == _WHOLE_NAME:
        return Guess(None, Certainty.NONE, "it holds whole names: part them into first and last names")
    if target is None:
        return _by_values(values)
    fits = _FITTING.get(target)
    if not values or fits is None:
        certainty = Certainty.LIKELY if fits else Certainty.CERTAIN
        return Guess(target, certainty, f"its name says {target}")
    if _share(values, fits) < _HALF:
        return Guess(None, Certainty.NONE, f"its name says {target}, but its values are others")
    return Guess(target, Certainty.CERTAIN, f"its name says {target}, and its values fit")


def _by_words(name: str, meaning_of: Callable[[str], Meaning] | None) -> str | None:
    plain = _no_word.sub(" ", name.casefold()).strip()
    if plain in _BY_NAME:
        return _BY_NAME[plain]
    if meaning_of is None:
        return None
    meaning = meaning_of(name)
    targets = {_BY_ROLE[role] for role in meaning.roles if role in _BY_ROLE}
    if meaning.of_others or not targets:
        return None
    return targets.pop() if len(targets) == 1 else None


def _by_values(values: list[str]) -> Guess:
    if values and _share(values, _is_address) >= _NEARLY_ALL:
        return Guess(EMAIL, Certainty.LIKELY, "its values are e-mail addresses")
    return Guess(None, Certainty.NONE, "neither its name nor its values say what it is")


def _values(sample: list[tuple[str, ...]], column: int) -> list[str]:
    cells = (cells[column].strip() for cells in sample if column < len(cells))
    return [cell for cell in cells if cell]


def _share(values: list[str], fits: Callable[[str], bool]) -> float:
    return sum(map(fits, values)) / len(values)


def _is_address(value: str) -> bool:
    return normalise_email(value) is not None


def _is_number(value: str) -> bool:
    return value.isascii() and value.isdecimal()


def _is_phone(value: str) -> bool:
    return _LEAST_DIGITS <= sum(map(str.isdecimal, value)) <= _MOST_DIGITS


def _has_letter(value: str) -> bool:
    return any(map(str.isalpha, value)) and "@" not in value


_HALF = 0.5
_NEARLY_ALL = 0.9
_LEAST_DIGITS = 5
_MOST_DIGITS = 25
_WHOLE_NAME = "name"
_no_word = re.compile(r"[\W_]+")

_FITTING: dict[str, Callable[[str], bool]] = {
    EMAIL: _is_address,
    RECORD_ID: _is_number,
    "phone": _is_phone,
    "mobilephone": _is_phone,
    "firstname": _has_letter,
    "lastname": _has_letter,
}
"""What values must be like; other properties take any."""

_BY_ROLE = {
    "email": EMAIL,
    "first_name": "firstname",
    "last_name": "lastname",
    "name": _WHOLE_NAME,
    "phone": "phone",
    "company": "company",
}
"""By the roles of a form's fields."""

_NAMES: dict[str, tuple[str, ...]] = {
    EMAIL: ("email", "e mail", "mail", "email address", "e mail address", "e mail adresse", "correo"),
    RECORD_ID: ("hs object id", "record id", "contact id", "datensatz id", "id d enregistrement", "vid"),
    "firstname": ("firstname", "first name", "given name", "vorname", "prénom", "nombre", "nome"),
    "lastname": ("lastname", "last name", "surname", "family name", "nachname", "apellidos", "cognome"),
    "phone": ("phone", "phone number", "telephone", "tel", "telefon", "téléphone", "teléfono", "telefono"),
    "mobilephone": ("mobilephone", "mobile phone", "mobile phone number", "mobile", "handy", "cell phone"),
    "company": (
        "company",
        "company name",
        "firma",
        "unternehmen",
        "entreprise",
        "société",
        "empresa",
        "azienda",
    ),
    _WHOLE_NAME: ("name", "full name", "fullname", "nom complet", "nombre completo", "vollständiger name"),
    "jobtitle": ("jobtitle", "job title", "position", "berufsbezeichnung", "poste", "cargo", "functie"),
    "website": ("website", "website url", "web site", "homepage", "webseite", "site web", "sitio web"),
    "address": ("address", "street address", "street", "straße", "strasse", "rue", "dirección", "indirizzo"),
    "city": ("city", "town", "stadt", "ort", "ville", "ciudad", "città", "miasto", "plaats"),
    "state": ("state", "state region", "region", "province", "bundesland", "provincia"),
    "zip": ("zip", "zip code", "postal code", "postcode", "plz", "postleitzahl", "code postal", "cap"),
    "country": ("country", "country region", "land", "pays", "país", "paese", "kraj"),
}
"""Whole names of columns, in lower case with one space for each sign between words."""

_BY_NAME = {name.casefold(): target for target, names in _NAMES.items() for name in names}
