"""Keeps engines from test to test: a new one compiles every statement anew, which takes longer than to run it."""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from service.store import session
from service.store.session import Database, FileLock


class Engines:
    """Lends engines, each to one `Database` at a time; the database gives it back when it is disposed of."""

    def __init__(self) -> None:
        self.kept: set[str] = set()
        """Databases that test after test comes back to, by URL."""
        self._free: defaultdict[Any, list[sa.Engine]] = defaultdict(list)
        self._lent: dict[int, tuple[Any, sa.Engine]] = {}
        self._open_postgresql = session._open_postgresql  # noqa: SLF001 - it stands in for them
        self._open_sqlite = session._open_sqlite  # noqa: SLF001
        self._dispose = Database.dispose

    def open_postgresql(self, url: sa.URL, statement_timeout: int, patience: float) -> sa.Engine:
        key = (url, statement_timeout, patience)
        return self._take(key) or self._lend(key, self._open_postgresql(*key))

    def open_sqlite(self, url: sa.URL) -> tuple[sa.Engine, FileLock | None]:
        engine = self._take(url)
        if engine is None:
            engine, lock = self._open_sqlite(url)
            return self._lend(url, engine), lock
        path = Path(url.database or "")
        session._make_file(path)  # noqa: SLF001 - as a new one would
        return engine, FileLock(path.with_name(path.name + ".lock"))

    def dispose(self, database: Database) -> None:
        self._dispose(database)
        key, engine = self._lent.pop(id(database.engine), (None, None))
        if engine is not None and database.url.render_as_string(hide_password=False) in self.kept:
            self._free[key].append(engine)

    def _take(self, key: Any) -> sa.Engine | None:
        free = self._free[key]
        return self._lend(key, free.pop()) if free else None

    def _lend(self, key: Any, engine: sa.Engine) -> sa.Engine:
        self._lent[id(engine)] = (key, engine)
        return engine


@contextmanager
def kept_engines() -> Iterator[Engines]:
    """Have databases opened by way of this until the end of the block."""
    engines = Engines()

    def dispose(database: Database) -> None:
        engines.dispose(database)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(session, "_open_postgresql", engines.open_postgresql)
        patch.setattr(session, "_open_sqlite", engines.open_sqlite)
        patch.setattr(Database, "dispose", dispose)
        yield engines
