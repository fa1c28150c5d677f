"""A read that may be given up: what would be nice to know, and is not worth waiting for."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy.orm import Session

T = TypeVar("T")
STEPS = 2000
"""SQLite looks at the clock after so many instructions of its machine (a fraction of a millisecond)."""


def within(session: Session, seconds: float, ask: Callable[[], T]) -> T | None:
    """What `ask` reads through `session`, or None where the database needs longer than `seconds` for a statement of it.

    The session goes on as if it had not been asked. For reads only.
    """
    bounded = _on_sqlite if session.get_bind().dialect.name == "sqlite" else _on_postgresql
    try:
        with bounded(session, seconds):
            return ask()
    except sa.exc.OperationalError as error:
        if not _given_up(error):
            raise
        return None


def _given_up(error: sa.exc.OperationalError) -> bool:
    return getattr(error.orig, "sqlstate", None) == "57014" or "interrupted" in str(error.orig)


@contextlib.contextmanager
def _on_sqlite(session: Session, seconds: float) -> Iterator[None]:
    connection = session.connection().connection.driver_connection
    if connection is None:
        raise RuntimeError("the session has no connection")
    until = time.monotonic() + seconds
    connection.set_progress_handler(lambda: int(time.monotonic() > until), STEPS)
    try:
        yield
    finally:
        connection.set_progress_handler(None, 0)


@contextlib.contextmanager
def _on_postgresql(session: Session, seconds: float) -> Iterator[None]:
    with session.begin_nested():  # a statement that is given up ends its transaction: here a savepoint's
        session.execute(sa.text(f"SET LOCAL statement_timeout = {max(1, round(seconds * 1000))}"))
        yield
        session.execute(sa.text("SET LOCAL statement_timeout TO DEFAULT"))
