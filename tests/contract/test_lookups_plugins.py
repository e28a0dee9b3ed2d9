"""Plug-ins and the catalogue belong together."""

import subprocess
import sys

import pytest

from service.providers.catalogue import load_catalogue
from service.providers.loading import load_description
from service.providers.lookups import Plugin, plugins
from service.providers.lookups.reading import READINGS
from tests.vendors.cases import CASES

FETCHED = {name: found.fetch.plugin for name, found in load_catalogue().items() if found.fetch is not None}
each_plugin = pytest.mark.parametrize("plugin", plugins().values(), ids=lambda plugin: plugin.name)


def test_every_look_up_of_the_catalogue_has_its_plug_in_and_the_other_way_round() -> None:
    assert set(FETCHED.values()) == plugins().keys()


def test_every_plug_in_is_tried_against_its_vendor() -> None:
    assert {case.plugin: case.provider for case in CASES} == {found: name for name, found in FETCHED.items()}


def test_every_plug_in_has_its_reading_and_the_other_way_round() -> None:
    assert {folder.name for folder in READINGS.iterdir()} == plugins().keys()


def test_plug_ins_come_in_alphabetical_order_under_their_own_names() -> None:
    assert list(plugins()) == sorted(plugins())
    assert all(name == plugin.name for name, plugin in plugins().items())


@each_plugin
def test_a_plug_in_says_what_it_needs(plugin: Plugin) -> None:
    assert plugin.title
    assert plugin.needs.endswith(".")
    assert plugin.home.startswith("https://")
    assert not plugin.home.endswith("/")
    assert load_description(READINGS / plugin.name).documentation


@each_plugin
def test_the_readme_of_its_provider_tells_how_to_store_the_token(plugin: Plugin) -> None:
    (provider,) = (name for name, found in FETCHED.items() if found == plugin.name)
    readme = (load_catalogue()[provider].folder / "README.md").read_text(encoding="utf-8")
    assert "marketable endpoint set ID --access-token -" in readme


def test_vendors_libraries_are_loaded_only_where_they_are_used() -> None:
    asked = "import sys, service.providers.lookups, service.app; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert "hubspot" not in loaded.stdout.split()


def test_the_web_application_loads_no_look_ups() -> None:
    asked = "import sys, service.app; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert "service.providers.lookups" not in loaded.stdout.split()
