"""Settings, read once from the environment by the entry points; every mistake is named at once."""

import base64
import dataclasses
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from config.sources import read_sources

LOG_LEVELS = ("debug", "info", "warning", "error")
LOG_FORMATS = ("json", "console")
KEY_BYTES = 32
SECRETS = frozenset({"secret_key"})
"""Settings whose value is never shown."""
NOT_SETTINGS = ("MARKETABLE_TEST_", "MARKETABLE_INTERNAL_")


class SettingsError(ValueError):
    """One or more variables hold what they cannot; the text names each with its mend."""

    def __init__(self, mistakes: list[str]) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = mistakes


def _whole(least: int, most: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        number = int(text) if text.isascii() and text.strip().isdigit() else -1
        if not least <= number <= most:
            message = f"a whole number from {least} to {most}"
            raise ValueError(message)
        return number

    return parse


def _seconds(least: float, most: float) -> Callable[[str], float]:
    def parse(text: str) -> float:
        message = f"a number of seconds from {least:g} to {most:g}"
        try:
            number = float(text)
        except ValueError:
            raise ValueError(message) from None
        if not least <= number <= most:
            raise ValueError(message)
        return number

    return parse


def _choice(*choices: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text.lower() not in choices:
            message = "one of " + ", ".join(choices)
            raise ValueError(message)
        return text.lower()

    return parse


def _url(*schemes: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        scheme = text.split("://", 1)[0].split("+", 1)[0]
        if "://" not in text or scheme not in schemes:
            message = "a URL that begins with " + " or ".join(f"{scheme}://" for scheme in schemes)
            raise ValueError(message)
        return text

    return parse


def _origin(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.netloc or parts.query or parts.fragment:
        message = "a URL such as https://forms.example.com"
        raise ValueError(message)
    return text.rstrip("/")


def _keys(text: str) -> str:
    for key in text.split(","):
        try:
            size = len(base64.urlsafe_b64decode(key.strip()))
        except ValueError:
            size = 0
        if size != KEY_BYTES:
            message = "keys that 'marketable key' made, with commas between them"
            raise ValueError(message)
    return text


def _name(text: str) -> str:
    if not text or not text.replace("-", "").replace("_", "").replace(".", "").isalnum():
        message = "letters, digits, '-', '_' and '.' only"
        raise ValueError(message)
    return text


def _setting(default: Any, parse: Callable[[str], Any], about: str, *names: str) -> Any:
    """Describe one field: its default, its parser, a line for the docs, and further names it answers to."""
    return dataclasses.field(default=default, metadata={"parse": parse, "about": about, "names": names})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Each field is the variable `MARKETABLE_<FIELD>`; `docs/settings.md` lists them all."""

    data_dir: Path = _setting(
        Path("var"), Path, "Folder for all that the embedded default writes.", "DATA_DIR"
    )
    public_url: str = _setting(
        "",
        _origin,
        "Where senders reach this service, as https://forms.example.com; without one, what each request says.",
    )
    providers_dir: str = _setting(
        "", str, "Folder with provider descriptions of your own, beside the built-in ones."
    )
    secret_key: str = _setting(
        "",
        _keys,
        "Keys that seal stored secrets, the newest first, with commas; without one, a file in the data folder.",
    )
    delivery_days: int = _setting(
        30, _whole(1, 3_650), "Days that refused deliveries are kept, to be looked at and replayed."
    )
    import_file_days: int = _setting(
        7, _whole(1, 3_650), "Days that a file to import is kept after its last import, or without one."
    )
    host: str = _setting("127.0.0.1", str, "Address that the web process listens on.")
    port: int = _setting(8000, _whole(1, 65_535), "Port that the web process listens on.", "PORT")
    database_url: str = _setting(
        "", _url("sqlite", "postgresql"), "Database; without one, SQLite in the data folder."
    )
    broker_url: str = _setting(
        "memory://",
        _url("memory", "amqp", "amqps"),
        "Broker; `memory://` keeps it inside the worker process.",
    )
    topology: str = _setting("marketable", _name, "First part of the names of exchanges and queues.")
    web_workers: int = _setting(0, _whole(0, 256), "Web worker processes; 0 chooses by database and cores.")
    health_port: int = _setting(
        0,
        _whole(0, 65_535),
        "Port for health and metrics of relay, clock, jobs and consumers; 0 takes each one's own.",
    )
    log_level: str = _setting("info", _choice(*LOG_LEVELS), "Least level that is logged.")
    log_format: str = _setting("json", _choice(*LOG_FORMATS), "How log lines look.")
    rate_limit_public: int = _setting(
        10_000, _whole(0, 10_000_000), "Submissions per 10 s from one address to one portal; 0 for no limit."
    )
    rate_limit_secure: int = _setting(
        10_000, _whole(0, 10_000_000), "Submissions per 10 s with one access token; 0 for no limit."
    )
    trusted_proxies: int = _setting(
        0, _whole(0, 10), "Proxies in front whose X-Forwarded headers are believed."
    )
    max_body_bytes: int = _setting(
        1_048_576, _whole(1_024, 67_108_864), "Largest request body that is read, in bytes."
    )
    max_upload_bytes: int = _setting(
        10_485_760,
        _whole(1_024, 67_108_864),
        "Largest form with files that an endpoint takes, in bytes; the files themselves are not kept.",
    )
    max_import_bytes: int = _setting(
        536_870_912, _whole(1_024, 536_870_912), "Largest file to import, in bytes."
    )
    commit_timeout: float = _setting(
        5.0, _seconds(0.1, 60), "Seconds that a request waits for its commit before it answers 503."
    )
    waiting_limit: int = _setting(
        10_000,
        _whole(1, 1_000_000),
        "Requests of one web worker that may wait for a commit; more answer 503.",
    )
    relay_batch: int = _setting(500, _whole(1, 10_000), "Outbox entries that the relay publishes at a time.")
    consumer_batch: int = _setting(500, _whole(1, 10_000), "Messages that a consumer applies at a time.")
    poll_interval: float = _setting(
        0.5,
        _seconds(0.01, 60),
        "Seconds between looks for work: at an empty outbox when nothing wakes the relay, and for jobs.",
    )
    clock_interval: float = _setting(
        30.0, _seconds(0.1, 3_600), "Seconds between looks for stints that have ended."
    )
    sweep_interval: float = _setting(
        60.0, _seconds(0.1, 86_400), "Seconds between sweeps for status changes that the ledger lacks."
    )

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> "Settings":
        """Read the settings, or raise SettingsError with every mistake."""
        environment = os.environ if environment is None else environment
        values: dict[str, Any] = {}
        mistakes: list[str] = []
        for field in dataclasses.fields(cls):
            for name in variables(field):
                if environment.get(name):
                    try:
                        values[field.name] = field.metadata["parse"](environment[name])
                    except ValueError as mistake:
                        shown = "not shown" if field.name in SECRETS else repr(environment[name])
                        mistakes.append(f"{name} is {shown}: it takes {mistake}")
                    break
        if mistakes:
            raise SettingsError(mistakes)
        return cls(**values)

    @property
    def database(self) -> str:
        """The database's URL, the embedded one when none is set."""
        return self.database_url or f"sqlite:///{self.data_dir / 'marketable.db'}"

    @property
    def own_providers(self) -> Path | None:
        """The operator's own folder of provider descriptions, if there is one."""
        return Path(self.providers_dir) if self.providers_dir else None

    @property
    def is_embedded_database(self) -> bool:
        """Whether the database is SQLite."""
        return self.database.startswith("sqlite")

    @property
    def is_embedded_broker(self) -> bool:
        """Whether relay and consumers must share one process."""
        return self.broker_url.startswith("memory")


def variables(field: "dataclasses.Field[Any]") -> tuple[str, ...]:
    """Return the variables that set a field, the one that wins first."""
    return (f"MARKETABLE_{field.name.upper()}", *field.metadata["names"])


def unknown_variables(environment: Mapping[str, str]) -> list[str]:
    """Return variables that look like settings and are none: most likely slips of the pen."""
    known = {name for field in dataclasses.fields(Settings) for name in variables(field)}
    return sorted(
        name
        for name in environment
        if name.startswith("MARKETABLE_") and name not in known and not name.startswith(NOT_SETTINGS)
    )


def source_defaults() -> dict[str, bool]:
    """Return the default marketing status of each source (rule 5), by the source's name."""
    return {source: each.marketing for source, each in read_sources().items()}
