"""The way of a sample into the file: journal, heads, columns; what a crash at each step leaves."""

from __future__ import annotations

import datetime as dt
import errno
import os
import shutil
import threading
from array import array
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from monitor.samples import Sample, SampleStoreError, SeriesKey
from monitor.samples import journal as log
from monitor.samples.arrow import Column, Table
from monitor.samples.embedded import EmbeddedSamples
from monitor.samples.head import Head, chunked

T0 = dt.datetime(2026, 3, 2, 1, 0, tzinfo=dt.UTC)
MS = int(T0.timestamp() * 1000)
HOUR = dt.timedelta(hours=1)
LOAD = SeriesKey.of(7, "load")
FREE = SeriesKey.of(8, "free", {"mount": "/数据"})


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EmbeddedSamples]:
    samples = EmbeddedSamples(tmp_path / "live" / "samples.duckdb")
    yield samples
    samples.close()


def killed(tmp_path: Path) -> EmbeddedSamples:
    """The store as a power cut now would leave it, opened again."""
    copy = tmp_path / "after"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(tmp_path / "live", copy)
    return EmbeddedSamples(copy / "samples.duckdb")


def put(store: EmbeddedSamples, *minutes: int) -> None:
    numbers = store.numbers([LOAD, FREE] * len(minutes), ["%", "B"] * len(minutes))
    at = [MS + minute * 60_000 for minute in minutes for _ in range(2)]
    assert store.append_columns(numbers, at, [float(n) for n in range(len(at))]) == len(at)


def test_columns_come_back_before_and_after_the_flush(store: EmbeddedSamples) -> None:
    put(store, 0, 1, 2)
    want = [(T0, 0.0), (T0 + HOUR / 60, 2.0), (T0 + HOUR / 30, 4.0)]
    assert store.read(LOAD, T0, T0 + HOUR) == want
    store.flush()
    assert store.read(LOAD, T0, T0 + HOUR) == want
    assert store.latest(FREE) == (T0 + HOUR / 30, 5.0)
    put(store, 3)
    assert [p.value for p in store.read(LOAD, T0, T0 + HOUR)] == [0.0, 2.0, 4.0, 0.0], "file and memory together"


def test_columns_of_different_lengths_and_what_is_no_number_are_refused(store: EmbeddedSamples) -> None:
    (number,) = store.numbers([LOAD], ["%"])
    with pytest.raises(ValueError, match="different lengths"):
        store.append_columns([number], [MS, MS], [1.0])
    for bad in (float("nan"), float("inf"), float("-inf")):
        with pytest.raises(ValueError, match="finite"):
            store.append_columns([number, number], [MS, MS + 1], [1.0, bad])
    store.append_columns([number] * 2, [MS, MS + 1], [1.7e308, 1.7e308])
    assert [p.value for p in store.read(LOAD, T0, T0 + HOUR)] == [1.7e308, 1.7e308], "only their sum is too large"


def test_R_01_a_cut_before_and_after_each_step_loses_nothing_and_doubles_nothing(
    store: EmbeddedSamples, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def expect(values: list[float]) -> None:
        again = killed(tmp_path)
        assert [p.value for p in again.read(LOAD, T0, T0 + HOUR)] == values
        rows = again._engine.rows("SELECT coalesce(sum(len(vals)), 0) FROM s.chunk")[0][0]
        again.close()
        assert rows <= 2 * len(values)

    put(store, 0)
    expect([0.0])
    store.flush()
    expect([0.0])
    put(store, 1)
    expect([0.0, 0.0])
    kept: list[int] = []
    monkeypatch.setattr(log.Journal, "drop", lambda _self, upto: kept.append(upto))
    store.flush()  # committed, and the segment is still there: as a kill between the two leaves it
    monkeypatch.undo()
    assert kept
    again = killed(tmp_path)
    assert again._heads[-1].rows == 0, "the segment is known to be in the file"
    again.close()
    expect([0.0, 0.0])


def test_half_a_record_at_the_end_was_never_answered(store: EmbeddedSamples, tmp_path: Path) -> None:
    put(store, 0)
    length = store._journal._length
    put(store, 1)
    (segment,) = (tmp_path / "live" / "samples.duckdb.journal").glob("*.log")
    os.truncate(segment, length + 30)
    again = killed(tmp_path)
    assert [p.value for p in again.read(LOAD, T0, T0 + HOUR)] == [0.0]
    again.close()


def test_a_full_disk_is_said_and_the_next_batch_is_taken(
    store: EmbeddedSamples, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(store, 0)
    real, left = os.pwrite, [20]

    def full(file: int, data: memoryview, place: int) -> int:
        if left[0] <= 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        wrote = real(file, data[: left[0]], place)
        left[0] -= wrote
        return wrote

    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(SampleStoreError, match="No space left"):
        put(store, 1)
    monkeypatch.undo()
    put(store, 2)
    assert [p.at for p in store.read(LOAD, T0, T0 + HOUR)] == [T0, T0 + HOUR / 30]
    again = killed(tmp_path)
    assert [p.at for p in again.read(LOAD, T0, T0 + HOUR)] == [T0, T0 + HOUR / 30]
    again.close()


def test_what_the_file_refuses_waits_in_the_journal(store: EmbeddedSamples, monkeypatch: pytest.MonkeyPatch) -> None:
    put(store, 0)
    monkeypatch.setattr("monitor.samples.embedded._NEW_SERIES", "SELECT no_such_thing($1, $2, $3, $4, $5)")
    with pytest.raises(SampleStoreError, match="could not be written"):
        store.flush()
    put(store, 1)
    assert len(store.read(LOAD, T0, T0 + HOUR)) == 2
    monkeypatch.undo()
    store.flush()
    assert len(store._heads) == 1
    assert len(store.read(LOAD, T0, T0 + HOUR)) == 2


def test_too_much_waiting_is_refused(store: EmbeddedSamples, monkeypatch: pytest.MonkeyPatch) -> None:
    put(store, 0, 1)
    monkeypatch.setattr("monitor.samples.embedded.MOST_WAITING", 3)
    with pytest.raises(SampleStoreError, match="faster than the disk"):
        put(store, 2)


def test_many_writers_and_flushes_lose_nothing(tmp_path: Path) -> None:
    store = EmbeddedSamples(tmp_path / "samples.duckdb", flush_rows=500)
    keys = [SeriesKey.of(n, "m") for n in range(4)]

    def write(n: int) -> None:
        (number,) = store.numbers([keys[n]], [""])
        for step in range(60):
            store.append_columns([number] * 10, [MS + (10 * step + i) * 1000 for i in range(10)], [float(step)] * 10)

    writers = [threading.Thread(target=write, args=(n,)) for n in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    for key in keys:
        assert len(store.read(key, T0, T0 + HOUR)) == 600
    store.close()
    again = EmbeddedSamples(tmp_path / "samples.duckdb")
    assert sum(len(again.read(key, T0, T0 + HOUR)) for key in keys) == 2400
    again.close()


def test_a_copy_made_while_running_holds_all_that_was_answered(store: EmbeddedSamples, tmp_path: Path) -> None:
    put(store, 0)
    store.flush()
    put(store, 1)
    store.copy_to(tmp_path / "copy.duckdb")
    put(store, 2)
    copied = EmbeddedSamples(tmp_path / "copy.duckdb")
    assert len(copied.read(LOAD, T0, T0 + HOUR)) == 2
    copied.close()


def test_a_year_is_drawn_from_each_hours_low_and_high(store: EmbeddedSamples) -> None:
    (number,) = store.numbers([LOAD], ["%"])
    at = [MS + n * 600_000 for n in range(6 * 24 * 100)]
    values = [float(n % 50) for n in range(len(at))]
    values[5000] = 999.0
    store.append_columns([number] * len(at), at, values)
    store.flush()
    points = store.read(LOAD, T0, T0 + HOUR * 24 * 365)
    assert len(points) <= 2000
    assert max(points, key=lambda p: p.value or 0) == (T0 + dt.timedelta(minutes=50_000), 999.0)
    assert all(p.value is not None for p in points)


def test_hourly_rows_of_past_weeks_are_ordered_by_series(store: EmbeddedSamples) -> None:
    for day in range(0, 20, 2):
        put(store, day * 1440, day * 1440 + 60)
        store.retain(T0 + dt.timedelta(days=day + 3))
    recent, trend = (store._engine.rows(f"SELECT count(*) FROM s.{t}")[0][0] for t in ("recent", "trend"))
    assert (recent, trend) == (4, 36), "the last week began on the 19th"
    assert len(store.read(LOAD, T0, T0 + 30 * 24 * HOUR, gap=100 * HOUR)) == 20


def test_rows_in_any_order_and_over_hours_become_chunks_of_an_hour() -> None:
    first, second = Head(), Head()
    first.add([5, 5, 3], [MS + 3_600_000, MS, MS + 7], [1.0, 2.0, 3.0])
    second.add([5], [MS + 60_000], [9.0])
    chunks = chunked([first, second])
    assert list(chunks.series) == [3, 5, 5]
    assert list(chunks.ends) == [0, 1, 3, 4]
    assert list(chunks.vals) == [3.0, 2.0, 9.0, 1.0]
    assert (list(chunks.low), list(chunks.high)) == ([3.0, 2.0, 1.0], [3.0, 9.0, 1.0])
    assert list(chunks.high_at) == [7, 60_000, 0]


def test_the_engine_reads_arrays_as_a_table() -> None:
    found = Table(  # noqa: F841  the engine finds it by its name
        [
            Column("n", array("q", [1, 2, 1 << 40])),
            Column("parts", array("d", [0.5, 1.5, 2.5]), array("q", [0, 2, 2, 3])),
        ]
    )
    with duckdb.connect(":memory:") as database:
        assert database.execute("SELECT n, parts FROM found").fetchall() == [(1, [0.5, 1.5]), (2, []), (1 << 40, [2.5])]
    with pytest.raises(ValueError, match="different lengths"):
        Table([Column("a", array("q", [1])), Column("b", array("q"))])


def test_a_file_of_the_first_release_is_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "samples.duckdb"
    with duckdb.connect(str(path)) as old:
        old.execute(
            "CREATE TABLE series (id INTEGER, check_id BIGINT, metric VARCHAR, labels VARCHAR, unit VARCHAR);"
            "CREATE TABLE raw (series INTEGER, ts BIGINT, value DOUBLE);"
            "CREATE TABLE hourly (series INTEGER, hour BIGINT, n BIGINT, total DOUBLE, low DOUBLE, low_ts BIGINT,"
            " high DOUBLE, high_ts BIGINT);"
            "INSERT INTO series VALUES (1, 7, 'load', '[]', '%')"
        )
        old.executemany("INSERT INTO raw VALUES (1, $1, $2)", [[MS + n * 60_000, float(n)] for n in range(90)])
        earlier = MS - 50 * 3_600_000
        old.execute("INSERT INTO hourly VALUES (1, $1, 60, 90, 1, $2, 2, $3)", [earlier, earlier + 5, earlier + 9])
    store = EmbeddedSamples(path)
    values = [p.value for p in store.read(LOAD, T0 - 60 * HOUR, T0 + 2 * HOUR, gap=99 * HOUR)]
    assert values == [1.0, 2.0, *map(float, range(90))]
    assert store.latest(LOAD) == (T0 + 89 * HOUR / 60, 89.0)
    store.append([Sample(FREE, T0, 1.0, "B"), Sample(LOAD, T0 + 2 * HOUR, 5.0, "%")])
    assert store.series_of(7)[0].latest == (T0 + 2 * HOUR, 5.0)
    assert store.latest(FREE) == (T0, 1.0)
    store.close()
