"""The sample store on real files: what it keeps, what it gives back, and what a kill leaves."""

import datetime as dt
import math
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from monitor.samples import Sample, SampleStoreError, SeriesKey
from monitor.samples.embedded import EmbeddedSamples

T0 = dt.datetime(2026, 3, 2, 1, 0, tzinfo=dt.UTC)
MINUTE = dt.timedelta(minutes=1)
HOUR = dt.timedelta(hours=1)
DAY = dt.timedelta(days=1)
LOAD = SeriesKey.of(7, "load", {"core": "0"})


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EmbeddedSamples]:
    samples = EmbeddedSamples(tmp_path / "samples.duckdb")
    yield samples
    samples.close()


def filled(store: EmbeddedSamples, start: dt.datetime, minutes: int, series: SeriesKey = LOAD) -> None:
    for first in range(0, minutes, 5000):
        numbers = range(first, min(first + 5000, minutes))
        store.append([Sample(series, start + n * MINUTE, float(n % 60), "%") for n in numbers])


def test_what_was_appended_is_read_back(store: EmbeddedSamples) -> None:
    assert store.append([Sample(LOAD, T0, 0.5, "%"), Sample(LOAD, T0 + MINUTE, 1.5, "%")]) == 2
    assert store.read(LOAD, T0, T0 + HOUR) == [(T0, 0.5), (T0 + MINUTE, 1.5)]
    assert store.read(LOAD, T0, T0 + MINUTE) == [(T0, 0.5)], "the end is not included"
    assert store.read(SeriesKey.of(7, "load", {"core": "1"}), T0, T0 + HOUR) == []
    assert store.append([]) == 0


def test_series_of_a_check_name_unit_and_newest(store: EmbeddedSamples) -> None:
    other = SeriesKey.of(7, "free", {"mount": "/数据"})
    store.append([Sample(LOAD, T0 + MINUTE, 2, "%"), Sample(other, T0, 10, "B"), Sample(SeriesKey.of(8, "x"), T0, 1)])
    store.append([Sample(LOAD, T0, 1, "%")])
    assert [(s.key, s.unit, s.latest) for s in store.series_of(7)] == [
        (other, "B", (T0, 10)),
        (LOAD, "%", (T0 + MINUTE, 2)),
    ]
    assert store.latest(LOAD) == (T0 + MINUTE, 2), "a late sample is not the newest"
    assert store.latest(SeriesKey.of(9, "none")) is None


def test_M_09_what_is_no_number_is_refused_whole(store: EmbeddedSamples) -> None:
    for bad in (math.nan, math.inf):
        with pytest.raises(ValueError, match="no number"):
            store.append([Sample(LOAD, T0, 1.0), Sample(LOAD, T0 + MINUTE, bad)])
    with pytest.raises(ValueError, match="time zone"):
        store.append([Sample(LOAD, T0.replace(tzinfo=None), 1.0)])
    assert store.read(LOAD, T0 - DAY, T0 + DAY) == []


def test_at_most_so_many_points_with_lows_highs_and_gaps(store: EmbeddedSamples) -> None:
    filled(store, T0, 1440)
    filled(store, T0 + 30 * HOUR, 600)
    store.append([Sample(LOAD, T0 + 7 * HOUR + MINUTE / 2, 500.0)])
    points = store.read(LOAD, T0, T0 + 48 * HOUR, max_points=300)
    values = [p.value for p in points if p.value is not None]
    assert len(points) <= 300
    assert (min(values), max(values)) == (0.0, 500.0)
    gaps = [p.at for p in points if p.value is None]
    assert len(gaps) == 1
    assert T0 + 24 * HOUR < gaps[0] < T0 + 30 * HOUR
    assert len(store.read(LOAD, T0, T0 + 48 * HOUR)) <= 2000


def test_a_known_gap_beats_the_guessed_one(store: EmbeddedSamples) -> None:
    store.append([Sample(LOAD, T0 + minute * MINUTE, 1.0) for minute in (0, 1, 2, 8, 9)])
    assert any(p.value is None for p in store.read(LOAD, T0, T0 + HOUR))
    assert all(p.value is not None for p in store.read(LOAD, T0, T0 + HOUR, gap=10 * MINUTE))


def test_two_days_raw_then_hourly_lows_and_highs_nothing_twice(store: EmbeddedSamples) -> None:
    filled(store, T0, 3 * 1440)
    now = T0 + 3 * DAY
    store.retain(now)
    store.retain(now)
    old = store.read(LOAD, T0, T0 + DAY)
    assert [p.value for p in old] == [0.0, 59.0] * 24
    assert old[1].at == T0 + 59 * MINUTE, "with the moments of the low and the high"
    assert len(store.read(LOAD, T0 + DAY, now, max_points=20_000)) == 2880, "two days are still raw"
    whole = store.read(LOAD, T0, now, max_points=20_000)
    assert all(p.value is not None for p in whole), "the fold is no gap"


def test_a_late_sample_of_a_folded_hour_is_not_lost(store: EmbeddedSamples) -> None:
    filled(store, T0, 1440)
    now = T0 + 4 * DAY
    store.retain(now)
    late = T0 + 5 * HOUR + MINUTE / 3
    store.append([Sample(LOAD, late, 777.0)])
    assert (late, 777.0) in store.read(LOAD, T0, T0 + DAY)
    store.retain(now)
    assert (late, 777.0) in store.read(LOAD, T0, T0 + DAY)


def test_trends_end_after_two_years(store: EmbeddedSamples) -> None:
    filled(store, T0, 600)
    store.retain(T0 + 10 * DAY)
    assert store.read(LOAD, T0, T0 + DAY)
    store.retain(T0 + 740 * DAY)
    assert store.read(LOAD, T0, T0 + DAY) == []


def test_the_file_stays_bounded_under_retention(store: EmbeddedSamples) -> None:
    sizes = []
    for day in range(12):
        filled(store, T0 + day * DAY, 1440)
        for series in range(20):
            filled(store, T0 + day * DAY, 1440, SeriesKey.of(series, "m"))
        store.retain(T0 + (day + 1) * DAY)
        sizes.append(store.size())
    assert sizes[-1] < 1.6 * max(sizes[3:6]), sizes


def test_known_again_after_reopening(tmp_path: Path) -> None:
    path = tmp_path / "samples.duckdb"
    first = EmbeddedSamples(path)
    filled(first, T0, 100)
    first.close()
    second = EmbeddedSamples(path)
    assert second.latest(LOAD) == (T0 + 99 * MINUTE, 39.0)
    second.append([Sample(LOAD, T0 + 100 * MINUTE, 1.0, "%"), Sample(SeriesKey.of(9, "new"), T0, 3.0)])
    assert len(second.read(LOAD, T0, T0 + DAY)) == 101
    assert second.read(SeriesKey.of(9, "new"), T0, T0 + DAY) == [(T0, 3.0)]
    assert second.size() > 0
    second.close()


def test_a_second_process_is_refused_with_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "samples.duckdb"
    owner = EmbeddedSamples(path)
    code = (
        f"from pathlib import Path; from monitor.samples.embedded import EmbeddedSamples as E; E(Path({str(path)!r}))"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    owner.close()
    assert told.returncode != 0
    assert "owned by another running process" in told.stderr


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "samples.duckdb"
    path.write_bytes(b"not a database" * 1000)
    with pytest.raises(SampleStoreError, match=r"samples\.duckdb"):
        EmbeddedSamples(path)


def test_readers_do_not_hold_up_the_writer(store: EmbeddedSamples) -> None:
    filled(store, T0, 100_000)
    stop = threading.Event()
    reads: list[int] = []

    def reading() -> None:
        while not stop.is_set():
            reads.append(len(store.read(LOAD, T0, T0 + 80 * DAY)))

    readers = [threading.Thread(target=reading) for _ in range(2)]
    for reader in readers:
        reader.start()
    slowest = 0.0
    for n in range(30):
        began = time.monotonic()
        store.append([Sample(LOAD, T0 + 90 * DAY + n * MINUTE, 1.0)])
        slowest = max(slowest, time.monotonic() - began)
    store.retain(T0 + 60 * DAY)
    stop.set()
    for reader in readers:
        reader.join(30)
    assert reads, "somebody read"
    assert slowest < 15.0, "not even on a machine with ten other things to do"


_WRITER = """
import datetime as dt, sys
from pathlib import Path
from monitor.samples import Sample, SeriesKey
from monitor.samples.embedded import EmbeddedSamples
store = EmbeddedSamples(Path(sys.argv[1]))
first = int(sys.argv[2])
t0 = dt.datetime(2026, 3, 2, 1, 0, tzinfo=dt.UTC)
for n in range(first, first + 100_000):
    at = t0 + dt.timedelta(seconds=n)
    store.append([Sample(SeriesKey.of(n % 5, "m", {"i": str(i)}), at, n + i / 10) for i in range(5)])
    print(n, flush=True)
    if n % 40 == 39:
        store.retain(t0 + dt.timedelta(hours=48, seconds=n))
"""


@pytest.mark.chaos
def test_R_01_kill_9_loses_nothing_that_was_answered(tmp_path: Path) -> None:
    path = tmp_path / "samples.duckdb"
    answered = -1
    for round_ in range(4):
        command = [sys.executable, "-c", _WRITER, str(path), str(answered + 1)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout is not None
            for line in writer.stdout:
                answered = int(line)
                if answered == 67 * (round_ + 1):
                    os.kill(writer.pid, signal.SIGKILL)
        store = EmbeddedSamples(path)
        kept = {
            round(p.value - 0.4)
            for check in range(5)
            for p in store.read(SeriesKey.of(check, "m", {"i": "4"}), T0, T0 + DAY, max_points=20_000)
            if p.value is not None
        }
        store.close()
        missing = set(range(answered + 1)) - kept
        assert not missing, f"round {round_}: {sorted(missing)[:10]} were answered and are gone"
        answered = max(kept)


def test_R_02_a_batch_stored_twice_is_read_once(store: EmbeddedSamples) -> None:
    for _ in range(2):
        store.append([Sample(LOAD, T0, 1.0), Sample(LOAD, T0 + MINUTE, 2.0)])
    assert store.read(LOAD, T0, T0 + HOUR) == [(T0, 1.0), (T0 + MINUTE, 2.0)]
