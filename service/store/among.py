"""Whether a column holds one of many numbers, as either database takes them best."""

from collections.abc import Collection
from typing import Any

import sqlalchemy as sa

from service.store.literals import plain_array


def among(
    connection: sa.Connection, column: sa.Column[Any], numbers: Collection[int]
) -> sa.ColumnElement[bool]:
    """Return the condition; on PostgreSQL one parameter holds all numbers, so any number of them will do."""
    if connection.dialect.name == "sqlite":
        return column.in_(numbers)
    literal = sa.cast(sa.literal(plain_array(numbers), sa.Text), sa.ARRAY(sa.BigInteger))
    return column == sa.func.any(literal)
