"""The page about endpoints is held against the code."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from config.settings import Settings
from service.app import create_app
from service.domain.endpoints import EndpointOptions
from service.endpoints import ROLES
from service.providers.events import UnreadableReason
from service.replay import FAILED, NOT_WHOLE
from service.signatures import Reason

PAGE = (Path(__file__).parents[2] / "docs" / "endpoints.md").read_text(encoding="utf-8")
BEGINNING = "/api/v1/portals/<int:portal_id>"
PARTS = ("endpoints", "external_forms", "deliveries", "providers")


def calls() -> list[str]:
    """Return the API's calls as the page writes them."""
    rules = [rule for rule in create_app(Settings()).url_map.iter_rules() if rule.rule.startswith(BEGINNING)]
    return [
        f"{method} {path_of(rule.rule)}"
        for rule in rules
        if rule.endpoint.partition(".")[0] in PARTS
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
    ]


def path_of(rule: str) -> str:
    names = re.sub(r"<(?:[^<>:]*:)?(\w+)>", r"<\1>", rule.removeprefix(BEGINNING))
    return re.sub(r"_(\w)", lambda found: found[1].upper(), names)


def test_a_call_has_its_row() -> None:
    assert [call for call in calls() if f"\n| `{call}` |" not in PAGE] == []


def test_no_row_is_about_a_call_that_is_not_there() -> None:
    shown = re.findall(r"^\| `((?:GET|POST|PATCH|DELETE) [^`]+)` \|", PAGE, re.MULTILINE)
    assert sorted(shown) == sorted(calls())


@pytest.mark.parametrize("reason", [*Reason, *UnreadableReason, NOT_WHOLE, FAILED])
def test_a_reason_of_a_refusal_says_what_to_do(reason: str) -> None:
    assert f"`{reason}`" in PAGE


@pytest.mark.parametrize("option", [each.name for each in fields(EndpointOptions)])
def test_an_option_is_explained(option: str) -> None:
    assert f"`{option}`" in PAGE.partition("| option | what |")[2]


@pytest.mark.parametrize("role", ROLES)
def test_a_role_is_named(role: str) -> None:
    assert f"`{role}`" in PAGE
