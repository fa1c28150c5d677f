"""Times in the database that count what has elapsed since something happened, not what the calendar says.

When the wall clock is set to another hour, they are moved with it: so a page due in three minutes is due in three minutes,
neither at once nor in an hour. Rooms list theirs as `ELAPSING` in their wiring; app.run.clockwatch moves them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

Move = Callable[[Session, dt.timedelta], None]
_AT_ONCE = 5000


def rows(model: Any, columns: tuple[str, ...], where: Callable[[], tuple[sa.ColumnElement[bool], ...]]) -> Move:
    """Moves these columns of the rows for which `where` holds; empty ones stay empty. Past the unit of work: no event."""
    table = model.__table__
    (key,) = table.primary_key.columns

    def move(session: Session, by: dt.timedelta) -> None:
        if session.get_bind().dialect.name == "postgresql":  # others write meanwhile: what they wrote is moved too
            more = {name: table.c[name] + sa.literal(by, sa.Interval()) for name in columns}
            session.connection().execute(sa.update(table).where(*where()).values(more))
            return
        found = session.execute(sa.select(key, *(table.c[name] for name in columns)).where(*where())).all()
        values = [
            {"b_key": row[0], **{f"b_{name}": at and at + by for name, at in zip(columns, row[1:], strict=True)}}
            for row in found
        ]
        change = (
            sa.update(table)
            .where(key == sa.bindparam("b_key"))
            .values({name: sa.bindparam(f"b_{name}") for name in columns})
        )
        for start in range(0, len(values), _AT_ONCE):
            session.connection().execute(change, values[start : start + _AT_ONCE])

    return move
