"""Samples on this machine: a journal for the answer, memory for the newest, one DuckDB file of columns for the rest.

A batch is written to the journal and synced before it is answered, and kept in memory. In the background whole heads of
up to a million samples go into the file sorted by series, which packs them into about three bytes each and keeps a
series findable. That, its journal segment's number and the newest values commit together, and only then the segment is
dropped: so a kill at any instant loses nothing that was answered and stores nothing twice. Intake never waits for the
file, nor readers for writers: they see the engine's snapshot and the heads.

Rows older than 48 hours are folded, in one transaction, into hourly rows that keep the low, the high, their moments, and
the sum; a late row makes one more hourly row for its hour, and reading takes all. Hourly rows are ordered anew by series
week by week, so that a year of one series lies in few places.
"""

from __future__ import annotations

import datetime as dt
import json
import threading
from array import array
from collections.abc import Sequence
from pathlib import Path

import structlog

from monitor.samples import journal as log
from monitor.samples.arrow import Column, Table
from monitor.samples.base import (
    MAX_POINTS,
    RAW_KEPT,
    TRENDS_KEPT,
    Point,
    Sample,
    SampleStoreError,
    SeriesInfo,
    SeriesKey,
    checked,
    columns,
    instant,
    milliseconds,
)
from monitor.samples.catalogue import Catalogue
from monitor.samples.engine import MEMORY_LIMIT, Engine
from monitor.samples.head import HOUR_MS, Head, chunked
from monitor.samples.reading import read

FLUSH_ROWS = 1_000_000
FLUSH_S = 3600.0
RETRY_S = 5.0
MOST_WAITING = 4_000_000
"""Samples that may wait for the file. More come only where the disk refuses or is too slow, and are then refused."""
_WEEK = 168  # hours
_SLICES = 8
_FOLD = """
INSERT INTO s.recent
SELECT series, hour, sum(len(vals)), sum(list_sum(vals)), min(low), arg_min(low_at, low), max(high), arg_max(high_at, high)
FROM s.chunk WHERE hour < $1 GROUP BY series, hour ORDER BY series, hour
"""
_NEW_SERIES = """
INSERT INTO s.series
SELECT unnest($1::BIGINT[]), unnest($2::BIGINT[]), unnest($3::VARCHAR[]), unnest($4::VARCHAR[]), unnest($5::VARCHAR[])
"""
_ORDER = "INSERT INTO s.trend SELECT * FROM s.recent WHERE hour < $1 AND hash(series) % 8 = $2 ORDER BY series, hour"
_ORDERED = "DELETE FROM s.recent WHERE hour < $1 AND hash(series) % 8 = $2"

logger = structlog.get_logger(__name__)


class EmbeddedSamples:
    """A `SampleStore` in the file `path`. One process owns the file; a second one is refused, even for reading."""

    def __init__(self, path: Path, *, memory_limit: str = MEMORY_LIMIT, flush_rows: int = FLUSH_ROWS) -> None:
        self._flush_rows = flush_rows
        self._engine = Engine(path, memory_limit)
        self._series = Catalogue(self._engine.rows("SELECT id, check_id, metric, labels, unit FROM s.series"))
        self._newest = {n: (ts, value) for n, ts, value in self._engine.rows("SELECT series, ts, value FROM s.newest")}
        self._take = threading.Lock()  # the journal and the head change together
        self._flushing = threading.Lock()
        self._heads: tuple[Head, ...] = (Head(),)  # the last one takes; changed as one, so that readers need no lock
        flushed = self._engine.rows("SELECT max(segment) FROM s.flushed")[0][0] or 0
        try:
            self._journal = log.Journal(path.with_name(path.name + ".journal"), after=flushed)
        except OSError as error:
            self._engine.close()
            raise SampleStoreError(f"the journal of samples beside {path} can't be opened: {error}") from error
        self._complete = self._journal.segment - 1
        self._replay()
        self._due, self._stop = threading.Event(), threading.Event()
        self._note()
        self._flusher = threading.Thread(target=self._flush_when_due, name="samples-flush", daemon=True)
        self._flusher.start()

    # --- in
    def _replay(self) -> None:
        """Take over what a crash left in the journal."""
        for kind, body in self._journal.replay():
            if kind == log.SERIES:
                self._series.define(json.loads(body))
            else:
                self._heads[-1].add(*log.unpacked(body))

    def numbers(self, series: Sequence[SeriesKey], units: Sequence[str]) -> list[int]:
        """See `SampleStore.numbers`."""
        return self._series.numbers(series, units)

    def append(self, batch: Sequence[Sample]) -> int:
        """See `SampleStore.append`."""
        keys, units, at, values = columns(batch)
        return self.append_columns(self.numbers(keys, units), at, values)

    def append_columns(self, numbers: Sequence[int], at: Sequence[int], values: Sequence[float]) -> int:
        """See `SampleStore.append_columns`; synced to the disk when this returns, one sync for all who wait."""
        checked(numbers, at, values)
        if not numbers:
            return 0
        records = log.record(log.NUMBERS, log.packed(numbers, at, values))
        try:
            with self._take:
                if sum(head.rows for head in self._heads) > MOST_WAITING:
                    raise SampleStoreError(
                        "samples come faster than the disk takes them, or it refuses them: see the log"
                    )
                fresh = self._series.unwritten()
                if fresh:
                    records = log.record(log.SERIES, json.dumps(fresh, ensure_ascii=False).encode()) + records
                position = self._journal.write(records)
                self._series.written(len(fresh))
                self._heads[-1].add(numbers, at, values)
            self._journal.sync(position)
        except OSError as error:
            raise SampleStoreError(f"samples could not be written to the journal: {error}") from error
        self._note()
        return len(numbers)

    def _note(self) -> None:
        if self._heads[-1].rows >= self._flush_rows:
            self._due.set()

    # --- into the file
    def _flush_when_due(self) -> None:
        wait = FLUSH_S
        while not self._stop.is_set():
            self._due.wait(wait)
            self._due.clear()
            if self._stop.is_set():
                return
            try:
                self.flush()
                wait = FLUSH_S
            except Exception:
                logger.exception("samples.flush")  # they wait in the journal and in memory
                wait = RETRY_S

    def flush(self) -> None:
        """Bring the heads into the file; SampleStoreError leaves them, and the journal, for the next time."""
        with self._flushing:
            self._flush()

    def _flush(self) -> None:
        self._freeze()
        heads = self._heads[:-1]
        if not heads:
            return
        self._store(heads)
        self._newest.update(self._newest_of(heads))
        with self._take:
            self._heads = self._heads[len(heads) :]
        self._journal.drop(self._complete)

    def _freeze(self) -> None:
        try:
            self._journal.sync()  # most of it, before anybody has to wait for the rest
            with self._take:
                if self._heads[-1].rows:
                    self._complete = self._journal.rotate()
                    self._heads = (*self._heads, Head())
        except OSError as error:
            raise SampleStoreError(f"the journal of samples could not be continued: {error}") from error

    def _store(self, heads: Sequence[Head]) -> None:
        chunks = chunked(heads).table()  # the engine finds both by their names here
        newest = self._newest_table(heads)
        fresh = self._series.unstored()
        with self._engine.transaction() as cursor:
            if fresh:
                cursor.execute(_NEW_SERIES, [list(column) for column in zip(*fresh, strict=True)])
            cursor.execute("INSERT INTO s.chunk SELECT * FROM chunks")
            cursor.execute("CREATE OR REPLACE TEMP TABLE fresh_newest AS SELECT * FROM newest")
            cursor.execute("DELETE FROM s.newest WHERE series IN (SELECT series FROM fresh_newest)")
            cursor.execute("INSERT INTO s.newest SELECT * FROM fresh_newest")
            cursor.execute("DELETE FROM s.flushed")
            cursor.execute("INSERT INTO s.flushed VALUES ($1)", [self._complete])
        del chunks, newest
        self._series.stored(len(fresh))

    def _newest_of(self, heads: Sequence[Head]) -> dict[int, tuple[int, float]]:
        found: dict[int, tuple[int, float]] = {}
        for head in heads:
            for number, row in head.all_newest():
                known = found.get(number) or self._newest.get(number)
                if known is None or row[0] >= known[0]:
                    found[number] = row
        return found

    def _newest_table(self, heads: Sequence[Head]) -> Table:
        found = self._newest_of(heads)
        return Table(
            [
                Column("series", array("q", found)),
                Column("ts", array("q", [ts for ts, _ in found.values()])),
                Column("value", array("d", [value for _, value in found.values()])),
            ]
        )

    # --- out
    def read(
        self,
        series: SeriesKey,
        start: dt.datetime,
        end: dt.datetime,
        max_points: int = MAX_POINTS,
        gap: dt.timedelta | None = None,
    ) -> list[Point]:
        """See `SampleStore.read`; where only hourly rows are left, the low and the high of each hour are the points."""
        number = self._series.number(series)
        if number is None:
            return []
        first, last = milliseconds(start), milliseconds(end)
        asked = round(gap.total_seconds() * 1000) if gap else 0
        heads = self._heads  # before the file is asked: what moves there meanwhile is seen twice, never missed
        rows = [row for head in heads for row in head.of(number, first, last)]
        drawn = read(self._engine.rows, number, first, last, rows, asked=asked, max_points=max_points)
        return [Point(instant(ts), value) for ts, value in drawn]

    def latest(self, series: SeriesKey) -> Point | None:
        """The newest point, from memory."""
        number = self._series.number(series)
        return self._latest(number) if number is not None else None

    def _latest(self, number: int) -> Point | None:
        heads = self._heads  # before the stored one is looked up, which a flush renews before it lets the heads go
        found = [row for row in (self._newest.get(number), *(h.newest(number) for h in heads)) if row is not None]
        if not found:
            return None
        ts, value = max(reversed(found), key=lambda row: row[0])
        return Point(instant(ts), value)

    def series_of(self, check_id: int) -> list[SeriesInfo]:
        """All series of a check, by metric and labels."""
        return self._infos(self._series.of_check(check_id))

    def series_named(self, metric: str) -> list[SeriesInfo]:
        """All series of a metric, whichever check measured them."""
        return self._infos(self._series.of_metric(metric))

    def _infos(self, found: Sequence[tuple[SeriesKey, int, str]]) -> list[SeriesInfo]:
        return [SeriesInfo(key, unit, self._latest(number)) for key, number, unit in found]

    # --- upkeep
    def retain(self, now: dt.datetime) -> None:
        """Fold raw rows of whole hours older than 48 hours and drop hourly ones older than two years, atomically."""
        self.flush()
        hour, oldest = milliseconds(now - RAW_KEPT) // HOUR_MS, milliseconds(now - TRENDS_KEPT) // HOUR_MS
        with self._engine.transaction() as cursor:
            cursor.execute(_FOLD, [hour])
            cursor.execute("DELETE FROM s.chunk WHERE hour < $1", [hour])
            cursor.execute("DELETE FROM s.recent WHERE hour < $1", [oldest])
            cursor.execute("DELETE FROM s.trend WHERE hour < $1", [oldest])
        self._order(hour // _WEEK * _WEEK)
        self._engine.checkpoint()

    def _order(self, before: int) -> None:
        """Order the hourly rows of past weeks by series, some series at a time: short transactions, little memory."""
        if not self._engine.rows("SELECT 1 FROM s.recent WHERE hour < $1 LIMIT 1", [before]):
            return
        for part in range(_SLICES):
            with self._engine.transaction() as cursor:
                cursor.execute(_ORDER, [before, part])
                cursor.execute(_ORDERED, [before, part])

    def copy_to(self, target: Path) -> None:
        """Write a copy of one instant to the new file `target`, while others read and write.

        It holds everything that was answered before this was called. Raises SampleStoreError where the disk refuses.
        """
        with self._flushing:
            self._flush()
            self._engine.copy_to(target)

    def size(self) -> int:
        """Bytes of the file, its log and the journal."""
        return self._engine.size() + self._journal.size()

    def close(self) -> None:
        """Write out and let go of the file."""
        self._stop.set()
        self._due.set()
        self._flusher.join(60)
        try:
            self.flush()
        except SampleStoreError:
            logger.exception("samples.close")  # the journal holds them for the next start
        self._journal.close()
        self._engine.close()
