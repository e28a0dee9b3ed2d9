"""Asks vendors for the persons of events that hold ids only, and records what they tell as further facts.

One look-up in time: claimed, in a transaction that ends before anybody is asked; asked, in a thread; what was told
recorded as a second fact, durably; then the first submission's verdict set and the look-up removed, in another
transaction. Guarantee: each look-up is made at least once, and what comes of it is recorded once, whatever is killed
when: the claim runs out, and the second fact's once-key is made of the first one's id. No promise is made about the
order of look-ups.
"""

import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

import structlog

from consumers.asking import Ask, Asking, Delayed, Refused, Told
from consumers.found import Question, make_fact
from consumers.holds import Holds, pause_after
from service.backoff import BackOff
from service.configuration import Configuration
from service.domain.endpoints import Endpoint, ExternalForm
from service.domain.model import Fact, Recorded
from service.errors import MarketableError, SealBroken, Unavailable
from service.intake import Intake
from service.observe import DEAD_LETTERS, LOOK_UP_SECONDS, LOOK_UPS, SUBMISSIONS
from service.providers.events import load_event
from service.store import endpoints, external_forms, look_ups
from service.store.look_ups import FIRST_ID, Claim, first_id_of
from service.store.session import Database

MOST_AT_ONCE = 8
POLL = 1.0
"""Seconds between looks for look-ups that are due while none is being made."""
BRIEF_POLL = 0.1
LEASE = timedelta(minutes=5)
"""Longer than the slowest vendor may take: three requests of half a minute each."""
PATIENCE = timedelta(days=3)
PATIENCE_WITHOUT_TOKEN = timedelta(days=30)
"""A person has to be told of it, and to have time."""
PAGE = 500
LATE = timedelta(minutes=10)
"""How far back a submission may commit behind the time in its id; so often all are looked at, too."""
STOP_PATIENCE = 5.0
ENDPOINT_DELETED = "endpoint_deleted"
UNEXPECTED_ERROR = "unexpected_error"
REFUSED_BY_DATABASE = "refused_by_database"
TOKEN_MISSING = "access_token_missing"  # noqa: S105 - a slug, no secret

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Answered:
    """A look-up that was made: a fact when the person was told."""

    claim: Claim
    found: Fact | Refused | Delayed


class LookUps:
    """Makes look-ups in a few threads; several processes may run. For one thread."""

    def __init__(
        self,
        database: Database,
        configuration: Configuration,
        ask: Ask,
        now: Callable[[], datetime],
        *,
        is_alone: bool = False,
    ) -> None:
        """`configuration` has to know the key: endpoints' access tokens are sealed.

        One that `is_alone` takes over at its start what one that was killed had claimed.
        """
        self._database = database
        self._configuration = configuration
        self._ask = ask
        self._now = now
        self._intake: Intake | None = None
        self._holds = Holds()
        self._out: dict[str, Claim] = {}
        self._arrived: queue.SimpleQueue[Answered] = queue.SimpleQueue()
        self._unsettled: list[Answered] = []
        self._takes_over = is_alone
        self._after = FIRST_ID
        self._look_at_all: datetime | None = None

    def run(self, stop: threading.Event) -> None:
        """Make look-ups until `stop`; what is being asked then is waited for a little and given back."""
        back_off = BackOff()
        while not stop.is_set():
            try:
                self._take_over()
                self.step()
                stop.wait(BRIEF_POLL if self._out else POLL)
                back_off.reset()
            except MarketableError as error:
                pause = back_off.next_pause()
                log.warning("look_ups_paused", reason=error.reason, cause=str(error), seconds=round(pause, 2))
                stop.wait(pause)
        self.finish(STOP_PATIENCE)

    def _take_over(self) -> None:
        if self._takes_over:
            with self._database.writing() as connection:
                look_ups.release_all(connection)
        self._takes_over = False

    def step(self) -> None:
        """Settle what was answered, and ask for what is due; raises Unavailable."""
        self._settle()
        self._enrol()
        while self._begin():
            pass

    def finish(self, patience: float) -> None:
        """Settle what is answered within so many seconds, and give back the rest."""
        deadline = time.monotonic() + patience
        try:
            while self._out and (left := deadline - time.monotonic()) > 0:
                self._wait(left)
                self._settle()
            with self._database.writing() as connection:
                look_ups.release(connection, list(self._out.values()))
        except Unavailable as error:
            log.warning("look_ups_paused", reason=error.reason, cause=str(error), seconds=0)
        finally:
            if self._intake is not None:
                self._intake.close()
            self._intake = None

    def _wait(self, seconds: float) -> None:
        try:
            self._unsettled.append(self._arrived.get(timeout=seconds))
        except queue.Empty:
            return

    def _enrol(self) -> None:
        """Begin with the submissions that have come in; now and then all are looked at, not only the latest."""
        now = self._now()
        if self._look_at_all is None or now >= self._look_at_all:
            self._after, self._look_at_all = FIRST_ID, now + LATE
        while True:
            with self._database.reading() as connection:
                ids = look_ups.unknown(connection, self._after, PAGE)
            if ids:
                with self._database.writing() as connection:
                    look_ups.enrol(connection, ids, now)
            if len(ids) < PAGE:
                break
        self._after = first_id_of(now - LATE)

    def _begin(self) -> bool:
        """Ask for some of what is due; False when nothing is, or no more may be asked at a time."""
        now = self._now()
        room = MOST_AT_ONCE - len(self._out)
        if room <= 0:
            return False
        with self._database.reading() as connection:
            ids = look_ups.due(connection, now, self._holds.closed(now), room)
        if not ids:
            return False
        vault = self._configuration.vault()
        with self._database.writing() as connection:
            claims = look_ups.claim(connection, ids, now, now + LEASE)
            find = partial(endpoints.find_by_id, connection, vault)
            ready = [
                _prepare(claim, external_forms.find(connection, claim.form_id), find) for claim in claims
            ]
        for claim, question in zip(claims, ready, strict=True):
            self._out[claim.submission_id] = claim
            self._holds.asked(claim.endpoint_id)
            if isinstance(question, Question):
                # A stop need not wait for such a thread.
                threading.Thread(target=self._put, args=(question,), name="look-up", daemon=True).start()
            else:
                self._arrived.put(Answered(claim, question))
        return bool(claims)

    def _put(self, question: Question) -> None:
        began = time.perf_counter()
        try:
            found = self._find(question)
        except Exception as error:  # noqa: BLE001 - whatever one answer provokes must not stop the others
            # No traceback: it may hold personal data.
            log.error("look_up_broke", error=type(error).__name__, submission_id=question.claim.submission_id)  # noqa: TRY400
            found = Delayed(UNEXPECTED_ERROR, type(error).__name__)
        LOOK_UP_SECONDS.observe(time.perf_counter() - began)
        self._arrived.put(Answered(question.claim, found))

    def _find(self, question: Question) -> Fact | Refused | Delayed:
        endpoint = question.endpoint
        asking = Asking(
            provider=endpoint.provider,
            event=load_event(question.claim.content),
            token=endpoint.access_token,
            api_url=endpoint.options.api_url,
        )
        answer = self._ask(asking)
        return make_fact(question, answer.event, self._now()) if isinstance(answer, Told) else answer

    def _settle(self) -> None:
        """Record what was told, then write down what came of each look-up; what fails is kept for another time."""
        while not self._arrived.empty():
            self._unsettled.append(self._arrived.get())
        if not self._unsettled:
            return
        now = self._now()
        outcomes = self._record([each.found for each in self._unsettled if isinstance(each.found, Fact)])
        settled = [_outcome(each, outcomes, now) for each in self._unsettled]
        standing: list[tuple[Claim, Recorded | Refused | Delayed]] = []
        with self._database.writing() as connection:
            for claim, outcome in settled:
                if isinstance(outcome, Recorded):
                    stands = look_ups.settle(connection, claim, outcome.contact_id)
                elif isinstance(outcome, Refused):
                    stands = look_ups.give_up(connection, claim, outcome.reason, outcome.detail, now)
                else:
                    not_before = _not_before(claim, outcome, now)
                    stands = look_ups.delay(connection, claim, outcome.reason, not_before, now)
                standing += [(claim, outcome)] if stands else []
        self._unsettled.clear()
        for claim, _ in settled:
            del self._out[claim.submission_id]
            self._holds.ended(claim.endpoint_id)
        for claim, outcome in standing:
            _report(claim, outcome)
        self._hold(standing, now)

    def _record(self, facts: Sequence[Fact]) -> dict[str, Recorded | Exception]:
        """Return outcomes by submission id; raises Unavailable when any fact is not certain."""
        if not facts:
            return {}
        if self._intake is None:
            self._intake = Intake(self._database, self._configuration, self._now)
        outcomes = {fact.submission_id: outcome for fact, outcome in self._intake.record(facts)}
        for outcome in outcomes.values():
            if isinstance(outcome, Unavailable):
                raise outcome
        return outcomes

    def _hold(self, settled: Sequence[tuple[Claim, Recorded | Refused | Delayed]], now: datetime) -> None:
        """Leave vendors alone that want it, here and in other processes."""
        held: dict[int, tuple[datetime, str]] = {}
        for claim, outcome in settled:
            if not isinstance(outcome, Delayed):
                self._holds.answered(claim.endpoint_id)
                continue
            until = self._holds.delayed(claim.endpoint_id, outcome, now)
            if until is not None:
                held[claim.endpoint_id] = (until, outcome.reason)
        for endpoint_id, (until, reason) in held.items():
            with self._database.writing() as connection:
                look_ups.hold(connection, endpoint_id, until, reason, now)
            log.warning(
                "vendor_left_alone",
                endpoint_id=endpoint_id,
                reason=reason,
                seconds=round((until - now).total_seconds(), 1),
            )


def _prepare(
    claim: Claim, form: ExternalForm | None, find: Callable[[int], Endpoint | None]
) -> Question | Refused | Delayed:
    """Return what is needed to make a look-up, or why it can't be made."""
    try:
        endpoint = find(claim.endpoint_id)
    except SealBroken as error:
        return Delayed(error.reason, str(error))
    if endpoint is None or form is None:
        return Refused(ENDPOINT_DELETED, "the endpoint was deleted")
    return Question(claim, endpoint, form)


def _outcome(
    answered: Answered, outcomes: dict[str, Recorded | Exception], now: datetime
) -> tuple[Claim, Recorded | Refused | Delayed]:
    """Return what a look-up has come to: its patience may be over, or the database may refuse what was told."""
    claim, found = answered.claim, answered.found
    if isinstance(found, Fact):
        outcome = outcomes[found.submission_id]
        if isinstance(outcome, Recorded):
            return claim, outcome
        return claim, Refused(REFUSED_BY_DATABASE, type(outcome).__name__)
    if isinstance(found, Delayed):
        patience = PATIENCE_WITHOUT_TOKEN if found.reason == TOKEN_MISSING else PATIENCE
        if now - claim.since > patience:
            return claim, Refused(found.reason, found.detail)
    return claim, found


def _not_before(claim: Claim, answer: Delayed, now: datetime) -> datetime:
    if answer.retry_after is not None:
        return now + timedelta(seconds=answer.retry_after)
    return now + pause_after(claim.attempts + 1)


def _report(claim: Claim, outcome: Recorded | Refused | Delayed) -> None:
    identity = {"submission_id": claim.submission_id, "endpoint_id": claim.endpoint_id}
    if isinstance(outcome, Recorded):
        LOOK_UPS.labels("found", "").inc()
        if outcome.verdict is not None:
            SUBMISSIONS.labels(outcome.verdict.value).inc()
        log.info("looked_up", found_id=outcome.submission_id, verdict=outcome.verdict, **identity)
    elif isinstance(outcome, Refused):
        LOOK_UPS.labels("failed", outcome.reason).inc()
        DEAD_LETTERS.labels(outcome.reason).inc()
        log.error("look_up_failed", reason=outcome.reason, detail=outcome.detail, **identity)
    else:
        LOOK_UPS.labels("delayed", outcome.reason).inc()
        log.info("look_up_delayed", reason=outcome.reason, attempts=claim.attempts + 1, **identity)
