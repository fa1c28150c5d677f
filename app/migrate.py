"""The one Alembic history, run from inside the program (no alembic.ini needed)."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

import migrations
from app import rooms

SCRIPTS = Path(migrations.__file__).parent


def alembic_config(connection: sa.Connection | None = None) -> Config:
    """Alembic's configuration, working on `connection`."""
    found = Config()
    found.set_main_option("script_location", str(SCRIPTS))
    found.attributes["connection"] = connection
    return found


def current(engine: sa.Engine) -> str | None:
    """The revision the database is at."""
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def head() -> str:
    """The revision this program wants."""
    found = ScriptDirectory.from_config(alembic_config()).get_current_head()
    if found is None:
        raise RuntimeError("the migration history is empty")
    return found


def upgrade(engine: sa.Engine, revision: str = "head") -> tuple[str | None, str | None]:
    """Bring the database to `revision`; returns what it was and what it is."""
    rooms.import_models()
    before = current(engine)
    if revision == "head" and before == head():
        return before, before
    with engine.connect() as connection, _tables_may_be_made_anew(connection):
        command.upgrade(alembic_config(connection), revision)
        connection.commit()
    return before, current(engine)


@contextlib.contextmanager
def _tables_may_be_made_anew(connection: sa.Connection) -> Iterator[None]:
    """SQLite changes most of a table by copying it into a new one and dropping the old, which rows that point to it forbid.

    So their check is off meanwhile and made for all rows at the end. Raises RuntimeError where a row then points nowhere.
    Source: sqlite.org/lang_altertable.html, section 7.
    """
    if connection.dialect.name != "sqlite":
        yield
        return
    raw: Any = connection.connection.driver_connection  # a PRAGMA inside a transaction would do nothing
    raw.execute("PRAGMA foreign_keys=OFF")
    try:
        yield
        if broken := raw.execute("PRAGMA foreign_key_check").fetchone():
            raise RuntimeError(
                f"after the migration a row of {broken[0]} points to a row of {broken[2]} that is not there"
            )
    finally:
        raw.execute("PRAGMA foreign_keys=ON")


def downgrade(engine: sa.Engine, revision: str) -> None:
    """Take the database back to `revision` ("base": empty)."""
    rooms.import_models()
    with engine.connect() as connection, _tables_may_be_made_anew(connection):
        command.downgrade(alembic_config(connection), revision)
        connection.commit()
