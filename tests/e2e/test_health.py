"""Health and metrics as an operator's tools ask for them, of the web process and of the worker."""

import pytest

from tests.e2e.client import ask, sample, submit
from tests.e2e.installation import Installation

HEALTH_JSON = "application/health+json"


@pytest.fixture(params=["web", "worker"])
def port(request: pytest.FixtureRequest, running: Installation) -> int:
    """Where the process answers health and metrics."""
    return running.port if request.param == "web" else int(running.settings["MARKETABLE_HEALTH_PORT"])


@pytest.mark.parametrize("path", ["/health/live", "/health/ready", "/health"])
def test_a_process_that_works_answers_that_it_passes(port: int, path: str) -> None:
    answer = ask(port, path)
    assert (answer.status, answer.json()["status"]) == (200, "pass")
    assert answer.headers["content-type"] == HEALTH_JSON


def test_health_names_the_process_and_its_checks(port: int, running: Installation) -> None:
    report = ask(port, "/health").json()
    assert report["serviceId"] == f"marketable-{'web' if port == running.port else 'worker'}"
    assert report["checks"].keys() >= {"database:responseTime", "outbox:age"}


def test_metrics_give_the_count_and_the_tier_of_each_portal(port: int, running: Installation) -> None:
    metrics = ask(port, "/metrics").text
    assert sample(metrics, 'marketable_billing_count{portal="1"}') == running.count()
    assert sample(metrics, 'marketable_tier{portal="1"}') == 1000
    assert sample(metrics, "marketable_database_up") == 1


def test_submissions_are_counted_over_all_web_workers(running: Installation) -> None:
    def counted() -> float:
        return sample(ask(running.port, "/metrics").text, "marketable_submissions_total")

    before = counted()
    for number in range(20):
        assert submit(running.port, f"counted-{number}@example.com").status == 200
    assert [counted() - before for _ in range(6)] == [20] * 6


def test_refusals_are_counted_by_reason(running: Installation) -> None:
    before = sample(ask(running.port, "/metrics").text, 'marketable_refusals_total{reason="not_found"}')
    assert submit(running.port, "refused@example.com", "22222222-2222-4222-8222-222222222222").status == 404
    after = sample(ask(running.port, "/metrics").text, 'marketable_refusals_total{reason="not_found"}')
    assert after - before == 1
