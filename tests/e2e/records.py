"""What the database holds, read by the tests themselves, and the comparison with what was acknowledged."""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

from service.store.session import Database
from service.store.tables import contact, dead_letter, outbox, submission
from tests.e2e.installation import Installation
from tests.e2e.load import Load

Kept = tuple[str, str]
"""E-mail address and last name of a submission."""


@contextmanager
def reading(url: str) -> Iterator[sa.Connection]:
    database = Database(url)
    try:
        with database.reading() as connection:
            yield connection
    finally:
        database.dispose()


def submissions(url: str) -> Counter[Kept]:
    """How often each submission is kept."""
    with reading(url) as connection:
        contents = connection.execute(sa.select(submission.c.content)).scalars().all()
    return Counter(_kept(content) for content in contents)


def _kept(content: Any) -> Kept:
    fields = (json.loads(content) if isinstance(content, str) else content)["fields"]
    return fields["email"], fields.get("lastname", "")


def marketing_contacts(url: str) -> set[str]:
    """E-mail addresses of the contacts that are marketing contacts."""
    with reading(url) as connection:
        return set(connection.execute(sa.select(contact.c.email).where(contact.c.stint > 0)).scalars())


def rows(url: str, table: sa.Table) -> int:
    with reading(url) as connection:
        return int(connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one())


def dead_letters(url: str) -> list[str]:
    """Their reasons."""
    with reading(url) as connection:
        return list(connection.execute(sa.select(dead_letter.c.reason)).scalars())


def outbox_entries(url: str) -> int:
    return rows(url, outbox)


def assert_nothing_is_lost(installation: Installation, url: str, load: Load) -> None:
    """What was acknowledged is kept, once; the count is the number of marketing contacts; the proof is 0.

    The proof waits long enough for entries that a killed relay had claimed.
    """
    verified = installation.run("verify", "--wait", "40")
    assert verified.stdout.splitlines()[-1:] == ["difference: 0"], verified.stdout + verified.stderr
    assert load.refused == []
    kept = submissions(url)
    assert {(each.email, each.lastname) for each in load.acknowledged} <= kept.keys()
    assert set(kept.values()) == {1}
    counted = marketing_contacts(url)
    assert load.marketing <= counted
    assert installation.count() == len(counted)
