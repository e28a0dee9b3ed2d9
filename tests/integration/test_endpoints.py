"""Endpoints and external forms as people make and change them, on both engines."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from service.domain.endpoints import EndpointState
from service.errors import InvalidInput, NotFound, SealBroken
from service.store import deliveries, endpoints, external_forms
from service.store.tables import endpoint, submission
from service.vault import Vault, new_key
from tests.endpoints import OTHER_PORTAL, SECRET, Site, answer_of, opened_site
from tests.facts import NOW, PORTAL
from tests.world import World


@pytest.fixture
def site(world: World, tmp_path: Path) -> Iterator[Site]:
    with opened_site(world, tmp_path) as opened:
        yield opened


def test_an_endpoint_is_shown_as_it_was_made(site: Site) -> None:
    number = site.made(name="News", secret=SECRET, options={"honeypots": ["website"]})
    found = site.endpoints.show(PORTAL, number).endpoint
    assert (found.name, found.secrets, found.options.honeypots) == ("News", (SECRET,), ("website",))
    assert [each.endpoint for each in site.endpoints.every(PORTAL)] == [found]


def test_nothing_of_a_secret_is_in_the_database(site: Site) -> None:
    site.made("meta_lead_ads", secret=SECRET, access_token="token-of-the-vendor")  # noqa: S106
    (row,) = site.world.rows(endpoint)
    assert not any(secret in str(row) for secret in (SECRET, "token-of-the-vendor", "ep_"))


def test_both_secrets_prove_until_the_rotation_is_finished(site: Site) -> None:
    number = site.made(secret="the-old-one")  # noqa: S106
    site.endpoints.rotate_secret(PORTAL, number, SECRET)
    for place, secret in enumerate(("the-old-one", SECRET)):
        assert site.send(number, answer_of(event_id=f"ev-{place}"), secret).status_code == 200
    site.endpoints.finish_rotation(PORTAL, number)
    site.services.configuration.refresh()
    assert site.send(number, answer_of(event_id="ev-3"), "the-old-one").status_code == 401
    assert site.send(number, answer_of(event_id="ev-4"), SECRET).status_code == 200


def test_both_addresses_lead_here_until_the_rotation_is_finished(site: Site) -> None:
    number = site.made()
    before = site.path(number)
    after_rotation = site.endpoints.rotate_address(PORTAL, number)
    assert [site.client.head(path).status_code for path in (before, site.path(number))] == [200, 200]
    site.endpoints.finish_rotation(PORTAL, number)
    site.services.configuration.refresh()
    assert [site.client.head(path).status_code for path in (before, site.path(number))] == [404, 200]
    assert len(after_rotation.tokens) == 2


def test_a_third_secret_takes_the_place_of_the_oldest(site: Site) -> None:
    number = site.made(secret="one")  # noqa: S106
    site.endpoints.rotate_secret(PORTAL, number, "two")
    assert site.endpoints.rotate_secret(PORTAL, number, "three").secrets == ("three", "two")


def test_when_the_secret_was_stored_is_known(site: Site) -> None:
    bare, signed = site.made(), site.made(secret="one")  # noqa: S106
    assert site.endpoints.show(PORTAL, bare).endpoint.secret_set_at is None
    first = site.endpoints.show(PORTAL, signed).endpoint.secret_set_at
    site.world.pass_by(seconds=1)
    site.endpoints.rotate_secret(PORTAL, signed, "two")
    second = site.endpoints.show(PORTAL, signed).endpoint.secret_set_at
    assert first is not None
    assert second is not None
    assert second > first


@pytest.mark.parametrize(
    ("provider", "wanted", "field"),
    [
        ("html_form", {"secret": SECRET}, "secret"),
        ("typeform", {"secret": "x" * 10_001}, "secret"),
        ("typeform", {"name": "x" * 201}, "name"),
        ("typeform", {"options": {"tolerance": 0}}, "options.tolerance"),
        ("html_form", {"options": {"captcha": "hcaptcha"}}, "captcha_secret"),
    ],
)
def test_what_cannot_be_is_refused_with_its_field(
    site: Site, provider: str, wanted: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidInput) as refusal:
        site.made(provider, **wanted)
    assert refusal.value.field == field
    assert site.endpoints.every(PORTAL) == []


def test_an_option_that_is_not_named_stays(site: Site) -> None:
    number = site.made(options={"thanks_text": "Thanks!", "tolerance": 600})
    changed = site.endpoints.set(PORTAL, number, state=EndpointState.PAUSED, options={"tolerance": None})
    assert (changed.options.thanks_text, changed.options.tolerance) == ("Thanks!", None)
    assert (changed.state, changed.version) == (EndpointState.PAUSED, 2)


def test_a_deleted_endpoint_leads_nowhere_and_its_submissions_stay(site: Site) -> None:
    number = site.made(secret=SECRET)
    path = site.path(number)
    site.send(number, answer_of(), SECRET)
    site.endpoints.delete(PORTAL, number)
    site.services.configuration.refresh()
    assert site.client.head(path).status_code == 404
    assert (site.endpoints.every(PORTAL), site.endpoints.forms(PORTAL)) == ([], [])
    assert site.world.number_of(submission) == 1


def test_an_endpoint_of_another_portal_is_not_found(site: Site) -> None:
    number = site.made()
    with pytest.raises(NotFound):
        site.endpoints.show(OTHER_PORTAL, number)
    with pytest.raises(NotFound):
        site.endpoints.delete(OTHER_PORTAL, number)


def test_a_form_is_new_until_somebody_chooses_for_it(site: Site) -> None:
    number = site.made(secret=SECRET)
    site.send(number, answer_of(), SECRET)
    (form,) = site.endpoints.forms(PORTAL, only_new=True)
    assert (form.key, form.name, form.fields, form.is_new) == ("abc", "Newsletter", {"mail": "Mail?"}, True)
    site.endpoints.choose(PORTAL, form.id, marketing_default=False)
    assert site.endpoints.forms(PORTAL, only_new=True) == []


def test_a_form_that_is_told_of_is_set_up_when_its_first_submission_comes(site: Site) -> None:
    number = site.made(secret=SECRET)
    told = site.endpoints.tell_of_form(PORTAL, number, "abc")
    site.endpoints.choose(PORTAL, told.id, marketing_default=False)
    site.send(number, answer_of(), SECRET)
    (form,) = site.endpoints.forms(PORTAL)
    assert (form.id, form.first_seen_at, form.last_seen_at) == (told.id, NOW, NOW)
    assert [row.verdict for row in site.world.rows(submission)] == ["default_off"]


def test_a_form_that_was_told_of_was_not_seen(site: Site) -> None:
    told = site.endpoints.tell_of_form(PORTAL, site.made(), "abc")
    assert (told.first_seen_at, told.last_seen_at, told.is_new) == (None, None, False)
    assert site.endpoints.tell_of_form(PORTAL, told.endpoint_id, "abc") == told


def test_an_endpoint_has_so_many_forms_and_no_more(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(external_forms, "MOST_FORMS", 1)
    number = site.made()
    site.endpoints.tell_of_form(PORTAL, number, "one")
    with pytest.raises(InvalidInput, match="forms already"):
        site.endpoints.tell_of_form(PORTAL, number, "two")


@pytest.mark.parametrize("mapping", [{"address": "a"}, {"email": "x" * 1_000}, {"email": "\0"}])
def test_a_mapping_that_is_none_is_refused(site: Site, mapping: dict[str, str]) -> None:
    told = site.endpoints.tell_of_form(PORTAL, site.made(), "abc")
    with pytest.raises(InvalidInput) as refusal:
        site.endpoints.choose(PORTAL, told.id, mapping=mapping)
    assert refusal.value.field == "mapping"


def test_submissions_are_counted_by_form_up_to_a_bound(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    number = site.made(secret=SECRET)
    for place, form in enumerate(("one", "one", "one", "two")):
        site.send(number, answer_of(event_id=f"ev-{place}", form=form), SECRET)
    forms = sorted(site.endpoints.forms(PORTAL), key=lambda form: form.key)
    assert list(site.endpoints.count_submissions(forms).values()) == [3, 1]
    monkeypatch.setattr(external_forms, "MOST_COUNTED", 2)
    assert list(site.endpoints.count_submissions(forms).values()) == [2, 1]


def test_what_is_seen_later_never_looks_older(site: Site) -> None:
    number = site.made(secret=SECRET)
    site.send(number, answer_of(), SECRET)
    (form,) = site.endpoints.forms(PORTAL)
    with site.world.database.writing() as connection:
        external_forms.note_seen(connection, form.id, name="", fields={}, at=NOW.replace(year=2020))
    assert site.endpoints.form(PORTAL, form.id).last_seen_at == NOW


def test_after_resealing_the_newest_key_is_enough(site: Site) -> None:
    number = site.made(secret=SECRET)
    site.send(number, answer_of(), "another")
    newest, before = new_key(), site.services.configuration.vault()
    site.world.write(sa.update(endpoint).values(name="Renamed"))
    with site.world.database.reading() as connection:
        assert endpoints.find(connection, before, PORTAL, number) is not None
        with pytest.raises(SealBroken):
            endpoints.find(connection, Vault(newest), PORTAL, number)
    both = _vault_of(newest, site)
    with site.world.database.writing() as connection:
        assert (endpoints.reseal(connection, both), deliveries.reseal(connection, both)) == (1, 1)
    with site.world.database.reading() as connection:
        found = endpoints.find(connection, Vault(newest), PORTAL, number)
        (kept,) = site.refused()
        refused = deliveries.find(connection, PORTAL, kept)
    assert found is not None
    assert found.secrets == (SECRET,)
    assert refused is not None
    assert b"another" not in Vault(newest).open(refused.sealed or b"")


def _vault_of(newest: str, site: Site) -> Vault:
    return Vault(f"{newest},{site.key}")
