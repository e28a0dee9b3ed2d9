"""Roles, what follows from them, and what a call says of itself."""

import re
from pathlib import Path
from typing import Any

import pytest

from service.domain.people import BY_COMMAND, ROLES, Role
from service.domain.portals import AccessToken, Scope
from service.errors import Forbidden
from service.store.audit import AuditKind, contact_of
from service.web.api.effects import Effect, Marker, changes, marker_of, may_set_status, reads, sets_status
from tests.facts import NOW

PAGE = Path(__file__).parents[2] / "docs" / "users.md"


def named(scopes: frozenset[Scope]) -> str:
    return ", ".join(f"`{scope}`" for scope in sorted(scopes))


@pytest.mark.parametrize("role", Role)
def test_a_role_has_its_row(role: Role) -> None:
    powers = ROLES[role]
    row = f"| `{role}` | {powers.about} | {named(powers.writes)} | {named(powers.reads)} |"
    assert re.sub(r" +", " ", row) in PAGE.read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("role", Role)
def test_a_role_changes_or_only_sees_a_scope(role: Role) -> None:
    assert not ROLES[role].writes & ROLES[role].reads


def test_an_admin_has_every_scope_and_nobody_else_the_users() -> None:
    assert ROLES[Role.ADMIN].writes == frozenset(Scope)
    assert [role for role in Role if Scope.USERS in ROLES[role].scopes] == [Role.ADMIN]


def test_a_viewer_changes_nothing_and_sees_no_address_to_send_to() -> None:
    assert not ROLES[Role.VIEWER].writes
    assert Scope.ENDPOINTS not in ROLES[Role.VIEWER].scopes


def test_a_command_gives_every_role() -> None:
    for role in Role:
        BY_COMMAND.check_role(role)


def test_a_token_without_the_scope_is_refused_with_its_role() -> None:
    token = AccessToken(
        1, 1, "t", frozenset({"billing"}), NOW, role="viewer", read_only=frozenset({"billing"})
    )
    token.check(Scope.BILLING, writing=False)
    with pytest.raises(Forbidden, match="the role viewer reads billing and changes nothing"):
        token.check(Scope.BILLING, writing=True)
    with pytest.raises(Forbidden, match="of a user with the role viewer lacks the scope users"):
        token.check(Scope.USERS, writing=False)


@pytest.mark.parametrize(
    ("fields", "body", "sets"),
    [
        ((), None, True),
        ((), {}, True),
        (("marketing",), {"marketing": False}, True),
        (("marketing",), {"marketing": None}, False),
        (("marketing",), {"name": "x"}, False),
        (("marketing",), ["marketing"], False),
        (("marketing",), "marketing", False),
        (("inputs.marketing",), {"inputs": [{"id": 1}, {"marketing": True}]}, True),
        (("inputs.marketing",), {"inputs": [{"id": 1}]}, False),
        (("dry_run=false",), {"dry_run": False}, True),
        (("dry_run=false",), {"dry_run": True}, False),
        (("dry_run=false",), {}, False),
    ],
)
def test_a_call_sets_a_status_with_the_fields_that_it_names(
    fields: tuple[str, ...], body: Any, *, sets: bool
) -> None:
    assert Marker(Effect.SETS_STATUS, fields).sets_status(body) is sets


@pytest.mark.parametrize("effect", [each for each in Effect if each is not Effect.SETS_STATUS])
def test_other_calls_set_no_status_whatever_the_body(effect: Effect) -> None:
    assert Marker(effect).sets_status({"marketing": True}) is False


def test_a_view_says_what_it_does() -> None:
    def view() -> None: ...

    assert marker_of(view, "POST") is None
    for mark, effect in (
        (reads, Effect.READS),
        (changes, Effect.CHANGES),
        (may_set_status, Effect.MAY_SET_STATUS),
        (sets_status("x"), Effect.SETS_STATUS),
    ):
        marker = marker_of(mark(view), "POST")
        assert marker is not None
        assert marker.effect is effect
    assert marker_of(view, "GET") == Marker(Effect.READS)


@pytest.mark.parametrize(
    ("subject", "number"),
    [
        ("contact:12", 12),
        ("contact:", None),
        ("contact:x", None),
        ("user:12", None),
        (f"contact:{2**64}", None),
    ],
)
def test_a_contact_is_read_from_a_subject(subject: str, number: int | None) -> None:
    assert contact_of(subject) == number


def test_the_kinds_of_entries_are_on_the_page() -> None:
    assert f"kind={AuditKind.STATUS}" in PAGE.read_text(encoding="utf-8")
