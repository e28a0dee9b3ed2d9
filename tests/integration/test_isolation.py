"""No portal sees or touches anything of another: shown over every route that the application has.

Routes are found in the application itself, so a new one is tested without anybody naming it here. It fails until its
unsafe calls say what they do (`service.web.api.effects`), and until `tests.strangers` knows what stands for the
variables of its path.
"""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import TestResponse

from service.domain.people import ROLES, Role
from service.domain.portals import Scope
from service.web.api.effects import Effect
from tests.calls import SECURE, Call, calls
from tests.endpoints import OTHER_PORTAL, opened_site
from tests.facts import PORTAL
from tests.strangers import NUMBERS, Strangers, canary, differences
from tests.world import World

OPEN = {
    "/health": "says how this process is, and nothing of a portal",
    "/health/live": "the same",
    "/health/ready": "the same",
    "/metrics": "counts of the process; only who reaches the port sees them",
    "/openapi.json": "describes the API, the same for everybody",
    "/collect.js": "a script, the same for everybody",
    "/collect/<token>": "whoever has the address of an endpoint sends to its portal, and reads nothing",
    "/hooks/<provider>/<token>": "the same",
    "/hooks/<provider>/<token>/<path:rest>": "the same",
    "/submissions/v3/integration/submit/<portal_id>/<form_guid>": "anybody submits a form, and reads nothing",
    "/uploads/form/v2/<portal_id>/<form_guid>": "the same",
}
"""Routes that need no access token, each with its reason."""
OF_ANY_SCOPE = {"/api/v1/portals/<int:portal_id>/me"}
OF_TWO_SCOPES = {"/api/v1/portals/<int:portal_id>/billing/release-candidates"}
FAULT = 500


@pytest.fixture
def strangers(world: World, tmp_path: Path) -> Iterator[Strangers]:
    with opened_site(world, tmp_path) as site:
        yield Strangers(world, site)


def closed(strangers: Strangers) -> list[Call]:
    """Return all calls that need an access token."""
    found = [call for call in calls(strangers.site.client.application) if call.rule.rule not in OPEN]
    return [call for call in found if not (call.rule.rule.startswith(SECURE) and call.method != "POST")]


def ask(strangers: Strangers, call: Call, path: str, secret: str | None, body: Any = None) -> TestResponse:
    headers = {"Authorization": f"Bearer {secret}"} if secret else {}
    query = strangers.query(call) if call.is_safe else None
    return strangers.site.client.open(
        path, method=call.method, json=None if call.is_safe else body, headers=headers, query_string=query
    )


def whole_body(strangers: Strangers, call: Call) -> Any:
    """Return a body with all that the call takes."""
    found = strangers.bodies(call)
    return found[1] if len(found) > 1 else found[0]


def secrets_of(strangers: Strangers, portal_id: int) -> list[str]:
    """Return a token of every role, with access and without, and of every scope."""
    users = [secret for (owner, *_), secret in strangers.users.items() if owner == portal_id]
    return users + [secret for (owner, _), secret in strangers.integrations.items() if owner == portal_id]


def told(call: Call, answer: TestResponse, body: Any = None) -> str:
    """Return what a failure needs to be understood."""
    return f"{call} with {body}: {answer.status_code} {answer.text[:500]}"


def reason_of(answer: TestResponse) -> str:
    document = answer.get_json(silent=True, force=True)
    return str(document.get("reason", "")) if isinstance(document, dict) else ""


def test_every_route_is_of_a_portal_or_open_for_a_reason(strangers: Strangers) -> None:
    rules = {call.rule.rule for call in calls(strangers.site.client.application)}
    outside = {call.rule.rule for call in calls(strangers.site.client.application) if not call.is_of_portal}
    assert outside <= set(OPEN)
    assert set(OPEN) <= rules
    assert len(rules) > 40


def test_every_unsafe_call_says_what_it_does(strangers: Strangers) -> None:
    silent = [
        str(call)
        for call in closed(strangers)
        if not call.is_safe and call.marker is None and not call.rule.rule.startswith(SECURE)
    ]
    assert silent == []


def test_each_portal_reaches_its_own(strangers: Strangers) -> None:
    """Or else it would say nothing that others don't."""
    for portal_id in NUMBERS:
        secret, seen, failures = strangers.users[portal_id, Role.ADMIN, True], 0, []
        for call in closed(strangers):
            if call.is_safe:
                with strangers.suited(call):
                    path = call.path(portal_id, strangers.own(call, portal_id))
                    answer = ask(strangers, call, path, secret)
                seen += canary(portal_id) in answer.text
                failures += [] if answer.status_code == 200 else [told(call, answer)]
        assert failures == []
        assert seen > 10


def test_no_token_of_another_portal_opens_anything(strangers: Strangers) -> None:
    before, secrets = strangers.everything(), secrets_of(strangers, PORTAL)
    assert len(secrets) == len(Role) * 2 + len(Scope) + 1
    for call in closed(strangers):
        body = whole_body(strangers, call)
        path = call.path(OTHER_PORTAL, strangers.own(call, OTHER_PORTAL))
        for secret in secrets:
            answer = ask(strangers, call, path, secret, body)
            assert answer.status_code == 403, told(call, answer)
            assert canary(OTHER_PORTAL) not in answer.text, told(call, answer)
    assert differences(before, strangers.everything()) == []


def test_nothing_of_another_portal_is_found_in_ones_own(strangers: Strangers) -> None:
    before, secret = strangers.of(OTHER_PORTAL), strangers.users[PORTAL, Role.ADMIN, True]
    for call in closed(strangers):
        with strangers.suited(call):
            for values in strangers.foreign(call):
                _look_for(strangers, call, values, secret)
        if not call.is_safe:
            assert differences(before, strangers.of(OTHER_PORTAL)) == [], call
    assert differences(before, strangers.of(OTHER_PORTAL)) == []


def _look_for(strangers: Strangers, call: Call, values: dict[str, Any], secret: str) -> None:
    """Ask, within portal A and with every body, for what is B's."""
    path, statuses = call.path(PORTAL, values), set()
    for body in itertools.chain(*(strangers.bodies(call, number) for number in NUMBERS.values())):
        answer = ask(strangers, call, path, secret, body)
        statuses.add(answer.status_code)
        assert answer.status_code in {400, 404}, told(call, answer, body)
        assert canary(OTHER_PORTAL) not in answer.text, told(call, answer, body)
    assert 404 in statuses, f"{call}: no body that is generated for it is taken"


def test_nothing_of_another_portal_is_reached_by_a_body_or_a_query(strangers: Strangers) -> None:
    """Nor by a job that a call has started."""
    before, secret = strangers.of(OTHER_PORTAL), strangers.users[PORTAL, Role.ADMIN, True]
    taken = []
    for call in closed(strangers):
        with strangers.suited(call):
            statuses = _reach_out(strangers, call, secret)
        while not call.is_safe and strangers.jobs.step():
            pass
        if not call.is_safe:
            taken.append(statuses != {400})
            assert differences(before, strangers.of(OTHER_PORTAL)) == [], call
    assert differences(before, strangers.of(OTHER_PORTAL)) == []
    assert sum(taken) > len(taken) * 0.8


def _reach_out(strangers: Strangers, call: Call, secret: str) -> set[int]:
    """Make a call within portal A that names what is B's; returns the statuses of the answers."""
    path, statuses = call.path(PORTAL, strangers.own(call, PORTAL)), set()
    for body in [None] if call.is_safe else strangers.bodies(call):
        answer = ask(strangers, call, path, secret, body)
        statuses.add(answer.status_code)
        assert answer.status_code < FAULT, told(call, answer, body)
        assert answer.status_code != 401, told(call, answer, body)
        assert canary(OTHER_PORTAL) not in answer.text, told(call, answer, body)
    return statuses


def test_nothing_is_open_without_a_token(strangers: Strangers) -> None:
    before = strangers.everything()
    for call in closed(strangers):
        path = call.path(PORTAL, strangers.own(call, PORTAL))
        for secret in (None, "mk_nobody_knows"):
            answer = ask(strangers, call, path, secret, whole_body(strangers, call))
            assert answer.status_code == 401, told(call, answer)
    assert differences(before, strangers.everything()) == []


def test_each_call_needs_its_scope_and_no_other(strangers: Strangers) -> None:
    before = strangers.everything()
    for call in closed(strangers):
        assert (call.scope is None) == (call.rule.rule in OF_ANY_SCOPE), call
        if call.scope is None:
            continue
        path = call.path(PORTAL, strangers.own(call, PORTAL))
        secret = strangers.without[PORTAL, call.scope]
        answer = ask(strangers, call, path, secret, whole_body(strangers, call))
        assert answer.status_code == 403, told(call, answer)
        if call.is_safe:
            answer = ask(strangers, call, path, strangers.integrations[PORTAL, call.scope])
            assert (answer.status_code == 403) == (call.rule.rule in OF_TWO_SCOPES), told(call, answer)
    assert differences(before, strangers.everything()) == []


@pytest.mark.parametrize("role", [role for role in Role if ROLES[role].reads])
def test_who_only_reads_changes_nothing(strangers: Strangers, role: Role) -> None:
    before, secret, tried = strangers.everything(), strangers.users[PORTAL, role, True], 0
    for call in closed(strangers):
        if call.is_safe or call.is_reading or call.scope in ROLES[role].writes:
            continue
        path = call.path(PORTAL, strangers.own(call, PORTAL))
        answer = ask(strangers, call, path, secret, whole_body(strangers, call))
        assert answer.status_code == 403, told(call, answer)
        assert role.value in answer.text or call.rule.rule.startswith(SECURE), told(call, answer)
        tried += 1
    assert differences(before, strangers.everything()) == []
    assert tried > 5


def test_who_lacks_the_access_sets_no_status_and_no_default(strangers: Strangers) -> None:
    before, tried = strangers.everything(), 0
    secret = strangers.users[PORTAL, Role.ADMIN, False]
    for call in closed(strangers):
        if call.marker is None or call.marker.effect is not Effect.SETS_STATUS:
            continue
        path = call.path(PORTAL, strangers.own(call, PORTAL))
        bodies = [body for body in strangers.bodies(call) if call.marker.sets_status(body)]
        bodies += [_with(field) for field in call.marker.fields]
        assert bodies, f"{call} has no body that sets a status"
        for body in bodies:
            answer = ask(strangers, call, path, secret, body)
            assert reason_of(answer) == "no_marketing_access", told(call, answer, body)
            tried += 1
    assert differences(before, strangers.everything()) == []
    assert tried > 3


def test_who_lacks_the_access_lets_no_contact_go_that_counts(strangers: Strangers) -> None:
    before, tried = strangers.everything(), 0
    secret = strangers.users[PORTAL, Role.ADMIN, False]
    for call in closed(strangers):
        if call.marker and call.marker.effect is Effect.MAY_SET_STATUS:
            path = call.path(PORTAL, strangers.own(call, PORTAL))
            for body in strangers.bodies(call, strangers.others[PORTAL]):
                answer = ask(strangers, call, path, secret, body)
                assert reason_of(answer) == "no_marketing_access", told(call, answer, body)
                tried += 1
    assert differences(before, strangers.everything()) == []
    assert tried > 2


def test_a_call_that_says_it_reads_changes_nothing(strangers: Strangers) -> None:
    before = strangers.everything()
    secret = strangers.users[PORTAL, Role.ADMIN, True]
    for call in closed(strangers):
        if call.is_safe or call.is_reading:
            path = call.path(PORTAL, strangers.own(call, PORTAL))
            for body in [None] if call.is_safe else strangers.bodies(call):
                ask(strangers, call, path, secret, body)
            if not call.is_safe:
                assert differences(before, strangers.everything()) == [], call
    assert differences(before, strangers.everything()) == []


def _with(field: str) -> Any:
    """Return a body that has nothing but one field, as a marker names it."""
    path, _, value = field.partition("=")
    body: Any = {"false": False, "true": True}.get(value, True)
    for name in reversed(path.split(".")):
        body = {name: body}
    return body
