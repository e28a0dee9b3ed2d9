"""Replays deliveries that were refused, when what was wrong with them or with us is mended.

A delivery is taken in as on the day it came: the age of its signature, the time of its events and what it repeats
are judged by then. What it raises, it raises now. Replaying it again changes nothing, since each of its events is
kept once.
"""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog

from service.activity import ActivityLog
from service.delivery import Delivery, read_http
from service.domain.endpoints import Captcha, Endpoint
from service.domain.model import Recorded
from service.errors import InvalidInput, MarketableError, NotFound, ProviderMissing, SealBroken, Unavailable
from service.providers.events import Event
from service.reception import Reception, Taken, as_spam
from service.store import deliveries, endpoints
from service.store.deliveries import RefusedDelivery
from service.store.session import Database
from service.vault import Vault

NOT_WHOLE = "request_not_whole"
"""The reason of a delivery whose request could not be kept as it was."""
FAILED = "replay_failed"
"""The reason of a delivery that the database refuses."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """What became of one delivery."""

    id: str
    endpoint_id: int
    events: int = 0
    """Read from the delivery, and kept now or before."""
    repeated: int = 0
    """Of these, kept before."""
    reason: str = ""
    """Why it is refused still; empty when it is kept."""
    detail: str = ""

    @property
    def is_kept(self) -> bool:
        """Whether everything that the delivery says is kept now."""
        return not self.reason


class Replay:
    """Replays the deliveries of all portals; safe for threads."""

    def __init__(
        self,
        database: Database,
        open_vault: Callable[[], Vault],
        reception: Reception,
        activity: ActivityLog,
        now: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._open_vault = open_vault
        self._reception = reception
        self._activity = activity
        self._now = now

    def waiting(self, portal_id: int, endpoint_id: int | None = None) -> list[str]:
        """Return the ids of a portal's deliveries that were refused and not replayed, in the order of arrival."""
        with self._database.reading() as connection:
            return deliveries.list_waiting(connection, portal_id, endpoint_id)

    def find(self, portal_id: int, delivery_id: str) -> RefusedDelivery:
        """Return a refused delivery; raises NotFound."""
        with self._database.reading() as connection:
            found = deliveries.find(connection, portal_id, _as_hex(delivery_id))
        if found is None:
            raise NotFound("delivery", delivery_id)
        return found

    def replay(
        self, portal_id: int, delivery_id: str, *, trust: bool = False, dry_run: bool = False
    ) -> Replayed:
        """Take a refused delivery in, and say what became of it; with `dry_run`, what would.

        `trust` skips the proof: whoever asks for it answers for the sender. Raises NotFound for a delivery that is
        not there, and Unavailable when it can't be known now.
        """
        refused = self.find(portal_id, delivery_id)
        if refused.sealed is None:
            return _still_refused(refused, NOT_WHOLE, "the request could not be kept as it was")
        try:
            return self._take(refused, refused.sealed, trust=trust, dry_run=dry_run)
        except (ProviderMissing, SealBroken) as error:
            return _still_refused(refused, error.reason, str(error))
        except Unavailable:
            raise
        except MarketableError as error:
            return _still_refused(refused, error.reason, _say(error))
        except Exception as error:  # noqa: BLE001 - one that the database refuses must not stop those after it
            # No traceback: it may hold personal data.
            log.error("replay_failed", delivery=refused.id, error=type(error).__name__)  # noqa: TRY400
            return _still_refused(refused, FAILED, "the database refuses it")

    def _take(self, refused: RefusedDelivery, sealed: bytes, *, trust: bool, dry_run: bool) -> Replayed:
        endpoint = self._endpoint(refused)
        delivery = read_http(self._open_vault().open(sealed), received_at=refused.received_at)
        if not trust:
            self._reception.prove(endpoint, delivery, delivery.received_at)
        events = self._read(endpoint, delivery, trust=trust)
        if dry_run:
            return Replayed(id=refused.id, endpoint_id=endpoint.id, events=len(events))
        taken = self._reception.keep(endpoint, events, delivery.received_at)
        self._note(refused, endpoint, taken, trust=trust)
        kept = [each.outcome for each in taken if isinstance(each.outcome, Recorded)]
        repeated = sum(outcome.verdict is None for outcome in kept)
        return Replayed(id=refused.id, endpoint_id=endpoint.id, events=len(kept), repeated=repeated)

    def _endpoint(self, refused: RefusedDelivery) -> Endpoint:
        with self._database.reading() as connection:
            found = endpoints.find(connection, self._open_vault(), refused.portal_id, refused.endpoint_id)
        if found is None:
            raise NotFound("endpoint", refused.endpoint_id)
        return found

    def _read(self, endpoint: Endpoint, delivery: Delivery, *, trust: bool) -> list[Event]:
        events = self._reception.read(endpoint, delivery, self._reception.decode(endpoint, delivery))
        # A captcha was solved for the moment, and can't be asked about any more.
        was_asked = self._reception.describe(endpoint).reply.browser
        is_unsure = was_asked and endpoint.options.captcha is not Captcha.NONE and not trust
        return as_spam(events) if is_unsure else events

    def _note(
        self, refused: RefusedDelivery, endpoint: Endpoint, taken: Sequence[Taken], *, trust: bool
    ) -> None:
        with self._database.writing() as connection:
            deliveries.mark_replayed(connection, refused.id, self._now())
        self._activity.note_events([(each.form, each.event) for each in taken], refused.received_at)
        self._activity.flush()
        log.info(
            "delivery_replayed",
            delivery=refused.id,
            endpoint=endpoint.id,
            provider=endpoint.provider,
            events=len(taken),
            trusted=trust,
        )


def _still_refused(refused: RefusedDelivery, reason: str, detail: str) -> Replayed:
    return Replayed(id=refused.id, endpoint_id=refused.endpoint_id, reason=reason, detail=detail)


def _say(error: MarketableError) -> str:
    return error.message if isinstance(error, InvalidInput) else str(error)


def _as_hex(delivery_id: str) -> str:
    try:
        return uuid.UUID(delivery_id).hex
    except ValueError:
        raise NotFound("delivery", delivery_id[:60]) from None
