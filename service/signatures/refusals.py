"""Why a delivery's signature is refused."""

import enum

from service.errors import InvalidSignature


class Reason(enum.StrEnum):
    """The slugs of all refusals, those that got further later: of several ways, the last of their reasons is told."""

    SECRET_MISSING = "secret_missing"  # noqa: S105 - a slug
    SIGNATURE_MISSING = "signature_missing"
    BODY_UNREADABLE = "body_unreadable"
    SIGNATURE_MALFORMED = "signature_malformed"
    TIMESTAMP_MISSING = "timestamp_missing"
    TIMESTAMP_MALFORMED = "timestamp_malformed"
    SIGNATURE_WRONG = "signature_wrong"
    TIMESTAMP_TOO_OLD = "timestamp_too_old"
    TIMESTAMP_IN_FUTURE = "timestamp_in_future"


SENTENCES = {
    Reason.SECRET_MISSING: "The endpoint's deliveries must be proved, and no secret is stored that could do it.",
    Reason.SIGNATURE_MISSING: "The delivery does not carry what proves it, or not all of it.",
    Reason.BODY_UNREADABLE: "The body can't be decoded, and what proves the delivery stands in it.",
    Reason.SIGNATURE_MALFORMED: "What proves the delivery is not written as this provider writes it.",
    Reason.TIMESTAMP_MISSING: "The time that the signature covers is missing.",
    Reason.TIMESTAMP_MALFORMED: "The time that the signature covers is not written as this provider writes it.",
    Reason.SIGNATURE_WRONG: "The signature is not this delivery's: something was changed, or the secret is another.",
    Reason.TIMESTAMP_TOO_OLD: "The signature is right, but was made too long ago.",
    Reason.TIMESTAMP_IN_FUTURE: "The signature is right, but its time is still to come: check both clocks.",
}
"""What each refusal means, for people. Nothing of the delivery or of a secret is ever in it."""


def refused(reason: Reason) -> InvalidSignature:
    """Return the error for a reason."""
    return InvalidSignature(reason, SENTENCES[reason])
