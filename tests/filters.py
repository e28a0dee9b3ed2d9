"""Contacts and filters at random, of few values so that they meet, and of such as databases stumble over."""

import random
from collections.abc import Sequence
from datetime import datetime, timedelta

from hypothesis import strategies as st

from service.domain.filters import KNOWN, Condition, Filter, Operator, PropertyType, Subject
from service.domain.filters.model import OF_LISTS, OF_ORDER, OF_PRESENCE, OF_TOKENS
from service.domain.filters.values import READERS
from service.domain.model import NEVER_MARKETING, Standing, Stint
from tests.facts import NOW

ODD_NAME = 'Straße "1" \\ $.a[0]'
OWN = (
    "email",
    "hs_object_id",
    "createdate",
    "lastmodifieddate",
    "hs_email_domain",
    "active_at",
    "unsubscribed_at",
    "bounced_at",
    "hs_marketable_status",
    "hs_marketable_until_renewal",
    "hs_marketable_reason_type",
    "hs_marketable_reason_id",
)
TEXTS = ("company", ODD_NAME, "2026", "lifecyclestage")
"""Properties of the document that hold any text."""
LETTERS = (
    "aAbkKiI _%'\"\\*?[]^-!.,;:()|{}+$@\n\täÄßẞſıİ\u212aσςΣǅǆµ中😀"  # noqa: RUF001 - odd letters are wanted
    "\u00a0\u2014\u0301"
)
"""Letters with and without a partner, marks that patterns are made of, edges of words."""
WORDS = (
    "Sales",
    "sales",
    "Head of Sales, EMEA",
    "MÜLLER",
    "Müller & Söhne",
    "true",
    "a\\b",
    "%",
    "_",
    "*",
    "'",
    "[a-z]",
)
EMAILS = ("ada@example.com", "ada_b@example.com", "müller@example.com", "o'neil@beispiel.de", "*@example.com")
NUMBERS = (
    "5", "5.0", "+5", " 05 ", "-5", "-0", "0", "0.1", "0.10", "0.3", "100", "999999999999999", "-1.5", ".5",
    "5.", "1e5", "5-5", "+-5", "1.2.3", "5\n", "\t5", "1000000000000000", "", "many", "\u0665",
    "0.1234567890123", "12345678.9012345", "123456.7890123456", "NaN", "Infinity", "0x10", "1_0",
)  # fmt: skip
DATES = (
    "2026-03-10", "2026-03-10T00:00:00Z", "2026-03-10T12:00:00.000Z", "2026-03-10T12:00:00.250Z",
    "1773100800000", "1773144000250", "-86400000", "0", "1969-12-31", "9999-12-29", "0001-01-02",
    "2026-02-30", "2026-03-10\n", "2026-03-10T12:00Z", "2026-03-10 12:00:00", "2026-03-10T12:00:00+01:00",
    "-", "--5", "", "soon", "2026-99-99T99:99:99Z", "99999999999999", "2026-03-10T12:00:00.2500Z",
    "2026-03-10t12:00:00z",
)  # fmt: skip
STORED = {
    "hubspotscore": NUMBERS,
    "closedate": DATES,
    "hs_email_optout": ("true", "false", "TRUE", "yes", ""),
}

characters = st.characters(codec="utf-8", exclude_characters="\0\ufffe\uffff")
odd_texts = st.lists(st.text(LETTERS, max_size=8) | st.text(characters, max_size=8), min_size=4, max_size=12)
chances = st.randoms(use_true_random=True)


def make_subjects(chance: random.Random, texts: Sequence[str]) -> list[Subject]:
    """Return 20 contacts with ids from 1 on, some of them with an address; `texts` are among their values."""
    emails = chance.sample(EMAILS, 4)
    return [
        Subject(
            contact_id=number,
            email=emails.pop() if emails and chance.random() < 0.4 else None,
            properties=_make_properties(chance, texts),
            created_at=_make_moment(chance),
            updated_at=_make_moment(chance),
            standing=_make_standing(chance, texts),
            active_at=_make_moment(chance) if chance.random() < 0.5 else None,
            unsubscribed_at=_make_moment(chance) if chance.random() < 0.2 else None,
            bounced_at=_make_moment(chance) if chance.random() < 0.2 else None,
        )
        for number in range(1, 21)
    ]


def _make_properties(chance: random.Random, texts: Sequence[str]) -> dict[str, str]:
    pools = dict.fromkeys(TEXTS, (*texts, *WORDS, "")) | STORED
    return {name: chance.choice(pool) for name, pool in pools.items() if chance.random() < 0.8}


def _make_moment(chance: random.Random) -> datetime:
    return NOW + timedelta(microseconds=500 * chance.randint(-3, 3))


def _make_standing(chance: random.Random, texts: Sequence[str]) -> Standing:
    if chance.random() < 0.3:
        return NEVER_MARKETING
    since = NOW + timedelta(days=chance.randint(-2, 1))
    until = chance.choice([None, since, since + timedelta(days=1), since + timedelta(days=2)])
    return Standing(Stint(1, since, until, chance.choice(["USER_SET", "AD"]), chance.choice(("", *texts))), 1)


def make_filter(chance: random.Random, texts: Sequence[str]) -> Filter:
    """Return a filter that could have been read: every second one is a single condition."""
    if chance.random() < 0.5:
        return Filter(((make_condition(chance, texts),),))
    sizes = [chance.randint(1, 3) for _ in range(chance.randint(0, 3))]
    return Filter(tuple(tuple(make_condition(chance, texts) for _ in range(size)) for size in sizes))


def make_condition(chance: random.Random, texts: Sequence[str]) -> Condition:
    name = chance.choice((*OWN, *TEXTS, *STORED))
    operator = chance.choice(operators_of(KNOWN.get(name, PropertyType.TEXT)))
    if operator in OF_PRESENCE:
        return Condition(name, operator)
    if operator in OF_TOKENS:
        return Condition(name, operator, _make_token(chance, [text for text in _pool(name, texts) if text]))
    kind = KNOWN.get(name, PropertyType.TEXT)
    pool = [each for text in _pool(name, texts) for each in _in_any_case(text) if is_readable(kind, each)]
    values = [chance.choice(pool) for _ in range(3)]
    if operator in OF_LISTS:
        return Condition(name, operator, values=tuple(values[: chance.randint(1, 3)]))
    if operator is Operator.BETWEEN:
        return Condition(name, operator, min(values), high_value=max(values))
    return Condition(name, operator, values[0])


def _pool(name: str, texts: Sequence[str]) -> Sequence[str]:
    moments = [NOW + timedelta(milliseconds=number) for number in (-1, 0, 1)]
    pools: dict[str, Sequence[str]] = {
        "email": EMAILS,
        "hs_email_domain": ("example.com", "EXAMPLE.com", "beispiel.de", "example"),
        "hs_object_id": [*map(str, range(25)), str(2**63 - 1)],
        "createdate": list(map(datetime.isoformat, moments)),
        "active_at": list(map(datetime.isoformat, moments)),
        "unsubscribed_at": list(map(datetime.isoformat, moments)),
        "bounced_at": list(map(datetime.isoformat, moments)),
        "lastmodifieddate": [str(round(moment.timestamp() * 1_000)) for moment in moments],
        "hs_marketable_status": ("true", "false"),
        "hs_marketable_until_renewal": ("true", "false"),
        "hs_marketable_reason_type": ("USER_SET", "AD", "WORKFLOW"),
    }
    return (pools | STORED).get(name) or (*texts, *WORDS)


def _make_token(chance: random.Random, pool: Sequence[str]) -> str:
    """Return a piece of a text, at times in other letters or with a wildcard."""
    text = chance.choice(pool)
    start = chance.randrange(len(text))
    piece = list(text[start : start + chance.randint(1, len(text))])
    for _ in range(chance.choice([0, 0, 1, 2])):
        piece[chance.randrange(len(piece))] = "*"
    return chance.choice(_in_any_case("".join(piece)))


def _in_any_case(text: str) -> tuple[str, ...]:
    return text, text.swapcase(), text.upper()


def operators_of(kind: PropertyType) -> list[Operator]:
    """Return what may be asked of properties of a type."""
    left_out = set() if kind in {PropertyType.TEXT, PropertyType.ENUMERATION} else set(OF_TOKENS)
    if kind is PropertyType.BOOL:
        left_out |= OF_ORDER
    return [operator for operator in Operator if operator not in left_out]


def is_readable(kind: PropertyType, text: str) -> bool:
    return bool(text) and (kind not in READERS or READERS[kind](text) is not None)
