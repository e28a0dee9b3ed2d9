"""RabbitMQ for the tests: given by URL, found at the usual address, or a private node of our own."""

import os
import secrets
import shutil
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import amqp
from kombu.connection import Connection

from tests.services.ports import free_port
from tests.services.processes import RECORD_SUFFIX, OwnProcess, last_line, spawn, wait_until
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

PRODUCT = "RabbitMQ"
VARIABLE = "MARKETABLE_TEST_RABBITMQ_URL"
MISSING = f"RabbitMQ not found: set {VARIABLE} or install rabbitmq-server"
PROGRAMS_MISSING = (
    "RabbitMQ's programs not found: install rabbitmq-server (these tests stop a node of their own)"
)

USUAL_URL = "amqp://guest:guest@127.0.0.1:5672//"
# Debian's program on PATH is a wrapper that serves one account only, so the real one comes first.
REAL_FOLDERS = ("/usr/lib/rabbitmq/bin", "/usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin")
USUAL_FOLDERS = (
    "/usr/sbin",
    "/opt/homebrew/opt/rabbitmq/sbin",
    "/usr/local/opt/rabbitmq/sbin",
    "/home/linuxbrew/.linuxbrew/opt/rabbitmq/sbin",
)
ERLANG_FOLDERS = ("/usr/bin", "/usr/local/bin", "/opt/homebrew/bin", "/home/linuxbrew/.linuxbrew/bin")
CONNECT_SECONDS = 2
START_SECONDS = 60.0
BROKER_ERRORS = (OSError, amqp.AMQPError)


def usual_places(environment: Mapping[str, str]) -> Places:
    return Places(
        given=environment.get(VARIABLE) or None,
        usual=USUAL_URL,
        folders=(*REAL_FOLDERS, *search_path(environment.get("PATH", "")), *USUAL_FOLDERS),
    )


def obtain(run: Run, places: Places) -> Server:
    """The broker that the tests share, by the first way that works."""
    if places.given:
        return _given(places.given)
    try:
        return Server(PRODUCT, version_at(places.usual), places.usual, Origin.FOUND)
    except BROKER_ERRORS:
        pass
    try:
        private = PrivateRabbitmq.create(run, places)
    except ServiceMissingError:
        raise ServiceMissingError(MISSING) from None
    private.start()
    return Server(PRODUCT, version_at(private.url), private.url, Origin.PRIVATE)


def _given(url: str) -> Server:
    try:
        return Server(PRODUCT, version_at(url), url, Origin.GIVEN)
    except BROKER_ERRORS as error:
        raise ServiceBrokenError(f"{VARIABLE} is set, but {address(url)} is of no use: {error}") from None


def version_at(url: str) -> str:
    with connected(url) as connection:
        return str(connection.server_properties.get("version", "of unknown version"))


@contextmanager
def connected(url: str, patience: int = CONNECT_SECONDS) -> Iterator[amqp.Connection]:
    """One attempt, unlike kombu's own `connect`, which sleeps and tries again.

    No answer may take longer than `patience` seconds.
    """
    timeouts = {"read_timeout": patience, "write_timeout": patience}
    transport = Connection(url, connect_timeout=CONNECT_SECONDS, transport_options=timeouts).transport
    connection = transport.establish_connection()
    try:
        yield connection
    finally:
        with suppress(*BROKER_ERRORS):
            transport.close_connection(connection)
        connection.collect()


@dataclass(slots=True)
class PrivateRabbitmq:
    """A node with its own name server (epmd), ports, cookie and data, which outlive `stop` and `kill`."""

    program: Path
    folder: Path
    port: int
    distribution_port: int
    name_server_port: int
    _node: OwnProcess | None = field(default=None, init=False)
    _name_server: OwnProcess | None = field(default=None, init=False)

    @classmethod
    def create(cls, run: Run, places: Places) -> "PrivateRabbitmq":
        programs = first_program_folder(places, ("rabbitmq-server",))
        if programs is None or not _erlang_program("erl") or not _erlang_program("epmd"):
            raise ServiceMissingError(PROGRAMS_MISSING)
        ports = [free_port(run.common_folder("ports")) for _ in range(3)]
        node = cls(programs / "rabbitmq-server", run.new_folder("rabbitmq"), *ports)
        node._write_settings()
        return node

    @property
    def url(self) -> str:
        return f"amqp://guest:guest@127.0.0.1:{self.port}//"

    @property
    def alive(self) -> bool:
        return self._node is not None and self._node.alive()

    def start(self) -> None:
        """Start it unless it runs, and return when it answers."""
        if not (self._name_server and self._name_server.alive()):
            self._start_name_server()
        if not self.alive:
            self._start_node()
        wait_until(lambda: self._answers() or not self.alive, START_SECONDS, pause=0.2)
        if not self._answers():
            raise ServiceBrokenError(f"A private RabbitMQ did not start: {last_line(self._record)}")

    def stop(self) -> None:
        """Stop the node in good order; clients are told."""
        if self._node:
            self._node.stop()

    def kill(self) -> None:
        """Kill -9: clients see their connections reset.

        RabbitMQ enters a new quorum queue in its books within a second: killed sooner, it comes back without
        the queue's messages, confirmed or not (seen with 3.10).
        """
        if self._node:
            self._node.kill()

    def close(self) -> None:
        self.stop()
        if self._name_server:
            self._name_server.stop()

    @property
    def _record(self) -> Path:
        return self.folder / f"node{RECORD_SUFFIX}"

    def _write_settings(self) -> None:
        cookie = self.folder / ".erlang.cookie"
        cookie.write_text(secrets.token_hex(20))
        cookie.chmod(0o400)
        (self.folder / "enabled_plugins").write_text("[].\n")
        (self.folder / "rabbitmq-env.conf").touch()
        (self.folder / "rabbitmq.conf").write_text(
            f"listeners.tcp.local = 127.0.0.1:{self.port}\ndisk_free_limit.absolute = 50MB\n",
        )

    def _start_name_server(self) -> None:
        self._name_server = spawn(
            [_erlang_program("epmd") or "epmd"],
            record=self.folder / f"epmd{RECORD_SUFFIX}",
            environment=self._environment(),
            stop_signal=signal.SIGTERM,
        )

    def _start_node(self) -> None:
        self._node = spawn(
            [self.program, "-noinput"],
            record=self._record,
            environment=self._environment(),
            stop_signal=signal.SIGTERM,
        )

    def _answers(self) -> bool:
        try:
            version_at(self.url)
        except BROKER_ERRORS:
            return False
        return True

    def _environment(self) -> dict[str, str]:
        foreign = ("RABBITMQ_", "ERL_", "NOTIFY_SOCKET")
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
        own = {
            "HOME": self.folder,
            "PATH": _with_erlang_folders(inherited.get("PATH", "")),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": self.name_server_port,
            # The script then becomes the node, instead of watching over it under another process id.
            "RABBITMQ_ALLOW_INPUT": "true",
            "RABBITMQ_NODENAME": f"marketable-test-{self.port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": self.port,
            "RABBITMQ_DIST_PORT": self.distribution_port,
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
            "RABBITMQ_MNESIA_BASE": self.folder / "data",
            "RABBITMQ_LOG_BASE": self.folder / "logs",
            "RABBITMQ_PID_FILE": self.folder / "node.pid",
            "RABBITMQ_GENERATED_CONFIG_DIR": self.folder / "generated",
            "RABBITMQ_ENABLED_PLUGINS_FILE": self.folder / "enabled_plugins",
            "RABBITMQ_CONF_ENV_FILE": self.folder / "rabbitmq-env.conf",
            "RABBITMQ_CONFIG_FILE": self.folder / "rabbitmq.conf",
            "RABBITMQ_CONFIG_FILES": self.folder / "conf.d",
            "RABBITMQ_ADVANCED_CONFIG_FILE": self.folder / "advanced.config",
        }
        return inherited | {name: str(value) for name, value in own.items()}


def _erlang_program(name: str) -> str | None:
    return shutil.which(name, path=_with_erlang_folders(os.environ.get("PATH", "")))


def _with_erlang_folders(path: str) -> str:
    return ":".join([*search_path(path), *ERLANG_FOLDERS])
