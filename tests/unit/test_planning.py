import itertools
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain.identity import CookieLink, Known
from service.domain.model import NEVER_MARKETING, Default, Fact, Standing, Stint, Verdict
from service.domain.planning import NOTHING_KNOWN, Findings, Group, Plan, form_groups, plan
from tests.facts import FORM, FORM_THAT_IS_OFF, NOW, UPDATE_DATE, make_fact

PAST = NOW - timedelta(days=9)
MARKETING = Standing(Stint(1, PAST, None, "FORM_SUBMISSION", "earlier"), 1)
LEAVING = Standing(Stint(1, PAST, UPDATE_DATE, "FORM_SUBMISSION", "earlier"), 2)
ENDED = Standing(Stint(1, PAST - timedelta(days=30), PAST, "FORM_SUBMISSION", "earlier"), 2)

facts = st.builds(
    make_fact,
    st.sampled_from(["ada@example.com", "bob@example.com", "eve@example.com", None]),
    cookie=st.sampled_from(["one", "two", None]),
    delivery=st.none() | st.sampled_from(["first", "second"]),
    portal_id=st.sampled_from([1, 1, 2]),
)


def default_of(fact: Fact) -> Default:
    return Default(on=fact.source_id == FORM, version=1)


def update_date_of(portal_id: int) -> datetime:  # noqa: ARG001 - the same for all portals here
    return UPDATE_DATE


def planned(group: Group, findings: Findings = NOTHING_KNOWN) -> Plan:
    return plan(group, findings, default_of, update_date_of, NOW)


def group_of(*members: Fact) -> Group:
    return Group(members[0].portal_id, members[0].email, members[0].cookie, members)


Keys = Callable[[Fact], set[object]]


def names_of(fact: Fact) -> set[object]:
    return {(fact.portal_id, name) for name in (fact.email, fact.cookie) if name is not None}


def delivery_of(fact: Fact) -> set[object]:
    return {fact.once_key}


def rounds(waiting: Sequence[Fact]) -> list[list[Group]]:
    found = []
    while waiting:
        groups, waiting = form_groups(waiting)
        found.append(groups)
    return found


@given(st.lists(facts, max_size=20))
def test_groups_of_one_round_share_nothing(batch: list[Fact]) -> None:
    groups, _ = form_groups(batch)
    names = [name for group in groups for name in names_of(group.facts[0])]
    deliveries = [fact.once_key for group in groups for fact in group.facts]
    assert len(names) == len(set(names))
    assert len(deliveries) == len(set(deliveries))


@given(st.lists(facts, max_size=20))
def test_every_fact_has_its_turn_once(batch: list[Fact]) -> None:
    done = [fact.submission_id for groups in rounds(batch) for group in groups for fact in group.facts]
    assert sorted(done) == sorted(fact.submission_id for fact in batch)


def turns_of(batch: Sequence[Fact]) -> dict[str, tuple[int, int]]:
    return {
        fact.submission_id: (number, place)
        for number, groups in enumerate(rounds(batch))
        for group in groups
        for place, fact in enumerate(group.facts)
    }


@pytest.mark.parametrize("keys_of", [names_of, delivery_of])
@given(batch=st.lists(facts, max_size=12))
def test_facts_that_share_something_keep_their_order(keys_of: Keys, batch: list[Fact]) -> None:
    turns = turns_of(batch)
    for earlier, later in itertools.combinations(batch, 2):
        if keys_of(earlier) & keys_of(later):
            assert turns[earlier.submission_id] < turns[later.submission_id]


@given(st.lists(facts, max_size=20))
def test_a_group_has_one_portal_one_address_and_one_cookie(batch: list[Fact]) -> None:
    groups, _ = form_groups(batch)
    for group in groups:
        assert {(fact.portal_id, fact.email, fact.cookie) for fact in group.facts} == {
            (group.portal_id, group.email, group.cookie)
        }


@given(st.lists(facts, max_size=20))
def test_groups_come_sorted_so_that_two_processes_lock_in_one_order(batch: list[Fact]) -> None:
    groups, _ = form_groups(batch)
    keys = [(group.portal_id, group.email or "", group.cookie or "") for group in groups]
    assert keys == sorted(keys)


def test_portals_have_nothing_in_common() -> None:
    groups, waiting = form_groups([make_fact(), make_fact(portal_id=2)])
    assert [group.portal_id for group in groups] == [1, 2]
    assert not waiting


def test_the_same_content_in_the_next_ten_minutes_waits_for_the_first() -> None:
    first = make_fact(delivery="one")
    repeat = make_fact(delivery="two", earlier_key=first.once_key)
    assert form_groups([first, repeat]) == ([group_of(first)], [repeat])


def test_the_repeat_of_a_delivery_waits_for_the_first() -> None:
    first, repeat = make_fact(delivery="one"), make_fact(delivery="one")
    groups, waiting = form_groups([first, repeat])
    assert groups == [group_of(first)]
    assert waiting == [repeat]


def expected_verdicts(standing: Standing, defaults: Sequence[bool]) -> list[Verdict]:
    marketing, leaving = standing.is_marketing(NOW), standing == LEAVING
    verdicts = []
    for on in defaults:
        if marketing and not (leaving and on):
            verdicts.append(Verdict.ALREADY_MARKETING)
        elif on:
            verdicts.append(Verdict.LOWERING_CANCELLED if marketing else Verdict.RAISED)
            marketing, leaving = True, False
        else:
            verdicts.append(Verdict.DEFAULT_OFF)
    return verdicts


@given(
    st.sampled_from([NEVER_MARKETING, MARKETING, LEAVING, ENDED]),
    st.lists(st.lists(st.booleans(), min_size=1, max_size=4), max_size=4),
)
def test_a_sequence_of_plans_comes_to_what_a_plain_model_says(
    standing: Standing, defaults: list[list[bool]]
) -> None:
    verdicts: list[Verdict] = []
    changes, now = standing.version, standing
    for of_group in defaults:
        members = [make_fact(form=FORM if on else FORM_THAT_IS_OFF) for on in of_group]
        done = planned(group_of(*members), Findings(Known(1, 1, "ada@example.com", now)))
        verdicts += done.verdicts
        changes += len(done.changes)
        now = done.standing
    assert verdicts == expected_verdicts(standing, [on for of_group in defaults for on in of_group])
    assert now.version == changes


def test_the_facts_of_a_new_contact_are_decided_one_on_the_other() -> None:
    done = planned(group_of(make_fact(form=FORM_THAT_IS_OFF), make_fact(), make_fact()))
    assert done.verdicts == (Verdict.DEFAULT_OFF, Verdict.RAISED, Verdict.ALREADY_MARKETING)
    assert done.identity.creates
    assert [change.version for change, _ in done.changes] == [1]


def test_a_change_names_the_submission_that_caused_it() -> None:
    first, second = make_fact(form=FORM_THAT_IS_OFF), make_fact()
    done = planned(group_of(first, second))
    assert [submission for _, submission in done.changes] == [second.submission_id]


def test_a_change_names_the_form_and_its_version() -> None:
    ((change, _),) = planned(group_of(make_fact())).changes
    assert (change.cause.reason_id, change.cause.default) == (FORM, Default(on=True, version=1))


def test_the_last_value_of_a_property_stays() -> None:
    members = [make_fact(properties=each) for each in ({"city": "Graz", "name": "Ada"}, {"city": "Wien"})]
    assert planned(group_of(*members)).properties == {"city": "Wien", "name": "Ada"}


def test_facts_without_address_and_known_cookie_are_kept_without_a_contact() -> None:
    done = planned(group_of(make_fact(None, cookie="one"), make_fact(None, cookie="one")))
    assert done.verdicts == (Verdict.NO_ADDRESS, Verdict.NO_ADDRESS)
    assert not done.has_contact
    assert not done.properties


def test_a_new_stint_leaves_the_earlier_one_behind_with_its_last_version() -> None:
    done = planned(group_of(make_fact()), Findings(Known(1, 5, "ada@example.com", ENDED)))
    assert done.ended == ((ENDED.stint, 2),)
    assert done.standing.version == 3


def test_a_known_cookie_brings_its_contact() -> None:
    known = Known(1, 5, "ada@example.com", MARKETING)
    done = planned(group_of(make_fact(None, cookie="one")), Findings(by_cookie=known))
    assert done.identity.contact == known
    assert done.identity.cookie_link is CookieLink.KEEP
    assert done.verdicts == (Verdict.ALREADY_MARKETING,)
