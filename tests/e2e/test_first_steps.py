"""What a stranger does first: starts everything, pastes the curl line, and looks at the count."""

import shlex
import shutil
import subprocess
import urllib.request
from datetime import UTC, datetime
from typing import Any

from tests.e2e.client import ask, submit
from tests.e2e.installation import INHERITED, Installation, Running
from tests.e2e.waiting import eventually


def line_with(part: str, running: Running) -> str:
    """The line of the banner that has this part."""
    return next(line.strip() for line in running.output.splitlines() if part in line)


def send_as_pasted(curl_line: str) -> int:
    """Run the line in a shell, or post what it says where there is no curl; the status."""
    if shutil.which("curl") and shutil.which("bash"):
        pasted = f"{curl_line} --silent --show-error --output /dev/null --write-out '%{{http_code}}'"
        return int(subprocess.run(["bash", "-c", pasted], capture_output=True, check=True).stdout)  # noqa: S607
    _curl, _x, method, url, _h, header, _d, body = shlex.split(curl_line)
    name, value = header.split(": ")
    request = urllib.request.Request(url, body.encode(), {name: value}, method=method)  # noqa: S310 - our own
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - our own
        return int(answer.status)


def bill_over_the_wire(installation: Installation) -> Any:
    """The bill without the time that a command takes to start."""
    token = (installation.folder / "data" / "demo.token").read_text().strip()
    return ask(
        installation.port, "/api/v1/portals/1/billing", headers={"Authorization": f"Bearer {token}"}
    ).json()


def test_the_printed_curl_line_brings_the_count_to_one_within_a_second_and_the_same_again_leaves_it(
    installation: Installation,
) -> None:
    curl_line = line_with("curl -X", installation.up())
    assert installation.read("billing", "--portal", "1", "--json")["count"] == 0
    assert send_as_pasted(curl_line) == 200
    eventually(lambda: bill_over_the_wire(installation)["count"] == 1, "the count is 1", within=1.0)
    assert send_as_pasted(curl_line) == 200
    assert installation.say("verify").splitlines()[-1] == "difference: 0"
    bill = installation.read("billing", "--portal", "1", "--json")
    assert (bill["count"], bill["tier"], bill["leaving"]) == (1, 1000, 0)


def test_the_printed_billing_command_works_in_another_terminal(installation: Installation) -> None:
    command = line_with(" billing ", installation.up())
    environment = installation.environment()
    shown = subprocess.run(
        ["sh", "-c", command],  # noqa: S607 - the shell that the user has
        cwd=installation.folder,
        env={name: environment[name] for name in INHERITED if name in environment},
        capture_output=True,
        text=True,
        check=True,
    )
    assert shown.stdout.startswith("0 of 1000 marketing contacts count in portal 1")


def test_the_bill_says_count_tier_leaving_and_update_date(running: Installation) -> None:
    bill = running.read("billing", "--portal", "1", "--json")
    assert {"count", "tier", "leaving", "update_date"} <= bill.keys()
    assert datetime.fromisoformat(bill["update_date"]) > datetime.now(UTC)


def test_a_form_with_its_default_off_leaves_the_count_and_keeps_the_submission(running: Installation) -> None:
    made = running.say("form", "create", "--portal", "1", "--non-marketing")
    before, guid = running.count(), made.split()[1]
    assert submit(running.port, "off@example.com", guid).status == 200
    assert running.say("verify").splitlines()[-1] == "difference: 0"
    assert running.count() == before
    assert not running.read("contact", "why", "--portal", "1", "--email", "off@example.com")["counts"]


def test_a_second_start_on_the_same_data_keeps_all(installation: Installation) -> None:
    first = installation.up()
    token = (installation.folder / "data" / "demo.token").read_text()
    assert submit(installation.port, "kept@example.com").status == 200
    assert first.stop() == 0
    installation.up()
    assert installation.say("verify").splitlines()[-1] == "difference: 0"
    assert installation.count() == 1
    assert (installation.folder / "data" / "demo.token").read_text() == token


def test_a_start_without_the_demo_makes_no_portal(installation: Installation) -> None:
    running = installation.start("up", "--no-demo")
    installation.ready(running, installation.port)
    assert installation.read("portal", "list", "--json") == []
    assert submit(installation.port, "nobody@example.com").status == 404
