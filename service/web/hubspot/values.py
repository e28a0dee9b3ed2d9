"""The values of a submission against the fields of its form."""

import re
from collections.abc import Callable, Mapping
from datetime import date

from service.addresses import normalise_email
from service.domain.fields import (
    LEAST_PHONE_DIGITS,
    MOST_PHONE_DIGITS,
    FieldRule,
    FieldType,
    path_of,
)
from service.domain.forms import Form
from service.web.hubspot.problems import ErrorType, Problem, field_path, shown


class _WrongValue(Exception):
    """Never leaves this module."""

    def __init__(self, error_type: ErrorType, text: str) -> None:
        super().__init__(text)
        self.error_type = error_type
        self.text = text


def check_values(form: Form, values: dict[str, str]) -> list[Problem]:
    """Bring the values into the one spelling they are kept in; return what is wrong with them."""
    problems = []
    rules = form.fields
    for key, value in values.items():
        rule = rules.get(key)
        if rule is None:
            problems.append(_not_on_form(key))
            continue
        read = _READERS.get(rule.type)
        if read is not None and value and not value.isspace():
            try:
                values[key] = read(rule, value)
            except _WrongValue as wrong:
                problems.append(Problem(wrong.error_type, field_path(key), wrong.text))
    problems += [_missing(key) for key in form.required if not values.get(key, "").strip()]
    return problems


def _not_on_form(key: str) -> Problem:
    text = f"The form has no field '{shown(path_of(key))}'"
    return Problem(ErrorType.FIELD_NOT_IN_FORM_DEFINITION, field_path(key), text)


def _missing(key: str) -> Problem:
    return Problem(ErrorType.REQUIRED_FIELD, field_path(key), f"Required field '{path_of(key)}' is missing")


def _unknown_option(value: str) -> _WrongValue:
    text = f"'{shown(value)}' is none of the field's choices"
    return _WrongValue(ErrorType.VALUE_NOT_IN_FIELD_DEFINITION, text)


def _read_email(rule: FieldRule, value: str) -> str:
    address = normalise_email(value)
    if address is None:
        raise _WrongValue(ErrorType.INVALID_EMAIL, "The value is not an e-mail address")
    if rule.validation.blocks(address):
        raise _WrongValue(ErrorType.BLOCKED_EMAIL, "The form takes no e-mail addresses of this domain")
    return address


def _read_phone(rule: FieldRule, value: str) -> str:
    validation = rule.validation
    least = LEAST_PHONE_DIGITS if validation.least_digits is None else validation.least_digits
    most = MOST_PHONE_DIGITS if validation.most_digits is None else validation.most_digits
    _check_digits(value, least, most)
    return value.strip()


def _read_number(rule: FieldRule, value: str) -> str:
    text, validation = value.strip(), rule.validation
    if not _is_number(text):
        raise _WrongValue(ErrorType.INVALID_NUMBER, "The value is not a number. Send digits, such as '12.5'")
    if validation.least_digits is not None or validation.most_digits is not None:
        _check_digits(text, validation.least_digits or 0, validation.most_digits or len(text))
    number = float(text)
    below = validation.least is not None and number < validation.least
    above = validation.most is not None and number > validation.most
    if below or above:
        limits = [
            f"{word} {limit:g}"
            for word, limit in (("at least", validation.least), ("at most", validation.most))
            if limit is not None
        ]
        raise _WrongValue(ErrorType.NUMBER_OUT_OF_RANGE, f"The number must be {' and '.join(limits)}")
    return text


def _check_digits(text: str, least: int, most: int) -> None:
    if not least <= len(_digits(text)) <= most:
        raise _WrongValue(ErrorType.NUMBER_OUT_OF_RANGE, f"The number must have {least} to {most} digits")


def _read_box(rule: FieldRule, value: str) -> str:
    if value in rule.options:
        return value
    ticked = _BOX.get(value.strip().lower())
    if ticked is None or rule.options:
        raise _unknown_option(value)
    return ticked


def _read_choice(rule: FieldRule, value: str) -> str:
    if rule.options and value not in rule.options:
        raise _unknown_option(value)
    return value


def _read_choices(rule: FieldRule, value: str) -> str:
    """Check each of the values joined by `;`, and put them into the form's order, each once."""
    if value in rule.options:
        return value
    chosen = {text: None for part in value.split(";") if (text := part.strip())}
    for text in chosen:
        if text not in rule.options:
            raise _unknown_option(text)
    return ";".join(option for option in rule.options if option in chosen)


def _read_date(rule: FieldRule, value: str) -> str:  # noqa: ARG001 - every reader is given the rule
    text = value.strip()
    if not _is_timestamp(text):
        try:
            return date.fromisoformat(text if _is_day(text) else "").isoformat()
        except ValueError:
            raise _WrongValue(
                ErrorType.VALUE_NOT_IN_FIELD_DEFINITION,
                "The value is not a date. Send it as YYYY-MM-DD, or as milliseconds since 1970",
            ) from None
    return text


_READERS: Mapping[FieldType, Callable[[FieldRule, str], str]] = {
    FieldType.EMAIL: _read_email,
    FieldType.PHONE: _read_phone,
    FieldType.MOBILE_PHONE: _read_phone,
    FieldType.NUMBER: _read_number,
    FieldType.SINGLE_CHECKBOX: _read_box,
    FieldType.MULTIPLE_CHECKBOXES: _read_choices,
    FieldType.DROPDOWN: _read_choice,
    FieldType.RADIO: _read_choice,
    FieldType.PAYMENT_LINK_RADIO: _read_choice,
    FieldType.DATEPICKER: _read_date,
}
"""Types that are not here take any text."""

_BOX = {"true": "true", "false": "false", "yes": "true", "no": "false", "on": "true"}
"""What a single checkbox may send; `on` is what a plain HTML form sends."""
_is_number = re.compile(
    r"[+-]?(?:[0-9]{1,100}(?:\.[0-9]{0,100})?|\.[0-9]{1,100})(?:[eE][+-]?[0-9]{1,2})?"
).fullmatch
_digits = re.compile(r"[0-9]").findall
_is_day = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}").fullmatch
_is_timestamp = re.compile(r"-?[0-9]{1,16}").fullmatch
