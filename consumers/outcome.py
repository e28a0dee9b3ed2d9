"""What a handler decides about a message; the runner is the one place that acts on it."""

import enum
from dataclasses import dataclass


class Outcome(enum.Enum):
    """ACK: handled, durably. RETRY: not now, the same again later. DEAD: no retry will mend it."""

    ACK = "ack"
    RETRY = "retry"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class Handled:
    """The outcome for one message; `reason` is a slug, `detail` for people."""

    outcome: Outcome
    reason: str = ""
    detail: str = ""


ACK = Handled(Outcome.ACK)
