from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import date, timedelta

import pytest
import sqlalchemy as sa

from service.domain.billing import Commitment, Product, Subscription
from service.domain.portals import AccessToken, DeleteCounts
from service.errors import InvalidInput
from service.store import portals
from service.store.tables import access_token
from tests.facts import FORM, FORM_THAT_IS_OFF, NOW, PORTAL, make_form, make_portal
from tests.world import World

Change = Callable[[sa.Connection], object]


def test_a_portal_is_found_as_it_was_made(world: World) -> None:
    subscription = Subscription(Commitment.ANNUAL, date(2024, 2, 29), "Europe/Vienna")
    made = replace(
        make_portal(7),
        subscription=subscription,
        product=Product.ENTERPRISE,
        tier=30_000,
        delete_counts=DeleteCounts.NOT,
    )
    with world.database.writing() as connection:
        portals.add_portal(connection, made)
    with world.database.reading() as connection:
        assert portals.find_portal(connection, 7) == made


def test_portals_are_listed_by_id(world: World) -> None:
    with world.database.writing() as connection:
        for number in (9, 4):
            portals.add_portal(connection, make_portal(number))
    with world.database.reading() as connection:
        assert [found.id for found in portals.list_portals(connection)] == [PORTAL, 4, 9]


def test_an_id_that_is_taken_is_refused(world: World) -> None:
    with world.database.writing() as connection, pytest.raises(InvalidInput, match="exists already"):
        portals.add_portal(connection, make_portal())


def test_what_is_not_there_is_none(world: World) -> None:
    with world.database.reading() as connection:
        assert portals.find_portal(connection, 99) is None
        assert portals.find_form(connection, PORTAL, "33333333-3333-4333-8333-333333333333") is None
        assert portals.find_form(connection, 99, FORM) is None
        assert portals.find_token(connection, "secret") is None


def test_a_form_is_found_as_it_was_saved_in_any_spelling_of_its_id(world: World) -> None:
    guid = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"
    with world.database.writing() as connection:
        portals.save_form(connection, make_form(guid, marketing=False, version=3), NOW)
    with world.database.reading() as connection:
        for spelling in (guid, guid.upper(), guid.replace("-", "")):
            found = portals.find_form(connection, PORTAL, spelling)
            assert found == make_form(guid, marketing=False, version=3)


def test_a_form_that_is_saved_again_is_changed(world: World) -> None:
    changed = replace(make_form(version=2, marketing=False), name="Other", archived=True)
    with world.database.writing() as connection:
        portals.save_form(connection, changed, NOW + timedelta(days=1))
    with world.database.reading() as connection:
        assert portals.find_form(connection, PORTAL, FORM) == changed
        assert len(portals.list_forms(connection, PORTAL)) == 2


def test_forms_are_listed_by_name(world: World) -> None:
    with world.database.writing() as connection:
        portals.save_form(connection, replace(make_form(FORM_THAT_IS_OFF), name="A form"), NOW)
    with world.database.reading() as connection:
        assert [found.name for found in portals.list_forms(connection, PORTAL)] == ["A form", "Contact us"]
        assert portals.list_forms(connection, 99) == []


def add_token(connection: sa.Connection, secret: str = "secret") -> int:  # noqa: S107 - of a test
    return portals.add_token(connection, PORTAL, "mine", secret, ["forms", "billing"], NOW)


def test_a_token_is_found_by_its_secret(world: World) -> None:
    with world.database.writing() as connection:
        token_id = add_token(connection)
    expected = AccessToken(token_id, PORTAL, "mine", frozenset({"billing", "forms"}), NOW)
    with world.database.reading() as connection:
        assert portals.find_token(connection, "secret") == expected
        assert portals.find_token(connection, "Secret") is None
        assert portals.list_tokens(connection, PORTAL) == [expected]


def test_the_secret_itself_is_kept_nowhere(world: World) -> None:
    with world.database.writing() as connection:
        add_token(connection, "a-very-secret-secret")
    (row,) = world.rows(access_token)
    assert row.secret_hash == portals.hash_secret("a-very-secret-secret")
    assert not any("a-very-secret" in str(value) for value in row)


def test_a_secret_of_any_characters_has_a_hash() -> None:
    assert len({portals.hash_secret(text) for text in ("", "\0", "\ud800", "é", "🙂")}) == 5


def test_a_revoked_token_is_unknown_and_still_listed(world: World) -> None:
    with world.database.writing() as connection:
        token_id = add_token(connection)
        assert portals.revoke_token(connection, PORTAL, token_id, NOW)
    with world.database.reading() as connection:
        assert portals.find_token(connection, "secret") is None
        (listed,) = portals.list_tokens(connection, PORTAL)
    assert listed.revoked_at == NOW


@pytest.mark.parametrize("portal_id", [PORTAL, 2])
def test_there_is_no_revoking_twice_or_for_others(world: World, portal_id: int) -> None:
    with world.database.writing() as connection:
        token_id = add_token(connection)
        assert portals.revoke_token(connection, portal_id, token_id, NOW) is (portal_id == PORTAL)
        assert portals.revoke_token(connection, 2, token_id, NOW) is False
        assert portals.revoke_token(connection, PORTAL, token_id + 1, NOW) is False


@pytest.mark.parametrize(
    "change",
    [
        lambda connection: portals.add_portal(connection, make_portal(2)),
        lambda connection: portals.save_form(connection, make_form(version=2), NOW),
        lambda connection: portals.save_form(connection, make_form(FORM.replace("1", "3")), NOW),
        add_token,
        lambda connection: portals.revoke_token(connection, PORTAL, add_token(connection), NOW),
    ],
    ids=["new portal", "changed form", "new form", "new token", "revoked token"],
)
def test_every_change_moves_the_version_on(world: World, change: Change) -> None:
    with world.database.writing() as connection:
        before = portals.version(connection)
        change(connection)
        assert portals.version(connection) > before


def test_a_change_that_is_rolled_back_leaves_the_version(world: World) -> None:
    with world.database.reading() as connection:
        before = portals.version(connection)
    with suppress(InvalidInput), world.database.writing() as connection:
        portals.add_portal(connection, make_portal(2))
        portals.add_portal(connection, make_portal(2))
    with world.database.reading() as connection:
        assert portals.version(connection) == before
        assert portals.find_portal(connection, 2) is None
