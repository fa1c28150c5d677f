"""SQLite plans by what it knew of the tables when it last looked; PostgreSQL looks by itself (autovacuum).

An installation begins empty and grows a thousandfold; without a look in between, lists of many tickets begin with the wrong
index. A look reads at most a thousand entries of each index, so it takes milliseconds at any size.
Source: sqlite.org/lang_analyze.html, "Approximate ANALYZE For Large Databases".
"""

from __future__ import annotations

import datetime as dt
from weakref import WeakKeyDictionary

import sqlalchemy as sa
from sqlalchemy.orm import Session

from core.jobs import Job

EVERY_S = 600
SMALLEST = 1000
"""Rows from which on a plan matters."""
GROWTH = 2
LIMIT = 1000


_seen: WeakKeyDictionary[sa.Pool, dict[str, int]] = WeakKeyDictionary()
"""By database: how big each table was when it was looked at, or said to be when the program started."""


def refresh(session: Session, _now: dt.datetime) -> list[str]:
    """Look again at the tables that have doubled since the last time; returns their names."""
    connection = session.connection()
    if connection.dialect.name != "sqlite":
        return []
    looked_at = _seen.setdefault(session.get_bind().engine.pool, _known(connection))
    sizes = {table: _size(connection, table) for table in _tables(connection)}
    grown = [table for table, rows in sizes.items() if rows >= SMALLEST and rows >= GROWTH * looked_at.get(table, 0)]
    if not grown:
        return []
    # by the highest row id, as it is asked next time: of a table that is purged there are fewer rows than that
    looked_at.update({table: sizes[table] for table in grown})
    connection.exec_driver_sql(f"PRAGMA analysis_limit={LIMIT}")
    for table in grown:
        connection.exec_driver_sql(f'ANALYZE "{table}"')
    # Others read what was found with the schema, and the schema again only when it changes.
    connection.exec_driver_sql("CREATE TABLE statistics_read_again (x)")
    connection.exec_driver_sql("DROP TABLE statistics_read_again")
    return grown


def _tables(connection: sa.Connection) -> list[str]:
    rows = connection.exec_driver_sql(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' AND sql NOT LIKE '%WITHOUT ROWID%'"
    )
    return [name for (name,) in rows]


def _size(connection: sa.Connection, table: str) -> int:
    """Rows at most: the highest row id, which is found without counting."""
    return connection.exec_driver_sql(f'SELECT max(rowid) FROM "{table}"').scalar() or 0  # noqa: S608  our own names


def _known(connection: sa.Connection) -> dict[str, int]:
    if not connection.exec_driver_sql("SELECT 1 FROM sqlite_master WHERE name = 'sqlite_stat1'").first():
        return {}
    rows = connection.exec_driver_sql("SELECT tbl, stat FROM sqlite_stat1 WHERE stat IS NOT NULL")
    found: dict[str, int] = {}
    for table, stat in rows:
        found[table] = max(found.get(table, 0), int(stat.split()[0]))
    return found


JOB = Job("database.statistics", EVERY_S, refresh)
"""For the room that wires the program together."""
