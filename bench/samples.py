"""The sample store: rate, bytes a sample, reading, reading while writing; VictoriaMetrics and SQLite on the same rows.

Two shapes of the same number of samples, one a minute for each series: `wide`, as many series as fill 48 hours (what is
kept raw), and `long`, as few as fill a year. Values are of four kinds in equal parts: per cents with one decimal,
milliseconds with three, counters' whole numbers up to a million, and status codes; times carry 50 ms of jitter.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import random
import shutil
import sqlite3
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import httpx

from monitor.samples import SeriesKey
from monitor.samples.embedded import FLUSH_ROWS, EmbeddedSamples

TOTAL = int(os.environ.get("BENCH_SAMPLES", "100000000"))
PEER_TOTAL = int(os.environ.get("BENCH_PEER_SAMPLES", "2000000"))
BATCH = int(os.environ.get("BENCH_BATCH", "1000"))
POOL = 1 << 16
MINUTE_MS = 60_000
#: In the past, so that VictoriaMetrics takes a year of it; a whole hour.
BEGIN = int(dt.datetime(2026, 1, 1, tzinfo=dt.UTC).timestamp() * 1000) - 365 * 1440 * MINUTE_MS
METRICS = ("cpu_percent", "rtt_ms", "if_in_octets", "http_status")


class Batch(NamedTuple):
    series: list[int]
    at: list[int]
    values: list[float]


class Feed:
    """Rows in the order of time, all series each minute."""

    def __init__(self, series: int) -> None:
        made = random.Random(1)
        self.series = series
        self.pools = (
            [round(made.random() * 100, 1) for _ in range(POOL)],
            [round(abs(made.gauss(20, 3)), 3) for _ in range(POOL)],
            [float(made.randrange(1_000_000)) for _ in range(POOL)],
            [float(made.choice((200, 200, 200, 200, 302, 500))) for _ in range(POOL)],
        )
        self.offsets = [made.randrange(POOL) for _ in range(series)]
        self.phase = [made.randrange(MINUTE_MS - 100) for _ in range(series)]
        self.jitter = [made.randrange(50) for _ in range(POOL)]

    def keys(self) -> list[SeriesKey]:
        return [SeriesKey.of(1 + n // 4, METRICS[n % 4]) for n in range(self.series)]

    def batches(self, total: int) -> Iterator[Batch]:
        numbers: list[int] = []
        ats: list[int] = []
        values: list[float] = []
        for minute in range(-(-total // self.series)):
            begin = BEGIN + minute * MINUTE_MS
            numbers += range(self.series)
            ats += [begin + p + self.jitter[(minute + o) % POOL] for p, o in zip(self.phase, self.offsets, strict=True)]
            values += [self.pools[n % 4][(minute + o) % POOL] for n, o in enumerate(self.offsets)]
            while len(numbers) >= BATCH:
                yield Batch(numbers[:BATCH], ats[:BATCH], values[:BATCH])
                del numbers[:BATCH], ats[:BATCH], values[:BATCH]


def main() -> None:
    shapes = {"wide (48 h)": max(1, TOTAL // 2880), "long (a year)": max(1, TOTAL // 525_600)}
    with tempfile.TemporaryDirectory() as folder:
        for name, series in shapes.items():
            print(f"## {name}: {TOTAL:,} samples of {series:,} series in batches of {BATCH:,}")
            embedded(Path(folder) / name.split()[0], Feed(series))
        print(f"## peers: {PEER_TOTAL:,} samples of 2,000 series in batches of {BATCH:,}")
        peers(Path(folder))


def fill(store: EmbeddedSamples, feed: Feed, total: int) -> tuple[float, float, list[float]]:
    """Seconds inside the store until the last answer, CPU seconds of the writing thread there, seconds of each batch."""
    numbers, took, cpu = store.numbers(feed.keys(), [""] * feed.series), [], 0.0
    for batch in feed.batches(total):
        series = [numbers[n] for n in batch.series]
        began, used = time.perf_counter(), time.thread_time()
        store.append_columns(series, batch.at, batch.values)
        took.append(time.perf_counter() - began)
        cpu += time.thread_time() - used
    return sum(took), cpu, took


def embedded(folder: Path, feed: Feed) -> None:
    store = EmbeddedSamples(folder / "samples.duckdb")
    seconds, cpu, took = fill(store, feed, TOTAL)
    began, used = time.perf_counter(), time.thread_time()
    store.flush()
    flushed, flushed_cpu = time.perf_counter() - began, time.thread_time() - used
    ordered = sorted(took)
    print(
        f"CPU {cpu / TOTAL * 1e6:.2f} µs a sample at the door ({TOTAL / cpu:,.0f} a CPU second), "
        f"flushing {flushed_cpu / max(1, TOTAL % FLUSH_ROWS or FLUSH_ROWS) * 1e6:.2f} µs behind it"
    )
    print(
        f"stored {TOTAL / seconds:,.0f} samples a second (floor 300,000), last flush {flushed:.1f} s; "
        f"a batch p50 {ordered[len(took) // 2] * 1000:.2f} p99 {ordered[len(took) * 99 // 100] * 1000:.2f} "
        f"max {ordered[-1] * 1000:.0f} ms"
    )
    began = time.perf_counter()
    store.close()
    closed = time.perf_counter() - began
    size = sum(f.stat().st_size for f in folder.rglob("*") if f.is_file())
    began = time.perf_counter()
    store = EmbeddedSamples(folder / "samples.duckdb")
    opened = time.perf_counter() - began
    print(f"{size / TOTAL:.2f} bytes a sample on disk (floor 4.0); closed in {closed:.1f} s, opened in {opened:.2f} s")
    reading(store, feed)
    while_reading(store, feed)
    store.close()
    shutil.rmtree(folder)


def reading(store: EmbeddedSamples, feed: Feed) -> None:
    end = dt.datetime.fromtimestamp((BEGIN + TOTAL // feed.series * MINUTE_MS) / 1000, dt.UTC)
    keys = feed.keys()
    for name, span in {"3 h": 1 / 8, "48 h": 2, "30 days": 30, "a year": 365}.items():
        took, points = [], 0
        for n in range(12):
            key = keys[n * 7919 % len(keys)]
            began = time.perf_counter()
            points = len(store.read(key, end - dt.timedelta(days=span), end))
            took.append((time.perf_counter() - began) * 1000)
        print(f"one series over {name}: first {took[0]:.0f} ms, p50 {statistics.median(took):.1f} ms, {points} points")


def while_reading(store: EmbeddedSamples, feed: Feed) -> None:
    """The writer's rate beside two readers who never rest, and theirs beside the writer."""
    total, keys, stop, reads = min(TOTAL, 2_000_000), feed.keys(), threading.Event(), []
    end = dt.datetime.fromtimestamp((BEGIN + TOTAL // feed.series * MINUTE_MS) / 1000, dt.UTC)
    alone, _cpu, calm = fill(store, feed, total)

    def read(n: int) -> None:
        while not stop.is_set():
            n += 1
            began = time.perf_counter()
            store.read(keys[n * 7919 % len(keys)], end - dt.timedelta(days=2), end)
            reads.append((time.perf_counter() - began) * 1000)

    readers = [threading.Thread(target=read, args=(n,)) for n in range(2)]
    for reader in readers:
        reader.start()
    beside, _cpu, busy = fill(store, feed, total)
    stop.set()
    for reader in readers:
        reader.join()
    print(
        f"writing alone {total / alone:,.0f} a second, beside two readers {total / beside:,.0f}; "
        f"slowest batch {max(calm) * 1000:.0f} and {max(busy) * 1000:.0f} ms; "
        f"{len(reads)} reads of 48 h meanwhile, p50 {statistics.median(reads):.0f} ms, max {max(reads):.0f} ms"
    )


def peers(folder: Path) -> None:
    feed = Feed(2000)
    store = EmbeddedSamples(folder / "peer" / "samples.duckdb")
    seconds, _cpu, _took = fill(store, feed, PEER_TOTAL)
    store.close()
    ours = PEER_TOTAL / seconds
    size = sum(f.stat().st_size for f in (folder / "peer").rglob("*") if f.is_file()) / PEER_TOTAL
    print(f"{'':<26}{'samples/s':>12} {'ours/it':>8} {'bytes each':>11} {'ours/it':>8}")
    print(f"{'this store (synced)':<26}{ours:>12,.0f} {'':>8} {size:>11.2f}")
    for name, (rate, each) in {
        "SQLite (not synced)": sqlite(folder, feed),
        "VictoriaMetrics (not synced)": victoria(folder, feed),
    }.items():
        print(f"{name:<26}{rate:>12,.0f} {ours / rate:>7.1f}× {each:>11.2f} {size / each:>7.2f}×")


def sqlite(folder: Path, feed: Feed) -> tuple[float, float]:
    """WAL, synchronous=NORMAL: a power cut may take the last batches; the key is (series, time), as charts need it."""
    path, took = folder / "peer.db", 0.0
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("PRAGMA synchronous=NORMAL")
        database.execute("CREATE TABLE sample (series INT, ts INT, value REAL, PRIMARY KEY (series, ts)) WITHOUT ROWID")
        for batch in feed.batches(PEER_TOTAL):
            began = time.perf_counter()
            database.executemany("INSERT INTO sample VALUES (?, ?, ?)", zip(*batch, strict=True))
            database.commit()
            took += time.perf_counter() - began
    return PEER_TOTAL / took, path.stat().st_size / PEER_TOTAL


def victoria(folder: Path, feed: Feed) -> tuple[float, float]:
    """Import of Prometheus' text form, one request a batch on a connection kept alive; making the text is not timed."""
    from tests.servers.victoria import VictoriaMetrics

    took = 0.0
    server = VictoriaMetrics(folder / "victoria").start()
    try:
        with httpx.Client(base_url=server.url) as client:
            for batch in feed.batches(PEER_TOTAL):
                body = "".join(
                    f'{METRICS[n % 4]}{{check_id="{1 + n // 4}"}} {value} {at}\n'
                    for n, at, value in zip(*batch, strict=True)
                ).encode()
                began = time.perf_counter()
                answer = client.post("/api/v1/import/prometheus", content=body)
                took += time.perf_counter() - began
                assert answer.status_code == 204, answer.text
    finally:
        server.stop(60)
    size = sum(f.stat().st_size for f in (folder / "victoria" / "data").rglob("*") if f.is_file())
    return PEER_TOTAL / took, size / PEER_TOTAL
