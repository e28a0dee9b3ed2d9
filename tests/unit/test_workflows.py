"""When a workflow enrols a contact: a table of cases, and what holds for any sequence of looks."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain.filters import Filter
from service.domain.model import Intent
from service.domain.workflows import UNKNOWN, Memory, Workflow, acting, checked_name, look
from service.errors import InvalidInput
from tests.facts import NOW, PORTAL

WORKFLOW = Workflow(
    id=7,
    portal_id=PORTAL,
    name="Leads",
    filter=Filter(),
    marketing=True,
    re_enrols=False,
    is_on=True,
    version=3,
    created_at=NOW,
    updated_at=NOW,
    round=2,
    walked_to=100,
    walks_upto=100,
)
AGAIN = replace(WORKFLOW, re_enrols=True)
WALKING = replace(WORKFLOW, walked_to=50)
ENROLLING = replace(WALKING, enrols_existing=True)
OLD, UNVISITED, NEWER = 10, 80, 120
"""Contacts: one that the round has been at, one that it has not been at yet, one that is newer than the round."""

MATCHED, DID_NOT = Memory(matches=True, times=1, round=2), Memory(matches=False, times=1, round=2)
SEEN_MATCHING = Memory(matches=True, times=0, round=2)
OF_ANOTHER_ROUND = Memory(matches=True, times=1, round=1)

CASES = {
    "a contact that comes to match": (WORKFLOW, OLD, UNKNOWN, True),
    "a new contact that matches": (WORKFLOW, NEWER, UNKNOWN, True),
    "one that matched before the round": (WORKFLOW, OLD, SEEN_MATCHING, False),
    "one that is enrolled and still matches": (WORKFLOW, OLD, MATCHED, False),
    "one that matches again": (WORKFLOW, OLD, DID_NOT, False),
    "one that matches again, and may": (AGAIN, OLD, DID_NOT, True),
    "one that still matches, and may be enrolled again": (AGAIN, OLD, MATCHED, False),
    "one that was enrolled in another round": (WORKFLOW, OLD, OF_ANOTHER_ROUND, False),
    "one that was enrolled in another round, did not match, and may": (AGAIN, OLD, OF_ANOTHER_ROUND, True),
    "one that the round has not been at": (WALKING, UNVISITED, UNKNOWN, False),
    "a new contact while the round is at others": (WALKING, NEWER, UNKNOWN, True),
    "one that the round comes to to enrol it": (ENROLLING, UNVISITED, UNKNOWN, True),
    "one that was enrolled before the round came to it": (ENROLLING, UNVISITED, MATCHED, False),
    "one that a round that enrols again comes to": (
        replace(ENROLLING, re_enrols=True),
        UNVISITED,
        OF_ANOTHER_ROUND,
        True,
    ),
}


@pytest.mark.parametrize(("workflow", "contact", "memory", "enrols"), CASES.values(), ids=CASES)
def test_a_contact_that_matches_is_enrolled_or_not(
    workflow: Workflow,
    contact: int,
    memory: Memory,
    enrols: bool,  # noqa: FBT001 - a column of the table
) -> None:
    assert look(workflow, contact, memory, matches=True).enrols is enrols


@pytest.mark.parametrize(("workflow", "contact", "memory", "enrols"), CASES.values(), ids=CASES)
def test_a_contact_that_does_not_match_is_never_enrolled(
    workflow: Workflow,
    contact: int,
    memory: Memory,
    enrols: bool,  # noqa: ARG001, FBT001 - a column of the table
) -> None:
    assert not look(workflow, contact, memory, matches=False, forced=True).enrols


def test_on_demand_a_contact_that_matches_is_enrolled_whatever_was() -> None:
    found = [look(WORKFLOW, OLD, memory, matches=True, forced=True) for memory in (MATCHED, SEEN_MATCHING)]
    assert [each.enrols for each in found] == [True, True]
    assert found[0].memory.times == 2


def test_what_is_no_news_need_not_be_kept() -> None:
    assert not look(WORKFLOW, OLD, UNKNOWN, matches=False).is_news
    assert not look(WORKFLOW, OLD, MATCHED, matches=True).is_news


def test_one_that_does_not_match_while_the_round_has_not_been_at_it_is_kept() -> None:
    seen = look(WALKING, UNVISITED, UNKNOWN, matches=False)
    assert seen.is_news
    assert look(WALKING, UNVISITED, seen.memory, matches=True).enrols


looks = st.lists(st.booleans(), max_size=12)
workflows = st.sampled_from([WORKFLOW, AGAIN, WALKING, ENROLLING])
contacts = st.sampled_from([OLD, UNVISITED, NEWER])


@given(workflows, contacts, looks)
def test_a_contact_is_enrolled_as_often_as_it_comes_to_match(
    workflow: Workflow, contact: int, seen: list[bool]
) -> None:
    memory, enrolments = UNKNOWN, 0
    for matches in seen:
        found = look(workflow, contact, memory, matches=matches)
        memory, enrolments = found.memory, enrolments + found.enrols
    comes = [now and not before for before, now in zip([False, *seen], seen, strict=False)]
    is_known = workflow.has_passed(contact) or workflow.enrols_existing
    if seen and seen[0] and not is_known:
        comes[0] = False
    assert memory.times == enrolments
    assert enrolments == (sum(comes) if workflow.re_enrols else min(sum(comes), 1))


@given(workflows, contacts, looks)
def test_leaving_out_what_is_no_news_changes_nothing(
    workflow: Workflow, contact: int, seen: list[bool]
) -> None:
    whole = kept = UNKNOWN
    for matches in seen:
        of_whole = look(workflow, contact, whole, matches=matches)
        of_kept = look(workflow, contact, kept, matches=matches)
        assert of_whole.enrols == of_kept.enrols
        whole, kept = of_whole.memory, of_kept.memory if of_kept.is_news else kept


def test_of_those_that_enrol_a_contact_at_once_the_newest_acts() -> None:
    lowering = replace(WORKFLOW, id=9, marketing=False)
    assert acting([lowering, WORKFLOW]) is lowering
    assert acting([WORKFLOW, lowering]) is lowering
    assert acting([]) is None


def test_the_cause_names_the_workflow() -> None:
    cause = replace(WORKFLOW, marketing=False).cause
    assert (cause.intent, cause.reason_id, cause.actor) == (Intent.LOWER, "7", "workflow:7")


@pytest.mark.parametrize("name", ["", "  ", "x" * 201, "a\0b", "a\ud800"])
def test_a_name_that_cannot_be_kept_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        checked_name(name)
    assert (refusal.value.field, bool(refusal.value.mend)) == ("name", True)
