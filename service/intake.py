"""Records a batch of facts: submission, contact, decision, status change and outbox entry in one transaction.

Guarantees: when `record` has given a fact's outcome, the fact is durable; facts about one contact are decided in
the order given; a fact that cannot be written fails alone; a delivery is recorded once.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import structlog

from service.configuration import Configuration
from service.domain.brake import OPEN, Gate
from service.domain.model import Fact, Recorded
from service.domain.planning import NOTHING_KNOWN, Findings, Group, Plan, form_groups, plan
from service.domain.portals import Portal
from service.errors import ConflictingDelivery, Unavailable
from service.store import evidence
from service.store.recorders import open_recorder
from service.store.recording import Contention, Round
from service.store.session import Database

MOST_FRUITLESS = 100
"""Rounds in a row that record nothing; contention that lasts longer is answered as unavailable."""

MOST_TOGETHER = 5
"""Fruitless rounds after which groups are tried in halves: one of them may be in everybody's way for ever."""

Outcome = Recorded | Exception
log = structlog.get_logger()


@dataclass(slots=True)
class _Progress:
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    """By submission id."""
    findings: dict[tuple[int, str | None, str | None], Findings] = field(default_factory=dict)
    fruitless: int = 0
    """Rounds in a row that recorded nothing."""
    away: Unavailable | None = None
    """Set when the database did not answer: no further round is tried."""


class Intake:
    """The use case; one instance for one thread."""

    def __init__(self, database: Database, configuration: Configuration, now: Callable[[], datetime]) -> None:
        self._database = database
        self._recorder = open_recorder(database)
        self._configuration = configuration
        self._now = now

    def record(self, facts: Sequence[Fact]) -> Iterator[tuple[Fact, Outcome]]:
        """Record facts round by round, giving each one's outcome as soon as it is certain.

        An outcome is an exception for a fact that is not kept: ConflictingDelivery for an id that was accepted
        before with another body, Unavailable, or what the database refused it with.
        """
        progress = _Progress()
        pending = list(facts)
        while pending and progress.fruitless < MOST_FRUITLESS:
            known = len(progress.outcomes)
            groups, waiting = form_groups(pending)
            self._attempt(groups, progress)
            if progress.away is not None:
                self._fail(
                    [fact for fact in pending if fact.submission_id not in progress.outcomes],
                    progress.away,
                    progress,
                )
            for fact in pending:
                if fact.submission_id in progress.outcomes:
                    yield fact, progress.outcomes[fact.submission_id]
            left = [fact for group in groups for fact in group.facts] + waiting
            left = [fact for fact in left if fact.submission_id not in progress.outcomes]
            pending = sorted(left, key=_order_of(pending)) if len(left) > 1 else left
            progress.fruitless = progress.fruitless + 1 if len(progress.outcomes) == known else 0
        for fact in pending:
            yield fact, Unavailable("too much contention")

    def record_all(self, facts: Sequence[Fact]) -> list[Outcome]:
        """Record facts as `record` does; an outcome for each, in their order."""
        outcomes = {fact.submission_id: outcome for fact, outcome in self.record(facts)}
        return [outcomes[fact.submission_id] for fact in facts]

    def close(self) -> None:
        """Give the database connection back."""
        self._recorder.close()

    def _attempt(self, groups: list[Group], progress: _Progress) -> None:
        try:
            version, portals = self._configuration.version, self._portals(groups)
            # What is recorded of a portal with a brake takes a transaction of its own.
            braked = frozenset(portal.id for portal in portals if portal.is_braked)
            if braked:
                apart = [group for group in groups if group.portal_id not in braked]
                if apart:
                    self._attempt(apart, progress)
                    groups = [group for group in groups if group.portal_id in braked]
            watched = frozenset(portal.id for portal in portals if portal.runs_workflows)
            result = self._round(groups, progress, version, braked, watched)
        except Contention as contention:
            log.debug("round_contended", cause=str(contention), groups=len(groups))
            if progress.fruitless >= MOST_TOGETHER and len(groups) > 1:
                self._halve(groups, progress)
        except Unavailable as error:
            progress.away = error
        except Exception as error:  # noqa: BLE001 - whatever a value provokes must fail that fact alone
            self._isolate(groups, error, progress)
        else:
            self._settle(groups, result, progress)

    def _portals(self, groups: Iterable[Group]) -> list[Portal]:
        known = map(self._configuration.portal, {group.portal_id for group in groups})
        return [portal for portal in known if portal is not None]

    def _round(
        self,
        groups: list[Group],
        progress: _Progress,
        version: int,
        braked: frozenset[int],
        watched: frozenset[int],
    ) -> Round:
        """Try once. `version` was the configuration's before it told of brakes and workflows."""
        configuration, now = self._configuration, self._now()

        def planner(group: Group, findings: Findings, gate: Gate = OPEN) -> Plan:
            return plan(
                group,
                findings,
                configuration.default_of,
                lambda portal_id: configuration.update_date(portal_id, now),
                now,
                gate,
                is_watched=group.portal_id in watched,
            )

        guesses = [(group, progress.findings.get(_identity(group), NOTHING_KNOWN)) for group in groups]
        result = self._recorder.attempt(guesses, planner, version, now, braked)
        if result.configuration_version != version:
            configuration.refresh()
        return result

    def _settle(self, groups: list[Group], result: Round, progress: _Progress) -> None:
        for written, contact_id in result.written.values():
            for fact, verdict in zip(written.group.facts, written.verdicts, strict=True):
                progress.outcomes[fact.submission_id] = Recorded(fact.submission_id, verdict, contact_id)
        for place, findings in result.findings.items():
            group = groups[place]
            progress.findings[_identity(group)] = findings
            for fact in group.facts:
                earlier = result.repeats.get(fact.once_key)
                if earlier is None:
                    continue
                if earlier.digest == fact.digest:
                    outcome: Outcome = Recorded(earlier.submission_id, None, earlier.contact_id)
                else:
                    outcome = self._conflict(fact)
                progress.outcomes[fact.submission_id] = outcome

    def _conflict(self, fact: Fact) -> Exception:
        try:
            with self._database.writing() as connection:
                evidence.keep(connection, fact)
        except Exception as error:  # noqa: BLE001 - whatever it is, the neighbours have nothing to do with it
            # No traceback: it may hold personal data.
            log.error("evidence_not_kept", error=type(error).__name__, submission_id=fact.submission_id)  # noqa: TRY400
            return error
        return ConflictingDelivery("this id was accepted before with another body")

    def _isolate(self, groups: list[Group], error: Exception, progress: _Progress) -> None:
        """Halve the batch until the fact that the database refuses stands alone."""
        if len(groups) == 1:
            groups = [replace(groups[0], facts=(fact,)) for fact in groups[0].facts]
        if len(groups) == 1:
            submission_id = groups[0].facts[0].submission_id
            log.error("fact_refused_by_database", error=type(error).__name__, submission_id=submission_id)
            self._fail(groups[0].facts, error, progress)
            return
        self._halve(groups, progress)

    def _halve(self, groups: list[Group], progress: _Progress) -> None:
        middle = len(groups) // 2
        self._attempt(groups[:middle], progress)
        self._attempt(groups[middle:], progress)

    @staticmethod
    def _fail(facts: Iterable[Fact], error: Exception, progress: _Progress) -> None:
        for fact in facts:
            progress.outcomes[fact.submission_id] = error


def _identity(group: Group) -> tuple[int, str | None, str | None]:
    return group.portal_id, group.email, group.cookie


def _order_of(facts: Sequence[Fact]) -> Callable[[Fact], int]:
    places = {fact.submission_id: place for place, fact in enumerate(facts)}
    return lambda fact: places[fact.submission_id]
