"""The numbers of a batch on their way to the sample store, as columns."""

from __future__ import annotations

import math

from monitor.results.stand import Said
from monitor.samples import SampleStore, SeriesKey
from monitor.samples.base import milliseconds


class Numbers:
    """Collects; NaN and infinities stop here, counted (M-09)."""

    def __init__(self) -> None:
        self._series: list[SeriesKey] = []
        self._units: list[str] = []
        self._at: list[int] = []
        self._values: list[float] = []

    def add(self, said: Said) -> int:
        """The numbers of a result that was taken; returns how many were none."""
        at, refused = milliseconds(said.at), 0
        for number in said.samples:
            value = number.value
            if not math.isfinite(value):
                refused += 1
                continue
            labels = number.labels
            pairs = tuple(sorted(labels.items())) if labels else ()
            self._series.append(_series((said.check_id, number.metric, pairs)))
            self._units.append(number.unit)
            self._at.append(at)
            self._values.append(value)
        return refused

    def store(self, store: SampleStore | None) -> None:
        """Durable when this returns. Raises SampleStoreError if the disk refuses."""
        if store is not None and self._series:
            store.append_columns(store.numbers(self._series, self._units), self._at, self._values)


def _series(parts: tuple[int, str, tuple[tuple[str, str], ...]]) -> SeriesKey:
    """As SeriesKey(*parts), in a third of the time."""
    return tuple.__new__(SeriesKey, parts)
