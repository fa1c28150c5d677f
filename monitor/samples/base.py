"""What a sample store promises, whichever engine keeps the numbers."""

import datetime as dt
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
    """Thread-safe. `append` is durable when it returns; reading never holds up the writer for long."""

    def append(self, batch: Sequence[Sample]) -> int:
        """Store a batch, all or nothing; returns how many.

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

    def copy_to(self, target: Path) -> None:
        """Write a copy of one instant to a new file. Raises SampleStoreError."""

    def size(self) -> int:
        """Bytes on disk."""

    def close(self) -> None:
        """Write out and let go of the file."""
