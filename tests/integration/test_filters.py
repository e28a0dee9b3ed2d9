import random
from collections.abc import Sequence
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings

from service.domain.filters import Condition, Filter, Operator, Subject, matches
from service.domain.filters.reading import LONGEST_VALUE, MOST_VALUES
from service.store.filters import compile_filter, subject_of
from service.store.tables import contact
from tests.facts import NOW, PORTAL
from tests.filters import chances, make_filter, make_subjects, odd_texts
from tests.world import World

one_database = settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
"""The examples of such a test share a database, and each leaves nothing behind."""


def row_of(subject: Subject) -> dict[str, Any]:
    stint = subject.standing.stint
    status = {"since": None, "until": None, "reason_type": None, "reason_id": None}
    if stint is not None:
        status = {name: getattr(stint, name) for name in status}
    return status | {
        "id": subject.contact_id,
        "portal_id": PORTAL,
        "email": subject.email,
        "version": 1,
        "properties": dict(subject.properties),
        "created_at": subject.created_at,
        "updated_at": subject.updated_at,
        "active_at": subject.active_at,
        "unsubscribed_at": subject.unsubscribed_at,
        "bounced_at": subject.bounced_at,
        "status_version": subject.standing.version,
        "stint": stint.number if stint else 0,
    }


def find(world: World, people: Sequence[Subject], wanted: Sequence[Filter]) -> list[list[int]]:
    """Return whom each filter finds among these contacts, of which none is left behind."""
    with world.database.engine.connect() as connection, connection.begin() as transaction:
        connection.execute(sa.insert(contact), [row_of(each) for each in people])
        ids = sa.select(contact.c.id).order_by(contact.c.id)
        found = [list(connection.scalars(ids.where(compile_filter(each, NOW)))) for each in wanted]
        transaction.rollback()
    return found


@one_database
@given(chances, odd_texts)
def test_the_database_finds_whom_the_domain_says(
    empty_world: World, chance: random.Random, texts: list[str]
) -> None:
    people = make_subjects(chance, texts)
    wanted = [make_filter(chance, texts) for _ in range(40)]
    for one, found in zip(wanted, find(empty_world, people, wanted), strict=True):
        assert found == [each.contact_id for each in people if matches(one, each, NOW)], one


@one_database
@given(chances, odd_texts)
def test_a_row_reads_as_the_contact_it_was(
    empty_world: World, chance: random.Random, texts: list[str]
) -> None:
    people = make_subjects(chance, texts)
    with empty_world.database.engine.connect() as connection, connection.begin() as transaction:
        connection.execute(sa.insert(contact), [row_of(each) for each in people])
        rows = connection.execute(sa.select(contact).order_by(contact.c.id)).all()
        transaction.rollback()
    assert list(map(subject_of, rows)) == people


def test_the_longest_values_can_be_asked_for(empty_world: World) -> None:
    text = "".join(map(chr, range(0x400, 0x400 + LONGEST_VALUE)))
    everyone = [Subject(1, None, {"company": text}, NOW, NOW), Subject(2, None, {"company": "x"}, NOW, NOW)]
    wild = "*".join(text[place : place + 90] for place in range(0, 900, 100))
    wanted = [
        Condition("company", Operator.EQ, text),
        Condition("company", Operator.CONTAINS_TOKEN, text),
        Condition("company", Operator.CONTAINS_TOKEN, f"*{wild}*"),
        Condition("company", Operator.IN, values=(text,) * MOST_VALUES),
    ]
    assert find(empty_world, everyone, [Filter(((each,),)) for each in wanted]) == [[1]] * len(wanted)


def test_no_value_of_a_person_becomes_sql(empty_world: World) -> None:
    conditions = [Condition(name, Operator.CONTAINS_TOKEN, "mark's") for name in ("mark's", 'mark"s')]
    compiled = compile_filter(Filter((tuple(conditions),)), NOW).compile(empty_world.database.engine)
    assert "mark" not in str(compiled)
    assert "mark" in str(compiled.params)


@pytest.mark.parametrize("operator", [*Operator])
def test_a_condition_is_never_null(empty_world: World, operator: Operator) -> None:
    condition = Condition("company", operator, "a", ("a", "ä"), "z")
    row = row_of(Subject(1, None, {}, NOW, NOW))
    with empty_world.database.writing() as connection:
        connection.execute(sa.insert(contact), row)
        query = sa.select(compile_filter(Filter(((condition,),)), NOW).is_(None)).select_from(contact)
        assert not connection.scalar(query)


def test_an_address_is_found_by_its_index(empty_world: World) -> None:
    condition = Condition("email", Operator.EQ, "Ada@example.com")
    query = sa.select(contact.c.id).where(
        contact.c.portal_id == PORTAL, compile_filter(Filter(((condition,),)), NOW)
    )
    with empty_world.database.writing() as connection:
        if not empty_world.database.is_sqlite:
            connection.execute(sa.text("SET LOCAL enable_seqscan = off"))
        text = query.compile(connection, compile_kwargs={"literal_binds": True})
        explain = "EXPLAIN QUERY PLAN" if empty_world.database.is_sqlite else "EXPLAIN"
        plan = connection.exec_driver_sql(f"{explain} {text}").all()
    assert "portal_id=? AND email=?" in str(plan) or "uq_contact_portal_id_email" in str(plan)
