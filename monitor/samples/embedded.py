"""Samples in one DuckDB file of their own: columns, one owning process, no server.

A raw row takes about three bytes. Rows older than 48 hours are folded, in one transaction, into hourly rows that keep
the low, the high, their moments, and the sum; a late row makes one more hourly row for its hour, and reading takes all.
So nothing is counted twice, and a kill at any instant leaves either the raw rows or their fold.
"""

import datetime as dt
import json
import math
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import duckdb

from monitor.samples import thinning
from monitor.samples.base import (
    MAX_POINTS,
    RAW_KEPT,
    TRENDS_KEPT,
    Point,
    Sample,
    SampleStoreError,
    SeriesInfo,
    SeriesKey,
)

MEMORY_LIMIT = "80MB"
_HOUR_MS = 3_600_000
_SCHEMA = """
CREATE TABLE IF NOT EXISTS series (id INTEGER, check_id BIGINT, metric VARCHAR, labels VARCHAR, unit VARCHAR);
CREATE TABLE IF NOT EXISTS raw (series INTEGER, ts BIGINT, value DOUBLE);
CREATE TABLE IF NOT EXISTS hourly (
    series INTEGER, hour BIGINT, n BIGINT, total DOUBLE, low DOUBLE, low_ts BIGINT, high DOUBLE, high_ts BIGINT
);
"""
_FOLD = """
INSERT INTO hourly
SELECT series, ts - ts % 3600000, count(*), sum(value), min(value), arg_min(ts, value), max(value), arg_max(ts, value)
FROM raw WHERE ts < $1 GROUP BY ALL ORDER BY ALL
"""
_READ_RAW = "SELECT ts, value FROM raw WHERE series = $1 AND ts >= $2 AND ts < $3 ORDER BY 1"
_READ_HOURLY = """
SELECT low_ts, low FROM hourly WHERE series = $1 AND hour > $2 - 3600000 AND low_ts >= $2 AND low_ts < $3
UNION ALL SELECT high_ts, high FROM hourly
    WHERE series = $1 AND hour > $2 - 3600000 AND high_ts >= $2 AND high_ts < $3 AND high_ts <> low_ts
ORDER BY 1
"""
_NEWEST = """
SELECT series, max(ts), arg_max(value, ts) FROM (
    SELECT series, ts, value FROM raw
    UNION ALL SELECT series, unnest([low_ts, high_ts]), unnest([low, high]) FROM hourly
        WHERE hour >= (SELECT max(hour) FROM hourly) - 604800000
) GROUP BY series
"""


def _ms(at: dt.datetime) -> int:
    if at.tzinfo is None:
        raise ValueError(f"{at.isoformat()} names no time zone")
    return round(at.timestamp() * 1000)


def _at(ms: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(ms / 1000, dt.UTC)


class EmbeddedSamples:
    """A `SampleStore` in the file `path`. One process owns the file; a second one is refused, even for reading."""

    def __init__(self, path: Path, *, memory_limit: str = MEMORY_LIMIT) -> None:
        self._path = path
        self._write = threading.Lock()
        self._known = threading.Lock()
        config: dict[str, Any] = {"memory_limit": memory_limit, "threads": 1, "checkpoint_threshold": "8MB"}
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = duckdb.connect(str(path), config=config)
            self._db.execute(_SCHEMA)
        except (duckdb.Error, OSError) as error:
            raise SampleStoreError(_why_not_opened(path, error)) from error
        self._ids: dict[SeriesKey, int] = {}
        self._units: dict[SeriesKey, str] = {}
        self._newest: dict[int, tuple[int, float]] = {}
        self._load()

    def _load(self) -> None:
        for number, check_id, metric, labels, unit in self._rows(
            "SELECT id, check_id, metric, labels, unit FROM series"
        ):
            key = SeriesKey(check_id, metric, tuple((k, v) for k, v in json.loads(labels)))
            self._ids[key], self._units[key] = number, unit
        self._newest = {number: (ts, value) for number, ts, value in self._rows(_NEWEST)}

    def _rows(self, sql: str, values: Sequence[Any] = ()) -> list[Any]:
        """Read on a cursor of its own: it sees a snapshot and holds up nobody."""
        with self._db.cursor() as cursor:
            return cursor.execute(sql, list(values)).fetchall()

    def append(self, batch: Sequence[Sample]) -> int:
        """Store a batch in one transaction, synced to the disk when this returns."""
        rows = [(sample.series, _ms(sample.at), float(sample.value)) for sample in batch]
        for key, _, value in rows:
            if not math.isfinite(value):
                raise ValueError(f"{key.metric} of check {key.check_id} is {value}, which is no number")
        if not rows:
            return 0
        with self._write:
            fresh = self._numbered(batch)
            numbers = [fresh.get(key) or self._ids[key] for key, _, _ in rows]
            with self._transaction() as cursor:
                self._insert_series(cursor, fresh, batch)
                cursor.execute(
                    "INSERT INTO raw SELECT unnest($1::INTEGER[]), unnest($2::BIGINT[]), unnest($3::DOUBLE[])",
                    [numbers, [ts for _, ts, _ in rows], [value for _, _, value in rows]],
                )
            self._remember(fresh, batch, [(n, ts, value) for n, (_, ts, value) in zip(numbers, rows, strict=True)])
        return len(rows)

    def _numbered(self, batch: Sequence[Sample]) -> dict[SeriesKey, int]:
        new = dict.fromkeys(sample.series for sample in batch if sample.series not in self._ids)
        return {key: len(self._ids) + place for place, key in enumerate(new, start=1)}

    def _insert_series(
        self, cursor: duckdb.DuckDBPyConnection, fresh: dict[SeriesKey, int], batch: Sequence[Sample]
    ) -> None:
        units = {sample.series: sample.unit for sample in reversed(batch)}
        for key, number in fresh.items():
            values = [number, key.check_id, key.metric, json.dumps(key.labels, ensure_ascii=False), units[key]]
            cursor.execute("INSERT INTO series VALUES ($1, $2, $3, $4, $5)", values)

    def _remember(
        self, fresh: dict[SeriesKey, int], batch: Sequence[Sample], rows: list[tuple[int, int, float]]
    ) -> None:
        with self._known:
            self._ids.update(fresh)
            for sample in batch:
                self._units.setdefault(sample.series, sample.unit)
            for number, ts, value in rows:
                if ts >= self._newest.get(number, (ts, 0.0))[0]:
                    self._newest[number] = (ts, value)

    def _transaction(self) -> "_Transaction":
        return _Transaction(self._db, self._path)

    def read(
        self,
        series: SeriesKey,
        start: dt.datetime,
        end: dt.datetime,
        max_points: int = MAX_POINTS,
        gap: dt.timedelta | None = None,
    ) -> list[Point]:
        """See `SampleStore.read`; where only hourly rows are left, the low and the high of each hour are the points."""
        with self._known:
            number = self._ids.get(series)
        if number is None:
            return []
        first, last = _ms(start), _ms(end)
        asked = round(gap.total_seconds() * 1000) if gap else 0
        points = thinning.reaching(self._rows(_READ_HOURLY, [number, first, last]), asked, at_least=2 * _HOUR_MS)
        points += thinning.reaching(_once(self._rows(_READ_RAW, [number, first, last])), asked)
        return [Point(_at(ts), value) for ts, value in thinning.thin(sorted(points), max_points)]

    def latest(self, series: SeriesKey) -> Point | None:
        """The newest point, from memory."""
        with self._known:
            found = self._newest.get(self._ids.get(series, -1))
        return Point(_at(found[0]), found[1]) if found else None

    def series_of(self, check_id: int) -> list[SeriesInfo]:
        """All series of a check, by metric and labels."""
        return self._infos(lambda key: key.check_id == check_id)

    def series_named(self, metric: str) -> list[SeriesInfo]:
        """All series of a metric, whichever check measured them."""
        return self._infos(lambda key: key.metric == metric)

    def _infos(self, wanted: Callable[[SeriesKey], bool]) -> list[SeriesInfo]:
        with self._known:
            keys = sorted(filter(wanted, self._ids))
            units = {key: self._units[key] for key in keys}
        return [SeriesInfo(key, units[key], self.latest(key)) for key in keys]

    def retain(self, now: dt.datetime) -> None:
        """Fold raw rows of whole hours older than 48 hours and drop hourly ones older than two years, atomically."""
        raw_from = _ms(now - RAW_KEPT)
        raw_from -= raw_from % _HOUR_MS
        with self._write:
            with self._transaction() as cursor:
                cursor.execute(_FOLD, [raw_from])
                cursor.execute("DELETE FROM raw WHERE ts < $1", [raw_from])
                cursor.execute("DELETE FROM hourly WHERE hour < $1", [_ms(now - TRENDS_KEPT)])
            self._checkpoint()

    def _checkpoint(self) -> None:
        """Give deleted blocks back; refused while somebody reads, and then the next round does it."""
        try:
            with self._db.cursor() as cursor:
                cursor.execute("CHECKPOINT")
        except duckdb.TransactionException:
            return

    def copy_to(self, target: Path) -> None:
        """Write a copy of one instant to the new file `target`, while others read and write.

        Raises SampleStoreError where the disk refuses.
        """
        quoted = str(target).replace("'", "''")
        source = self._db.execute("SELECT current_database()").fetchall()[0][0]
        try:
            with self._db.cursor() as cursor:
                cursor.execute(f"ATTACH '{quoted}' AS backup")
                try:
                    cursor.execute(f'COPY FROM DATABASE "{source}" TO backup')
                finally:
                    cursor.execute("DETACH backup")
        except duckdb.Error as error:
            target.unlink(missing_ok=True)
            raise SampleStoreError(f"samples could not be copied to {target}: {error}") from error

    def size(self) -> int:
        """Bytes of the file and its log."""
        parts = (self._path, self._path.with_name(self._path.name + ".wal"))
        return sum(part.stat().st_size for part in parts if part.exists())

    def close(self) -> None:
        """Write out and let go of the file."""
        with self._write:
            self._db.close()


def _once(rows: list[tuple[int, float]]) -> list[tuple[int, float]]:
    """One value for each moment: a batch repeated after a crash is stored twice."""
    return list(dict(rows).items())


class _Transaction:
    """BEGIN … COMMIT on a cursor of its own, ROLLBACK on any error; what DuckDB refuses becomes a SampleStoreError."""

    def __init__(self, db: duckdb.DuckDBPyConnection, path: Path) -> None:
        self._cursor = db.cursor()
        self._path = path

    def __enter__(self) -> duckdb.DuckDBPyConnection:
        self._cursor.execute("BEGIN")
        return self._cursor

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        try:
            self._cursor.execute("COMMIT" if error is None else "ROLLBACK")
        except duckdb.Error as failed:
            raise SampleStoreError(f"samples could not be written to {self._path}: {failed}") from failed
        finally:
            self._cursor.close()
        if isinstance(error, duckdb.Error):
            raise SampleStoreError(f"samples could not be written to {self._path}: {error}") from error


def _why_not_opened(path: Path, error: Exception) -> str:
    if "lock" in str(error).lower():
        return f"{path} is owned by another running process; ask that one, or stop it first"
    return f"the sample file {path} can't be opened: {error}"
