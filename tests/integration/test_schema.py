from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext

from service.domain.billing import FOREVER
from service.errors import DatabaseAway
from service.store import portals, proof, schema
from service.store.session import Database
from service.store.tables import ledger_counter, ledger_hour, metadata
from tests.facts import FORM, NOW, PORTAL, UPDATE_DATE, make_portal
from tests.services.databases import Migration
from tests.services.plugin import Stack
from tests.world import on_postgresql, opened_database


@pytest.fixture(scope="module")
def database_migration() -> Migration | None:
    """Nothing: the tests of this module begin with an empty database."""
    return None


@pytest.fixture
def empty(engine_urls: Stack) -> Iterator[Database]:
    with opened_database(engine_urls.database_url) as database:
        yield database


def table_names(database: Database) -> set[str]:
    with database.reading() as connection:
        return set(sa.inspect(connection).get_table_names())


def config_for(connection: sa.Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", "service.store:migrations")
    config.attributes["connection"] = connection
    return config


def test_an_empty_database_gets_all_tables(empty: Database) -> None:
    assert schema.current_revision(empty) is None
    assert schema.migrate(empty) == (None, schema.newest_revision())
    assert table_names(empty) == {*metadata.tables, "alembic_version"}
    assert schema.current_revision(empty) == schema.newest_revision()


def test_migrating_twice_is_harmless(empty: Database) -> None:
    schema.migrate(empty)
    with empty.writing() as connection:
        portals.add_portal(connection, make_portal())
    assert schema.migrate(empty) == (schema.newest_revision(), schema.newest_revision())
    with empty.reading() as connection:
        assert portals.find_portal(connection, PORTAL) == make_portal()


def test_the_tables_are_what_the_code_says_they_are(empty: Database) -> None:
    schema.migrate(empty)
    with empty.reading() as connection:
        options = {"compare_type": True, "compare_server_default": True}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, metadata) == []


def test_the_code_finds_its_one_row_of_configuration(empty: Database) -> None:
    schema.migrate(empty)
    with empty.reading() as connection:
        assert portals.version(connection) == 1


def test_down_and_up_again_leaves_the_same_tables(empty: Database) -> None:
    schema.migrate(empty)
    with empty.writing() as connection:
        command.downgrade(config_for(connection), "base")
    assert table_names(empty) == {"alembic_version"}
    assert schema.migrate(empty) == (None, schema.newest_revision())
    assert table_names(empty) == {*metadata.tables, "alembic_version"}


def test_migrations_at_once_follow_one_another(empty: Database) -> None:
    def migrate(_: int) -> tuple[str | None, str]:
        with opened_database(empty.url.render_as_string(hide_password=False)) as database:
            return schema.migrate(database)

    newest = schema.newest_revision()
    with ThreadPoolExecutor(3) as threads:
        found = list(threads.map(migrate, range(3)))
    assert sorted(found, key=str) == sorted([(None, newest), (newest, newest), (newest, newest)], key=str)


def test_a_migration_that_fails_leaves_nothing(empty: Database) -> None:
    with empty.writing() as connection:
        connection.execute(sa.text("CREATE TABLE tier_change (id INTEGER)"))
    with pytest.raises((sa.exc.SQLAlchemyError, DatabaseAway)):
        schema.migrate(empty)
    assert table_names(empty) == {"tier_change"}
    assert schema.current_revision(empty) is None


@on_postgresql
def test_look_ups_by_key_have_their_indexes(empty: Database) -> None:
    schema.migrate(empty)
    with empty.reading() as connection:
        inspector = sa.inspect(connection)
        indexed = {
            tuple(index["column_names"])
            for table in metadata.tables
            for index in inspector.get_indexes(table)
        }
    assert {("portal_id", "email"), ("once_key",), ("portal_id", "since", "until"), ("until",)} <= indexed


def test_a_full_database_of_the_version_before_comes_along_whole(empty: Database) -> None:
    """Contacts, lines and counters as version 0002 wrote them still prove one another, hour and reason included."""
    with empty.writing() as connection:
        command.upgrade(config_for(connection), "0002")
        fill(connection, before_the_reasons())
    schema.migrate(empty)
    (found,) = proof.prove(empty, NOW + timedelta(days=1), PORTAL)
    assert (found.by_contacts, found.by_lines, found.by_counter, found.difference) == (3, 3, 3, 0)
    with empty.reading() as connection:
        counted = connection.execute(sa.select(ledger_counter).order_by(ledger_counter.c.until)).all()
        hours = connection.execute(sa.select(ledger_hour)).all()
        kept = portals.get_portal(connection, PORTAL)
        (token,) = portals.list_tokens(connection, PORTAL)
    assert [(row.until, row.reason_id, row.contacts) for row in counted] == [
        (UPDATE_DATE, "7", 1),
        (FOREVER, FORM, 2),
    ]
    assert [(row.hour, row.raised) for row in hours] == [(NOW, 3)]
    assert (kept.delete_counts, kept.is_braked, kept.runs_workflows) == ("until_update_date", False, False)
    assert (token.marketing_access, token.marketing_default, token.user_id) == (True, False, None)


def before_the_reasons() -> dict[str, list[dict[str, Any]]]:
    """Return rows of a portal with three marketing contacts, one of which leaves, and one who never was one."""
    stints = {1: (NOW, None, FORM), 2: (NOW + timedelta(minutes=5), None, FORM), 3: (NOW, UPDATE_DATE, "7")}
    contacts: list[dict[str, Any]] = [
        {
            "id": number,
            "portal_id": PORTAL,
            "email": f"p{number}@example.com",
            "version": 1,
            "properties": {},
            "created_at": NOW,
            "updated_at": NOW,
            "status_version": 1,
            "stint": 1,
            "since": since,
            "until": until,
            "reason_type": "FORM_SUBMISSION",
            "reason_id": reason,
        }
        for number, (since, until, reason) in stints.items()
    ]
    never = {"id": 4, "status_version": 0, "stint": 0, "email": "p4@example.com"}
    never |= dict.fromkeys(("since", "until", "reason_type", "reason_id"))
    lines = [
        {
            "contact_id": number,
            "stint": 1,
            "portal_id": PORTAL,
            "version": 1,
            "since": since,
            "until": until or FOREVER,
            "reason_type": "FORM_SUBMISSION",
            "reason_id": reason,
        }
        for number, (since, until, reason) in stints.items()
    ]
    portal = {"id": PORTAL, "name": "p", "time_zone": "UTC", "product": "starter", "commitment": "monthly"}
    return {
        "portal": [portal | {"renews_on": date(2026, 1, 1), "tier": 1_000, "created_at": NOW}],
        "access_token": [
            {
                "portal_id": PORTAL,
                "name": "t",
                "secret_hash": "0" * 64,
                "scopes": ["billing"],
                "created_at": NOW,
            }
        ],
        "contact": [*contacts, contacts[0] | never],
        "ledger_line": lines,
        "ledger_counter": [
            {"portal_id": PORTAL, "until": FOREVER, "contacts": 2},
            {"portal_id": PORTAL, "until": UPDATE_DATE, "contacts": 1},
        ],
    }


def fill(connection: sa.Connection, rows: dict[str, list[dict[str, Any]]]) -> None:
    """Insert rows into the columns that there are, whatever the code says of the tables today."""
    for name, of_table in rows.items():
        today = metadata.tables[name].c
        columns = [sa.column(column, today[column].type) for column in of_table[0]]
        connection.execute(sa.insert(sa.table(name, *columns)), of_table)
