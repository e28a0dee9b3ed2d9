"""`marketable up`: the web process and the worker, watched, started anew when they fail, stopped in order."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from http import HTTPStatus

import structlog

from service.backoff import BackOff
from service.process import PARENT_VARIABLE

PORT_PATIENCE = 6.0
"""Seconds to wait for a port that a process of an earlier run may still be giving up."""
STOP_PATIENCE = 30.0
STEADY_AFTER = 30.0
"""Seconds that a process has to live to begin anew with short pauses."""

log = structlog.get_logger()


def port_is_free(host: str, port: int) -> bool:
    """Whether a server could listen there, waiting a little for one that is just stopping."""
    deadline = time.monotonic() + PORT_PATIENCE
    while True:
        try:
            with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((host, port))
        except OSError:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.2)
        else:
            return True


class Child:
    """One process under watch."""

    def __init__(self, name: str, command: list[str], environment: Mapping[str, str]) -> None:
        self.name = name
        self._command = command
        self._environment = {**os.environ, **environment, PARENT_VARIABLE: str(os.getpid())}
        self._back_off = BackOff()
        self._process: subprocess.Popen[bytes] | None = None
        self._started_at = 0.0
        self._start_at = 0.0

    def watch(self) -> None:
        """Start the process if it is not running and its pause is over."""
        now = time.monotonic()
        if self._process is not None:
            code = self._process.poll()
            if code is None:
                return
            if now - self._started_at > STEADY_AFTER:
                self._back_off.reset()
            pause = self._back_off.next_pause()
            log.error("process_died", name=self.name, exit_code=code, seconds=round(pause, 2))
            self._process, self._start_at = None, now + pause
        if now >= self._start_at:
            self._process = subprocess.Popen(  # noqa: S603 - our own modules
                self._command, env=self._environment, start_new_session=True
            )
            self._started_at = now

    def stop(self) -> None:
        """Ask the process to stop, and wait until it has; at the end of its patience, end it."""
        if self._process is None or self._process.poll() is not None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(STOP_PATIENCE)
        except subprocess.TimeoutExpired:
            log.warning("process_killed", name=self.name)
            self._process.kill()
            self._process.wait()


def supervise(children: list[Child], on_ready: Callable[[], None], is_ready: Callable[[], bool]) -> int:
    """Keep the children running until SIGTERM or SIGINT, then stop them in the order given."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    announced = False
    while not stop.is_set():
        for child in children:
            child.watch()
        if not announced and is_ready():
            announced = True
            on_ready()
        stop.wait(0.2 if announced else 0.05)
    for child in children:
        child.stop()
    return 0


def answers(url: str) -> bool:
    """Whether a URL answers 200."""
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310 - our own address
            return bool(answer.status == HTTPStatus.OK)
    except (urllib.error.URLError, OSError):
        return False


def module(*arguments: str) -> list[str]:
    """Return the command that runs a module with this interpreter."""
    return [sys.executable, "-m", *arguments]
