"""The tier comes down at a renewal, and at nothing else; and what becomes of a portal whose subscription changes."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from service.domain.actors import COMMAND, Actor, ActorKind
from service.domain.billing import Commitment, Product, Subscription
from service.domain.model import Intent, Verdict
from service.domain.portals import Portal
from service.errors import InvalidInput, NoMarketingAccess, NotFound
from service.store import portals
from service.store.tables import audit, contact, portal, statement, tier_change
from service.subscriptions import Changes, change
from tests.closing import apply, assert_verified, issue, issued, raise_contacts, raise_late, raised
from tests.facts import FORM, NOW, PORTAL, UPDATE_DATE, make_fact, make_form, make_portal
from tests.world import World

MAY = datetime(2026, 5, 1, tzinfo=UTC)
JUNE = datetime(2026, 6, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def tier(world: World) -> Any:
    (row,) = world.rows(portal)
    return row.tier


def steps(world: World) -> list[tuple[int, int, str]]:
    return [(row.before, row.after, row.cause) for row in world.rows(tier_change, tier_change.c.id)]


def stepped(world: World, number: int = 1_500, until: datetime | None = None) -> None:
    """Have a number of contacts counted, which steps the tier up."""
    apply(world, raised(range(1, number + 1), NOW))
    if until is not None:
        apply(world, raised(range(1, number + 1), NOW, until=until, version=2))


def test_a_monthly_portal_comes_down_to_the_smallest_tier_that_holds_who_goes_on_counting(
    world: World,
) -> None:
    stepped(world, 2_500, until=UPDATE_DATE)
    apply(world, raised(range(1, 1_201), NOW, version=3))
    assert tier(world) == 3_000
    issue(world, UPDATE_DATE)
    assert tier(world) == 2_000
    assert steps(world) == [(1_000, 3_000, "count"), (3_000, 2_000, "renewal")]


def test_the_statement_has_the_tier_of_its_period_and_the_next_one_that_of_the_renewal(world: World) -> None:
    stepped(world, until=UPDATE_DATE)
    issue(world, UPDATE_DATE)
    issue(world, MAY)
    assert [(row.contacts, row.tier) for row in issued(world)] == [(1_500, 2_000), (0, 1_000)]


def test_it_never_comes_down_below_what_the_product_includes(world: World) -> None:
    stepped(world, until=NOW + DAY)
    issue(world, UPDATE_DATE)
    assert tier(world) == 1_000


def test_nothing_comes_down_before_the_renewal(world: World) -> None:
    stepped(world, until=NOW + DAY)
    world.time = UPDATE_DATE - DAY
    issue(world)
    assert tier(world) == 2_000


def test_each_renewal_is_done_once_whoever_looks_again(world: World) -> None:
    stepped(world, until=UPDATE_DATE)
    for _ in range(3):
        issue(world, UPDATE_DATE)
    assert steps(world) == [(1_000, 2_000, "count"), (2_000, 1_000, "renewal")]
    (row,) = world.rows(portal)
    assert row.renewed_until == UPDATE_DATE


def test_an_annual_portal_comes_down_once_a_year(world: World) -> None:
    world.write(sa.update(portal).values(commitment="annual", renews_on=date(2025, 5, 15)))
    stepped(world, until=UPDATE_DATE)
    issue(world, MAY)
    assert tier(world) == 2_000
    issue(world, datetime(2026, 5, 15, tzinfo=UTC))
    assert tier(world) == 1_000
    assert [row.renews for row in issued(world)] == [False, False, True]


def test_a_late_renewal_still_holds_who_has_come_since(world: World) -> None:
    stepped(world, 3_500, until=UPDATE_DATE)
    world.time = UPDATE_DATE + DAY
    apply(world, raised(range(5_001, 6_601), world.time))
    issue(world, UPDATE_DATE + 20 * DAY)
    assert tier(world) == 2_000


def test_a_late_annual_renewal_holds_the_most_that_counted_since(world: World) -> None:
    world.write(sa.update(portal).values(commitment="annual", renews_on=date(2025, 4, 1)))
    stepped(world, 3_500, until=UPDATE_DATE)
    world.time = UPDATE_DATE + DAY
    apply(world, raised(range(5_001, 6_601), world.time, until=MAY))
    issue(world, JUNE)
    assert tier(world) == 2_000
    assert [row.tier for row in issued(world)] == [4_000, 2_000, 2_000]


def test_a_clock_that_was_away_for_months_renews_in_order(world: World) -> None:
    stepped(world, 3_500, until=UPDATE_DATE)
    world.time = UPDATE_DATE + DAY
    apply(world, raised(range(5_001, 6_601), world.time, until=MAY))
    issue(world, JUNE)
    assert [(row.contacts, row.tier) for row in issued(world)] == [(3_500, 4_000), (1_600, 2_000), (0, 1_000)]
    assert steps(world)[-2:] == [(4_000, 2_000, "renewal"), (2_000, 1_000, "renewal")]


def test_a_step_after_the_update_date_is_not_in_the_statement_before(world: World) -> None:
    world.time = UPDATE_DATE + DAY
    apply(world, raised(range(1, 1_501), UPDATE_DATE + DAY))
    issue(world)
    assert [(row.contacts, row.tier) for row in issued(world)] == [(0, 1_000)]
    assert tier(world) == 2_000


# Changes of the subscription


def changed(world: World, **wanted: Any) -> Portal:
    return change(world.database, COMMAND, PORTAL, Changes(**wanted), world.now())


def test_a_product_that_includes_more_moves_the_tier_up_at_once(world: World) -> None:
    assert changed(world, product=Product.ENTERPRISE).tier == 10_000
    assert (tier(world), steps(world)) == (10_000, [(1_000, 10_000, "product")])


def test_a_product_that_includes_less_leaves_the_tier_until_the_renewal(world: World) -> None:
    changed(world, product=Product.ENTERPRISE)
    assert changed(world, product=Product.STARTER).tier == 10_000
    issue(world, UPDATE_DATE)
    assert tier(world) == 1_000


def test_a_change_is_audited_with_what_has_changed(world: World) -> None:
    changed(world, product=Product.PROFESSIONAL, time_zone="Europe/Vienna")
    (entry,) = world.rows(audit)
    assert (entry.actor, entry.action, entry.subject) == (
        "command",
        "subscription_changed",
        f"portal:{PORTAL}",
    )
    assert entry.before == {"product": "starter", "time_zone": "UTC", "tier": 1_000}
    assert entry.after == {"product": "professional", "time_zone": "Europe/Vienna", "tier": 2_000}


def test_the_same_again_is_no_change(world: World) -> None:
    changed(world, product=Product.STARTER, time_zone="UTC")
    assert (world.number_of(audit), world.number_of(statement)) == (0, 0)


def test_what_cannot_be_is_refused(world: World) -> None:
    with pytest.raises(InvalidInput, match="Europe/Vienna"):
        changed(world, time_zone="Europe/Nowhere")
    with pytest.raises(NotFound):
        change(world.database, COMMAND, 404, Changes(), NOW)
    without = Actor(ActorKind.USER, 7, marketing_access=False)
    with pytest.raises(NoMarketingAccess):
        change(world.database, without, PORTAL, Changes(product=Product.NONE), NOW)


def test_a_request_to_lower_keeps_the_update_date_that_it_was_told(world: World) -> None:
    raise_contacts(world, "ada", "bob")
    world.set_status("ada@example.com", Intent.LOWER)
    changed(world, renews_on=date(2026, 3, 20))
    world.set_status("bob@example.com", Intent.LOWER)
    world.count_up()
    found = [row.until for row in world.rows(contact, contact.c.id)]
    assert found == [UPDATE_DATE, datetime(2026, 3, 20, tzinfo=UTC)]


def test_the_running_period_ends_at_the_first_new_update_date(world: World) -> None:
    changed(world, renews_on=date(2026, 3, 20))
    april = datetime(2026, 4, 20, tzinfo=UTC)
    issue(world, april)
    found = [(row.begins_at, row.ends_at) for row in issued(world)]
    assert found == [(NOW, datetime(2026, 3, 20, tzinfo=UTC)), (datetime(2026, 3, 20, tzinfo=UTC), april)]


def test_periods_that_ended_before_a_change_stay_as_they_were_even_when_the_clock_was_away(
    world: World,
) -> None:
    raise_contacts(world, "ada")
    world.count_up()
    world.time = MAY + 5 * DAY
    changed(world, renews_on=date(2026, 1, 3))
    issue(world, datetime(2026, 6, 3, tzinfo=UTC))
    assert [row.ends_at for row in issued(world)] == [UPDATE_DATE, MAY, datetime(2026, 6, 3, tzinfo=UTC)]
    assert [row.begins_at for row in issued(world)] == [NOW, UPDATE_DATE, MAY]
    assert_verified(world)


def test_two_changes_in_one_period_leave_one_period(world: World) -> None:
    changed(world, renews_on=date(2026, 1, 20))
    changed(world, renews_on=date(2026, 1, 25), commitment=Commitment.MONTHLY)
    issue(world, datetime(2026, 4, 25, tzinfo=UTC))
    ends = [f"{row.ends_at:%m-%d}" for row in issued(world)]
    assert ends == ["03-25", "04-25"]


def test_a_renewal_that_was_due_before_a_change_is_still_done(world: World) -> None:
    stepped(world, until=UPDATE_DATE)
    world.time = UPDATE_DATE + DAY
    changed(world, commitment=Commitment.ANNUAL, renews_on=date(2026, 12, 1))
    issue(world)
    assert tier(world) == 1_000
    issue(world, MAY)
    assert [row.renews for row in issued(world)] == [True, False]


def test_what_comes_late_after_a_change_is_an_adjustment_of_the_period_as_it_was(world: World) -> None:
    issue(world, UPDATE_DATE)
    changed(world, renews_on=date(2026, 1, 20))
    raise_late(world, UPDATE_DATE - DAY, "eve")
    issue(world, datetime(2026, 4, 20, tzinfo=UTC))
    assert [row.contacts for row in issued(world)] == [0, 1]
    assert_verified(world)


# Without a product


def test_without_a_product_no_default_raises_and_everything_is_kept(world: World) -> None:
    changed(world, product=Product.NONE)
    assert world.verdicts(make_fact("ada@example.com")) == [Verdict.DEFAULT_OFF]
    assert [row.email for row in world.rows(contact)] == ["ada@example.com"]
    world.count_up()
    assert world.count() == 0


def test_a_process_that_knew_the_product_decides_by_the_new_one_all_the_same(world: World) -> None:
    intake = world.intake()
    ada, bob = make_fact("ada@example.com"), make_fact("bob@example.com")
    assert [outcome.verdict for _, outcome in intake.record([ada])] == [Verdict.RAISED]  # type: ignore[union-attr]
    changed(world, product=Product.NONE)
    assert [outcome.verdict for _, outcome in intake.record([bob])] == [Verdict.DEFAULT_OFF]  # type: ignore[union-attr]
    changed(world, product=Product.STARTER)
    assert world.verdicts(make_fact("bob@example.com")) == [Verdict.RAISED]


def test_who_counted_before_the_product_went_goes_on_counting_and_the_tier_ends_at_the_renewal(
    world: World,
) -> None:
    raise_contacts(world, "ada")
    changed(world, product=Product.NONE)
    world.count_up()
    assert (world.count(), tier(world)) == (1, 1_000)
    issue(world, UPDATE_DATE)
    assert (world.count(), tier(world)) == (1, 0)
    issue(world, MAY)
    assert [(row.contacts, row.tier) for row in issued(world)] == [(1, 1_000), (1, 0)]


def test_with_a_product_again_the_tier_holds_who_counts(world: World) -> None:
    stepped(world)
    changed(world, product=Product.NONE)
    issue(world, UPDATE_DATE)
    assert changed(world, product=Product.STARTER).tier == 2_000


def test_a_portal_in_another_zone_renews_where_it_is(empty_world: World) -> None:
    subscription = Subscription(Commitment.MONTHLY, date(2026, 1, 1), "America/New_York")
    with empty_world.database.writing() as connection:
        portals.add_portal(connection, replace(make_portal(), subscription=subscription))
        portals.save_form(connection, make_form(FORM), NOW)
    stepped(empty_world, until=UPDATE_DATE)
    issue(empty_world, UPDATE_DATE)
    assert tier(empty_world) == 2_000
    issue(empty_world, datetime(2026, 4, 1, 4, tzinfo=UTC))
    assert tier(empty_world) == 1_000
