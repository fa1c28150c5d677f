"""The one Alembic history, run from inside the program (no alembic.ini needed)."""

from __future__ import annotations

from pathlib import Path

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
    with engine.connect() as connection:
        command.upgrade(alembic_config(connection), revision)
        connection.commit()
    return before, current(engine)


def downgrade(engine: sa.Engine, revision: str) -> None:
    """Take the database back to `revision` ("base": empty)."""
    rooms.import_models()
    with engine.connect() as connection:
        command.downgrade(alembic_config(connection), revision)
        connection.commit()
