from datetime import timedelta

import pytest
import sqlalchemy as sa

from service.configuration import Configuration
from service.domain.model import Default, Fact, Recorded, Source, Verdict
from service.intake import Intake
from service.store import portals
from service.store.tables import form, status_change
from tests.facts import FORM, FORM_THAT_IS_OFF, NOW, PORTAL, UPDATE_DATE, make_fact, make_form, make_portal
from tests.world import World


def switch(world: World, guid: str, *, marketing: bool, version: int) -> None:
    """Change a form's default, as another process does it."""
    with world.database.writing() as connection:
        portals.save_form(connection, make_form(guid, marketing=marketing, version=version), NOW)


def verdict(intake: Intake, fact: Fact) -> Verdict | None:
    ((_, outcome),) = intake.record([fact])
    assert isinstance(outcome, Recorded)
    return outcome.verdict


def test_a_default_that_is_switched_off_holds_from_the_next_batch_on(world: World) -> None:
    intake = world.intake()
    assert verdict(intake, make_fact("ada@example.com")) is Verdict.RAISED
    switch(world, FORM, marketing=False, version=2)
    assert verdict(intake, make_fact("bob@example.com")) is Verdict.DEFAULT_OFF


def test_a_default_that_is_switched_on_raises_those_who_are_there(world: World) -> None:
    intake = world.intake()
    assert verdict(intake, make_fact(form=FORM_THAT_IS_OFF)) is Verdict.DEFAULT_OFF
    switch(world, FORM_THAT_IS_OFF, marketing=True, version=2)
    assert verdict(intake, make_fact(form=FORM_THAT_IS_OFF)) is Verdict.RAISED
    (change,) = world.rows(status_change)
    assert (change.reason_id, change.default_version) == (FORM_THAT_IS_OFF, 2)


def test_the_caches_of_two_processes_follow_each_change(world: World) -> None:
    intakes = [world.intake(), world.intake()]
    for number in range(6):
        switch(world, FORM, marketing=number % 2 == 0, version=number + 2)
        expected = Verdict.RAISED if number % 2 == 0 else Verdict.DEFAULT_OFF
        for who, intake in enumerate(intakes):
            assert verdict(intake, make_fact(f"{number}{who}@example.com")) is expected


def test_a_change_of_any_portal_is_no_reason_to_decide_otherwise(world: World) -> None:
    intake = world.intake()
    assert verdict(intake, make_fact("ada@example.com")) is Verdict.RAISED
    with world.database.writing() as connection:
        portals.add_portal(connection, make_portal(2))
    assert verdict(intake, make_fact("ada@example.com")) is Verdict.ALREADY_MARKETING


def test_a_default_is_read_from_the_form_and_carries_its_version(world: World) -> None:
    configuration = Configuration(world.database)
    switch(world, FORM, marketing=True, version=7)
    assert configuration.default_of(make_fact()) == Default(on=True, version=7)
    assert configuration.default_of(make_fact(form=FORM_THAT_IS_OFF)) == Default(on=False, version=1)


def test_a_source_without_a_default_of_its_own_raises_nobody(world: World) -> None:
    fact = make_fact(source=Source.CHATFLOW, source_id="7")
    assert Configuration(world.database).default_of(fact) == Default(on=False)


def test_what_is_not_there_is_looked_for_again(world: World) -> None:
    configuration = Configuration(world.database)
    assert configuration.portal(2) is None
    assert configuration.form(PORTAL, "33333333-3333-4333-8333-333333333333") is None
    with world.database.writing() as connection:
        portals.add_portal(connection, make_portal(2))
    assert configuration.portal(2) == make_portal(2)


def test_a_token_is_known_until_it_is_revoked(world: World) -> None:
    configuration = Configuration(world.database)
    with world.database.writing() as connection:
        token_id = portals.add_token(connection, PORTAL, "mine", "secret", ["forms"], NOW)
    found = configuration.token("secret")
    assert found is not None
    assert (found.id, found.scopes) == (token_id, frozenset({"forms"}))
    with world.database.writing() as connection:
        portals.revoke_token(connection, PORTAL, token_id, NOW)
    assert configuration.refresh()
    assert configuration.token("secret") is None


def test_a_refresh_without_a_change_keeps_what_is_known(world: World) -> None:
    configuration = Configuration(world.database)
    assert configuration.form(PORTAL, FORM) is not None
    assert not configuration.refresh()
    world.write(sa.delete(form))
    assert configuration.form(PORTAL, FORM) is not None


def test_a_cache_that_grew_too_large_begins_anew(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.configuration.MOST_ENTRIES", 1)
    configuration = Configuration(world.database)
    assert configuration.form(PORTAL, FORM) is not None
    assert not configuration.refresh()
    assert configuration.portal(PORTAL) is not None
    assert configuration.refresh()


def test_the_update_date_is_found_anew_once_it_has_come(world: World) -> None:
    configuration = Configuration(world.database)
    assert configuration.update_date(PORTAL, NOW) == UPDATE_DATE
    assert configuration.update_date(PORTAL, UPDATE_DATE - timedelta(seconds=1)) == UPDATE_DATE
    assert configuration.update_date(PORTAL, UPDATE_DATE).isoformat() == "2026-05-01T00:00:00+00:00"
