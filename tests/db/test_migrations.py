"""One history of the schema, the same on both databases, up and down."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.script import ScriptDirectory

from app import migrate, rooms
from core.db import make_engine
from core.db.base import Base


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[sa.Engine]:
    """An engine on an empty database of each kind."""
    sqlite = request.param == "sqlite"
    url = f"sqlite:///{tmp_path / 'taxops.db'}" if sqlite else request.getfixturevalue("postgresql_url")
    made = make_engine(url)
    yield made
    made.dispose()


def tables(engine: sa.Engine) -> set[str]:
    return set(sa.inspect(engine).get_table_names()) - {"alembic_version"}


def revisions() -> list[str]:
    """All revisions, oldest first."""
    scripts = ScriptDirectory.from_config(migrate.alembic_config())
    return [script.revision for script in scripts.walk_revisions()][::-1]


def test_the_history_is_one_line() -> None:
    scripts = ScriptDirectory.from_config(migrate.alembic_config())
    assert scripts.get_heads() == [migrate.head()]
    assert len(scripts.get_bases()) == 1


def test_the_models_are_what_the_history_makes(engine: sa.Engine) -> None:
    migrate.upgrade(engine)
    with engine.connect() as connection:
        command.check(migrate.alembic_config(connection))
    assert tables(engine) >= set(Base.metadata.tables)


def test_up_again_changes_nothing(engine: sa.Engine) -> None:
    assert migrate.upgrade(engine) == (None, migrate.head())
    assert migrate.upgrade(engine) == (migrate.head(), migrate.head())


def test_every_step_can_be_taken_back(engine: sa.Engine) -> None:
    steps = revisions()
    for before, revision in zip(["base", *steps], steps, strict=False):
        migrate.upgrade(engine, revision)
        there = tables(engine)
        migrate.downgrade(engine, before)
        assert migrate.current(engine) == (None if before == "base" else before)
        migrate.upgrade(engine, revision)
        assert tables(engine) == there
    migrate.downgrade(engine, "base")
    assert tables(engine) == set()
    assert not sa.inspect(engine).get_view_names()


def test_both_databases_get_the_same_tables_and_columns(tmp_path: Path, postgresql_url: str) -> None:
    rooms.import_models()
    shapes = []
    for url in (f"sqlite:///{tmp_path / 'taxops.db'}", postgresql_url):
        made = make_engine(url)
        migrate.upgrade(made)
        inspector = sa.inspect(made)
        shapes.append(
            {
                table: {column["name"]: column["nullable"] for column in inspector.get_columns(table)}
                for table in inspector.get_table_names()
            }
        )
        made.dispose()
    assert shapes[0] == shapes[1]
