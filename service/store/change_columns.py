"""Status changes and ended stints as PostgreSQL takes many of them: one array for each column.

The columns are those of `service.store.intake_statement`, CHANGE and ENDED, in their order.
"""

from collections.abc import Sequence

from service.domain.model import StatusChange, Stint
from service.store.literals import instant_array, plain_array, text_array


def change_columns(rows: Sequence[tuple[int, int, StatusChange, str | None]]) -> list[str]:
    """Return columns of changes; rows are (place or contact id, portal id, change, submission id)."""
    changes = [change for _, _, change, _ in rows]
    return [
        plain_array([place for place, _, _, _ in rows]),
        plain_array([portal_id for _, portal_id, _, _ in rows]),
        plain_array([change.version for change in changes]),
        instant_array([change.at for change in changes]),
        plain_array([change.before for change in changes]),
        plain_array([change.after for change in changes]),
        plain_array([change.verdict.value for change in changes]),
        *stint_columns([change.stint for change in changes]),
        plain_array([change.cause.source.value for change in changes]),
        plain_array([change.cause.reason_type.value for change in changes]),
        text_array([change.cause.reason_id for change in changes]),
        text_array([change.cause.actor for change in changes]),
        plain_array([change.cause.default.version for change in changes]),
        plain_array([submission_id for _, _, _, submission_id in rows]),
    ]


def ended_columns(rows: Sequence[tuple[int, int, Stint, int]]) -> list[str]:
    """Return columns of ended stints; rows are (place or contact id, portal id, stint, version)."""
    number, *columns = stint_columns([stint for _, _, stint, _ in rows])
    return [
        plain_array([place for place, _, _, _ in rows]),
        plain_array([portal_id for _, portal_id, _, _ in rows]),
        number,
        plain_array([version for _, _, _, version in rows]),
        *columns,
    ]


def stint_columns(stints: Sequence[Stint | None]) -> list[str]:
    """Return number, since, until, reason type and reason id; a contact without a stint has number 0."""
    return [
        plain_array([stint.number if stint else 0 for stint in stints]),
        instant_array([stint.since if stint else None for stint in stints]),
        instant_array([stint.until if stint else None for stint in stints]),
        text_array([stint.reason_type if stint else None for stint in stints]),
        text_array([stint.reason_id if stint else None for stint in stints]),
    ]
