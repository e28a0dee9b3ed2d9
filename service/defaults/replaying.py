"""Goes through the submissions of a window in their order and follows who would stand otherwise; writes nothing."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from service.billing import Bill
from service.defaults.timeline import Timeline, subject_of
from service.domain.billing import next_update_date
from service.domain.defaults import Subject
from service.domain.model import Intent, ReasonType, Source, Standing, Verdict
from service.domain.portals import DeleteCounts, Portal
from service.domain.whatif import TOLD_ON, UNCLEAR, Said, Tracks
from service.providers.events import load_event
from service.providers.roles import remap
from service.reception import MAPPING
from service.store import whatif as store
from service.store.rereading import READ_AGAIN_OF
from service.store.whatif import Other, Scratch, Submitted

PAGE = 500
"""Submissions, of all portals, that one step looks at; contacts that the last steps do."""
EXAMPLES = 20
MORE, FEWER = "more", "fewer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Which submissions are looked at, and what is asked of them."""

    portal: Portal
    changes: Mapping[Subject, bool | None]
    days: int
    start: datetime
    at: datetime
    after: str
    upto: str
    """The newest submission; those that come meanwhile are left out."""
    bill: Bill


@dataclass(slots=True)
class Sums:
    """What the walk has come to so far."""

    submissions: int = 0
    unexplained: int = 0
    now: Counter[str] = field(default_factory=Counter)
    """How many more contacts count, and how many fewer."""
    later: Counter[str] = field(default_factory=Counter)
    """The same at the update date."""
    by_form: dict[str, Counter[str]] = field(default_factory=dict)
    examples: list[dict[str, Any]] = field(default_factory=list)


class Walk:
    """Follows the contacts of one window; for one thread.

    First come the submissions, page by page, then the contacts that stand otherwise at the end.
    """

    def __init__(self, window: Window, timeline: Timeline, page: int = PAGE) -> None:
        self.window = window
        self.sums = Sums()
        self.is_done = False
        self.place: str | int = window.after
        """The submission, then the contact, that was looked at last."""
        self._timeline = timeline
        self._page = page
        self._scratch = Scratch()

    def close(self) -> None:
        """Let go of the notes."""
        self._scratch.close()

    def step(self, connection: Any) -> int:
        """Look at the next page; returns how many submissions of the portal there were."""
        if isinstance(self.place, str):
            return self._look(connection, self.place)
        others = self._scratch.next_others(self.place, self._page)
        if others:
            self._sum_up(connection, others)
            self.place = max(others)
        self.is_done = len(others) < self._page
        return 0

    def _look(self, connection: Any, after: str) -> int:
        window = self.window
        end = store.boundary(connection, after, window.upto, self._page)
        number, found = store.page(connection, window.portal.id, after, end)
        if found:
            self._replay(connection, found)
        self.sums.submissions += number
        self.place = end if end < window.upto else 0
        return number

    def _replay(self, connection: Any, found: Sequence[Submitted]) -> None:
        ids = {each.contact_id for each in found}
        others = self._scratch.others(ids)
        changes = store.changes_of(connection, ids)
        tracks = {number: _tracks(others.get(number), changes.get(number, [])) for number in sorted(ids)}
        for each, said in self._read(connection, found, others):
            tracks[each.contact_id].submit(said)
        for number, track in tracks.items():
            self.sums.unexplained += track.unexplained
            if track.other is not None:
                self._scratch.keep(number, Other(track.passed, track.other))
            elif number in others:
                self._scratch.keep(number, None)

    def _read(
        self, connection: Any, found: Sequence[Submitted], others: Mapping[int, Other]
    ) -> list[tuple[Submitted, Said]]:
        """Return what each submission said; only what matters of it is fetched."""
        read = [(each, self._said(each)) for each in found]
        touched = others.keys() | {each.contact_id for each, said in read if said.is_on != said.was_on}
        unclear = [
            said.id
            for each, said in read
            if said.is_on
            and said.verdict in UNCLEAR
            and said.source is not Source.HUBSPOT_FORM
            and each.contact_id in touched
        ]
        contents = store.contents(connection, unclear)
        silent = {number for number, content in contents.items() if _is_silent(content)}
        return [(each, replace(said, is_silent=True) if said.id in silent else said) for each, said in read]

    def _said(self, each: Submitted) -> Said:
        subject = subject_of(each.source, each.source_id)
        if each.verdict in TOLD_ON:
            was_on = True
        elif each.verdict is Verdict.DEFAULT_OFF:
            was_on = False
        else:
            was_on = self._timeline.was_on(subject, each.at)
        would_be = self._timeline.would_be_on(subject, each.at)
        # A contact that was there before the request came was not made by it.
        may_be_first = each.contact_made_at >= each.at
        return Said(
            id=each.id,
            source=each.source,
            source_id=each.source_id,
            verdict=each.verdict,
            at=each.at,
            is_first=may_be_first and self._scratch.is_first(each.contact_id),
            was_on=was_on,
            is_on=was_on if would_be is None else would_be,
        )

    def _sum_up(self, connection: Any, others: Mapping[int, Other]) -> None:
        """Follow contacts to the end of the window and count how they differ there."""
        changes = store.changes_of(connection, others)
        gone = store.gone(connection, others)
        for number, other in others.items():
            tracks = _tracks(other, changes.get(number, []))
            tracks.finish(self.window.at, self.window.upto)
            if number in gone:
                self._leave(tracks, gone[number])
            self._compare(number, tracks)

    def _leave(self, tracks: Tracks, at: datetime) -> None:
        portal = self.window.portal
        stays = portal.delete_counts is DeleteCounts.UNTIL_UPDATE_DATE
        intent = Intent.LOWER if stays else Intent.END
        tracks.leave(intent, at, next_update_date(portal.subscription, at))

    def _compare(self, number: int, tracks: Tracks) -> None:
        real, other = tracks.real, tracks.other
        if other is None:
            return
        now, later = self.window.at, self.window.bill.update_date
        for sums, instant in ((self.sums.now, now), (self.sums.later, later)):
            was, would = real.is_marketing(instant), other.is_marketing(instant)
            if was == would:
                continue
            way = MORE if would else FEWER
            sums[way] += 1
            if sums is self.sums.now:
                named = _name_of_reason(other if would else real)
                self.sums.by_form.setdefault(named, Counter())[way] += 1
                if len(self.sums.examples) < EXAMPLES:
                    self.sums.examples.append({"contact": number, "counts": was, "would_count": would})


def _tracks(other: Other | None, changes: Sequence[Any]) -> Tracks:
    if other is None:
        return Tracks(changes)
    return Tracks(changes, other.passed, other.standing)


def _is_silent(content: Mapping[str, Any]) -> bool:
    """Whether the visitor says no to marketing, or a submission was read again whose default has spoken."""
    if READ_AGAIN_OF in content:
        return True
    try:
        event = load_event(content)
    except (TypeError, ValueError):
        return False
    return remap(event, content.get(MAPPING) or {}).consent is False


def _name_of_reason(standing: Standing) -> str:
    """Return what a stint began with: a subject, or the type of its reason."""
    stint = standing.stint
    if stint is None:
        return ""
    if stint.reason_type == ReasonType.CONVERSATION:
        return str(subject_of(Source.CHATFLOW, stint.reason_id))
    if stint.reason_type == ReasonType.FORM_SUBMISSION:
        is_external = stint.reason_id.isdigit()
        source = Source.EXTERNAL_FORM if is_external else Source.HUBSPOT_FORM
        return str(subject_of(source, stint.reason_id))
    return str(stint.reason_type)
