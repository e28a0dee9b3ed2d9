"""Writes contacts whose new addresses somebody else may take at the same moment."""

import sqlite3
from collections.abc import Sequence

import sqlalchemy as sa

from service.store.contact_batches import ContactBatch, Write


def write_unless_taken(batch: ContactBatch, writes: Sequence[Write]) -> list[int | None] | None:
    """Do as `ContactBatch.write` does; None, and nothing is written, when a new address has been taken."""
    try:
        with batch.connection.begin_nested():
            return batch.write(writes)
    except (sa.exc.IntegrityError, sqlite3.IntegrityError):
        return None
