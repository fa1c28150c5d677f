"""The newest samples, in memory, a lane for each series; what the journal keeps safe until the engine has it."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from operator import itemgetter, sub

from monitor.samples.arrow import Column, Table

HOUR_MS = 3_600_000
_USUAL_STEP_MS = 60_000
_Lane = tuple["array[int]", "array[float]"]


class Head:
    """Lanes of times and values. One writes at a time; reading beside it is safe, for arrays only grow."""

    def __init__(self) -> None:
        self.lanes: dict[int, _Lane] = {}
        self.rows = 0

    def add(self, numbers: Sequence[int], at: Sequence[int], values: Sequence[float]) -> None:
        """Take a batch."""
        lanes = self.lanes
        for number, ts, value in zip(numbers, at, values, strict=True):
            try:
                times, kept = lanes[number]
            except KeyError:
                times, kept = lanes[number] = (array("q"), array("d"))
            times.append(ts)
            kept.append(value)
        self.rows += len(numbers)

    def of(self, number: int, first: int, last: int) -> list[tuple[int, float]]:
        """The rows of a series with first <= ts < last, as they came."""
        times, values = self.lanes.get(number, ((), ()))
        return [row for row in zip(tuple(times), tuple(values), strict=False) if first <= row[0] < last]

    def newest(self, number: int) -> tuple[int, float] | None:
        """The newest row of a series; of two at one moment the later one."""
        lane = self.lanes.get(number)
        return _newest(*lane) if lane else None

    def all_newest(self) -> Iterator[tuple[int, tuple[int, float]]]:
        """The newest row of every series."""
        for number, lane in self.lanes.items():
            found = _newest(*lane)
            if found is not None:
                yield number, found


def _newest(times: array[int], values: array[float]) -> tuple[int, float] | None:
    size = len(values)  # a value is added after its time: rows beyond are not whole yet
    if size == 0:
        return None
    latest = max(times[:size])
    if times[size - 1] == latest:
        return latest, values[size - 1]
    return latest, values[size - 1 - times[:size][::-1].index(latest)]


@dataclass(slots=True)
class Chunks:
    """Rows for the engine: one hour of a series each, with its low and high, and lists of steps and values.

    Series after series, so that the engine packs alike beside alike. `first`, `low_at`, `high_at` are milliseconds in
    the hour. The first step of a list means nothing: it repeats its neighbour, since a zero would cost bits everywhere.
    """

    series: array[int] = field(default_factory=lambda: array("q"))
    hour: array[int] = field(default_factory=lambda: array("i"))
    first: array[int] = field(default_factory=lambda: array("i"))
    low: array[float] = field(default_factory=lambda: array("d"))
    low_at: array[int] = field(default_factory=lambda: array("i"))
    high: array[float] = field(default_factory=lambda: array("d"))
    high_at: array[int] = field(default_factory=lambda: array("i"))
    steps: array[int] = field(default_factory=lambda: array("i"))
    vals: array[float] = field(default_factory=lambda: array("d"))
    ends: array[int] = field(default_factory=lambda: array("q", [0]))

    def add(self, number: int, times: array[int], values: array[float]) -> None:
        """Take one series; its rows may be in any order."""
        if any(map(int.__gt__, times, times[1:])):
            rows = sorted(zip(times, values, strict=True), key=itemgetter(0))
            times, values = array("q", [r[0] for r in rows]), array("d", [r[1] for r in rows])
        start = 0
        while start < len(times):
            hour = times[start] // HOUR_MS
            end = bisect_left(times, (hour + 1) * HOUR_MS, start)
            self._hour(number, hour, times[start:end], values[start:end])
            start = end

    def _hour(self, number: int, hour: int, times: array[int], values: array[float]) -> None:
        low, high, begin = min(values), max(values), hour * HOUR_MS
        self.series.append(number)
        self.hour.append(hour)
        self.first.append(times[0] - begin)
        self.low.append(low)
        self.low_at.append(times[values.index(low)] - begin)
        self.high.append(high)
        self.high_at.append(times[values.index(high)] - begin)
        steps = array("i", map(sub, times[1:], times))
        self.steps.append(steps[0] if steps else self.steps[-1] if self.steps else _USUAL_STEP_MS)
        self.steps.extend(steps)
        self.vals.extend(values)
        self.ends.append(len(self.vals))

    def table(self) -> Table:
        """As the engine reads it."""
        plain = ("series", "hour", "first", "low", "low_at", "high", "high_at")
        columns = [Column(name, getattr(self, name)) for name in plain]
        return Table([*columns, Column("steps", self.steps, self.ends), Column("vals", self.vals, self.ends)])


def chunked(heads: Sequence[Head]) -> Chunks:
    """All rows of some heads, oldest head first."""
    chunks = Chunks()
    for number in sorted({n for head in heads for n in head.lanes}):
        times, values = array("q"), array("d")
        for head in heads:
            lane = head.lanes.get(number)
            if lane is not None:
                times.extend(lane[0])
                values.extend(lane[1])
        chunks.add(number, times, values)
    return chunks
