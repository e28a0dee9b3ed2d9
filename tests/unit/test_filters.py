import random
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given

from service.domain.filters import (
    Condition,
    Filter,
    Operator,
    Subject,
    dump_filter,
    matches,
    read_filter,
)
from service.domain.filters.values import capital_of, fold
from service.domain.model import NEVER_MARKETING, Standing, Stint
from service.errors import InvalidInput
from tests.facts import NOW
from tests.filters import chances, make_filter, odd_texts

SALES = "Head of Sales, EMEA"


def asks(name: str, operator: str, value: object = None, **more: object) -> dict[str, Any]:
    return {"propertyName": name, "operator": operator, "value": value, **more}


def person(standing: Standing = NEVER_MARKETING, **properties: str) -> Subject:
    return Subject(7, None, properties, NOW, NOW, standing)


def holds(subject: Subject, *conditions: dict[str, Any], at: datetime = NOW) -> bool:
    return matches(read_filter({"filters": conditions}), subject, at)


def mistakes_of(document: object) -> list[str]:
    with pytest.raises(InvalidInput) as refused:
        read_filter(document)
    return refused.value.message.split("\n- ")[1:]


@given(chances, odd_texts)
def test_what_is_written_reads_as_it_was(chance: random.Random, texts: list[str]) -> None:
    wanted = make_filter(chance, texts)
    assert read_filter(dump_filter(wanted)) == wanted


def test_filters_beside_one_another_are_one_group() -> None:
    short = read_filter({"filters": [asks("company", "EQ", "Acme")], "limit": 10})
    assert short == Filter(((Condition("company", Operator.EQ, "Acme"),),))


def test_one_group_has_to_hold_and_all_of_its_conditions() -> None:
    red, big = Condition("colour", Operator.EQ, "red"), Condition("size", Operator.EQ, "big")
    tall = Condition("size", Operator.EQ, "tall")
    assert matches(Filter(((red, big), (tall,))), person(size="tall"), NOW)
    assert not matches(Filter(((red, big), (red, tall))), person(colour="red"), NOW)


def test_no_group_takes_every_contact() -> None:
    assert matches(read_filter({}), person(), NOW)


@pytest.mark.parametrize("operator", [*Operator])
def test_a_contact_without_a_value_fulfils_its_absence_and_nothing_else(operator: Operator) -> None:
    condition = Condition("company", operator, "a", ("a",), "z")
    for subject in (person(), person(company="")):
        assert matches(Filter(((condition,),)), subject, NOW) is (operator is Operator.NOT_HAS_PROPERTY)


@pytest.mark.parametrize(
    ("operator", "value", "found"),
    [
        ("EQ", "5", True), ("EQ", "5.00", True), ("NEQ", 5, False), ("NEQ", "6", True), ("GT", "10", False),
        ("LT", 10, True), ("GTE", "5", True), ("LTE", "4.99", False), ("GT", "-1", True),
    ],
)  # fmt: skip
def test_numbers_are_compared_as_numbers(operator: str, value: object, *, found: bool) -> None:
    assert holds(person(hubspotscore=" 5.0"), asks("hubspotscore", operator, value)) is found


@pytest.mark.parametrize("text", ["many", "1e5", "5.", ".5", "5-5", "1,000", "1" * 16, "5\n", "\u0665"])
def test_a_text_that_is_no_number_is_a_value_and_fulfils_nothing_about_numbers(text: str) -> None:
    subject = person(hubspotscore=text)
    assert not holds(subject, asks("hubspotscore", "EQ", "5"))
    assert not holds(subject, asks("hubspotscore", "NEQ", "5"))
    assert holds(subject, asks("hubspotscore", "HAS_PROPERTY"))


def test_the_ends_of_between_belong_to_it() -> None:
    between = asks("hubspotscore", "BETWEEN", "1", highValue="3")
    found = [
        score for score in ("0.99", "1", "2", "3.0", "3.01") if holds(person(hubspotscore=score), between)
    ]
    assert found == ["1", "2", "3.0"]


@pytest.mark.parametrize("text", ["M\u00fcller", "m\u00fcller", "M\u00dcLLER"])
def test_texts_are_equal_in_any_case(text: str) -> None:
    assert holds(person(company="M\u00dcller"), asks("company", "EQ", text))
    assert holds(person(company="M\u00dcller"), asks("company", "IN", values=["x", text]))
    assert not holds(person(company="M\u00dcller"), asks("company", "NOT_IN", values=["x", text]))


def test_folding_pairs_letters_and_never_more() -> None:
    everything = [chr(code) for code in range(0x3000) if not 0xD800 <= code < 0xE000]
    for character in everything:
        folded = fold(character)
        assert character in {folded, capital_of(folded)}
        assert len(folded) == 1


@pytest.mark.parametrize(
    ("value", "text", "found"),
    [
        ("sales", SALES, True), ("SALES, emea", SALES, True), ("sale", SALES, False), ("sale*", SALES, True),
        ("*ales", SALES, True), ("head*emea", SALES, True), ("emea*head", SALES, False), ("ales*", SALES, False),
        ("sales", "Salesforce", False), ("*", SALES, True), ("of", "roof of", True),
        ("*@example.com", "ada@example.com", True), ("@example.com", "ada@example.com", True),
        ("example.com", "ada@example.com", True), ("ample.com", "ada@example.com", False),
        ("m\u00dcller", "die m\u00fcller", True), ("ller", "m\u00fcller", False), ("100%", "100% wool", True),
        ("a_b", "axb", False), ("[ab]", "a", False), ("b", "a\u2014b", True), ("a*a", "a", False),
        ("sales ", "sales", True),
    ],
)  # fmt: skip
def test_a_token_is_found_by_whole_words(value: str, text: str, *, found: bool) -> None:
    assert holds(person(company=text), asks("company", "CONTAINS_TOKEN", value)) is found
    assert holds(person(company=text), asks("company", "NOT_CONTAINS_TOKEN", value)) is not found


@pytest.mark.parametrize(
    "written",
    ["2026-03-10", "2026-03-10T00:00:00Z", "2026-03-10T00:00:00.000Z", "1773100800000"],
)
def test_a_day_is_its_midnight_however_it_is_written(written: str) -> None:
    for value in ("2026-03-10", "1773100800000", 1773100800000, "2026-03-10T01:00:00+01:00"):
        assert holds(person(closedate=written), asks("closedate", "EQ", value))
    assert holds(person(closedate=written), asks("closedate", "LT", "2026-03-10T00:00:00.001Z"))


def test_instants_are_compared_to_the_millisecond() -> None:
    subject = Subject(7, None, {}, NOW + timedelta(microseconds=999), NOW + timedelta(microseconds=1000))
    now = NOW.isoformat()
    assert holds(subject, asks("createdate", "EQ", now), asks("createdate", "LTE", now))
    assert holds(subject, asks("lastmodifieddate", "GT", now), asks("lastmodifieddate", "NEQ", now))


@pytest.mark.parametrize(
    ("days", "status", "leaving", "reason"),
    [(-1, "false", "false", None), (0, "true", "true", "FORM_SUBMISSION"), (10, "false", "false", None)],
)
def test_the_status_is_as_of_the_instant(days: int, status: str, leaving: str, reason: str | None) -> None:
    stint = Stint(1, NOW, NOW + timedelta(days=10), "FORM_SUBMISSION", "f")
    subject, at = person(standing=Standing(stint, 2)), NOW + timedelta(days=days)
    assert holds(subject, asks("hs_marketable_status", "EQ", status), at=at)
    assert holds(subject, asks("hs_marketable_until_renewal", "IN", values=[leaving]), at=at)
    assert holds(subject, asks("hs_marketable_reason_type", "EQ", "form_submission"), at=at) is bool(reason)
    assert holds(subject, asks("hs_marketable_reason_id", "HAS_PROPERTY"), at=at) is bool(reason)


def test_a_contact_s_own_values_go_before_the_document() -> None:
    written = {"email": "eve@example.com", "hs_object_id": "8"}
    subject = Subject(7, "ada@example.com", written, NOW, NOW)
    assert holds(subject, asks("email", "EQ", "Ada@Example.com"), asks("hs_object_id", "EQ", 7))


def test_all_mistakes_are_told_at_once() -> None:
    wrong = [
        asks("hubspotscore", "EQ", "many"),
        asks("closedate", "GT", "2026-02-30"),
        asks("company", "CONTAINS", "a"),
        asks("", "HAS_PROPERTY"),
        asks("company", "HAS_PROPERTY", "a"),
    ]
    told = mistakes_of({"filterGroups": [{"filters": wrong}, {"filters": []}]})
    assert len(told) == 6
    assert told[0].startswith("filterGroups[0].filters[0].value is no number; ")


@pytest.mark.parametrize(
    ("condition", "mistake"),
    [
        (asks("company", "EQ", ""), "to find contacts without one use NOT_HAS_PROPERTY"),
        (asks("company", "EQ"), "is missing or empty"),
        (asks("company", "EQ", "a", highValue="b"), "highValue is nothing that EQ takes"),
        (asks("company", "EQ", {"a": 1}), "is no text, number or truth value"),
        (asks("company", "EQ", "a\0"), "is no text, number or truth value"),
        (asks("company", "EQ", "a" * 1_001), "write at most 1000"),
        (asks("company", "IN", "a"), "values is missing or empty"),
        (asks("company", "IN", values=["a"] * 101), "write at most 100"),
        (asks("company", "IN", values="a"), "is the text 'a'"),
        (asks("company", "BETWEEN", "a"), "highValue is missing or empty"),
        (asks("company", "CONTAINS_TOKEN", "*a" * 11), "wildcards"),
        (asks("hubspotscore", "CONTAINS_TOKEN", "5"), "does not go with a number"),
        (asks("hs_email_optout", "LT", "true"), "does not go with a bool"),
        (asks("hs_email_optout", "EQ", "yes"), "write true or false"),
        (asks("hs_object_id", "EQ", "7.5"), "is no id"),
        ({"propertyName": "a", "operator": "EQ", "Value": "a"}, "write 'value'"),
    ],
)  # fmt: skip
def test_a_condition_that_could_not_be_meant_is_refused(condition: dict[str, Any], mistake: str) -> None:
    assert mistake in "".join(mistakes_of({"filters": [condition]}))


@pytest.mark.parametrize(
    ("groups", "mistake"),
    [((1,) * 6, "has 6 groups"), ((7,), "has 7 filters"), ((5, 5, 5, 4), "has 19 filters in all")],
)
def test_a_filter_has_as_many_groups_and_conditions_as_hubspot_allows(
    groups: tuple[int, ...], mistake: str
) -> None:
    document = [{"filters": [asks("company", "EQ", "a")] * number} for number in groups]
    assert mistake in "".join(mistakes_of({"filterGroups": document}))


def test_a_misspelt_key_is_never_taken_for_every_contact() -> None:
    assert mistakes_of({"filterGroup": []}) == ["filterGroup is not known; write 'filterGroups'"]
    assert mistakes_of({"filters": [asks("a", "EQ", "a")], "filterGroups": []})
    assert mistakes_of([])
