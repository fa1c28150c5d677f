"""The DuckDB file of the embedded store: opening, schema, transactions. One process owns it, one thread writes it."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from shutil import copyfile
from typing import Any

import duckdb

from monitor.samples.base import SampleStoreError

MEMORY_LIMIT = "80MB"
_ROW_GROUP = 8192
"""Rows that are packed together. Few, so that a series is found in few, and little is written anew when some are added."""
SCHEMA = """
CREATE TABLE IF NOT EXISTS s.series (id BIGINT, check_id BIGINT, metric VARCHAR, labels VARCHAR, unit VARCHAR);
CREATE TABLE IF NOT EXISTS s.newest (series BIGINT, ts BIGINT, value DOUBLE);
CREATE TABLE IF NOT EXISTS s.flushed (segment BIGINT);
CREATE TABLE IF NOT EXISTS s.chunk (
    series BIGINT, hour INTEGER, first INTEGER, low DOUBLE, low_at INTEGER, high DOUBLE, high_at INTEGER,
    steps INTEGER[], vals DOUBLE[]
);
CREATE TABLE IF NOT EXISTS s.recent (
    series BIGINT, hour INTEGER, n BIGINT, total DOUBLE, low DOUBLE, low_at INTEGER, high DOUBLE, high_at INTEGER
);
CREATE TABLE IF NOT EXISTS s.trend (
    series BIGINT, hour INTEGER, n BIGINT, total DOUBLE, low DOUBLE, low_at INTEGER, high DOUBLE, high_at INTEGER
);
"""
_FROM_0_1 = """
INSERT INTO s.chunk SELECT series, ts // 3600000, min(ts) % 3600000, min(value), arg_min(ts, value) % 3600000,
    max(value), arg_max(ts, value) % 3600000, list(step ORDER BY ts), list(value ORDER BY ts)
FROM (SELECT *, coalesce(ts - lag(ts) OVER (PARTITION BY series, ts // 3600000 ORDER BY ts), 60000) AS step FROM s.raw)
GROUP BY series, ts // 3600000 ORDER BY series, ts // 3600000;
INSERT INTO s.trend SELECT series, hour // 3600000, n, total, low, low_ts % 3600000, high, high_ts % 3600000
FROM s.hourly ORDER BY series, hour;
INSERT INTO s.newest SELECT series, max(ts), arg_max(value, ts) FROM s.raw GROUP BY series;
DROP TABLE s.raw;
DROP TABLE s.hourly;
"""


class Engine:
    """The open file."""

    def __init__(self, path: Path, memory_limit: str = MEMORY_LIMIT) -> None:
        self._path = path
        self._write = threading.Lock()
        config: dict[str, Any] = {"memory_limit": memory_limit, "threads": 1, "checkpoint_threshold": "8MB"}
        config["temp_directory"] = str(path.with_name(path.name + ".tmp"))
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = duckdb.connect(":memory:", config=config)
            name = str(path).replace("'", "''")
            self._db.execute(f"ATTACH '{name}' AS s (ROW_GROUP_SIZE {_ROW_GROUP})")
        except (duckdb.Error, OSError) as error:
            raise SampleStoreError(_why_not_opened(path, error)) from error
        with self.transaction() as cursor:
            cursor.execute(SCHEMA)
        if self.rows("SELECT 1 FROM duckdb_tables() WHERE database_name = 's' AND table_name = 'raw'"):
            with self.transaction() as cursor:
                cursor.execute(_FROM_0_1)

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[Any]:
        """Read on a cursor of its own: it sees a snapshot and holds up nobody."""
        with self._db.cursor() as cursor:
            return cursor.execute(sql, list(values)).fetchall()

    @contextmanager
    def transaction(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """One at a time; ROLLBACK on any error, and what the engine refuses becomes a SampleStoreError."""
        with self._write, self._db.cursor() as cursor:
            try:
                cursor.execute("BEGIN")
                try:
                    yield cursor
                except BaseException:
                    cursor.execute("ROLLBACK")
                    raise
                cursor.execute("COMMIT")
            except duckdb.Error as error:
                raise SampleStoreError(f"samples could not be written to {self._path}: {error}") from error

    def checkpoint(self) -> None:
        """Give deleted blocks back; refused while somebody reads, and then the next round does it."""
        try:
            with self._write, self._db.cursor() as cursor:
                cursor.execute("CHECKPOINT s")
        except duckdb.TransactionException:
            return
        except duckdb.Error as error:
            raise SampleStoreError(f"samples could not be written to {self._path}: {error}") from error

    def copy_to(self, target: Path) -> None:
        """Write a copy of one instant to a new file. Only the flushing thread writes the file, and it waits meanwhile."""
        try:
            with self._write, self._db.cursor() as cursor:
                with suppress(duckdb.TransactionException):  # refused while somebody reads
                    cursor.execute("CHECKPOINT s")
                if self._log_size():
                    _copy_rows(cursor, target)
                else:  # all is in the file, and nothing changes it
                    copyfile(self._path, target)
        except (duckdb.Error, OSError) as error:
            target.unlink(missing_ok=True)
            raise SampleStoreError(f"samples could not be copied to {target}: {error}") from error

    def _log_size(self) -> int:
        log = self._path.with_name(self._path.name + ".wal")
        return log.stat().st_size if log.exists() else 0

    def size(self) -> int:
        """Bytes of the file and its log."""
        return self._path.stat().st_size + self._log_size()

    def close(self) -> None:
        """Let go of the file."""
        with self._write:
            self._db.execute("DETACH s")
            self._db.close()


def _copy_rows(cursor: duckdb.DuckDBPyConnection, target: Path) -> None:
    quoted = str(target).replace("'", "''")
    cursor.execute(f"ATTACH '{quoted}' AS copied (ROW_GROUP_SIZE {_ROW_GROUP})")
    try:
        cursor.execute("COPY FROM DATABASE s TO copied")
    finally:
        cursor.execute("DETACH copied")


def _why_not_opened(path: Path, error: Exception) -> str:
    if "lock" in str(error).lower():
        return f"{path} is owned by another running process; ask that one, or stop it first"
    return f"the sample file {path} can't be opened: {error}"
