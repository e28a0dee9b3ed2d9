"""Why a row that can be read is not taken, in words for people."""

import enum

from service.domain.jobs import Problem
from service.domain.model import Verdict
from service.imports.wanted import Wanted, WantedFile
from service.spreadsheets import ImportRow
from service.spreadsheets import Problem as Misread
from service.spreadsheets.reading import EMAIL, RECORD_ID


class Refusal(enum.StrEnum):
    """Slugs of reasons."""

    CREATE_ONLY = "create_only"
    UPDATE_ONLY = "update_only"
    UNKNOWN_RECORD_ID = "unknown_record_id"
    CONTACT_GONE = "contact_gone"
    EMAIL_TAKEN = "email_taken"


_WORDS = {
    Refusal.CREATE_ONLY: (
        "the contact is there already, and this import only creates",
        "take the row out, or import with 'upsert'",
    ),
    Refusal.UPDATE_ONLY: (
        "no contact has this address, and this import only updates",
        "mend the address, or import with 'upsert'",
    ),
    Refusal.UNKNOWN_RECORD_ID: (
        "no contact has this Record ID",
        "write the Record ID of a contact of this portal, or import by e-mail address",
    ),
    Refusal.CONTACT_GONE: (
        "the contact was deleted",
        "import it by e-mail address to restore it, or take the row out",
    ),
    Refusal.EMAIL_TAKEN: (
        "another contact has this e-mail address",
        "merge the two contacts, or write another address",
    ),
}
_PROPERTIES = {
    Refusal.UNKNOWN_RECORD_ID: RECORD_ID,
    Refusal.EMAIL_TAKEN: EMAIL,
}
"""Where to look; for all others it is what contacts are found by."""


def problem_of(wanted: Wanted, file: WantedFile, row: ImportRow, refusal: Refusal) -> Problem:
    """Return the problem of a row that is refused."""
    message, mend = _WORDS[refusal]
    found_by = EMAIL if wanted.identified_by == "email" else RECORD_ID
    return _at(
        file, row, _PROPERTIES.get(refusal, found_by), reason=refusal.value, message=message, mend=mend
    )


def misread(file: WantedFile, found: Misread) -> Problem:
    """Return the problem of a row that can't be read."""
    return Problem(
        file=file.name,
        line=found.line,
        column=found.column,
        column_name=found.header or None,
        reason=found.fault.value,
        message=found.message,
        mend=found.mend,
    )


def held(file: WantedFile, row: ImportRow, contact_id: int | None) -> Problem:
    """Return the problem of a row whose contact was written, and whose raise a brake holds."""
    message = "the contact is written, and the brake holds its raise"
    mend = "release it, or raise the limit"
    reason = Verdict.HELD.value
    return _at(file, row, EMAIL, reason=reason, message=message, mend=mend, contact_id=contact_id)


def _at(
    file: WantedFile,
    row: ImportRow,
    target: str,
    *,
    reason: str,
    message: str,
    mend: str,
    contact_id: int | None = None,
) -> Problem:
    name = next((column for column, other in file.mapping.items() if other == target), None)
    return Problem(
        contact_id=contact_id,
        file=file.name,
        line=row.line,
        column=file.header.index(name) + 1 if name else None,
        column_name=name,
        reason=reason,
        message=message,
        mend=mend,
    )
