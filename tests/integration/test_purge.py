from collections.abc import Callable
from datetime import timedelta

import pytest

from service.domain.endpoints import Endpoint
from service.identifiers import new_submission_id
from service.purge import Purger
from service.store import deliveries
from service.store.deliveries import RefusedDelivery
from service.store.tables import delivery
from tests.chats import Chats
from tests.facts import NOW, PORTAL, digest_of
from tests.world import World

DAYS = 30
Keep = Callable[..., None]


@pytest.fixture
def endpoint(world: World) -> Endpoint:
    return Chats(world).endpoint()


@pytest.fixture
def keep(world: World, endpoint: Endpoint) -> Keep:
    """Keep a delivery that came so long ago."""

    def keep_one(body: str = "body", **age: float) -> None:
        at = NOW - timedelta(**age)
        refused = RefusedDelivery(
            id=new_submission_id(at),
            endpoint_id=endpoint.id,
            portal_id=PORTAL,
            digest=digest_of(body),
            reason="wrong_signature",
            received_at=at,
            last_received_at=at,
            size=1,
            preview={},
            sealed=b"",
        )
        with world.database.writing() as connection:
            deliveries.keep(connection, refused)

    return keep_one


def kept(world: World) -> set[str]:
    return {row.digest.replace("-", "") for row in world.rows(delivery)}


def test_what_is_older_than_its_days_is_forgotten(world: World, keep: Keep) -> None:
    for name, days in {"new": 1, "nearly": 29.9, "old": 30.1, "older": 45, "oldest": 400}.items():
        keep(name, days=days)
    purger = Purger(world.database, world.now, DAYS)
    assert (purger.step(), purger.step()) == (3, 0)
    assert kept(world) == {digest_of("new"), digest_of("nearly")}


def test_a_delivery_that_comes_again_is_kept_from_then_on(world: World, keep: Keep) -> None:
    keep("again", days=60)
    keep("again", days=2)
    assert Purger(world.database, world.now, DAYS).step() == 0


def test_time_makes_it_old(world: World, keep: Keep) -> None:
    keep(days=0)
    purger = Purger(world.database, world.now, DAYS)
    assert purger.step() == 0
    world.pass_by(days=DAYS, seconds=1)
    assert purger.step() == 1
