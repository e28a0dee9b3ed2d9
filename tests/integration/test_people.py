"""Users, access tokens and what they may do, by the API, on both engines."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from werkzeug.test import TestResponse

from service.domain.actors import Actor, ActorKind
from service.domain.people import BY_COMMAND, ROLES, Maker, Role
from service.domain.portals import AccessToken, Scope
from service.errors import Conflict, Forbidden, InvalidInput, MarketableError, NoMarketingAccess
from service.people import NewToken, NewUser, People
from service.store import people as kept
from service.store import portals
from service.store.tables import access_token, audit, portal
from tests.endpoints import OTHER_PORTAL, Site, opened_site
from tests.facts import PORTAL
from tests.world import World

ADMIN = NewUser(email="ada@example.com", role=Role.ADMIN)


@pytest.fixture
def site(world: World, tmp_path: Path) -> Iterator[Site]:
    with opened_site(world, tmp_path) as opened:
        yield opened


@pytest.fixture
def people(world: World) -> People:
    return People(world.database, world.now)


def user_with(people: People, role: Role = Role.ADMIN, *, access: bool = True, name: str = "") -> int:
    email = f"{name or role}-{access}@example.com".lower()
    wanted = NewUser(email=email, role=role, marketing_access=access)
    return people.create_user(BY_COMMAND, PORTAL, wanted).id


def secret_of(people: People, user_id: int) -> str:
    return people.create_token(BY_COMMAND, PORTAL, NewToken(user_id=user_id))[1]


def maker_of(secret: str, world: World) -> Maker:
    with world.database.reading() as connection:
        token = portals.find_token(connection, secret)
    assert token is not None
    kind, number = (ActorKind.USER, token.user_id) if token.user_id else (ActorKind.TOKEN, token.id)
    return Maker(Actor(kind, number or 0, token.marketing_access), token.scopes, token.read_only)


def refused(answer: TestResponse) -> tuple[int, str]:
    return answer.status_code, (answer.get_json(force=True) or {}).get("reason", "")


def actions(world: World, subject: str) -> list[str]:
    return [row.action for row in world.rows(audit, audit.c.id) if row.subject == subject]


def test_a_user_is_made_shown_and_listed(site: Site) -> None:
    made = site.ask("POST", "/users", {"email": " Ada@Example.com", "role": "marketing"})
    document = made.get_json()
    assert (made.status_code, document["email"], document["name"]) == (
        201,
        "ada@example.com",
        "ada@example.com",
    )
    assert (document["marketing_access"], document["deactivated_at"]) == (True, None)
    assert site.ask("GET", f"/users/{document['id']}").get_json() == document
    assert site.ask("GET", "/users").get_json() == [document]
    assert site.ask("GET", "/users", portal=OTHER_PORTAL).get_json() == []


def test_an_address_belongs_to_one_user_of_a_portal(site: Site) -> None:
    body = {"email": "ada@example.com", "role": "viewer"}
    answers = [
        site.ask("POST", "/users", {**body, "email": email}, portal=portal_id).status_code
        for portal_id, email in ((PORTAL, "ada@example.com"), (PORTAL, "ADA@example.com"), (2, body["email"]))
    ]
    assert answers == [201, 409, 201]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"email": "nobody", "role": "viewer"}, "email"),
        ({"email": "a@example.com", "role": "boss"}, "role"),
        ({"email": "a@example.com"}, "role"),
        ({"email": "a@example.com", "role": "viewer", "name": "\0"}, "name"),
        ({"email": "a@example.com", "role": "viewer", "marketing_access": "yes"}, "marketing_access"),
    ],
)
def test_a_user_who_is_not_as_described_is_refused(site: Site, body: Any, field: str) -> None:
    answer = site.ask("POST", "/users", body)
    assert (answer.status_code, answer.get_json(force=True)["field"]) == (400, field)


@pytest.mark.parametrize("role", Role)
def test_a_users_token_may_what_the_role_may(site: Site, people: People, role: Role) -> None:
    secret = secret_of(people, user_with(people, role))
    me = site.ask("GET", "/me", token=secret).get_json()
    assert me["scopes"] == sorted(ROLES[role].scopes)
    assert me["read_only"] == sorted(ROLES[role].reads)
    assert (me["actor"], me["user"]["role"], me["portal"]) == (f"user:{me['user']['id']}", role, PORTAL)


def test_an_integrations_token_says_what_it_is(site: Site) -> None:
    made = site.ask("POST", "/tokens", {"name": "crm", "scopes": ["contacts"]}).get_json()
    me = site.ask("GET", "/me", token=made["secret"]).get_json()
    assert (me["actor"], me["user"], me["scopes"]) == (f"token:{made['id']}", None, ["contacts"])
    assert (me["marketing_access"], me["token"]["marketing_default"]) == (True, False)


def test_a_new_role_holds_from_the_next_request_on(site: Site, people: People) -> None:
    user_with(people, name="other")
    user_id = user_with(people)
    secret = secret_of(people, user_id)
    assert site.ask("GET", "/users", token=secret).status_code == 200
    people.change_user(BY_COMMAND, PORTAL, user_id, role=Role.VIEWER)
    answer = site.ask("GET", "/users", token=secret)
    assert refused(answer) == (403, "forbidden")
    assert "viewer" in answer.get_json(force=True)["detail"]


def test_a_role_that_only_reads_is_named_when_it_is_refused(site: Site, people: People) -> None:
    secret = secret_of(people, user_with(people, Role.MARKETING))
    with site.world.database.reading() as connection:
        token = portals.find_token(connection, secret)
    assert token is not None
    token.check(Scope.BILLING, writing=False)
    with pytest.raises(Forbidden, match="the role marketing reads billing"):
        token.check(Scope.BILLING, writing=True)


def test_a_deactivated_users_tokens_stop_at_once_and_for_good(site: Site, people: People) -> None:
    user_id = user_with(people, Role.VIEWER)
    secret = secret_of(people, user_id)
    assert site.ask("GET", "/me", token=secret).status_code == 200
    answer = site.ask("POST", f"/users/{user_id}/deactivate")
    assert answer.get_json()["deactivated_at"] is not None
    assert refused(site.ask("GET", "/me", token=secret)) == (401, "unauthenticated")
    assert site.ask("POST", f"/users/{user_id}/activate").get_json()["deactivated_at"] is None
    assert refused(site.ask("GET", "/me", token=secret)) == (401, "unauthenticated")
    assert actions(site.world, f"user:{user_id}") == ["created", "deactivated", "activated"]


def test_a_token_that_is_not_revoked_is_useless_without_an_active_user(world: World, people: People) -> None:
    user_id = user_with(people, Role.VIEWER)
    secret = secret_of(people, user_id)
    people.deactivate(BY_COMMAND, PORTAL, user_id)
    world.write(sa.update(access_token).values(revoked_at=None))
    with world.database.reading() as connection:
        assert portals.find_token(connection, secret) is None


def test_a_deactivated_user_gets_no_token(people: People) -> None:
    user_id = user_with(people, Role.VIEWER)
    people.deactivate(BY_COMMAND, PORTAL, user_id)
    with pytest.raises(Conflict, match="activate the user first"):
        secret_of(people, user_id)


@pytest.mark.parametrize(("method", "path"), [("POST", "/deactivate"), ("PATCH", "")])
def test_the_last_admin_stays(site: Site, people: People, method: str, path: str) -> None:
    first = user_with(people)
    body = {"role": "viewer"} if method == "PATCH" else None
    answer = site.ask(method, f"/users/{first}{path}", body)
    assert refused(answer) == (409, "conflict")
    second = user_with(people, name="second")
    assert site.ask(method, f"/users/{first}{path}", body).status_code == 200
    assert refused(site.ask("POST", f"/users/{second}/deactivate")) == (409, "conflict")


def test_of_two_admins_who_leave_at_once_one_stays(world: World, people: People) -> None:
    ids = [user_with(people, name=name) for name in ("one", "two")]

    def leave(user_id: int) -> bool:
        try:
            People(world.database, world.now).deactivate(BY_COMMAND, PORTAL, user_id)
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(2) as threads:
        left = list(threads.map(leave, ids))
    assert sorted(left) == [False, True]
    with world.database.reading() as connection:
        assert sum(each.is_active for each in kept.list_all(connection, PORTAL)) == 1


def test_the_last_admin_may_be_renamed(people: People) -> None:
    user_id = user_with(people)
    assert people.change_user(BY_COMMAND, PORTAL, user_id, name="Ada", role=Role.ADMIN).name == "Ada"


def test_access_that_is_taken_away_is_gone_from_the_users_tokens(site: Site, people: People) -> None:
    user_id = user_with(people)
    secret = secret_of(people, user_id)
    site.ask("PATCH", f"/users/{user_id}", {"marketing_access": False})
    assert site.ask("GET", "/me", token=secret).get_json()["marketing_access"] is False
    made = site.ask("POST", "/tokens", {}).get_json()
    answer = site.ask("PATCH", f"/tokens/{made['id']}/default", {"marketing_default": True}, token=secret)
    assert refused(answer) == (403, "no_marketing_access")


def test_nobody_gives_the_access_to_themselves(site: Site, people: People) -> None:
    user_id = user_with(people, access=False)
    secret, body = secret_of(people, user_id), {"marketing_access": True}
    assert refused(site.ask("PATCH", f"/users/{user_id}", body, token=secret)) == (403, "forbidden")
    assert site.ask("PATCH", f"/users/{user_id}", body).get_json()["marketing_access"] is True


def test_who_lacks_the_access_makes_no_token_that_has_it(site: Site, people: People) -> None:
    secret = secret_of(people, user_with(people, access=False))
    other = user_with(people, Role.MARKETING)
    for body in ({"user": other}, {"marketing_access": True}, {"marketing_default": True}):
        answer = site.ask("POST", "/tokens", body, token=secret)
        assert refused(answer) == (403, "no_marketing_access")
    made = site.ask("POST", "/tokens", {}, token=secret).get_json()
    path = f"/tokens/{made['id']}"
    assert made["marketing_access"] is False
    again = site.ask("PATCH", path, {"marketing_access": True}, token=secret)
    assert refused(again) == (403, "no_marketing_access")
    assert site.ask("PATCH", path, {"marketing_access": True}).get_json()["marketing_access"] is True


def test_nobody_gives_scopes_that_they_lack(site: Site, people: People) -> None:
    made = site.ask("POST", "/tokens", {"scopes": ["users", "forms"]}).get_json()
    secret, viewer = made["secret"], user_with(people, Role.VIEWER)
    for path, body in (
        ("/tokens", {"scopes": ["forms", "billing"]}),
        ("/tokens", {"user": viewer}),
        ("/users", {"email": "x@example.com", "role": "admin"}),
        ("/users", {"email": "x@example.com", "role": "viewer"}),
    ):
        answer = site.ask("POST", path, body, token=secret)
        assert refused(answer) == (403, "forbidden")
        assert "billing" in answer.get_json(force=True)["detail"]
    assert refused(site.ask("PATCH", f"/users/{viewer}", {"role": "admin"}, token=secret))[0] == 403
    assert site.ask("POST", "/tokens", {}, token=secret).get_json()["scopes"] == ["forms", "users"]
    of_viewer = site.ask("POST", "/tokens", {"user": viewer, "scopes": ["forms"]}, token=secret).get_json()
    assert (of_viewer["scopes"], of_viewer["read_only"]) == (["forms"], ["forms"])


def test_a_scope_that_only_reads_is_not_given_for_writing() -> None:
    maker = Maker(Actor(ActorKind.USER, 7), frozenset({"billing", "users"}), frozenset({"billing"}))
    maker.check_scopes(["users"], ["billing"])
    with pytest.raises(Forbidden, match="can't give what it lacks: billing"):
        maker.check_scopes(["billing"])
    with pytest.raises(Forbidden, match="can't give what it lacks: contacts"):
        maker.check_scopes([], ["contacts"])


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        ({"marketing_access": True}, "marketing_access"),
        ({"marketing_default": True}, "marketing_default"),
        ({"scopes": ["users"]}, "scopes"),
        ({"scopes": []}, "scopes"),
    ],
)
def test_a_users_token_has_nothing_beside_its_users(people: People, wanted: Any, field: str) -> None:
    user_id = user_with(people, Role.VIEWER)
    with pytest.raises(InvalidInput) as refusal:
        people.create_token(BY_COMMAND, PORTAL, NewToken(user_id=user_id, **wanted))
    assert refusal.value.field == field


def test_a_users_token_has_no_access_and_no_default_of_its_own(site: Site, people: People) -> None:
    user_id = user_with(people, Role.VIEWER)
    made, _ = people.create_token(BY_COMMAND, PORTAL, NewToken(user_id=user_id))
    answer = site.ask("PATCH", f"/tokens/{made.id}", {"marketing_access": False})
    assert (refused(answer), answer.get_json(force=True)["field"]) == (
        (400, "invalid_input"),
        "marketing_access",
    )
    default = site.ask("PATCH", f"/tokens/{made.id}/default", {"marketing_default": True})
    assert refused(default) == (404, "not_found")


def test_a_secret_is_shown_once_and_kept_as_a_hash(site: Site) -> None:
    made = site.ask("POST", "/tokens", {"name": "crm"})
    secret = made.get_json()["secret"]
    path = f"/tokens/{made.get_json()['id']}"
    shown = [site.ask("GET", each).text for each in ("/tokens", path, "/audit", "/me")]
    assert made.status_code == 201
    assert not any(secret in text for text in shown)
    assert not any(secret in str(row) for row in site.world.rows(access_token))


def test_a_token_is_renamed_and_revoked_at_once(site: Site) -> None:
    made = site.ask("POST", "/tokens", {"scopes": ["users"]}).get_json()
    path = f"/tokens/{made['id']}"
    assert site.ask("PATCH", path, {"name": "mine"}, token=made["secret"]).get_json()["name"] == "mine"
    assert site.ask("DELETE", path, token=made["secret"]).status_code == 204
    assert refused(site.ask("GET", path, token=made["secret"])) == (401, "unauthenticated")
    assert site.ask("DELETE", path).status_code == 204
    assert site.ask("GET", path).get_json()["revoked_at"] is not None
    assert actions(site.world, f"token:{made['id']}") == ["created", "changed", "revoked"]


def test_an_integration_has_a_default_of_its_own_with_a_version(site: Site) -> None:
    made = site.ask("POST", "/tokens", {"marketing_default": True}).get_json()
    path = f"/tokens/{made['id']}/default"
    assert (made["marketing_default"], made["default_version"]) == (True, 0)
    off = site.ask("PATCH", path, {"marketing_default": False}).get_json()
    assert (off["marketing_default"], off["default_version"]) == (False, 1)
    again = site.ask("PATCH", path, {"marketing_default": False}).get_json()
    assert again["default_version"] == 1
    assert actions(site.world, f"token:{made['id']}") == ["created", "default_set"]


def test_a_portal_without_a_product_has_no_default_to_set(site: Site) -> None:
    site.world.write(sa.update(portal).values(product="none"))
    answer = site.ask("POST", "/tokens", {"marketing_default": True})
    assert refused(answer) == (403, "not_included")


def test_what_two_change_of_a_token_at_once_is_both_kept(world: World, people: People) -> None:
    made, _ = people.create_token(BY_COMMAND, PORTAL, NewToken(name="crm"))
    changes: list[dict[str, Any]] = [{"name": "new"}, {"marketing_access": False}]
    with ThreadPoolExecutor(2) as threads:
        done = [
            threads.submit(
                People(world.database, world.now).change_token, BY_COMMAND, PORTAL, made.id, **each
            )
            for each in changes
        ]
    assert all(isinstance(each.result(), AccessToken) for each in done)
    after = people.token(PORTAL, made.id)
    assert (after.name, after.marketing_access) == ("new", False)


def test_another_portals_users_and_tokens_are_not_there(people: People, site: Site) -> None:
    user_id = user_with(people)
    made, _ = people.create_token(BY_COMMAND, PORTAL, NewToken())
    calls: list[Any] = [
        lambda: people.user(OTHER_PORTAL, user_id),
        lambda: people.change_user(BY_COMMAND, OTHER_PORTAL, user_id, name="x"),
        lambda: people.deactivate(BY_COMMAND, OTHER_PORTAL, user_id),
        lambda: people.create_token(BY_COMMAND, OTHER_PORTAL, NewToken(user_id=user_id)),
        lambda: people.token(OTHER_PORTAL, made.id),
        lambda: people.revoke_token(BY_COMMAND, OTHER_PORTAL, made.id),
    ]
    for call in calls:
        with pytest.raises(MarketableError) as refusal:
            call()
        assert refusal.value.reason == "not_found"
    assert site.ask("GET", "/users", portal=OTHER_PORTAL).get_json() == []


def test_the_actor_of_a_change_is_in_the_audit(site: Site, people: People) -> None:
    user_id = user_with(people)
    secret = secret_of(people, user_id)
    made = site.ask("POST", "/tokens", {"scopes": ["forms"]}, token=secret).get_json()
    assert [
        (each["actor"], each["subject"], each["action"], each["after"]["scopes"])
        for each in site.ask("GET", f"/audit?actor=user:{user_id}").get_json()
    ] == [(f"user:{user_id}", f"token:{made['id']}", "created", ["forms"])]


def test_an_access_that_is_lacking_is_said_of_whom() -> None:
    maker = Maker(Actor(ActorKind.USER, 7, marketing_access=False), frozenset(Scope))
    with pytest.raises(NoMarketingAccess, match="user:7"):
        maker.check_access(given=True)
