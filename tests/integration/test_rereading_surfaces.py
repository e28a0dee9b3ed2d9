"""Reading again by our own API and by the command."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import flask_smorest as smorest
import pytest
from flask import Flask
from werkzeug.test import TestResponse

from service.rereading import Asked, Rereading
from service.store import portals
from service.store.tables import contact
from service.web import problems
from service.web.api import rereading
from service.web.services import install
from tests.commands import run
from tests.facts import PORTAL
from tests.hooking import Site
from tests.receiving import KEY, Desk, said
from tests.world import World, on_sqlite

BY_MAIL = {"email": "mail"}
ADA, BOB = "ada@example.com", "bob@example.com"


@pytest.fixture
def desk(world: World) -> Desk:
    return Desk(world)


def people(world: World) -> set[str]:
    return {row.email for row in world.rows(contact)}


class Api:
    """The call of our own API, and an access token for it."""

    def __init__(self, site: Site, portal_id: int, form_id: int) -> None:
        application = Flask("api")
        application.config.update(API_TITLE="t", API_VERSION="1", OPENAPI_VERSION="3.1.0")
        install(application, site.services)
        smorest.Api(application).register_blueprint(rereading.blueprint)
        problems.install(application)
        self.client = application.test_client()
        self.path = f"/api/v1/portals/{portal_id}/external-forms/{form_id}/read-again"
        with site.database.writing() as connection:
            portals.add_token(connection, portal_id, "t", "secret", ["endpoints"], site.now())

    def post(self, body: object, secret: str = "secret") -> TestResponse:  # noqa: S107 - a test's
        return self.client.post(self.path, json=body, headers={"Authorization": f"Bearer {secret}"})


@pytest.fixture
def api(desk: Desk, tmp_path: Path) -> Iterator[Api]:
    site = Site(desk.world.stack.database_url, tmp_path, secret_key=KEY)
    yield Api(site, PORTAL, desk.form().id)
    site.close()


@on_sqlite
def test_the_api_previews_unless_it_is_told_otherwise(desk: Desk, api: Api) -> None:
    desk.take(said({"mail": ADA}))
    foreseen = api.post({"mapping": BY_MAIL})
    assert foreseen.status_code == 200, foreseen.text
    wanted = Asked(portal_id=PORTAL, form_id=desk.form().id, mapping=BY_MAIL)
    assert foreseen.json == Rereading(desk.world.database, desk.world.now).preview(wanted).document()
    assert people(desk.world) == set()
    done = api.post({"mapping": BY_MAIL, "dry_run": False, "since": "2026-01-01T00:00:00Z"})
    assert (done.json or {})["become_marketing"] == 1
    assert people(desk.world) == {ADA}


@on_sqlite
def test_the_api_refuses_what_it_cannot_do(desk: Desk, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong: list[dict[str, Any]] = [
        {"mapping": {"shoe_size": "x"}},
        {"dry_run": "yes"},
        {"since": "yesterday"},
        {"extra": 1},
    ]
    assert {api.post(body).status_code for body in wrong} == {400}
    assert api.post({}, "another").status_code == 401
    monkeypatch.setattr(rereading, "MOST_SUBMISSIONS", 1)
    for mail in (ADA, BOB):
        desk.take(said({"mail": mail}))
    refused = api.post({})
    assert (refused.status_code, (refused.json or {})["field"]) == (400, "since")


@on_sqlite
def test_the_command_previews_and_carries_out(desk: Desk, tmp_path: Path) -> None:
    desk.take(said({"mail": ADA}))
    environment = {"MARKETABLE_DATABASE_URL": desk.world.stack.database_url, "MARKETABLE_SECRET_KEY": KEY}
    form = str(desk.form().id)
    arguments = ["external-form", "read-again", "--portal", str(PORTAL), form, "--map", "email=mail"]
    shown = run(arguments, tmp_path, **environment)
    assert "1 new contacts, 1 become marketing: count 0 to 1, tier 1000" in shown.stdout, shown.stderr
    assert people(desk.world) == set()
    done = run([*arguments, "--carry-out", "--json"], tmp_path, **environment)
    assert json.loads(done.stdout)["changes"] == {"contact_gained": 1}
    assert people(desk.world) == {ADA}
