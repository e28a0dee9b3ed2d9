"""The values the rules speak of: facts, standings, decisions, status changes."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime


class ReasonType(enum.StrEnum):
    """Kinds of cause of a marketing status, named as HubSpot's `hs_marketable_reason_type` names them."""

    AD = "AD"
    CONTACT_IMPORT = "CONTACT_IMPORT"
    CONVERSATION = "CONVERSATION"
    EMAIL = "EMAIL"
    FORM_SUBMISSION = "FORM_SUBMISSION"
    INITIAL_STATE = "INITIAL_STATE"
    INTEGRATOR_SET = "INTEGRATOR_SET"
    SAMPLE_CONTACT = "SAMPLE_CONTACT"
    USER_SET = "USER_SET"
    WORKFLOW = "WORKFLOW"


class Source(enum.StrEnum):
    """The ways a contact comes in; the keys of `config/defaults.toml`."""

    HUBSPOT_FORM = "hubspot_form"
    EXTERNAL_FORM = "external_form"
    CHATFLOW = "chatflow"
    IMPORT = "import"
    BY_HAND = "by_hand"
    WORKFLOW = "workflow"
    TOKEN = "token"  # noqa: S105 - the name of a source, not a secret
    OTHER = "other"


class Intent(enum.Enum):
    """What a cause wants of the status."""

    DEFAULT = "default"
    """Apply the default status of the source."""
    RAISE = "raise"
    LOWER = "lower"
    END = "end"
    """At once: of a contact that is gone and shall not count any more (rule 13)."""


class Verdict(enum.StrEnum):
    """What was decided for one fact, and why: a slug for records, logs and metrics."""

    RAISED = "raised"
    LOWERING_CANCELLED = "lowering_cancelled"
    LOWERING_REQUESTED = "lowering_requested"
    STINT_ENDED = "stint_ended"
    ENDED_AT_ONCE = "ended_at_once"
    ALREADY_MARKETING = "already_marketing"
    ALREADY_NON_MARKETING = "already_non_marketing"
    ALREADY_LEAVING = "already_leaving"
    HELD = "held"
    DEFAULT_OFF = "default_off"
    NEW_CONTACTS_ONLY = "new_contacts_only"
    NO_ADDRESS = "no_address"
    CONSENT_REFUSED = "consent_refused"
    PARTIAL = "partial"
    TEST = "test"
    PING = "ping"
    SPAM = "spam"
    AGENT = "agent"
    DELETED = "deleted"
    OTHER_EVENT = "other_event"
    UNSUBSCRIBED = "unsubscribed"
    LOOK_UP_PENDING = "look_up_pending"
    LOOKED_UP = "looked_up"
    LOOK_UP_FAILED = "look_up_failed"


@dataclass(frozen=True, slots=True)
class Default:
    """A source's default marketing status as it was when a decision read it."""

    on: bool
    version: int = 0
    """The version of the form, chatflow or token that carried it; 0 for the portal's own."""


@dataclass(frozen=True, slots=True)
class Cause:
    """Who or what asks for a status, recorded with each status change."""

    intent: Intent
    source: Source
    reason_type: ReasonType
    reason_id: str
    actor: str = ""
    """Who did it, as `user:<id>`, `token:<id>` or empty for a visitor."""
    default: Default = Default(on=False)
    is_refused: bool = False
    """The visitor said no to marketing in so many words: no default raises against that."""


@dataclass(frozen=True, slots=True)
class Stint:
    """One stretch of time as a marketing contact: `[since, until)`; `until` None means no end is known."""

    number: int
    """From 1, per contact."""
    since: datetime
    until: datetime | None
    reason_type: str
    reason_id: str

    def covers(self, instant: datetime) -> bool:
        """Whether the contact counts at `instant`."""
        return self.since <= instant and (self.until is None or instant < self.until)


@dataclass(frozen=True, slots=True)
class Standing:
    """A contact's marketing status through time: its latest stint and how often its status has changed."""

    stint: Stint | None = None
    version: int = 0
    """Number of status changes so far; each message carries it, and the ledger keeps the newest."""

    def is_marketing(self, instant: datetime) -> bool:
        """Whether the contact is a marketing contact at `instant`."""
        return self.stint is not None and self.stint.covers(instant)


NEVER_MARKETING = Standing()


@dataclass(frozen=True, slots=True)
class StatusChange:
    """One change of a contact's status, with the stint's whole state after it."""

    version: int
    at: datetime
    before: bool
    after: bool
    stint: Stint
    verdict: Verdict
    cause: Cause


@dataclass(frozen=True, slots=True)
class Decision:
    """The outcome for one fact: the contact's standing after it, and the change if there was one."""

    verdict: Verdict
    standing: Standing
    change: StatusChange | None = None
    ended: Stint | None = None
    """The earlier stint that this change leaves behind, when it opens a new one."""
    limit: str = ""
    """Which limit of a brake holds the raise, as `tier`, `count` or `rate`; empty when none does."""


@dataclass(frozen=True, slots=True)
class Fact:
    """What one delivery says happened: a form submission or a chat event, read and validated.

    `once_key` identifies the delivery for ever, or (without an id of the sender's) the hash of its fields in
    its ten minutes; `earlier_key` is then the key the same hash had in the ten minutes before.
    """

    submission_id: str
    """32 hex digits, time-ordered."""
    portal_id: int
    source: Source
    source_id: str
    """The form's GUID; of all others the number of the external form or chatflow."""
    email: str | None
    """Normalised; None when the visitor gave none."""
    cookie: str | None
    """The visitor's tracking cookie (`hutk`), or the chat's session, set apart by its endpoint."""
    properties: Mapping[str, str]
    """Contact properties to set."""
    content: str
    """The submission as it is kept: a JSON document."""
    received_at: datetime
    submitted_at: datetime
    once_key: str
    earlier_key: str | None
    digest: str
    """32 hex digits over all that was sent: tells a repeat from another body under the same id."""
    reason_type: ReasonType = ReasonType.FORM_SUBMISSION
    new_contact_for_new_email: bool = False
    """The form's `createNewContactForNewEmail`: never rename the cookie's contact."""
    is_refused: bool = False
    """The visitor said no to marketing."""
    kept: Verdict | None = None
    """Set when the fact is kept only: it has neither address nor cookie, and touches no contact."""
    session: str | None = None
    """What joins it with other facts of one visitor, should it have no contact yet; else None."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a sender is told about a fact that is kept."""

    submission_id: str
    verdict: Verdict | None
    """None for a repeat, which did nothing."""
    contact_id: int | None = None

    @property
    def repeated(self) -> bool:
        """Whether the same delivery had been accepted before."""
        return self.verdict is None
