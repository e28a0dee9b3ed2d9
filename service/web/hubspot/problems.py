"""What can be wrong with a submission, by HubSpot's names; `docs/submissions.md` gives each one's meaning."""

import enum
from collections.abc import Sequence
from typing import NamedTuple

from service.domain.fields import path_of
from service.errors import InvalidInput, NotFound

LONGEST_SHOWN = 100
"""Characters of the sender's own text that an answer repeats."""


class ErrorType(enum.StrEnum):
    """HubSpot's `errorType`."""

    MAX_NUMBER_OF_SUBMITTED_VALUES_EXCEEDED = "MAX_NUMBER_OF_SUBMITTED_VALUES_EXCEEDED"
    INVALID_EMAIL = "INVALID_EMAIL"
    BLOCKED_EMAIL = "BLOCKED_EMAIL"
    REQUIRED_FIELD = "REQUIRED_FIELD"
    INVALID_NUMBER = "INVALID_NUMBER"
    INPUT_TOO_LARGE = "INPUT_TOO_LARGE"
    FIELD_NOT_IN_FORM_DEFINITION = "FIELD_NOT_IN_FORM_DEFINITION"
    NUMBER_OUT_OF_RANGE = "NUMBER_OUT_OF_RANGE"
    VALUE_NOT_IN_FIELD_DEFINITION = "VALUE_NOT_IN_FIELD_DEFINITION"
    INVALID_METADATA = "INVALID_METADATA"
    INVALID_GOTOWEBINAR_WEBINAR_KEY = "INVALID_GOTOWEBINAR_WEBINAR_KEY"
    INVALID_HUTK = "INVALID_HUTK"
    INVALID_IP_ADDRESS = "INVALID_IP_ADDRESS"
    INVALID_PAGE_URI = "INVALID_PAGE_URI"
    INVALID_LEGAL_OPTION_FORMAT = "INVALID_LEGAL_OPTION_FORMAT"
    MISSING_PROCESSING_CONSENT = "MISSING_PROCESSING_CONSENT"
    MISSING_PROCESSING_CONSENT_TEXT = "MISSING_PROCESSING_CONSENT_TEXT"
    MISSING_COMMUNICATION_CONSENT_TEXT = "MISSING_COMMUNICATION_CONSENT_TEXT"
    MISSING_LEGITIMATE_INTEREST_TEXT = "MISSING_LEGITIMATE_INTEREST_TEXT"
    DUPLICATE_SUBSCRIPTION_TYPE_ID = "DUPLICATE_SUBSCRIPTION_TYPE_ID"
    FORM_HAS_RECAPTCHA_ENABLED = "FORM_HAS_RECAPTCHA_ENABLED"
    INVALID_REQUEST = "INVALID_REQUEST"
    """Ours, for a body of the wrong shape: HubSpot gives none there."""


class Problem(NamedTuple):
    """One thing wrong with a submission: which kind, at which path, and what to do about it."""

    type: ErrorType
    path: str
    text: str

    @property
    def message(self) -> str:
        """HubSpot's form of the message."""
        return f"Error in '{self.path}'. {self.text}"


class InvalidSubmission(InvalidInput):
    """A body that was read but may not be kept, with all that is wrong with it."""

    reason = "invalid_submission"

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("The request is not valid", field=problems[0].path)
        self.problems = tuple(problems)


class ArchivedForm(NotFound):
    """The form was archived and takes no submissions any more."""

    reason = "archived_form"

    def __init__(self, guid: str) -> None:
        super().__init__("form", guid)
        self.args = (f"the form {guid} is archived and takes no submissions",)


def field_path(key: str) -> str:
    """Return how answers name a field: `fields.email`, but `fields.0-2/name` for other than contacts."""
    return f"fields.{shown(path_of(key))}"


def shown(text: str) -> str:
    """Return the sender's own text short enough to repeat in an answer."""
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"
