"""Why a look-up brings no person: for good, or for now.

LookUpError
├── LookUpRefused             asking again would bring the same
└── LookUpDelayed             the same question later may bring the person
"""

from enum import StrEnum

from service.errors import MarketableError


class RefusedReason(StrEnum):
    """Why asking again is of no use."""

    NOT_FOUND = "not_found"
    REFUSED = "refused"
    UNREADABLE_ANSWER = "unreadable_answer"
    UNKNOWN_PLUGIN = "unknown_plugin"


class DelayedReason(StrEnum):
    """What has to pass, or to be mended by a person, before the question is asked again."""

    RATE_LIMITED = "rate_limited"
    VENDOR_AWAY = "vendor_away"
    VERSION_RETIRED = "version_retired"
    ACCESS_TOKEN_MISSING = "access_token_missing"  # noqa: S105 - a slug, no secret
    ACCESS_TOKEN_REFUSED = "access_token_refused"  # noqa: S105
    NO_CONTACT_YET = "no_contact_yet"


class LookUpError(MarketableError):
    """`reason` is the slug. Neither text nor attributes hold a token, an address or a name."""

    reason = "look_up_failed"


class LookUpRefused(LookUpError):
    """Final: asking again would bring the same."""

    def __init__(self, reason: RefusedReason, message: str) -> None:
        super().__init__(message)
        self.reason = reason.value


class LookUpDelayed(LookUpError):
    """Passing: `retry_after` is how many seconds the vendor wants to be left alone, None when it didn't say."""

    def __init__(self, reason: DelayedReason, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.reason = reason.value
        self.retry_after = retry_after
