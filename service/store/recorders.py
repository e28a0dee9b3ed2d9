"""Chooses how facts are recorded by the database there is."""

from service.store.intake_postgresql import PostgresqlRecorder
from service.store.intake_sqlite import SqliteRecorder
from service.store.recording import Recorder
from service.store.session import Database


def open_recorder(database: Database) -> Recorder:
    """Return a recorder with a connection of its own, opened at its first use."""
    return SqliteRecorder(database) if database.is_sqlite else PostgresqlRecorder(database)
