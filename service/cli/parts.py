"""What the commands of endpoints work with: the same parts as the web process has, for one command."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from config.settings import Settings
from service.activity import ActivityLog
from service.cli.opening import open_database
from service.cli.running import read_settings
from service.configuration import Configuration
from service.endpoints import Endpoints
from service.errors import InvalidInput
from service.instants import utc_now
from service.intake import Intake
from service.providers.catalogue import load_catalogue
from service.reception import Reception
from service.replay import Replay
from service.vault import vault_of


def changed_mapping(before: Mapping[str, str], mapped: Sequence[str]) -> dict[str, str]:
    """Return a mapping with the changes of `--map ROLE=FIELD`; an empty field takes the role away."""
    mapping = dict(before)
    for pair in mapped:
        role, separator, field = pair.partition("=")
        if not separator:
            raise InvalidInput(f"--map {pair!r} is not ROLE=FIELD", mend="write it as email=work_address")
        mapping[role] = field
    return {role: field for role, field in mapping.items() if field}


def quiet_settings() -> Settings:
    """Read the settings; what is logged beside a command's own words are faults only."""
    return read_settings(level="warning")


def open_endpoints() -> Endpoints:
    """Return what makes and changes endpoints."""
    settings = quiet_settings()
    catalogue = load_catalogue(settings.own_providers)
    return Endpoints(open_database(), vault_of(settings), catalogue, utc_now)


def base_url(settings: Settings) -> str:
    """Return where senders reach this service, as far as the settings tell."""
    return settings.public_url or f"http://{settings.host}:{settings.port}"


@contextmanager
def opened_replay() -> Iterator[Replay]:
    """Replay deliveries, each in a transaction of its own."""
    settings = quiet_settings()
    database = open_database()
    configuration = Configuration(database, lambda: vault_of(settings))
    intake = Intake(database, configuration, utc_now)
    reception = Reception(configuration, load_catalogue(settings.own_providers), intake.record_all)
    try:
        yield Replay(database, configuration.vault, reception, ActivityLog(database), utc_now)
    finally:
        intake.close()
