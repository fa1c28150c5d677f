"""When each check is due: pure bookkeeping on a monotonic clock (M-11). Nobody sleeps here; `now_s` comes in."""

from __future__ import annotations

import hashlib
import heapq
import itertools
import math
from dataclasses import dataclass, field

WARM_UP_S = 5.0
"""A new check first runs within this time, so that nobody waits a whole interval for a first answer."""


def phase(check_id: str) -> float:
    """A number from 0 to below 1 that belongs to the id for ever: checks spread evenly, whatever their order."""
    digest = hashlib.blake2b(check_id.encode(), digest_size=8).digest()
    return (int.from_bytes(digest, "big") >> 11) / 2**53


def next_slot(check_id: str, interval_s: float, after_s: float) -> float:
    """The first regular instant of this check later than `after_s`."""
    offset = phase(check_id) * interval_s
    turns = math.floor((after_s - offset) / interval_s) + 1
    slot = offset + turns * interval_s
    return slot if slot > after_s else slot + interval_s  # rounding may have landed on after_s itself


@dataclass
class _Entry:
    interval_s: float
    due_s: float
    ticket: int
    running: bool = False
    asked_s: float = math.inf


@dataclass
class Agenda:
    """Every check's next due time. A check that runs is not due again before it has finished."""

    _entries: dict[str, _Entry] = field(default_factory=dict)
    _heap: list[tuple[float, int, str]] = field(default_factory=list)
    _tickets: itertools.count[int] = field(default_factory=itertools.count)

    def __contains__(self, check_id: str) -> bool:
        return check_id in self._entries

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, check_id: str, interval_s: float, *, now_s: float) -> None:
        """Enter a check, or change its interval. Raises ValueError for an interval that is none."""
        if not (math.isfinite(interval_s) and interval_s > 0):
            raise ValueError(f"the interval of {check_id} must be above 0 s, not {interval_s}")
        known = self._entries.get(check_id)
        if known is not None:
            known.interval_s = interval_s
            if not known.running:
                self._set(check_id, known, min(known.due_s, next_slot(check_id, interval_s, now_s)))
            return
        entry = self._entries[check_id] = _Entry(interval_s, math.inf, -1)
        self._set(check_id, entry, now_s + phase(check_id) * min(interval_s, WARM_UP_S))

    def remove(self, check_id: str) -> None:
        """Forget a check; one that is not there is no error."""
        self._entries.pop(check_id, None)

    def ask(self, check_id: str, by_s: float) -> None:
        """Have it run by `by_s` at the latest; a running one runs once more after it has finished."""
        entry = self._entries.get(check_id)
        if entry is None:
            return
        if entry.running:
            entry.asked_s = min(entry.asked_s, by_s)
        elif by_s < entry.due_s:
            self._set(check_id, entry, by_s)

    def next_due_s(self) -> float | None:
        """When the next check is due, or None when nothing waits."""
        self._drop_stale()
        return self._heap[0][0] if self._heap else None

    def start_due(self, now_s: float) -> list[tuple[str, float]]:
        """The checks due by now as (id, due), the longest overdue first; they count as running from here on."""
        started = []
        while (due := self.next_due_s()) is not None and due <= now_s:
            _due, _ticket, check_id = heapq.heappop(self._heap)
            entry = self._entries[check_id]
            entry.running, entry.ticket = True, -1
            started.append((check_id, due))
        return started

    def finished(self, check_id: str, *, now_s: float, again_in_s: float | None = None) -> None:
        """Plan the next run: at the next slot at least a quarter interval away, or sooner if somebody asked."""
        entry = self._entries.get(check_id)
        if entry is None or not entry.running:
            return
        slot = next_slot(check_id, entry.interval_s, now_s + entry.interval_s / 4)
        retry = math.inf if again_in_s is None else now_s + max(0.0, again_in_s)
        entry.running = False
        asked, entry.asked_s = entry.asked_s, math.inf
        self._set(check_id, entry, min(slot, retry, asked))

    def overdue_s(self, now_s: float) -> float:
        """How late the most overdue waiting check is."""
        due = self.next_due_s()
        return 0.0 if due is None else max(0.0, now_s - due)

    def _set(self, check_id: str, entry: _Entry, due_s: float) -> None:
        entry.due_s, entry.ticket = due_s, next(self._tickets)
        heapq.heappush(self._heap, (due_s, entry.ticket, check_id))

    def _drop_stale(self) -> None:
        """Heap rows are never changed, only outdated; the ticket tells."""
        while self._heap:
            _due, ticket, check_id = self._heap[0]
            entry = self._entries.get(check_id)
            if entry is not None and entry.ticket == ticket:
                return
            heapq.heappop(self._heap)
