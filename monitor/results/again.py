"""Results that say the same again: judged in memory, by the rules of `monitor.states`, without an object of a row.

A check whose state is believed and whose result has that state again stays where it is: only when it was last heard, in
which words and until when that counts moves, and of an open alert last-seen and count (A-01). That is what
`states.advance` comes to for such a result, and the tests hold both against each other. Whatever else may follow from a
result goes the long way, and so does all that comes after it of the same check in the batch.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from monitor import rules
from monitor.alerts.book import Book as AlertBook
from monitor.alerts.book import Entry
from monitor.alerts.checks import DESCRIPTION
from monitor.results.book import Book
from monitor.results.numbers import Numbers
from monitor.results.stand import Said, Stand, digest
from monitor.results.taken import Taken

LEAD = dt.timedelta(seconds=10)
"""The disk is behind by less: a check that would be stale there so soon is written at once. So is one that would be in half
a freshness: it is heard so seldom that a kill would cost it a whole interval, and the writing of it costs nothing."""


class Again:
    """One call of intake. Everything is taken back by `undo` if the numbers can't be stored."""

    def __init__(self, book: Book, alerts: AlertBook, now: dt.datetime) -> None:
        self._book, self._alerts, self._now = book, alerts, now
        self._oldest, self._latest = now - rules.PAST_LIMIT, now + rules.FUTURE_LIMIT
        self._moved: list[tuple[Stand, dt.datetime, tuple[Any, ...]]] = []
        self._seen: list[tuple[Entry, dt.datetime, dict[str, str]]] = []
        self._not_so: set[int] = set()

    def take(self, results: Sequence[Said], order: Sequence[int], taken: Taken, numbers: Numbers) -> list[int]:
        """Take what says the same again; returns the places of the others, in their order."""
        left: list[int] = []
        stands, not_so, now = self._book.stands, self._not_so, self._now
        oldest, latest, until = self._oldest, self._latest, now + LEAD
        accepted = refused = 0
        with self._book.lock, self._alerts.lock:
            for place in order:
                said = results[place]
                check_id, at = said.check_id, said.at
                stand = stands.get(check_id)
                if stand is None or not stand.ready or check_id in not_so or (before := stand.at) is None:
                    left.append(place)
                    not_so.add(check_id)
                elif not before < at or not oldest <= at <= latest:
                    if not self._discard(stand, said, place, taken):
                        left.append(place)
                        not_so.add(check_id)
                elif (
                    said.state is not stand.state
                    or ((kept := stand.kept_until) is not None and (kept < until or kept - now < stand.half))
                    or (stand.firing is not None and not self._sees(stand.firing, said))
                ):
                    left.append(place)
                    not_so.add(check_id)
                else:
                    self._moved.append((stand, at, _moving(stand)))
                    stand.hear(said, now)
                    if not stand.dirty:
                        self._book.touched(stand)
                    accepted += 1
                    if said.samples:
                        refused += numbers.add(said)
        taken.accepted += accepted
        taken.refused_samples += refused
        return left

    def _discard(self, stand: Stand, said: Said, place: int, taken: Taken) -> bool:
        """Whether it is not to be taken, by the rule for all; a corrected clock goes the long way (M-02)."""
        same = said.at == stand.at and digest(said) == stand.content()
        reason = rules.refusal(stand.standing(), at=said.at, same=same, now=self._now)
        if reason is None:
            return False
        taken.discarded.append((place, reason.value))
        return True

    def _sees(self, entry: Entry, said: Said) -> bool:
        """Move its alert's last-seen and count; False where that alert is in other hands just now."""
        if not (entry.ready and entry.open) or entry.words is None:
            return False
        self._seen.append((entry, entry.last_seen_at, entry.words))
        entry.last_seen_at, entry.count = self._now, entry.count + 1
        if entry.words.get(DESCRIPTION) != said.output:
            entry.words, entry.reworded = {**entry.words, DESCRIPTION: said.output}, True
        self._alerts.touched(entry)
        return True

    def undo(self) -> None:
        """Nothing was taken after all; what another thread has heard since stays."""
        with self._book.lock, self._alerts.lock:
            for stand, at, before in reversed(self._moved):
                if stand.at is not at:
                    continue
                stand.at, stand.evidence, stand.said, stand.digest, stand.received_at = before[:5]
                stand.output, stand.stale_at = before[5:]
                self._book.touched(stand)  # it may have been written meanwhile
            for entry, last_seen_at, words in reversed(self._seen):
                entry.count -= 1
                if entry.last_seen_at is self._now:
                    entry.last_seen_at = last_seen_at
                    if entry.words is not words:
                        entry.words, entry.reworded = words, True
                self._alerts.touched(entry)
            self._moved, self._seen = [], []


def _moving(stand: Stand) -> tuple[Any, ...]:
    return (
        stand.at, stand.evidence, stand.said, stand.digest, stand.received_at, stand.output, stand.stale_at
    )  # fmt: skip
