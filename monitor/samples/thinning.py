"""Fewer points without lying: lows and highs survive, gaps stay gaps. Pure; times are milliseconds since 1970."""

import statistics
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

Drawn = tuple[int, float | None]


class Reading(NamedTuple):
    """A value and how far it reaches: silence for longer than `reach` milliseconds after or before it is a gap."""

    ts: int
    value: float
    reach: int


_STEPS_MAKE_A_GAP = 3
_STEPS_LOOKED_AT = 200
_FOR_EVER = 1 << 62


def usual_gap(times: Sequence[int]) -> int:
    """Three times the median step; without two steps there is no usual one, and nothing is a gap."""
    if len(times) < 3:  # noqa: PLR2004  two steps at least
        return _FOR_EVER
    stride = max(1, len(times) // _STEPS_LOOKED_AT)
    steps = [times[i + 1] - times[i] for i in range(0, len(times) - 1, stride)]
    return max(1, int(statistics.median(steps) * _STEPS_MAKE_A_GAP))


def reaching(rows: Sequence[tuple[int, float]], asked: int, *, at_least: int = 0) -> list[Reading]:
    """Give rows (sorted by time) their reach: `asked`, or the usual gap where 0 is asked."""
    reach = max(asked or usual_gap([ts for ts, _ in rows]), at_least)
    return [Reading(ts, value, reach) for ts, value in rows]


def thin(readings: Sequence[Reading], max_points: int) -> list[Drawn]:
    """At most `max_points` of the readings (sorted by time), marks of gaps included.

    Raises ValueError for fewer than two points.
    """
    if max_points < 2:  # noqa: PLR2004  a low and a high
        raise ValueError(f"max_points must be at least 2, not {max_points}")
    drawn = list(_marked(readings, 0))
    if len(drawn) <= max_points:
        return drawn
    first, last = readings[0].ts, readings[-1].ts
    width = -(-(last - first + 1) // (max_points // 2))
    # Silence of two widths holds an empty stretch, and the mark takes its place: so marks never exceed the limit.
    return list(_marked(_lows_and_highs(readings, first, width), 2 * width))


def _marked(readings: Sequence[Reading], at_least: int) -> Iterator[Drawn]:
    """Put a point without a value into every gap of at least `at_least` milliseconds."""
    for before, after in pairwise(readings):
        yield before.ts, before.value
        if after.ts - before.ts > max(before.reach, after.reach, at_least):
            yield (before.ts + after.ts) // 2, None
    yield from ((last.ts, last.value) for last in readings[-1:])


def _lows_and_highs(readings: Sequence[Reading], first: int, width: int) -> list[Reading]:
    """The lowest and the highest reading of each stretch of `width` milliseconds, in order of time."""
    kept: list[Reading] = []
    low = high = readings[0]
    stretch = 0
    for reading in readings:
        if (mine := (reading.ts - first) // width) != stretch:
            kept.extend(_in_order(low, high))
            stretch, low, high = mine, reading, reading
        if reading.value < low.value:
            low = reading
        if reading.value > high.value:
            high = reading
    kept.extend(_in_order(low, high))
    return kept


def _in_order(low: Reading, high: Reading) -> list[Reading]:
    if low is high:
        return [low]
    return [low, high] if low.ts <= high.ts else [high, low]
