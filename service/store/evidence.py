"""Keeps deliveries whose id was accepted before with another body (rule 14)."""

import sqlalchemy as sa

from service.documents import loads
from service.domain.model import Fact
from service.store.tables import conflicting_delivery


def keep(connection: sa.Connection, fact: Fact) -> None:
    """Keep one such delivery; the same again is kept already."""
    columns = conflicting_delivery.c
    same = (columns.once_key == fact.once_key) & (columns.digest == fact.digest)
    if connection.execute(sa.select(columns.id).where(same)).first() is not None:
        return
    connection.execute(
        sa.insert(conflicting_delivery).values(
            id=fact.submission_id,
            portal_id=fact.portal_id,
            once_key=fact.once_key,
            digest=fact.digest,
            source=fact.source.value,
            source_id=fact.source_id,
            received_at=fact.received_at,
            content=loads(fact.content),
        )
    )
