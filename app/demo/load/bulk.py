"""Adding many rows at once, with the ids they got."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import InstrumentedAttribute, Session

CHUNK = 2000


def add(
    session: Session, model: type[Any], rows: Sequence[dict[str, Any]], step: Callable[[int], None] | None = None
) -> None:
    """Insert rows; `step` hears how many are in."""
    for start in range(0, len(rows), CHUNK):
        session.execute(sa.insert(model), rows[start : start + CHUNK])
        if step:
            step(min(start + CHUNK, len(rows)))


def ids_by(session: Session, key: InstrumentedAttribute[str], ident: InstrumentedAttribute[int]) -> dict[str, int]:
    """Everything there is of a table: its natural key → its id."""
    return {row[0]: row[1] for row in session.execute(sa.select(key, ident))}


def add_with_ids(session: Session, model: type[Any], rows: Sequence[dict[str, Any]]) -> list[int]:
    """Insert rows; their ids in the same order."""
    found: list[int] = []
    for start in range(0, len(rows), CHUNK):
        statement = sa.insert(model).returning(model.id, sort_by_parameter_order=True)
        found += session.scalars(statement, rows[start : start + CHUNK]).all()
    return found
