"""Opens the database for a command."""

from service.cli.running import read_settings
from service.errors import InvalidInput
from service.store import schema
from service.store.session import Database


def open_database() -> Database:
    """Open the database of the settings for one command."""
    database = Database(read_settings(level="warning").database)
    revision = schema.current_revision(database)
    if revision is None:
        message = f"the database {database.url.render_as_string(hide_password=True)} has no tables"
        raise InvalidInput(
            message, mend="run 'marketable migrate', or 'marketable up' for the embedded default"
        )
    return database
