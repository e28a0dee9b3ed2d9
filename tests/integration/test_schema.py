from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext

from service.errors import DatabaseAway
from service.store import portals, schema
from service.store.session import Database
from service.store.tables import metadata
from tests.facts import PORTAL, make_portal
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
