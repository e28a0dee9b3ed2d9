"""Sets the limits of a portal or a form, takes them away, and shows how much of them is used (rule 11)."""

import re
import uuid
from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from service.domain.actors import Actor, check_marketing_contacts
from service.domain.brake import WHOLE_PORTAL, Limits, Target
from service.domain.endpoints import ExternalKind
from service.domain.model import ReasonType, Source
from service.domain.reasons import is_guid
from service.errors import InvalidInput, NotFound
from service.store import audit, brakes, external_forms, held, names, portals
from service.store.session import Database

USUAL_HOURS = 24
MOST_HOURS = 31 * 24
LARGEST = 2**31 - 1
SOURCES = (Source.HUBSPOT_FORM, Source.EXTERNAL_FORM, Source.CHATFLOW)
"""What can have a brake beside the portal itself."""
KINDS = {Source.EXTERNAL_FORM: ExternalKind.FORM, Source.CHATFLOW: ExternalKind.CHATFLOW}
REASONS = dict.fromkeys(SOURCES, ReasonType.FORM_SUBMISSION) | {Source.CHATFLOW: ReasonType.CONVERSATION}
FORM = "form"
"""What the audit calls a HubSpot form."""

is_number = re.compile("[0-9]{1,18}").fullmatch


@dataclass(frozen=True, slots=True, kw_only=True)
class BrakeInUse:
    """A brake, and how much of its limits is used."""

    target: Target
    name: str
    """The form's; empty for the portal."""
    limits: Limits
    tier: int
    count: int
    """Contacts of the portal that count now, as of the transaction."""
    raised: int
    """Raises since the brake was set."""
    raised_lately: int
    """Raises within the rate's window; 0 without a rate."""
    waiting: int
    """Raises that wait for a person: the portal's all, or those that the form asked for."""


class Brakes:
    """The use cases; one instance for any number of calls."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now

    def show(self, portal_id: int) -> list[BrakeInUse]:
        """Return a portal's brakes, its own first; raises NotFound."""
        with self._database.reading() as connection:
            portals.get_portal(connection, portal_id)
            return _in_use(connection, portal_id, self._now())

    def set_limits(self, actor: Actor, portal_id: int, target: Target, limits: Limits) -> BrakeInUse:
        """Set a brake, or set one that is there anew: it holds from now on, and releases nothing.

        Raises NotFound, InvalidInput, NoMarketingAccess, NotIncluded; Conflict when somebody else does so just now.
        """
        actor.check_marketing_access()
        limits, now = checked(limits, target), self._now()
        with self._database.writing() as connection:
            check_marketing_contacts(portals.get_portal(connection, portal_id))
            target = _normalised(target)
            _check_exists(connection, portal_id, target)
            before = brakes.set_limits(connection, portal_id, target, limits, now)
            told = None if before is None else asdict(before)
            entry = audit.Entry(str(actor), "brake_set", _subject(portal_id, target), told, asdict(limits))
            audit.note(connection, portal_id, entry, now)
            return next(each for each in _in_use(connection, portal_id, now) if each.target == target)

    def remove(self, actor: Actor, portal_id: int, target: Target) -> None:
        """Take a brake away; what is held stays held. Raises NotFound, NoMarketingAccess."""
        actor.check_marketing_access()
        now = self._now()
        with self._database.writing() as connection:
            portals.get_portal(connection, portal_id)
            target = _normalised(target)
            before = brakes.remove(connection, portal_id, target, now)
            if before is None:
                raise NotFound("brake of", _subject(portal_id, target))
            entry = audit.Entry(str(actor), "brake_removed", _subject(portal_id, target), asdict(before))
            audit.note(connection, portal_id, entry, now)


def checked(limits: Limits, target: Target) -> Limits:
    """Return the limits with what was left open; raises InvalidInput for those that make no sense."""
    if limits.rate is not None and limits.rate_hours is None:
        limits = replace(limits, rate_hours=USUAL_HOURS)
    if limits.rate is None and limits.rate_hours is not None:
        raise InvalidInput("hours without a rate", field="rate", mend="give the rate, too")
    if limits.is_empty:
        raise InvalidInput("a brake without a limit", field="most", mend="give one, or remove the brake")
    if limits.at_tier and target != WHOLE_PORTAL:
        mend = "set it for the portal"
        raise InvalidInput("the tier is not a form's", field="at_tier", mend=mend)
    for field, value, least, most in (
        ("most", limits.most, 0, LARGEST),
        ("rate", limits.rate, 1, LARGEST),
        ("rate_hours", limits.rate_hours, 1, MOST_HOURS),
    ):
        if value is not None and not least <= value <= most:
            raise InvalidInput(f"{field} is {value}", field=field, mend=f"give {least} to {most}")
    return limits


def _in_use(connection: Any, portal_id: int, now: datetime) -> list[BrakeInUse]:
    gate = brakes.read(connection, portal_id)
    if gate is None:
        return []
    waiting = held.waiting_by_source(connection, portal_id, now)
    called = names_of(connection, portal_id, gate.brakes)
    return [
        BrakeInUse(
            target=target,
            name=called.get(target, ""),
            limits=brake.limits,
            tier=gate.tier,
            count=gate.count(now),
            raised=brake.raised,
            raised_lately=brake.raised_lately(now),
            waiting=sum(waiting.values()) if target == WHOLE_PORTAL else waiting.get(target, 0),
        )
        for target, brake in sorted(gate.brakes.items())
        if not brake.limits.is_empty
    ]


def names_of(connection: Any, portal_id: int, targets: Collection[Target]) -> dict[Target, str]:
    """Return what forms and chatflows are called; everything else is left out."""
    reasons = {each: (REASONS[Source(each[0])].value, each[1]) for each in targets if each[0] in SOURCES}
    called = names.of_reasons(connection, portal_id, reasons.values())
    return {each: called[reason] for each, reason in reasons.items() if reason in called}


def _check_exists(connection: Any, portal_id: int, target: Target) -> None:
    """Raise NotFound when the portal has no such form."""
    source, source_id = target
    if source == Source.HUBSPOT_FORM:
        if portals.find_form(connection, portal_id, source_id) is None:
            raise _no_form(target)
    elif target != WHOLE_PORTAL:
        found = external_forms.find(connection, int(source_id))
        if found is None or (found.portal_id, found.kind) != (portal_id, KINDS[Source(source)]):
            raise _no_form(target)


def _normalised(target: Target) -> Target:
    """Return the target as facts name it; raises NotFound for what names no form."""
    source, source_id = target
    if source == Source.HUBSPOT_FORM and is_guid(source_id):
        return source, str(uuid.UUID(source_id))
    if source in KINDS and is_number(source_id):
        return source, str(int(source_id))
    if target != WHOLE_PORTAL:
        raise _no_form(target)
    return target


def _no_form(target: Target) -> NotFound:
    source, source_id = target
    return NotFound(source.replace("_", " "), source_id)


def _subject(portal_id: int, target: Target) -> str:
    source, source_id = target
    if target == WHOLE_PORTAL:
        return f"portal:{portal_id}"
    return f"{FORM if source == Source.HUBSPOT_FORM else source}:{source_id}"
