"""A real Chromium, a site and a collecting server for tests of what pages load from the service."""

import os
import shutil
from collections.abc import Iterator
from typing import Protocol

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

from tests.browser.servers import Collector, Site, serving
from tests.services.plugin import or_skip
from tests.services.server import ServiceMissingError

VARIABLE = "MARKETABLE_TEST_CHROMIUM"
PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
# Without them it asks hosts of its maker at every start.
SILENT = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
)
MILLISECONDS = 15_000


def find_chromium() -> str:
    """Return the path of the program; raises ServiceMissingError."""
    named = os.environ.get(VARIABLE)
    found = next((path for name in (named, *PROGRAMS) if name and (path := shutil.which(name))), None)
    if found is None:
        raise ServiceMissingError(f"no Chromium: install one (package chromium) or name it in {VARIABLE}")
    return found


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One for all tests of a module; it ends with them, for its loop would be in the way of other tests'."""
    program = or_skip(find_chromium)
    expect.set_options(timeout=MILLISECONDS)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=program, args=[*SILENT], chromium_sandbox=os.geteuid() != 0, timeout=60_000
        )
        yield chromium
        chromium.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A visitor of one's own: no cookie, no storage, no tab of another test's."""
    fresh = browser.new_context()
    fresh.set_default_timeout(MILLISECONDS)
    yield fresh
    fresh.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A tab; a script's error fails the test, and so does a warning, which is how ours tells of one."""
    tab = context.new_page()
    errors: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type == "warning":
            errors.append(message.text)

    tab.on("pageerror", lambda error: errors.append(str(error)))
    tab.on("console", note)
    yield tab
    assert errors == []


@pytest.fixture
def site() -> Iterator[Site]:
    owner = Site()
    with serving(owner, "127.0.0.1"):
        yield owner


@pytest.fixture
def collector() -> Iterator[Collector]:
    """Of another origin than the site: another name, another port."""
    owner = Collector()
    with serving(owner, "localhost"):
        yield owner


class Visit(Protocol):
    """Opens a page that has the script and this markup; `options` are attributes of the script's element."""

    def __call__(self, markup: str, options: str = "", path: str = "/contact", policy: str = "") -> None: ...


@pytest.fixture
def visit(page: Page, site: Site, collector: Collector) -> Visit:
    """Pages of the site, each with the script of the collecting server."""

    def open_page(markup: str, options: str = "", path: str = "/contact", policy: str = "") -> None:
        script = f'<script async src="{collector.url}/collect.js" data-endpoint="TOKEN" {options}></script>'
        headers = (("Content-Security-Policy", policy),) if policy else ()
        site.serve(path.partition("?")[0], f"<title>Contact us</title>{script}{markup}", headers)
        page.goto(site.url + path)
        page.wait_for_function("window.marketable")

    return open_page
