"""Which series there are: keys, numbers, units; what of it the journal and the file do not hold yet."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Sequence
from typing import Any

from monitor.samples.base import SeriesKey

_METRIC_BITS = 32
"""A number is the metric's place, then the series' own: sorted by number, values of one kind lie side by side."""
Definition = tuple[int, int, str, str, str]  # number, check, metric, labels as JSON, unit
Found = tuple[SeriesKey, int, str]


class Catalogue:
    """All series, in memory. Thread-safe."""

    def __init__(self, stored: Iterable[Definition]) -> None:
        self._lock = threading.Lock()
        self._numbers: dict[SeriesKey, int] = {}
        self._units: dict[int, str] = {}
        self._by_check: dict[int, list[SeriesKey]] = {}
        self._by_metric: dict[str, list[SeriesKey]] = {}
        self._metrics: dict[str, int] = {}
        self._unwritten: list[Definition] = []
        self._unstored: list[Definition] = []
        self._highest = 0
        for definition in stored:
            self._add(definition)

    def _add(self, definition: Definition) -> None:
        number, check_id, metric, labels, unit = definition
        key = SeriesKey(check_id, metric, tuple((k, v) for k, v in json.loads(labels)))
        if key in self._numbers:
            return
        self._numbers[key], self._units[number] = number, unit
        self._by_check.setdefault(check_id, []).append(key)
        self._by_metric.setdefault(metric, []).append(key)
        place = number >> _METRIC_BITS
        if place:  # numbers of the first release have none
            self._metrics[metric] = place
        self._highest = max(self._highest, number & ((1 << _METRIC_BITS) - 1))

    def define(self, definitions: Sequence[Sequence[Any]]) -> None:
        """Learn from the journal what the file may not hold yet."""
        with self._lock:
            for number, check_id, metric, labels, unit in definitions:
                known = len(self._numbers)
                self._add((number, check_id, metric, labels, unit))
                if len(self._numbers) > known:
                    self._unstored.append((number, check_id, metric, labels, unit))

    def numbers(self, series: Sequence[SeriesKey], units: Sequence[str]) -> list[int]:
        """The number of each, a new one where it has none."""
        known = self._numbers
        try:
            return [known[key] for key in series]
        except KeyError:
            with self._lock:
                return [self._number(key, unit) for key, unit in zip(series, units, strict=True)]

    def _number(self, key: SeriesKey, unit: str) -> int:
        found = self._numbers.get(key)
        if found is not None:
            return found
        place = self._metrics.setdefault(key.metric, max(self._metrics.values(), default=0) + 1)
        number = (place << _METRIC_BITS) + self._highest + 1
        definition = (number, key.check_id, key.metric, json.dumps(key.labels, ensure_ascii=False), unit)
        self._unwritten.append(definition)
        self._unstored.append(definition)
        self._add(definition)
        return number

    def number(self, key: SeriesKey) -> int | None:
        """Its number, if it is known."""
        return self._numbers.get(key)

    def of_check(self, check_id: int) -> list[Found]:
        """Series of a check, by metric and labels."""
        return self._found(self._by_check, check_id)

    def of_metric(self, metric: str) -> list[Found]:
        """Series of a metric, by check and labels."""
        return self._found(self._by_metric, metric)

    def _found(self, index: dict[Any, list[SeriesKey]], name: object) -> list[Found]:
        with self._lock:
            keys = sorted(index.get(name, ()))
            return [(key, self._numbers[key], self._units[self._numbers[key]]) for key in keys]

    def unwritten(self) -> list[Definition]:
        """What the journal does not hold yet."""
        with self._lock:
            return list(self._unwritten)

    def written(self, count: int) -> None:
        """The journal holds the first so many now."""
        with self._lock:
            del self._unwritten[:count]

    def unstored(self) -> list[Definition]:
        """What the file does not hold yet."""
        with self._lock:
            return list(self._unstored)

    def stored(self, count: int) -> None:
        """The file holds the first so many now."""
        with self._lock:
            del self._unstored[:count]
