"""Compiles filters to SQL for the table `contact`, with the meaning that `service.domain.filters` gives them.

Guarantees: whatever a person wrote, names of properties included, is a bound parameter; each condition is true or
false, never NULL. U+FFFE and U+FFFF, which are no characters, are one and the same to SQLite's GLOB.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from service.domain.filters import Condition, Filter, Operator, PropertyType, Subject, values
from service.domain.filters.matching import COMPARE, holds_for_flag
from service.domain.model import Standing, Stint
from service.store.tables import contact

Truth = sa.ColumnElement[bool]
Text = sa.ColumnElement[str]

PLAIN_NAME = re.compile(r"[ !#-\[\]-~]+")
"""Names that stand in a path of SQLite's as they stand in a document."""
GLOB_DIGITS = {"DAY": "dddd-dd-dd", "SECOND": "dddd-dd-ddTdd:dd:ddZ", "INSTANT": "dddd-dd-ddTdd:dd:dd.dddZ"}


class _PropertyText(FunctionElement[str]):
    """A text of the document by its name; SQLite's path of it comes with it, unless no path can say the name."""

    type = sa.Text()
    inherit_cache = True


class _EmailDomain(FunctionElement[str]):
    """What comes after the first @ of an address."""

    type = sa.Text()
    inherit_cache = True


class SmallLetters(FunctionElement[str]):
    """The text with ASCII letters small, in order of code points; others stay whatever the server's language."""

    type = sa.Text()
    inherit_cache = True


class _Fits(FunctionElement[bool]):
    """Whether a text as a whole fits a pattern, given as GLOB and as a regular expression."""

    type = sa.Boolean()
    inherit_cache = True


class Number(FunctionElement[float]):
    """The number that a text says, or NULL."""

    type = sa.Double()
    inherit_cache = True


class _Milliseconds(FunctionElement[int]):
    """The milliseconds that a text says, or NULL."""

    type = sa.BigInteger()
    inherit_cache = True


def compile_filter(wanted: Filter, now: datetime) -> Truth:
    """Return the condition for rows of `contact`, of every portal; the marketing status is as of `now`."""
    if not wanted.groups:
        return sa.true()
    return sa.or_(*(sa.and_(*(_condition(each, now) for each in group)) for group in wanted.groups))


def subject_of(row: Any) -> Subject:
    """Return the contact of a row of `contact`, for `matches`."""
    stint = Stint(row.stint, row.since, row.until, row.reason_type, row.reason_id) if row.stint else None
    standing = Standing(stint, row.status_version)
    return Subject(
        contact_id=row.id,
        email=row.email,
        properties=row.properties,
        created_at=row.created_at,
        updated_at=row.updated_at,
        standing=standing,
        active_at=row.active_at,
        unsubscribed_at=row.unsubscribed_at,
        bounced_at=row.bounced_at,
    )


def _condition(condition: Condition, now: datetime) -> Truth:
    flag = FLAGS.get(condition.property_name)
    if flag is not None:
        return _flag_condition(condition, flag(now))
    value = _value(condition.property_name, now)
    if condition.operator is Operator.HAS_PROPERTY:
        return value.is_not(None)
    if condition.operator is Operator.NOT_HAS_PROPERTY:
        return value.is_(None)
    return sa.or_(*(_known(reading, test, condition) for reading, test in _tests(condition, value)))


def _known(reading: sa.ColumnElement[Any], test: Truth, condition: Condition) -> Truth:
    """Ask the value only where there is one."""
    is_positive = condition.operator.positive is condition.operator
    return sa.and_(reading.is_not(None), test if is_positive else sa.not_(test))


def _flag_condition(condition: Condition, flag: Truth) -> Truth:
    """Leave what the operators mean to the domain: it is asked for both of the values there are."""
    answers = {each: holds_for_flag(condition, flag=each) for each in (True, False)}
    if answers[True] == answers[False]:
        return sa.true() if answers[True] else sa.false()
    return flag if answers[True] else sa.not_(flag)


def _is_marketing(now: datetime) -> Truth:
    open_end = sa.or_(contact.c.until.is_(None), contact.c.until > now)
    return sa.and_(contact.c.since.is_not(None), contact.c.since <= now, open_end)


def _is_leaving(now: datetime) -> Truth:
    begun = sa.and_(contact.c.since.is_not(None), contact.c.since <= now)
    return sa.and_(begun, contact.c.until.is_not(None), contact.c.until > now)


FLAGS: Mapping[str, Callable[[datetime], Truth]] = {
    "hs_marketable_status": _is_marketing,
    "hs_marketable_until_renewal": _is_leaving,
}
COLUMNS: Mapping[str, sa.Column[Any]] = {
    "email": contact.c.email,
    "hs_object_id": contact.c.id,
    "createdate": contact.c.created_at,
    "lastmodifieddate": contact.c.updated_at,
    "active_at": contact.c.active_at,
    "unsubscribed_at": contact.c.unsubscribed_at,
    "bounced_at": contact.c.bounced_at,
}
WHILE_MARKETING: Mapping[str, sa.Column[Any]] = {
    "hs_marketable_reason_type": contact.c.reason_type,
    "hs_marketable_reason_id": contact.c.reason_id,
}


def _value(name: str, now: datetime) -> sa.ColumnElement[Any]:
    """Return what a contact has for a property: NULL when nothing, or an empty text."""
    if name in COLUMNS:
        return COLUMNS[name]
    if name in WHILE_MARKETING:
        return sa.case((_is_marketing(now), sa.func.nullif(WHILE_MARKETING[name], "")))
    if name == "hs_email_domain":
        return sa.func.nullif(_EmailDomain(contact.c.email), _text(""))
    path = [_text(f'$."{name}"')] if PLAIN_NAME.fullmatch(name) else []
    return sa.func.nullif(_PropertyText(contact.c.properties, _text(name), *path), _text(""))


def stored_text(name: str) -> Text:
    """Return the text that a contact has for a property, NULL for none, without bound parameters.

    For expressions that an index has word for word; the name is one that `check_indexable` lets pass.
    """
    if name == "hs_email_domain":
        text: Text = _EmailDomain(contact.c.email)
    elif name in WHILE_MARKETING:
        text = WHILE_MARKETING[name]
    else:
        name_in_sql, path = (sa.literal_column(f"'{each}'", sa.Text) for each in (name, f'$."{name}"'))
        text = _PropertyText(contact.c.properties, name_in_sql, path)
    return sa.func.nullif(text, sa.literal_column("''", sa.Text), type_=sa.Text())


def _tests(condition: Condition, value: sa.ColumnElement[Any]) -> list[tuple[sa.ColumnElement[Any], Truth]]:
    """Return each way to read the value, NULL when it can't be, with the test of what was read."""
    wanted, operands = condition.operator.positive, condition.operands
    if condition.type is PropertyType.ID:
        return [(value, _compare(wanted, value, list(map(values.read_id, operands))))]
    if condition.type is PropertyType.NUMBER:
        number = Number(value)
        return [
            (number, _compare(wanted, number, [sa.cast(_text(each.strip()), sa.Double) for each in operands]))
        ]
    if condition.type is PropertyType.DATETIME:
        return _instant_tests(wanted, value, operands)
    return [(value, _text_test(condition, value))]


def _instant_tests(
    wanted: Operator, value: sa.ColumnElement[Any], operands: Sequence[str]
) -> list[tuple[sa.ColumnElement[Any], Truth]]:
    instants = [instant for instant in map(values.read_instant, operands) if instant is not None]
    if isinstance(value, sa.Column):
        return [(value, _compare_instants(wanted, value, instants))]
    counted, spelled = _Milliseconds(value), SmallLetters(_spelled_instant(value))
    numbers = [sa.literal(values.milliseconds(instant), sa.BigInteger) for instant in instants]
    texts = [_text(values.iso(instant)) for instant in instants]
    return [(counted, _compare(wanted, counted, numbers)), (spelled, _compare(wanted, spelled, texts))]


def _compare_instants(wanted: Operator, value: sa.ColumnElement[Any], instants: Sequence[datetime]) -> Truth:
    """Compare a column that is finer than a millisecond, without touching it, so that an index serves."""
    ends = [(instant, instant + values.MILLISECOND) for instant in instants]
    if wanted in {Operator.EQ, Operator.IN}:
        return sa.or_(*(sa.and_(value >= first, value < after) for first, after in ends))
    (first, after), (_, last) = ends[0], ends[-1]
    return {
        Operator.LT: value < first,
        Operator.LTE: value < after,
        Operator.GT: value >= after,
        Operator.GTE: value >= first,
        Operator.BETWEEN: sa.and_(value >= first, value < last),
    }[wanted]


def _compare(wanted: Operator, value: sa.ColumnElement[Any], operands: Sequence[Any]) -> Truth:
    if wanted is Operator.BETWEEN:
        return sa.and_(value >= operands[0], value <= operands[1])
    if len(operands) > 1:
        return value.in_(operands)
    compared: Truth = COMPARE[wanted](value, operands[0])
    return compared


def _text_test(condition: Condition, value: Text) -> Truth:
    wanted, operands = condition.operator.positive, condition.operands
    small = value if value is contact.c.email else SmallLetters(value)
    if wanted is Operator.CONTAINS_TOKEN:
        return _fits(sa.literal(" ", sa.Text) + small + sa.literal(" ", sa.Text), *_patterns(operands[0]))
    if wanted not in {Operator.EQ, Operator.IN}:
        return _compare(wanted, SmallLetters(value), [_text(values.fold_ascii(each)) for each in operands])
    folded = [values.fold(operand) for operand in operands]
    plain = [_text(each) for each in folded if each.isascii() or value is contact.c.email]
    others = [] if value is contact.c.email else [each for each in folded if not each.isascii()]
    tests = [_compare(wanted, small, plain)] if plain else []
    return sa.or_(*tests, *(_fits(small, _glob(each), f"^{_regex(each)}$") for each in others))


def _patterns(value: str) -> tuple[str, str]:
    """Return what a text with a blank at both ends has to fit, to have the token in it."""
    token = values.Token.of(value)
    edge = f"[^{values.WORD_CHARACTERS}]"
    before, after = edge if token.starts_a_word else "", edge if token.ends_a_word else ""
    glob = "*".join(map(_glob, token.segments))
    regex = ".*".join(map(_regex, token.segments))
    return f"*{before}{glob}{after}*", f"{before}{regex}{after}"


def _glob(folded: str) -> str:
    return "".join([_either(each) or (f"[{each}]" if each in "*?[" else each) for each in folded])


def _regex(folded: str) -> str:
    escaped = (f"\\{each}" if each.isascii() and not each.isalnum() else each for each in folded)
    return "".join([_either(each) or spelled for each, spelled in zip(folded, escaped, strict=True)])


def _either(character: str) -> str:
    """Return the class of a letter's two cases; ASCII letters are small already."""
    capital = None if character.isascii() else values.capital_of(character)
    return f"[{character}{capital}]" if capital else ""


def _spelled_instant(text: Text) -> Text:
    """Return a stored day or time in the spelling of `values.iso`, or NULL."""
    day, second, instant = (
        _fits(text, GLOB_DIGITS[name].replace("d", "[0-9]"), f"^{getattr(values, name)}$")
        for name in GLOB_DIGITS
    )
    return sa.case(
        (day, text + _text("T00:00:00.000Z")),
        (second, sa.func.substr(text, 1, 19) + _text(".000Z")),
        (instant, text),
    )


def _text(value: str) -> sa.BindParameter[str]:
    return sa.literal(value, sa.Text)


def _fits(text: Text, glob: str, regex: str) -> Truth:
    return _Fits(text, _text(glob), _text(regex))


@compiles(_PropertyText, "postgresql")
def _property_on_postgresql(element: _PropertyText, compiler: SQLCompiler, **options: Any) -> str:
    document, name, *_ = element.clauses
    return f"({compiler.process(document, **options)} ->> {compiler.process(name, **options)})"


@compiles(_PropertyText, "sqlite")
def _property_on_sqlite(element: _PropertyText, compiler: SQLCompiler, **options: Any) -> str:
    document, name, *path = (compiler.process(each, **options) for each in element.clauses)
    if path:
        return f"json_extract({document}, {path[0]})"
    return f"(SELECT each.value FROM json_each({document}) AS each WHERE each.key = {name})"  # noqa: S608 - a placeholder


@compiles(_EmailDomain, "postgresql")
def _domain_on_postgresql(element: _EmailDomain, compiler: SQLCompiler, **options: Any) -> str:
    email = compiler.process(element.clauses, **options)
    return f"substr({email}, strpos({email}, '@') + 1)"


@compiles(_EmailDomain, "sqlite")
def _domain_on_sqlite(element: _EmailDomain, compiler: SQLCompiler, **options: Any) -> str:
    email = compiler.process(element.clauses, **options)
    return f"substr({email}, instr({email}, '@') + 1)"


@compiles(SmallLetters, "postgresql")
def _small_on_postgresql(element: SmallLetters, compiler: SQLCompiler, **options: Any) -> str:
    return f'lower({compiler.process(element.clauses, **options)} COLLATE "C")'


@compiles(SmallLetters, "sqlite")
def _small_on_sqlite(element: SmallLetters, compiler: SQLCompiler, **options: Any) -> str:
    return f"lower({compiler.process(element.clauses, **options)})"


@compiles(_Fits, "postgresql")
def _fits_on_postgresql(element: _Fits, compiler: SQLCompiler, **options: Any) -> str:
    text, _, regex = element.clauses
    return f'(({compiler.process(text, **options)}) COLLATE "C" ~ {compiler.process(regex, **options)})'


@compiles(_Fits, "sqlite")
def _fits_on_sqlite(element: _Fits, compiler: SQLCompiler, **options: Any) -> str:
    text, glob, _ = element.clauses
    return f"(({compiler.process(text, **options)}) GLOB {compiler.process(glob, **options)})"


@compiles(Number, "postgresql")
def _number_on_postgresql(element: Number, compiler: SQLCompiler, **options: Any) -> str:
    text = compiler.process(element.clauses, **options)
    return f"CASE WHEN {text} ~ '^{values.NUMBER}$' THEN CAST({text} AS double precision) END"


@compiles(Number, "sqlite")
def _number_on_sqlite(element: Number, compiler: SQLCompiler, **options: Any) -> str:
    text = f"trim({compiler.process(element.clauses, **options)})"
    digits = f"ltrim(replace({text}, '.', ''), '+-')"
    return f"""CASE WHEN ({text} GLOB '[0-9]*' OR {text} GLOB '[+-][0-9]*') AND {text} GLOB '*[0-9]'
        AND substr({text}, 2) NOT GLOB '*[^0-9.]*' AND {text} NOT GLOB '*.*.*' AND length({digits}) <= 15
        THEN CAST({text} AS REAL) END"""


@compiles(_Milliseconds, "postgresql")
def _milliseconds_on_postgresql(element: _Milliseconds, compiler: SQLCompiler, **options: Any) -> str:
    text = compiler.process(element.clauses, **options)
    return f"CASE WHEN {text} ~ '^{values.MILLISECONDS}$' THEN CAST({text} AS bigint) END"


@compiles(_Milliseconds, "sqlite")
def _milliseconds_on_sqlite(element: _Milliseconds, compiler: SQLCompiler, **options: Any) -> str:
    text = compiler.process(element.clauses, **options)
    return f"""CASE WHEN ({text} GLOB '[0-9]*' OR {text} GLOB '-[0-9]*')
        AND substr({text}, 2) NOT GLOB '*[^0-9]*' AND length(ltrim({text}, '-')) <= 14
        THEN CAST({text} AS INTEGER) END"""
