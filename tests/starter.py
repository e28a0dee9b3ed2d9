"""Starts commands by forking a process that has everything imported already.

What is started is a process of its own, with its own folder, variables, standard streams and exit code, as if the
shell had started it; only the second that Python takes to import everything is spent once, not for each command.
"""

import atexit
import gc
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO, Any

from service import cli
from service.cli import commands

PROJECT = Path(__file__).parents[1]
STREAMS = 3
"""Standard input, output and errors."""


@dataclass(frozen=True, slots=True)
class Order:
    """What to run. The first of the arguments is the name that the command goes by."""

    arguments: Sequence[str]
    folder: Path
    environment: Mapping[str, str]


class Starter:
    """The process that is forked. It ends when the one that made it ends or lets go of it."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="marketable-starter-")
        self._address = str(Path(self._folder.name) / "socket")
        environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("MARKETABLE_", "PROMETHEUS_"))
        }
        self._process = subprocess.Popen(
            [sys.executable, "-c", "from tests.starter import main; main()", self._address],
            cwd=PROJECT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._process.stdout
        assert self._process.stdout.readline() == b"ready\n", "the starter did not start"

    def run(self, order: Order, given: str | None, patience: float) -> "subprocess.CompletedProcess[str]":
        """Run a command to its end, `given` being its standard input.

        Raises subprocess.TimeoutExpired, and ends the command, after so many seconds of patience.
        """
        with (
            tempfile.TemporaryFile("w+") as given_file,
            tempfile.TemporaryFile("w+") as out,
            tempfile.TemporaryFile("w+") as err,
        ):
            given_file.write(given or "")
            given_file.seek(0)
            code = self._run(order, (given_file, out, err), patience)
            out.seek(0)
            err.seek(0)
            return subprocess.CompletedProcess([*order.arguments], code, out.read(), err.read())

    def _run(self, order: Order, streams: Sequence[IO[str]], patience: float) -> int:
        told = {
            "arguments": [*order.arguments],
            "folder": str(order.folder),
            "environment": dict(order.environment),
        }
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as connection:
            connection.connect(self._address)
            socket.send_fds(connection, [json.dumps(told).encode()], [each.fileno() for each in streams])
            pid = int(connection.recv(64))
            connection.settimeout(patience)
            try:
                return int(connection.recv(64))
            except TimeoutError:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                raise subprocess.TimeoutExpired([*order.arguments], patience) from None

    def close(self) -> None:
        """End the process."""
        self._process.communicate()
        self._folder.cleanup()


@cache
def starter() -> Starter:
    """The one of this process."""
    found = Starter()
    atexit.register(found.close)
    return found


def serve(address: str) -> None:
    """Fork for each order, until standard input ends; returns in the forked process only, which is to run it."""
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener,
        selectors.DefaultSelector() as selector,
    ):
        listener.bind(address)
        listener.listen()
        selector.register(listener, selectors.EVENT_READ)
        selector.register(sys.stdin, selectors.EVENT_READ)
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        while True:
            if any(key.fileobj is sys.stdin for key, _ in selector.select()):
                sys.exit()
            connection, _ = listener.accept()
            with connection:
                if os.fork() == 0 and _takes(connection):
                    return


def _takes(connection: socket.socket) -> bool:
    """Fork once more: the one becomes the command, the other waits for it and tells its exit code."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    told, streams, _, _ = socket.recv_fds(connection, 1 << 20, STREAMS)
    pid = os.fork()
    if pid == 0:
        _become(json.loads(told), streams)
        return True
    connection.send(str(pid).encode())
    _, status = os.waitpid(pid, 0)
    connection.send(str(os.waitstatus_to_exitcode(status)).encode())
    os._exit(0)


def _become(order: dict[str, Any], streams: Sequence[int]) -> None:
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(order["folder"])
    os.environ.clear()
    os.environ.update(order["environment"])
    sys.argv = order["arguments"]


def main() -> None:
    """Import all commands, and serve."""
    for name in commands.COMMANDS:
        commands.load(name)
    sys.path.remove("")  # the folder that it was started in
    gc.collect()
    gc.freeze()
    serve(sys.argv[1])
    cli.main()
