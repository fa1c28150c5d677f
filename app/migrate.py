"""The one Alembic history, run from inside the program (no alembic.ini needed)."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

import migrations
from app import rooms

if TYPE_CHECKING:
    from alembic.config import Config

# Alembic itself is loaded only where something is to be changed: at most starts nothing is, and it takes half a second.
SCRIPTS = Path(migrations.__file__).parent
#: Alembic's own table of where the database is.
VERSION = sa.table("alembic_version", sa.column("version_num", sa.String))


def alembic_config(connection: sa.Connection | None = None) -> Config:
    """Alembic's configuration, working on `connection`."""
    from alembic.config import Config

    found = Config()
    found.set_main_option("script_location", str(SCRIPTS))
    found.attributes["connection"] = connection
    return found


def current(engine: sa.Engine) -> str | None:
    """The revision the database is at."""
    with engine.connect() as connection:
        if not sa.inspect(connection).has_table(VERSION.name):
            return None
        return connection.scalar(sa.select(VERSION.c.version_num))


def head() -> str:
    """The revision this program wants."""
    texts = [file.read_text(encoding="utf-8") for file in (SCRIPTS / "versions").glob("*.py")]
    made = {found[1] for text in texts if (found := re.search(r"^revision(?:: str)? = [\"'](\w+)", text, re.MULTILINE))}
    follow = {found[1] for text in texts if (found := re.search(r"^down_revision\b.*= [\"'](\w+)", text, re.MULTILINE))}
    ends = made - follow
    if len(ends) != 1:
        raise RuntimeError(f"the migration history has to have one end, not {sorted(ends)}")
    return ends.pop()


def upgrade(engine: sa.Engine, revision: str = "head") -> tuple[str | None, str | None]:
    """Bring the database to `revision`; returns what it was and what it is."""
    before = current(engine)
    if revision == "head" and before == head():
        return before, before
    from alembic import command

    rooms.import_models()
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
    from alembic import command

    rooms.import_models()
    with engine.connect() as connection, _tables_may_be_made_anew(connection):
        command.downgrade(alembic_config(connection), revision)
        connection.commit()
