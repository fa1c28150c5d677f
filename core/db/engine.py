"""Engines and the two ways an edge opens a session: to read, or to write in one transaction.

SQLite: WAL, synchronous=FULL (an answer given is on the disk), foreign keys on. A writing transaction starts with
BEGIN IMMEDIATE, so that it waits for its turn at the beginning instead of failing in the middle; `reading` starts a
deferred one, which never waits for a writer.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

READ_ONLY = "taxops_read_only"
SQLITE_BUSY_SECONDS = 30


def make_engine(url: str | sa.URL, **options: Any) -> sa.Engine:
    """An engine set up for this product; `url` is sqlite:///… or postgresql+psycopg://…"""
    target = sa.make_url(url)
    if target.drivername == "postgresql":
        target = target.set(drivername="postgresql+psycopg")
    if target.get_backend_name() == "sqlite":
        options.setdefault("connect_args", {"timeout": SQLITE_BUSY_SECONDS, "check_same_thread": False})
        options.setdefault("poolclass", sa.pool.QueuePool)
        options.setdefault("pool_size", 8)
        options.setdefault("max_overflow", 24)
        engine = sa.create_engine(target, **options)
        _prepare_sqlite(engine)
        return engine
    options.setdefault("pool_size", 8)
    options.setdefault("max_overflow", 16)
    options.setdefault("pool_pre_ping", True)
    return sa.create_engine(target, **options)


def _prepare_sqlite(engine: sa.Engine) -> None:
    @sa.event.listens_for(engine, "connect")
    def _on_connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the begin event below says BEGIN itself
        cursor = connection.cursor()
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            "cache_size=-8192",
            "temp_store=MEMORY",
            "mmap_size=0",
            "journal_size_limit=67108864",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @sa.event.listens_for(engine, "begin")
    def _on_begin(connection: sa.Connection) -> None:
        read_only = connection.get_execution_options().get(READ_ONLY, False)
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")


@contextlib.contextmanager
def transaction(engine: sa.Engine) -> Iterator[Session]:
    """A writing session: committed when the block ends, rolled back when it raises."""
    with Session(engine, expire_on_commit=False) as session, session.begin():
        yield session


@contextlib.contextmanager
def reading(engine: sa.Engine) -> Iterator[Session]:
    """A reading session; what it changes is thrown away."""
    if not engine.get_execution_options().get(READ_ONLY):
        engine = engine.execution_options(**{READ_ONLY: True})
    with Session(engine, expire_on_commit=False) as session:
        yield session
