"""What look-ups ask a vendor, and what can come of it."""

from collections.abc import Callable
from dataclasses import dataclass, field

from service.providers.events import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """The question who the person of an event is."""

    provider: str
    event: Event
    token: str = field(repr=False)
    """The endpoint's access token; empty if it has none."""
    api_url: str = ""
    """In place of the vendor's own address."""


@dataclass(frozen=True, slots=True)
class Told:
    """The event with its person."""

    event: Event


@dataclass(frozen=True, slots=True)
class Refused:
    """Asking again would bring the same; `reason` is a slug, `detail` is for people and holds no personal data."""

    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Delayed:
    """Asking later may bring the person; `retry_after` is in seconds, None when the vendor didn't say."""

    reason: str
    detail: str
    retry_after: float | None = None


Answer = Told | Refused | Delayed
Ask = Callable[[Asking], Answer]


def ask_vendor(asking: Asking) -> Answer:
    """Ask over HTTP; called from many threads."""
    # The vendors' clients are large, and most installations never look anybody up.
    from service.providers.lookups import (  # noqa: PLC0415
        Access,
        LookUpDelayed,
        LookUpRefused,
        Question,
        look_up,
    )

    question = Question(provider=asking.provider, event=asking.event)
    access = Access(token=asking.token, api_url=asking.api_url)
    try:
        return Told(look_up(asking.event.fetch or "", question, access))
    except LookUpRefused as error:
        return Refused(error.reason, str(error))
    except LookUpDelayed as error:
        return Delayed(error.reason, str(error), error.retry_after)
