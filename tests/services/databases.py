"""Databases of a run on a shared PostgreSQL: made for one test, dropped after it, swept when a run died."""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy.engine import make_url

from tests.services.postgres import CONNECT_SECONDS, libpq_url, sqlalchemy_url
from tests.services.run import NAME_PATTERN, Run, RunName
from tests.services.server import Server

NAME = re.compile(rf"marketable_test_({NAME_PATTERN})_\w+")

# Brings an empty database, named by its SQLAlchemy URL, to the shape that a test wants.
Migration = Callable[[str], None]
Connection = psycopg.Connection[tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Databases:
    """One worker's databases. A migrated template is made once for each migration and cloned from then on."""

    server: Server
    run: Run
    templates: dict[Migration, str] = field(default_factory=dict)

    def create(self, template: Migration | None = None) -> str:
        """A new database, empty or as the migration leaves it; its SQLAlchemy URL."""
        return self._url(self._create(self._template(template) if template else "template0"))

    def drop(self, url: str) -> None:
        with administration(self.server) as connection:
            _drop(connection, make_url(url).database or "")

    def close(self) -> None:
        """Drop the templates."""
        for name in self.templates.values():
            self.drop(self._url(name))
        self.templates.clear()

    def _url(self, name: str) -> str:
        return sqlalchemy_url(self.server.url, name)

    def _create(self, template: str) -> str:
        name = f"{self.run.database_prefix}_{next(self.run.numbers)}"
        with administration(self.server) as connection:
            command = sql.SQL("create database {} template {} encoding 'UTF8'")
            connection.execute(command.format(sql.Identifier(name), sql.Identifier(template)))
        return name

    def _template(self, migration: Migration) -> str:
        if migration not in self.templates:
            name = self._create("template0")
            self.templates[migration] = name
            migration(self._url(name))
            self._disconnect_everybody(name)
        return self.templates[migration]

    def _disconnect_everybody(self, name: str) -> None:
        """A database that somebody is connected to cannot be a template."""
        with administration(self.server) as connection:
            command = "select pg_terminate_backend(pid) from pg_stat_activity where datname = %s"
            connection.execute(command, [name])


def drop_databases_of(run_name: str, server: Server) -> None:
    _drop_where(server, lambda name: name == run_name)


def drop_databases_of_dead_runs(server: Server) -> None:
    now = time.time()

    def is_over(name: str) -> bool:
        parsed = RunName.parse(name)
        return parsed is not None and parsed.is_over(now)

    _drop_where(server, is_over)


def _drop_where(server: Server, chosen: Callable[[str], bool]) -> None:
    with administration(server) as connection:
        for (name,) in connection.execute("select datname from pg_database").fetchall():
            match = NAME.fullmatch(name)
            if match and chosen(match[1]):
                _drop(connection, name)


def _drop(connection: Connection, name: str) -> None:
    connection.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))


@contextmanager
def administration(server: Server) -> Iterator[Connection]:
    url = libpq_url(server.url)
    with psycopg.connect(url, connect_timeout=CONNECT_SECONDS, autocommit=True) as connection:
        yield connection
