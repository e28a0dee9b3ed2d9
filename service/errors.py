"""Every error that Marketable raises on purpose.

MarketableError
├── InvalidInput              the caller sent something wrong; names the field and the mend
│   ├── InvalidMessage        a broker message that no retry can mend
│   └── Unreadable            a delivery that its provider's description doesn't fit
├── NotFound                  no such portal, form, endpoint, contact or token
├── Unauthenticated           no token, or an unknown one
├── InvalidSignature          a delivery that nothing proves; the reason says why
├── Forbidden                 a known token without the scope, or of another portal
│   └── NoMarketingAccess     somebody whose marketing contacts access was taken away
├── NotIncluded               the portal's product does not include it
├── ConflictingDelivery       a delivery id that was accepted before with another body
├── UnexpectedNumber          other than the number of contacts that the caller expected
├── Conflict                  it clashes with what is there
├── TooManyRequests           over the rate limit
└── Unavailable               cannot be kept now; the same again later will do
    ├── DatabaseAway          no connection, or it broke
    ├── BrokerAway            no connection, no confirm, or a refusal
    ├── Overloaded            too many requests wait already
    ├── EndpointPaused        somebody has paused the endpoint
    ├── ProviderMissing       the endpoint's provider has gone from the catalogue
    └── SealBroken            a stored secret can't be opened: the key is missing or another one
"""


class MarketableError(Exception):
    """The root; `reason` is the slug for logs, metrics and answers."""

    reason = "error"


class InvalidInput(MarketableError):
    """Something the caller can mend. `field` is where, `mend` what to do."""

    reason = "invalid_input"

    def __init__(self, message: str, *, field: str = "", mend: str = "") -> None:
        super().__init__(f"{message}; {mend}" if mend else message)
        self.message = message
        self.field = field
        self.mend = mend


class InvalidMessage(InvalidInput):
    """A broker message that cannot be read."""

    reason = "invalid_message"


class Unreadable(InvalidInput):
    """A delivery that its provider's description doesn't fit. No value of the body is told.

    `reason` is one of `service.providers.events.UnreadableReason`.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = str(reason)


class NotFound(MarketableError):
    """`what` is a noun of the vocabulary: portal, form, contact, token."""

    reason = "not_found"

    def __init__(self, what: str, identity: object) -> None:
        super().__init__(f"there is no {what} {identity}")
        self.what = what
        self.identity = identity


class Unauthenticated(MarketableError):
    """No access token was given, or nobody knows it."""

    reason = "unauthenticated"


class InvalidSignature(MarketableError):
    """A delivery was not proved. Nothing of it, and nothing of a secret, is told.

    `reason` is one of `service.signatures.Reason`.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = str(reason)


class Forbidden(MarketableError):
    """The access token is known but may not do this."""

    reason = "forbidden"


class ConflictingDelivery(MarketableError):
    """The delivery's id was accepted before with another body (rule 14 of `docs/architecture.md`)."""

    reason = "conflicting_delivery"


class NoMarketingAccess(Forbidden):
    """Whoever asks lacks the 'marketing contacts access' (rule 8)."""

    reason = "no_marketing_access"

    def __init__(self, actor: object) -> None:
        super().__init__(
            f"{actor} lacks the marketing contacts access; someone with the scope users can give it"
        )


class NotIncluded(MarketableError):
    """The portal's product does not include what was asked for (rule 9)."""

    reason = "not_included"

    def __init__(self, what: str, product: str, needed: str) -> None:
        super().__init__(f"{what} need {needed}; the portal's product is {product}")


class UnexpectedNumber(MarketableError):
    """The caller expected another number of contacts; nothing was changed."""

    reason = "unexpected_number"

    def __init__(self, expected: int, number: int) -> None:
        super().__init__(f"{number} contacts match, not {expected}; nothing was changed")
        self.expected = expected
        self.number = number


class Conflict(MarketableError):
    """What is asked for clashes with what is there."""

    reason = "conflict"


class TooManyRequests(MarketableError):
    """Over the rate limit; `retry_after` is in whole seconds."""

    reason = "rate_limited"

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"rate limit reached, retry after {retry_after} s")
        self.retry_after = retry_after


class Unavailable(MarketableError):
    """Passing: nothing was kept; `retry_after` is in whole seconds."""

    reason = "unavailable"
    retry_after = 2


class DatabaseAway(Unavailable):
    """The database does not answer."""

    reason = "database_away"


class BrokerAway(Unavailable):
    """The broker does not answer, does not confirm, or refuses."""

    reason = "broker_away"


class Overloaded(Unavailable):
    """More requests wait than will be served in time."""

    reason = "overloaded"


class EndpointPaused(Unavailable):
    """Deliveries to the endpoint are to be sent again when it goes on."""

    reason = "endpoint_paused"
    retry_after = 300

    def __init__(self) -> None:
        super().__init__("this endpoint is paused; send the same again later")


class ProviderMissing(Unavailable):
    """No description is there for an endpoint's provider: an operator's folder is missing, or not set."""

    reason = "provider_missing"

    def __init__(self, provider: str) -> None:
        super().__init__(
            f"there is no description of the provider {provider}; is MARKETABLE_PROVIDERS_DIR set?"
        )


class SealBroken(Unavailable):
    """What was sealed can't be opened: the key is missing, or another one."""

    reason = "seal_broken"
