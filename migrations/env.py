"""Alembic's environment: works on the connection that app.migrate hands over."""

from typing import Any, Literal

import sqlalchemy as sa
from alembic import context

from core.db.base import Base, EnumText, UtcDateTime


def _plain_types(kind: str, item: Any, autogen: Any) -> str | Literal[False]:
    """Write our types as what they are in the database, so that the history does not depend on the program."""
    if kind == "type" and isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    if kind == "type" and isinstance(item, EnumText):
        return "sa.String(length=40)"
    if kind == "type" and isinstance(item, sa.JSON):
        autogen.imports.add("from sqlalchemy.dialects import postgresql")
        return 'sa.JSON().with_variant(postgresql.JSONB(), "postgresql")'
    return False


def run() -> None:
    connection = context.config.attributes["connection"]
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=connection.dialect.name == "sqlite",
        compare_type=False,
        transaction_per_migration=True,
        render_item=_plain_types,
    )
    with context.begin_transaction():
        context.run_migrations()


run()
