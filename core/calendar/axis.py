"""The axis of working time: one mapping between instants and worked time, from which elapsed *and* due are read (T-01).

`position(instant)` is the working time since a fixed origin; `instant_at(position)` is its inverse. Elapsed is a
difference of positions, due is the inverse of a sum, so the two can never disagree. All in integer microseconds.
"""

from __future__ import annotations

import datetime as dt
from bisect import bisect_left, bisect_right
from collections.abc import Callable
from threading import Lock
from typing import NamedTuple

from core.calendar.model import Segments

FIRST_YEAR, LAST_YEAR = 1900, 2199
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
MICROSECOND = dt.timedelta(microseconds=1)
MINUTE = 60_000_000  # microseconds
DAY = 24 * 60 * MINUTE
_ONE_DAY = dt.timedelta(days=1)


class _Index(NamedTuple):
    """Segments of whole years in order. `worked[i]` is the working time before segment i; it has one entry more."""

    first_year: int
    last_year: int
    starts: list[int]
    ends: list[int]
    worked: list[int]


class Axis:
    """Index of all segments of the years asked for so far; a year is built once, when first reached. Thread-safe."""

    def __init__(self, zone: dt.tzinfo, segments_of: Callable[[dt.date], Segments]) -> None:
        self._zone = zone
        self._segments_of = segments_of
        self._lock = Lock()
        self._index: _Index | None = None

    def position(self, instant: dt.datetime) -> int:
        """Working time from the origin to `instant` in microseconds (negative before the origin)."""
        at = (instant - EPOCH) // MICROSECOND
        index = self._index
        if index is None or not index.starts or not index.starts[0] <= at < index.ends[-1]:
            index = self._covering(instant)
        i = bisect_right(index.starts, at) - 1
        if i < 0:
            return index.worked[0]
        return index.worked[i] + min(at, index.ends[i]) - index.starts[i]

    def instant_at(self, position: int) -> dt.datetime:
        """The earliest instant at which `position` is reached, so 12:00 rather than 13:00 when lunch lies between.

        Raises ValueError when it lies after the last year this calendar goes to.
        """
        index = self._index or self._grown(2000, 2000)
        while position > index.worked[-1]:
            index = self._grown(index.first_year, index.last_year + 1)
        i = bisect_left(index.worked, position) - 1
        return EPOCH + (index.starts[i] + position - index.worked[i]) * MICROSECOND

    def segment_at(self, instant: dt.datetime) -> tuple[dt.datetime, dt.datetime] | None:
        """The segment `instant` lies in (its end excluded), or None outside work."""
        index = self._covering(instant)
        at = (instant - EPOCH) // MICROSECOND
        i = bisect_right(index.starts, at) - 1
        if i < 0 or at >= index.ends[i]:
            return None
        return EPOCH + index.starts[i] * MICROSECOND, EPOCH + index.ends[i] * MICROSECOND

    def _covering(self, instant: dt.datetime) -> _Index:
        year = instant.astimezone(self._zone).year
        index = self._index
        if index is not None and index.first_year <= year <= index.last_year:
            return index
        return self._grown(year, year)

    def _grown(self, first: int, last: int) -> _Index:
        """The index, built further so that it covers `first` to `last` without a gap."""
        if first < FIRST_YEAR or last > LAST_YEAR:
            year = first if first < FIRST_YEAR else last
            raise ValueError(f"the working calendar goes from {FIRST_YEAR} to {LAST_YEAR}, not to {year}")
        with self._lock:
            index = self._index or self._year(first, 0)
            while index.last_year < last:
                index = _joined(index, self._year(index.last_year + 1, index.worked[-1]))
            while index.first_year > first:
                index = _joined(self._year(index.first_year - 1, index.worked[0], backwards=True), index)
            self._index = index  # readers hold whole, unchanging indexes; positions never move
            return index

    def _year(self, year: int, worked: int, *, backwards: bool = False) -> _Index:
        """One year, its worked time beginning (or, backwards, ending) with `worked`."""
        starts: list[int] = []
        ends: list[int] = []
        day, end = dt.date(year, 1, 1), dt.date(year + 1, 1, 1)
        midnight = _instant(day, 0, self._zone)
        while day < end:
            after = _instant(day + _ONE_DAY, 0, self._zone)
            plain = after - midnight == DAY  # no change of summer time: minutes can simply be counted
            for segment in self._segments_of(day):
                for minutes, into in ((segment.start, starts), (segment.end, ends)):
                    into.append(midnight + minutes * MINUTE if plain else _instant(day, minutes, self._zone))
            day, midnight = day + _ONE_DAY, after
        lengths = [end - start for start, end in zip(starts, ends, strict=True)]
        total = worked - sum(lengths) if backwards else worked
        totals = [total]
        for length in lengths:
            total += length
            totals.append(total)
        return _Index(year, year, starts, ends, totals)


def _joined(a: _Index, b: _Index) -> _Index:
    return _Index(a.first_year, b.last_year, a.starts + b.starts, a.ends + b.ends, a.worked[:-1] + b.worked)


def _instant(day: dt.date, minutes: int, zone: dt.tzinfo) -> int:
    """When the wall clock of `zone` first reads, or jumps past, `minutes` after the midnight `day` begins with."""
    wall = dt.datetime.combine(day, dt.time()) + dt.timedelta(minutes=minutes)
    first = _utc(wall, zone, fold=0)
    second = _utc(wall, zone, fold=1)
    if first <= second:  # plain (equal) or read twice: the first time counts
        return first
    # Skipped by a clock put forward: the jump itself, which lies between the two readings.
    low, high = second, first
    before = _offset(low, zone)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _offset(middle, zone) == before else (low, middle)
    return high


def _utc(wall: dt.datetime, zone: dt.tzinfo, *, fold: int) -> int:
    return (wall.replace(tzinfo=zone, fold=fold) - EPOCH) // MICROSECOND


def _offset(at: int, zone: dt.tzinfo) -> dt.timedelta | None:
    return (EPOCH + at * MICROSECOND).astimezone(zone).utcoffset()
