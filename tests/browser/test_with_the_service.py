"""The same browser against the service itself: what visitors submit is there, decided, and counted."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from playwright.sync_api import Page, expect
from werkzeug.serving import make_server

from config.settings import Settings
from service.app import create_app, open_services
from service.demo import PORTAL_ID, make_demo
from service.domain.endpoints import Endpoint
from service.endpoints import Endpoints, Wanted, hook_path
from service.providers.catalogue import load_catalogue
from service.store import schema
from service.store.tables import contact, submission
from service.vault import vault_of
from tests.browser.servers import PATIENCE, Site

FIELDS = (
    '<label>E-mail <input name="email" type="email" value="ada@example.com"></label><button>Send</button>'
)


class Service:
    """A web process on a database of its own, reached by another name than the site."""

    def __init__(self, folder: Path) -> None:
        settings = Settings(data_dir=folder)
        self.services = open_services(settings)
        schema.migrate(self.services.database)
        make_demo(self.services.database, folder, self.services.now())
        self.endpoints = Endpoints(
            self.services.database, vault_of(settings), load_catalogue(), self.services.now
        )
        self.server = make_server("127.0.0.1", 0, create_app(settings, self.services), threaded=True)
        self.url = f"http://localhost:{self.server.port}"

    def endpoint(self, provider: str, **options: object) -> Endpoint:
        return self.endpoints.create(PORTAL_ID, provider, Wanted(options=options))

    def kept(self) -> tuple[str, str]:
        """Return the verdict and the contact's address of the submission that comes in."""
        query = sa.select(submission.c.verdict, contact.c.email).join(
            contact, contact.c.id == submission.c.contact_id
        )
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            with self.services.database.reading() as connection:
                row = connection.execute(query).one_or_none()
            if row is not None:
                return row.verdict, row.email
            time.sleep(0.05)
        pytest.fail("nothing was kept")


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    running = Service(tmp_path)
    thread = threading.Thread(target=running.server.serve_forever, daemon=True)
    thread.start()
    yield running
    running.server.shutdown()
    thread.join()
    running.server.server_close()
    running.services.close()


def test_a_captured_form_is_counted_though_the_page_moves_on(
    page: Page, site: Site, service: Service
) -> None:
    token = service.endpoint("captured_form").token
    script = f'<script async src="{service.url}/collect.js" data-endpoint="{token}"></script>'
    site.serve(
        "/contact", f'<title>Contact</title>{script}<form action="/thanks" method="post">{FIELDS}</form>'
    )
    page.goto(f"{site.url}/contact")
    page.wait_for_function("window.marketable")
    page.get_by_role("button", name="Send").click()
    expect(page).to_have_title("Thanks")
    assert service.kept() == ("raised", "ada@example.com")


def test_a_fetch_driven_form_of_an_allowed_page_is_counted(page: Page, site: Site, service: Service) -> None:
    token = service.endpoint("captured_form", allowed_origins=[site.url]).token
    script = f'<script async src="{service.url}/collect.js" data-endpoint="{token}"></script>'
    staying = "<script>addEventListener('submit', (event) => event.preventDefault())</script>"
    site.serve("/contact", f"<title>Contact</title>{script}<form>{FIELDS}</form>{staying}")
    page.goto(f"{site.url}/contact")
    page.wait_for_function("window.marketable")
    page.get_by_role("button", name="Send").click()
    assert service.kept() == ("raised", "ada@example.com")


def test_a_plain_form_ends_on_the_page_that_it_names(page: Page, site: Site, service: Service) -> None:
    host = site.url.removeprefix("http://").partition(":")[0]
    endpoint = service.endpoint("html_form", allowed_hosts=[host])
    action = f'action="{service.url}{hook_path(endpoint)}" method="post"'
    goal = f'<input type="hidden" name="_next" value="{site.url}/thanks">'
    site.serve("/contact", f"<title>Contact</title><form {action}>{goal}{FIELDS}</form>")
    page.goto(f"{site.url}/contact")
    page.get_by_role("button", name="Send").click()
    expect(page).to_have_url(f"{site.url}/thanks")
    assert service.kept() == ("raised", "ada@example.com")


def test_a_plain_form_that_names_a_stranger_ends_on_our_page_of_thanks(
    page: Page, site: Site, service: Service
) -> None:
    endpoint = service.endpoint("html_form", thanks_text="We have it, Ada.")
    action = f'action="{service.url}{hook_path(endpoint)}" method="post"'
    goal = '<input type="hidden" name="_next" value="https://stranger.example.net/">'
    site.serve("/contact", f"<title>Contact</title><form {action}>{goal}{FIELDS}</form>")
    page.goto(f"{site.url}/contact")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_text("We have it, Ada.")).to_be_visible()
    assert page.url == f"{service.url}{hook_path(endpoint)}"
