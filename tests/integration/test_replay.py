"""Deliveries that were refused are taken in later, once, and as on the day they came."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from service.errors import NotFound
from service.replay import NOT_WHOLE
from service.store.tables import delivery, external_form, submission
from tests.endpoints import OTHER_PORTAL, SECRET, Site, answer_of, opened_site
from tests.facts import NOW, PORTAL
from tests.world import World

WRONG = "another-secret"


@pytest.fixture
def site(world: World, tmp_path: Path) -> Iterator[Site]:
    with opened_site(world, tmp_path) as opened:
        yield opened


def refuse_one(site: Site) -> tuple[int, str]:
    """Have one delivery refused for its signature; returns its endpoint and its id."""
    number = site.made(secret=WRONG)
    assert site.send(number, answer_of(), SECRET).status_code == 401
    (waiting,) = site.refused()
    return number, waiting


def mend(site: Site, number: int) -> None:
    site.endpoints.rotate_secret(PORTAL, number, SECRET)


def test_what_is_not_mended_is_refused_again_with_its_reason(site: Site) -> None:
    _, waiting = refuse_one(site)
    replayed = site.replay().replay(PORTAL, waiting)
    assert (replayed.is_kept, replayed.reason) == (False, "signature_wrong")
    assert site.refused() == [waiting]
    assert site.world.number_of(submission) == 0


def test_what_is_mended_is_kept_and_raises_its_contact(site: Site) -> None:
    number, waiting = refuse_one(site)
    mend(site, number)
    replayed = site.replay().replay(PORTAL, waiting)
    assert (replayed.is_kept, replayed.events, replayed.repeated) == (True, 1, 0)
    assert site.refused() == []
    site.world.count_up()
    assert site.world.count() == 1


def test_it_is_received_when_it_came_and_raises_when_it_is_replayed(site: Site) -> None:
    number, waiting = refuse_one(site)
    mend(site, number)
    replayed_at = site.world.pass_by(days=3)
    site.replay().replay(PORTAL, waiting)
    (message,) = site.world.take_messages()
    (kept,) = site.world.rows(submission)
    assert (kept.received_at, message.at) == (NOW, replayed_at)
    assert site.replay().find(PORTAL, waiting).replayed_at == replayed_at


@pytest.mark.parametrize("event_id", ["ev-1", ""])
def test_a_replay_after_a_replay_changes_nothing(site: Site, event_id: str) -> None:
    number = site.made(secret=WRONG)
    site.send(number, answer_of(event_id=event_id), SECRET)
    (waiting,) = site.refused()
    mend(site, number)
    for lapse, repeated in ((0, 0), (3, 1), (40, 1)):
        site.world.pass_by(days=lapse)
        replayed = site.replay().replay(PORTAL, waiting)
        assert (replayed.events, replayed.repeated) == (1, repeated)
    assert site.world.number_of(submission) == 1


@pytest.mark.parametrize("event_id", ["ev-1", ""])
def test_what_was_accepted_shortly_before_is_one_with_the_replay(site: Site, event_id: str) -> None:
    number = site.made(secret=SECRET)
    site.send(number, answer_of(event_id=event_id), SECRET)
    site.world.pass_by(minutes=9)
    site.send(number, answer_of(event_id=event_id), WRONG)
    site.world.pass_by(days=1)
    replayed = site.replay().replay(PORTAL, site.refused()[0], trust=True)
    assert (replayed.events, replayed.repeated) == (1, 1)
    assert site.world.number_of(submission) == 1


def test_the_age_of_a_signature_is_judged_by_when_it_came(site: Site) -> None:
    number = site.made("calendly", secret=WRONG)
    site.send(number, b'{"event": "invitee.created", "payload": {"email": "ada@example.com"}}', SECRET)
    mend(site, number)
    site.world.pass_by(days=2)
    assert site.replay().replay(PORTAL, site.refused()[0]).reason == ""


def test_what_nothing_proves_is_kept_only_when_somebody_answers_for_it(site: Site) -> None:
    _, waiting = refuse_one(site)
    assert not site.replay().replay(PORTAL, waiting).is_kept
    assert site.replay().replay(PORTAL, waiting, trust=True).is_kept


def test_trust_does_not_make_what_cannot_be_read_readable(site: Site) -> None:
    number = site.made()
    assert site.send(number, b"ada@example.com").status_code == 422
    replayed = site.replay().replay(PORTAL, site.refused()[0], trust=True)
    assert not replayed.is_kept
    assert "ada" not in replayed.detail


def test_a_dry_run_tells_and_keeps_nothing(site: Site) -> None:
    number, waiting = refuse_one(site)
    mend(site, number)
    replayed = site.replay().replay(PORTAL, waiting, dry_run=True)
    assert (replayed.is_kept, replayed.events) == (True, 1)
    assert (site.world.number_of(submission), site.refused()) == (0, [waiting])


def test_a_form_that_is_seen_by_a_replay_has_its_name_and_fields(site: Site) -> None:
    number, waiting = refuse_one(site)
    mend(site, number)
    site.replay().replay(PORTAL, waiting)
    (form,) = site.world.rows(external_form)
    assert (form.key, form.name, form.fields) == ("abc", "Newsletter", {"mail": "Mail?"})


def test_an_id_that_was_accepted_with_another_body_is_refused(site: Site) -> None:
    number, waiting = refuse_one(site)
    mend(site, number)
    assert site.send(number, answer_of("eve@example.com"), SECRET).status_code == 200
    assert site.replay().replay(PORTAL, waiting).reason == "conflicting_delivery"
    assert site.refused() == [waiting]


def test_an_endpoint_that_is_gone_refuses_its_deliveries(site: Site) -> None:
    number, waiting = refuse_one(site)
    site.endpoints.delete(PORTAL, number)
    assert site.replay().replay(PORTAL, waiting, trust=True).reason == "not_found"
    assert site.refused() == site.ask("GET", "/deliveries?waiting=true").get_json() == []


def test_a_request_that_was_not_kept_whole_cannot_be_replayed(site: Site) -> None:
    _, waiting = refuse_one(site)
    site.world.write(sa.update(delivery).values(sealed=None))
    assert site.replay().replay(PORTAL, waiting, trust=True).reason == NOT_WHOLE


def test_a_secret_of_another_key_refuses_one_delivery_and_not_those_after_it(site: Site) -> None:
    _, waiting = refuse_one(site)
    site.world.write(sa.update(delivery).values(sealed=b"not ours"))
    assert site.replay().replay(PORTAL, waiting, trust=True).reason == "seal_broken"


@pytest.mark.parametrize("unknown", ["xyz", "0" * 32, "\x00", "0" * 31])
def test_an_unknown_delivery_is_not_found(site: Site, unknown: str) -> None:
    with pytest.raises(NotFound):
        site.replay().replay(PORTAL, unknown)


def test_a_delivery_of_another_portal_is_not_found(site: Site) -> None:
    _, waiting = refuse_one(site)
    with pytest.raises(NotFound):
        site.replay().replay(OTHER_PORTAL, waiting, trust=True)
    assert site.replay().waiting(OTHER_PORTAL) == []


def test_what_waits_is_in_the_order_of_arrival(site: Site) -> None:
    number = site.made(secret=WRONG)
    for place in range(3):
        site.send(number, answer_of(event_id=f"ev-{place}"), SECRET)
        site.world.pass_by(seconds=1)
    found = [site.replay().find(PORTAL, each).received_at for each in site.refused()]
    assert found == sorted(found)
    assert site.replay().waiting(PORTAL, number + 1) == []


def test_a_solved_captcha_cannot_be_asked_about_again_so_a_replay_is_spam(site: Site) -> None:
    number = site.made("html_form", captcha_secret=WRONG, options={"captcha": "turnstile"})
    site.world.write(sa.delete(delivery))
    site.send(number, b'{"broken')
    waiting = site.refused()[0]
    sealed = site.services.configuration.vault().seal(
        b"POST http://localhost/hooks/html_form/x HTTP/1.1\r\n"
        b"Content-Type: application/json\r\n\r\n" + b'{"email": "ada@example.com"}'
    )
    site.world.write(sa.update(delivery).values(sealed=sealed))
    site.replay().replay(PORTAL, waiting)
    (kept,) = site.world.rows(submission)
    assert (kept.verdict, kept.contact_id) == ("spam", None)
