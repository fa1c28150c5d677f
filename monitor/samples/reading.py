"""One series out of the embedded file: points where they can be told apart, each hour's low and high where not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate
from typing import Any

from monitor.samples import thinning
from monitor.samples.head import HOUR_MS

Rows = Callable[[str, Sequence[Any]], list[Any]]
Row = tuple[int, float]

_POINTS = "SELECT hour, first, steps, vals FROM s.chunk WHERE series = $1 AND hour BETWEEN $2 AND $3"
_EXTREMES = "SELECT hour, low_at, low, high_at, high FROM s.{} WHERE series = $1 AND hour BETWEEN $2 AND $3"
_TRENDS = f"{_EXTREMES.format('trend')} UNION ALL {_EXTREMES.format('recent')}"


def read(
    rows: Rows, number: int, first: int, last: int, head: Sequence[Row], *, asked: int, max_points: int
) -> list[thinning.Drawn]:
    """The series from `first` to before `last` (milliseconds), together with rows that are in memory still.

    Where a stretch of the drawing is an hour or longer, the low and the high of each hour are enough to draw it.
    """
    where = [number, first // HOUR_MS, (last - 1) // HOUR_MS]
    points = _reaching(_extremes(rows(_TRENDS, where)), first, last, asked, hourly=True)
    if (last - first) // (max_points // 2) >= HOUR_MS:
        found = _extremes(rows(_EXTREMES.format("chunk"), where))
        points += _reaching([*found, *head], first, last, asked, hourly=True)
    else:
        points += _reaching([*_points(rows(_POINTS, where)), *head], first, last, asked, hourly=False)
    return thinning.thin(sorted(points), max_points)


def _points(chunks: Iterable[tuple[int, int, list[int], list[float]]]) -> Iterable[Row]:
    for hour, first, steps, values in chunks:
        steps[0] = hour * HOUR_MS + first
        yield from zip(accumulate(steps), values, strict=True)


def _extremes(hours: Iterable[tuple[int, int, float, int, float]]) -> Iterable[Row]:
    for hour, low_at, low, high_at, high in hours:
        begin = hour * HOUR_MS
        yield begin + low_at, low
        if high_at != low_at:
            yield begin + high_at, high


def _reaching(found: Iterable[Row], first: int, last: int, asked: int, *, hourly: bool) -> list[thinning.Reading]:
    """In order of time, one value for each moment: a batch repeated after a crash is stored twice."""
    once = dict(row for row in found if first <= row[0] < last)
    return thinning.reaching(sorted(once.items()), asked, at_least=2 * HOUR_MS if hourly else 0)
