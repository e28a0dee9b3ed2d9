import dataclasses
import tomllib
from pathlib import Path
from typing import Any

import pytest

from config.settings import (
    SECRETS,
    Settings,
    SettingsError,
    source_defaults,
    unknown_variables,
    variables,
)
from config.sources import FILE as DEFAULTS_FILE
from service.domain.model import Source

FIELDS = {field.name: field for field in dataclasses.fields(Settings)}
KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
GOOD: dict[str, tuple[str, Any]] = {
    "data_dir": ("/srv/data", Path("/srv/data")),
    "public_url": ("https://forms.example.com/in/", "https://forms.example.com/in"),
    "providers_dir": ("/srv/providers", "/srv/providers"),
    "secret_key": (KEY, KEY),
    "delivery_days": ("7", 7),
    "import_file_days": ("3", 3),
    "host": ("0.0.0.0", "0.0.0.0"),  # noqa: S104 - nothing listens there
    "port": ("8080", 8080),
    "database_url": ("postgresql://me@db/marketable", "postgresql://me@db/marketable"),
    "broker_url": ("amqps://me@broker//", "amqps://me@broker//"),
    "topology": ("staging-2", "staging-2"),
    "web_workers": ("4", 4),
    "health_port": ("9000", 9000),
    "log_level": ("DEBUG", "debug"),
    "log_format": ("console", "console"),
    "rate_limit_public": ("0", 0),
    "rate_limit_secure": ("50", 50),
    "trusted_proxies": ("2", 2),
    "max_body_bytes": ("2048", 2048),
    "max_upload_bytes": ("4096", 4096),
    "max_import_bytes": ("4096", 4096),
    "commit_timeout": ("2.5", 2.5),
    "waiting_limit": ("1", 1),
    "relay_batch": ("10000", 10_000),
    "consumer_batch": ("1", 1),
    "poll_interval": ("0.05", 0.05),
    "clock_interval": ("60", 60.0),
    "sweep_interval": ("1e3", 1_000.0),
}
BAD = {
    "public_url": [
        "forms.example.com",
        "ftp://forms.example.com",
        "https://",
        "https://forms.example.com/?a=b",
    ],
    "secret_key": ["secret", "c2hvcnQ=", f"{KEY},"],
    "delivery_days": ["0", "3651"],
    "import_file_days": ["0", "3651"],
    "port": ["0", "65536", "-1", "http", "80.5", "٣", "1_000"],
    "database_url": ["mysql://me@db/marketable", "marketable.db", "://"],
    "broker_url": ["redis://localhost", "localhost:5672"],
    "topology": ["a b", "a/b", "#", "-"],
    "web_workers": ["257", "two"],
    "health_port": ["-1", "70000"],
    "log_level": ["loud"],
    "log_format": ["xml"],
    "rate_limit_public": ["-1", "many"],
    "rate_limit_secure": ["-1", "many"],
    "trusted_proxies": ["11", "yes"],
    "max_body_bytes": ["1023", "1MB"],
    "max_upload_bytes": ["1023", "1MB"],
    "max_import_bytes": ["1023", "536870913"],
    "commit_timeout": ["0", "61", "nan", "inf", "5s"],
    "waiting_limit": ["0"],
    "relay_batch": ["0", "10001"],
    "consumer_batch": ["0", "10001"],
    "poll_interval": ["0", "61"],
    "clock_interval": ["0", "3601"],
    "sweep_interval": ["0", "86401"],
}
ANYTHING_GOES = {"data_dir", "host", "providers_dir"}


def test_every_setting_is_tried_here() -> None:
    assert GOOD.keys() == FIELDS.keys()
    assert BAD.keys() == FIELDS.keys() - ANYTHING_GOES


@pytest.mark.parametrize("name", FIELDS)
def test_each_setting_is_read_from_its_variable(name: str) -> None:
    text, value = GOOD[name]
    settings = Settings.from_environment({f"MARKETABLE_{name.upper()}": text})
    assert getattr(settings, name) == value
    assert settings == dataclasses.replace(Settings(), **{name: value})


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, texts in BAD.items() for text in texts])
def test_what_a_setting_cannot_be_is_named_with_what_it_takes(name: str, text: str) -> None:
    variable = f"MARKETABLE_{name.upper()}"
    with pytest.raises(SettingsError) as refusal:
        Settings.from_environment({variable: text})
    (mistake,) = refusal.value.mistakes
    shown = "not shown" if name in SECRETS else repr(text)
    assert mistake.startswith(f"{variable} is {shown}: it takes ")


def test_every_mistake_is_named_at_once() -> None:
    wrong = {f"MARKETABLE_{name.upper()}": texts[0] for name, texts in BAD.items()}
    with pytest.raises(SettingsError) as refusal:
        Settings.from_environment(wrong)
    assert [mistake.split(" ")[0] for mistake in refusal.value.mistakes] == list(wrong)
    assert str(refusal.value).splitlines() == refusal.value.mistakes


def test_an_empty_environment_is_the_embedded_default_on_this_machine_only() -> None:
    settings = Settings.from_environment({})
    assert (settings.host, settings.port) == ("127.0.0.1", 8000)
    assert settings.database == "sqlite:///var/marketable.db"
    assert settings.is_embedded_database
    assert settings.is_embedded_broker


def test_an_empty_variable_is_one_that_is_not_set() -> None:
    assert Settings.from_environment({"MARKETABLE_PORT": "", "PORT": ""}) == Settings()


@pytest.mark.parametrize(("short", "name"), [("PORT", "port"), ("DATA_DIR", "data_dir")])
def test_two_settings_have_a_short_name_and_the_long_one_wins(short: str, name: str) -> None:
    text, value = GOOD[name]
    long = f"MARKETABLE_{name.upper()}"
    assert getattr(Settings.from_environment({short: text}), name) == value
    assert getattr(Settings.from_environment({short: "1", long: text}), name) == value


def test_the_embedded_database_is_in_the_data_folder() -> None:
    settings = Settings.from_environment({"DATA_DIR": "/srv/data"})
    assert settings.database == "sqlite:////srv/data/marketable.db"


def test_servers_are_no_embedded_parts() -> None:
    urls = {"MARKETABLE_DATABASE_URL": "postgresql+psycopg://db/m", "MARKETABLE_BROKER_URL": "amqp://broker"}
    settings = Settings.from_environment(urls)
    assert settings.database == "postgresql+psycopg://db/m"
    assert not settings.is_embedded_database
    assert not settings.is_embedded_broker


def test_a_slip_of_the_pen_is_no_setting() -> None:
    environment = dict.fromkeys(
        ["MARKETABLE_PROT", "MARKETABLE_PORT", "PORT", "MARKETABLE_TEST_X", "MARKETABLE_INTERNAL_X", "PATH"],
        "1",
    )
    assert unknown_variables(environment) == ["MARKETABLE_PROT"]


def test_no_variable_sets_two_settings() -> None:
    names = [name for field in FIELDS.values() for name in variables(field)]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("name", FIELDS)
def test_every_setting_says_what_it_is(name: str) -> None:
    about = FIELDS[name].metadata["about"]
    assert about[0].isupper()
    assert about.endswith(".")


def test_every_source_has_a_default() -> None:
    assert set(source_defaults()) == {source.value for source in Source}


def test_forms_raise_by_default_and_nothing_else_does() -> None:
    on = {source for source, marketing in source_defaults().items() if marketing}
    assert on == {Source.HUBSPOT_FORM, Source.EXTERNAL_FORM}


def test_the_file_of_defaults_says_of_each_source_who_may_change_it() -> None:
    tables = tomllib.loads(DEFAULTS_FILE.read_text())
    assert all(set(table) == {"marketing", "changeable", "contacts"} for table in tables.values())
    assert tables["chatflow"]["contacts"] == tables["token"]["contacts"] == "new"
