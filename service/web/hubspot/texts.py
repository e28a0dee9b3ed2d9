"""Every value of a submission is kept as text; scalars of JSON become text here."""

from service.web.hubspot.problems import ErrorType, Problem

LONGEST_TEXT = 65_536
"""Characters of one value."""
_EXACT = 2**53
"""From here on a JSON number may not be what was written."""


def as_text(value: object) -> str | None:
    """Return a scalar as text, null as the empty one; None for objects, lists and inexact numbers."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float) and abs(value) < _EXACT:
        return str(int(value)) if value.is_integer() else repr(value)
    return None


def not_a_text(path: str, value: object) -> Problem:
    """Say why `as_text` gave nothing."""
    if isinstance(value, float):
        return Problem(
            ErrorType.INVALID_NUMBER, path, "The number is too large to be exact. Send it as a text"
        )
    return Problem(ErrorType.INVALID_REQUEST, path, "Send a text, not an object or a list")
