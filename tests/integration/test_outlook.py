"""The forecast and the split count are sums of stints: held against a plain list of them."""

import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service import billing
from service.domain.endpoints import ExternalKind
from service.domain.forecast import DAY, RAISED_DAYS
from service.domain.model import ReasonType, Source
from service.domain.people import Role, User
from service.errors import NotFound
from service.messages import StatusMessage
from service.store import external_forms, ledger, people, portals
from service.store.tables import endpoint, job
from tests.facts import FORM, FORM_THAT_IS_OFF, NOW, PORTAL, UPDATE_DATE, make_portal
from tests.world import World

one_database = settings(
    max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
"""The examples of such a test share a database, and so each has a portal and contacts of its own."""
numbers = itertools.count(1_000)
LAST_UPDATE = datetime(2026, 3, 1, tzinfo=UTC)
WINDOW_FROM = datetime(2026, 2, 1, tzinfo=UTC)
"""The update date that lies at least 28 days before NOW."""


@dataclass(frozen=True)
class Lived:
    """A stint as a plain model has it."""

    since: datetime
    until: datetime | None
    reason_type: str = "FORM_SUBMISSION"
    reason_id: str = FORM


def messages(portal_id: int, stints: Sequence[Lived]) -> list[StatusMessage]:
    return [
        StatusMessage(
            portal_id, next(numbers), 1, each.since, False, True, "raised", 1, each.since, each.until,  # noqa: FBT003
            each.reason_type, each.reason_id, "other", each.reason_type, each.reason_id, "", 1,
        )
        for each in stints
    ]  # fmt: skip


def portal_with(world: World, stints: Sequence[Lived], age: int = 400, tier: int = 1_000_000) -> int:
    portal_id = next(numbers)
    created = replace(make_portal(portal_id, tier=tier), created_at=NOW - timedelta(days=age))
    with world.database.writing() as connection:
        portals.add_portal(connection, created)
    ledger.apply(world.database, messages(portal_id, stints), NOW)
    return portal_id


hours_ago = st.integers(0, 24 * 90).map(lambda hours: NOW - timedelta(hours=hours))
ends = st.sampled_from([None, None, UPDATE_DATE, LAST_UPDATE, WINDOW_FROM])
reasons = st.sampled_from(
    [
        (ReasonType.FORM_SUBMISSION, FORM),
        (ReasonType.FORM_SUBMISSION, "12"),
        (ReasonType.CONVERSATION, "12"),
        (ReasonType.CONTACT_IMPORT, "3"),
        (ReasonType.USER_SET, "7"),
        (ReasonType.USER_SET, "command"),
        (ReasonType.INTEGRATOR_SET, "3"),
        (ReasonType.WORKFLOW, "3"),
        (ReasonType.EMAIL, ""),
    ]
)
lived = st.builds(
    lambda since, until, reason: Lived(since, until if until is None or until > since else None, *reason),
    hours_ago,
    ends,
    reasons,
)
stints = st.lists(lived, max_size=40)


def counts_at(found: Sequence[Lived], instant: datetime) -> list[Lived]:
    return [each for each in found if each.since <= instant and (each.until is None or each.until > instant)]


@one_database
@given(found=stints, age=st.integers(1, 200))
def test_a_forecast_is_made_of_the_stints_there_are(world: World, found: list[Lived], age: int) -> None:
    portal_id = portal_with(world, found, age)
    told = billing.forecast(world.database, portal_id, NOW)
    assert told.count == len(counts_at(found, NOW))
    assert told.after_update == len([each for each in counts_at(found, NOW) if each.until is None])
    assert told.leaving == told.count - told.after_update
    began = NOW - timedelta(days=age)
    raised_since = max(NOW - RAISED_DAYS * DAY, began)
    raised = [each for each in found if each.since >= raised_since]
    assert told.pace.raised_per_day == pytest.approx(len(raised) / ((NOW - raised_since) / DAY))
    asked_since = max(WINDOW_FROM, began)
    asked = [each for each in found if each.until is not None and each.until > asked_since]
    assert told.pace.leaving_per_day == pytest.approx(len(asked) / ((NOW - asked_since) / DAY))


@one_database
@given(found=stints, limit=st.integers(1, 12))
def test_every_split_sums_to_the_count(world: World, found: list[Lived], limit: int) -> None:
    portal_id = portal_with(world, found)
    split = billing.count_by(world.database, portal_id, NOW, limit)
    count = billing.bill(world.database, portal_id, NOW).count
    now = counts_at(found, NOW)
    assert split.count == count == len(now)
    assert sum(split.by_reason.values()) == sum(split.by_source.values()) == count
    assert sum(each.contacts for each in split.causes) + split.others == count
    assert split.by_reason == dict(Counter(each.reason_type for each in now))
    causes = Counter((each.reason_type, each.reason_id) for each in now)
    assert len(split.causes) + split.other_causes == len(causes)
    assert all(causes[each.reason_type, each.reason_id] == each.contacts for each in split.causes)
    assert [each.contacts for each in split.causes] == sorted(causes.values(), reverse=True)[:limit]


def test_a_split_after_the_update_date_is_of_those_who_stay(world: World) -> None:
    stints = [Lived(NOW, UPDATE_DATE), Lived(NOW, None, "USER_SET", "7")]
    portal_id = portal_with(world, stints)
    assert billing.count_by(world.database, portal_id, UPDATE_DATE).by_source == {"by_hand": 1}


def test_causes_are_told_with_what_they_are_called_today(world: World) -> None:
    with world.database.writing() as connection:
        made_for = {
            "portal_id": PORTAL, "provider": "intercom", "name": "", "state": "active", "sealed": b"", "options": {},
            "version": 1, "created_at": NOW, "updated_at": NOW,
        }  # fmt: skip
        number = connection.execute(
            endpoint.insert().values(**made_for).returning(endpoint.c.id)
        ).scalar_one()
        chatflow = external_forms.see(connection, number, PORTAL, ExternalKind.CHATFLOW, "welcome", NOW)
        token = portals.add_token(connection, PORTAL, "Shop", "secret", [], NOW)
        ada = people.add(
            connection,
            User(0, PORTAL, "ada@example.com", "Ada", Role.ADMIN, True, NOW, NOW),  # noqa: FBT003
        )
        imported = {
            "portal_id": PORTAL, "kind": "import", "state": "DONE", "actor": "", "request": {"name": "Fair"},
            "cursor": {}, "counts": {}, "error": "", "created_at": NOW, "updated_at": NOW,
        }  # fmt: skip
        job_id = connection.execute(job.insert().values(**imported).returning(job.c.id)).scalar_one()
    made = [
        Lived(NOW, None),
        Lived(NOW, None, "FORM_SUBMISSION", FORM_THAT_IS_OFF.upper()),
        Lived(NOW, None, "CONVERSATION", str(chatflow.id)),
        Lived(NOW, None, "INTEGRATOR_SET", str(token)),
        Lived(NOW, None, "USER_SET", str(ada)),
        Lived(NOW, None, "CONTACT_IMPORT", str(job_id)),
        Lived(NOW, None, "USER_SET", "command"),
        Lived(NOW, None, "WORKFLOW", "99"),
    ]
    ledger.apply(world.database, messages(PORTAL, made), NOW)
    split = billing.count_by(world.database, PORTAL, NOW)
    assert {(each.source, each.reason_id): each.name for each in split.causes} == {
        (Source.HUBSPOT_FORM, FORM): "Contact us",
        (Source.HUBSPOT_FORM, FORM_THAT_IS_OFF.upper()): "Contact us",
        (Source.CHATFLOW, str(chatflow.id)): "welcome",
        (Source.TOKEN, str(token)): "Shop",
        (Source.BY_HAND, str(ada)): "Ada",
        (Source.IMPORT, str(job_id)): "Fair",
        (Source.BY_HAND, "command"): "",
        (Source.WORKFLOW, "99"): "",
    }


def test_names_of_another_portal_are_not_told(world: World) -> None:
    with world.database.writing() as connection:
        portals.add_portal(connection, make_portal(2))
        token = portals.add_token(connection, 2, "Theirs", "secret", [], NOW)
    ledger.apply(world.database, messages(PORTAL, [Lived(NOW, None, "INTEGRATOR_SET", str(token))]), NOW)
    (cause,) = billing.count_by(world.database, PORTAL, NOW).causes
    assert cause.name == ""


def test_what_is_raised_in_this_very_hour_belongs_to_the_pace(world: World) -> None:
    portal_id = portal_with(world, [Lived(NOW, None)] * 28)
    assert billing.forecast(world.database, portal_id, NOW).pace.raised_per_day == pytest.approx(1.0)


def test_at_the_pace_of_late_the_limit_has_a_day(world: World) -> None:
    portal_id = portal_with(world, [Lived(NOW - timedelta(days=day), None) for day in range(28)], tier=48)
    told = billing.forecast(world.database, portal_id, NOW)
    assert told.count == 28
    assert told.days_to_limit == pytest.approx(20.0)
    assert told.limit_reached_at == NOW + timedelta(days=20)


def test_an_unknown_portal_has_none_of_it(world: World) -> None:
    for ask in (billing.forecast, billing.count_by):
        with pytest.raises(NotFound, match="portal 99"):
            ask(world.database, 99, NOW)
