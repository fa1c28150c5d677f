"""What a sample store promises, whichever engine keeps the numbers."""

import datetime as dt
import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

RAW_KEPT = dt.timedelta(hours=48)
TRENDS_KEPT = dt.timedelta(days=730)
MAX_POINTS = 2000


class SeriesKey(NamedTuple):
    """One series: a metric of a check, told apart by labels (sorted pairs)."""

    check_id: int
    metric: str
    labels: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, check_id: int, metric: str, labels: dict[str, str] | None = None) -> "SeriesKey":
        """Build a key from a dict of labels."""
        return cls(check_id, metric, tuple(sorted((labels or {}).items())))


class Sample(NamedTuple):
    """One number of a series. `unit` is what the probe declares ("%", "s", "B"); the first one of a series counts."""

    series: SeriesKey
    at: dt.datetime
    value: float
    unit: str = ""


class Point(NamedTuple):
    """A value to draw; None marks a gap, and whoever draws must not join across it."""

    at: dt.datetime
    value: float | None


class SeriesInfo(NamedTuple):
    """A known series with its unit and its newest point."""

    key: SeriesKey
    unit: str
    latest: Point | None


class SampleStoreError(Exception):
    """The store can't be opened or written, with what to do about it."""


class SampleStore(Protocol):
    """Thread-safe. What was appended is durable; reading never holds up writing, nor writing reading.

    Two ways in: `append` takes samples one by one, `numbers` and `append_columns` take columns, several times as fast,
    for whoever keeps the numbers of the series it feeds.
    """

    def numbers(self, series: Sequence[SeriesKey], units: Sequence[str]) -> list[int]:
        """The number of each series, a new one where it has none yet; it holds as long as the store is open.

        `units` are what the probes declare, in the same order; the first one of a series counts.
        """

    def append_columns(self, numbers: Sequence[int], at: Sequence[int], values: Sequence[float]) -> int:
        """Store a batch, all or nothing, durable when this returns; returns how many.

        `numbers`: of the series, from `numbers()`; `at`: milliseconds since 1970 in UTC. Raises ValueError for a value
        that is no finite number or columns of different lengths, SampleStoreError if the disk refuses.
        """

    def append(self, batch: Sequence[Sample]) -> int:
        """Store a batch, all or nothing, durable when this returns; returns how many.

        Raises ValueError for a value that is no finite number or a naive time, SampleStoreError if the disk refuses.
        """

    def read(
        self,
        series: SeriesKey,
        start: dt.datetime,
        end: dt.datetime,
        max_points: int = MAX_POINTS,
        gap: dt.timedelta | None = None,
    ) -> list[Point]:
        """The points with start <= at < end, at most `max_points` of them, oldest first.

        Where more exist, the lowest and the highest of each stretch are kept. Nothing for longer than `gap` (by default
        three times the usual step of the series) shows as one point with the value None.
        """

    def latest(self, series: SeriesKey) -> Point | None:
        """The newest point, or None."""

    def series_of(self, check_id: int) -> list[SeriesInfo]:
        """All series of a check, by metric and labels."""

    def series_named(self, metric: str) -> list[SeriesInfo]:
        """All series of a metric, whichever check measured them."""

    def retain(self, now: dt.datetime) -> None:
        """Turn raw samples older than 48 hours into hourly lows, highs and means; drop those older than two years."""

    def flush(self) -> None:
        """Bring what was appended to where it stays. Appending has made it durable already; nobody needs to wait."""

    def copy_to(self, target: Path) -> None:
        """Write a copy of one instant to a new file. Raises SampleStoreError."""

    def size(self) -> int:
        """Bytes on disk."""

    def close(self) -> None:
        """Write out and let go of the file."""


def milliseconds(at: dt.datetime) -> int:
    """Milliseconds since 1970. Raises ValueError for a naive time."""
    if at.tzinfo is None:
        raise ValueError(f"{at.isoformat()} names no time zone")
    return round(at.timestamp() * 1000)


def instant(ms: int) -> dt.datetime:
    """The moment so many milliseconds after 1970, in UTC."""
    return dt.datetime.fromtimestamp(ms / 1000, dt.UTC)


def columns(batch: Sequence[Sample]) -> tuple[list[SeriesKey], list[str], list[int], list[float]]:
    """Series, units, times and values of a batch. Raises ValueError as `SampleStore.append` does."""
    for sample in batch:
        if not math.isfinite(sample.value):
            raise ValueError(
                f"{sample.series.metric} of check {sample.series.check_id} is {sample.value}, which is no number"
            )
    return (
        [sample.series for sample in batch],
        [sample.unit for sample in batch],
        [milliseconds(sample.at) for sample in batch],
        [float(sample.value) for sample in batch],
    )


def checked(numbers: Sequence[int], at: Sequence[int], values: Sequence[float]) -> None:
    """Raises ValueError where the columns differ in length or a value is no finite number."""
    if not len(numbers) == len(at) == len(values):
        raise ValueError(f"columns of different lengths: {len(numbers)}, {len(at)}, {len(values)}")
    # One sum tells: what is no number makes it none. A sum may also overflow by itself, so then each is looked at.
    if not math.isfinite(sum(values)) and not all(map(math.isfinite, values)):
        raise ValueError("a value is no finite number")
