"""`marketable doctor`: what is well, and each thing that can be wrong, with its mend."""

import subprocess

import amqp
import pytest

from tests.e2e.installation import Installation
from tests.services.plugin import Stack
from tests.services.rabbitmq import connected

NO_DATABASE = "postgresql://postgres@127.0.0.1:9/nothing"
NO_BROKER = "amqp://guest:guest@127.0.0.1:9//"


def findings(examined: "subprocess.CompletedProcess[str]") -> dict[str, str]:
    """The level of each thing that was looked at."""
    lines = [line for line in examined.stdout.splitlines() if not line.startswith(" ")]
    return {line.split(":")[0].split(maxsplit=1)[1]: line.split()[0] for line in lines}


def assert_fails_with_a_mend(examined: "subprocess.CompletedProcess[str]", what: str, mend: str) -> None:
    assert examined.returncode == 1
    assert findings(examined)[what] == "fail"
    following = examined.stdout.partition(f"fail  {what}")[2].splitlines()[1]
    assert mend in following


def test_all_is_well_on_a_running_server(running: Installation) -> None:
    examined = running.run("doctor")
    assert examined.returncode == 0, examined.stdout
    assert set(findings(examined).values()) == {"ok"}
    assert findings(examined).keys() >= {
        "python",
        "database",
        "durability",
        "tables",
        "outbox",
        "broker",
        "queue",
    }


def test_a_database_that_does_not_answer(installation: Installation) -> None:
    examined = installation.run("doctor", MARKETABLE_DATABASE_URL=NO_DATABASE)
    assert_fails_with_a_mend(examined, "database", "MARKETABLE_DATABASE_URL")


def test_tables_that_are_missing(installation: Installation) -> None:
    assert_fails_with_a_mend(installation.run("doctor"), "tables", "marketable migrate")


def test_a_broker_that_does_not_answer(installation: Installation) -> None:
    examined = installation.run("doctor", MARKETABLE_BROKER_URL=NO_BROKER)
    assert_fails_with_a_mend(examined, "broker", "MARKETABLE_BROKER_URL")


def test_a_variable_that_is_no_setting_is_a_warning(running: Installation) -> None:
    examined = running.run("doctor", MARKETABLE_BROKER="amqp://here")
    assert (examined.returncode, findings(examined)["settings"]) == (0, "warn")


@pytest.mark.parametrize("engine_urls", ["postgresql+rabbitmq"], indirect=True)
def test_all_is_well_on_the_grown_up_stack(installation: Installation, engine_urls: Stack) -> None:
    installation.settings.update(engine_urls.environment())
    installation.say("migrate")
    examined = installation.run("doctor")
    assert examined.returncode == 0, examined.stdout
    assert findings(examined)["confirms"] == findings(examined)["queue"] == "ok"
    assert findings(examined)["consumers"] == "warn"


@pytest.mark.parametrize("engine_urls", ["postgresql+rabbitmq"], indirect=True)
def test_a_queue_that_exists_with_other_properties(installation: Installation, engine_urls: Stack) -> None:
    installation.settings.update(engine_urls.environment())
    with connected(engine_urls.broker_url) as connection:
        channel: amqp.Channel = connection.channel()
        channel.queue_declare(f"{engine_urls.topology}.billing-count", durable=True, auto_delete=False)
    assert_fails_with_a_mend(installation.run("doctor"), "queue", "MARKETABLE_TOPOLOGY")
