from datetime import UTC, datetime

import pytest
import time_machine

from service.errors import TooManyRequests
from service.web.limits import RateLimit, network_of

NOON = datetime(2026, 3, 31, 12, 0, tzinfo=UTC)


def test_requests_over_the_limit_are_refused_until_one_is_ten_seconds_old() -> None:
    limit = RateLimit(2)
    with time_machine.travel(NOON, tick=False) as clock:
        limit.check(1, "203.0.113.9")
        clock.shift(4)
        limit.check(1, "203.0.113.9")
        with pytest.raises(TooManyRequests) as refusal:
            limit.check(1, "203.0.113.9")
        assert refusal.value.retry_after == 6
        clock.shift(6.5)
        limit.check(1, "203.0.113.9")


def test_each_key_has_a_limit_of_its_own() -> None:
    limit = RateLimit(1)
    limit.check(1, "203.0.113.9")
    limit.check(2, "203.0.113.9")
    limit.check(1, "203.0.113.10")
    with pytest.raises(TooManyRequests):
        limit.check(1, "203.0.113.9")


def test_zero_is_no_limit() -> None:
    limit = RateLimit(0)
    assert not limit.is_on
    for _ in range(1_000):
        limit.check(1)


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("::1", "::/64"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("unix:", "unix:"),
        (None, ""),
    ],
)
def test_an_ipv6_client_is_its_whole_network(address: str | None, network: str) -> None:
    assert network_of(address) == network
