"""Makes the second fact of what a vendor has told about the person of a first one."""

from dataclasses import dataclass, replace
from datetime import datetime

from service.domain.endpoints import Endpoint, ExternalForm
from service.domain.model import Fact
from service.identifiers import new_submission_id
from service.once import hash_of
from service.providers.events import Event
from service.providers.roles import remap
from service.reception import content_of, cookie_of, fact_of, kept_as
from service.store.look_ups import Claim


@dataclass(frozen=True, slots=True)
class Question:
    """One claimed look-up with all that is needed to make it."""

    claim: Claim
    endpoint: Endpoint
    form: ExternalForm


def make_fact(question: Question, event: Event, now: datetime) -> Fact:
    """Return the fact of what was told; it happened when the first one did, and can be recorded once."""
    claim, form = question.claim, question.form
    found = replace(event, fetch=None)
    key = hash_of(f"look_up/{claim.submission_id}".encode())
    fact = fact_of(
        remap(found, form.mapping),
        form,
        now,
        submission_id=new_submission_id(now),
        content=content_of(question.endpoint, form, found, look_up_of=claim.submission_id),
        once_key=key,
        earlier_key=None,
        # What the vendor tells another time may differ, and is a repeat all the same.
        digest=key,
        kept=kept_as(found),
        cookie=cookie_of(question.endpoint.id, found),
    )
    return replace(fact, submitted_at=claim.submitted_at)
