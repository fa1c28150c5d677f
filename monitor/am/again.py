"""Alerts that come again, byte for byte under the same labels: known without reading them whole.

A source repeats what fires every minute or so. Its labels do not change between, so the bytes they came in lead straight to
the entry in the book, for this sender as long as its rights are the same. Nothing is moved unless all of a batch is so
known and nothing in it begins, ends or says something new; then last-seen and count move in memory (A-01) and reach the
disk within seconds.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import msgspec

from monitor.alerts.book import Book, Entry

MEMORY = "alerts.seen"
MOST = 200_000


class Raw(msgspec.Struct):
    """A posted alert, its labels and annotations left as they came."""

    labels: msgspec.Raw
    annotations: msgspec.Raw = msgspec.field(default_factory=lambda: msgspec.Raw(b""))
    starts_at: dt.datetime | None = msgspec.field(default=None, name="startsAt")
    ends_at: dt.datetime | None = msgspec.field(default=None, name="endsAt")
    generator_url: str = msgspec.field(default="", name="generatorURL")


_decoder = msgspec.json.Decoder(list[Raw])
_NO_NOTES = frozenset({0, hash(b""), hash(b"{}")})


class Seen:
    """For one sender: the bytes of labels → the entry they are."""

    def __init__(self) -> None:
        self.entries: dict[bytes, Entry] = {}

    def remember(self, body: bytes, entries: Sequence[Entry | None]) -> None:
        """What a batch that was taken led to, in its order."""
        if len(self.entries) > MOST:
            self.entries = {raw: entry for raw, entry in self.entries.items() if entry.open}
            if len(self.entries) > MOST:
                self.entries.clear()
        for alert, entry in zip(_decoder.decode(body), entries, strict=True):
            if entry is not None and entry.ready and entry.open and not entry.of_check:
                self.entries[bytes(alert.labels)] = entry
                entry.raw_notes = hash(bytes(alert.annotations))


def all_again(book: Book, seen: Seen, body: bytes, *, now: dt.datetime) -> bool:
    """Move the numbers of a batch in which everything is known; False, with nothing moved, for any other."""
    if not seen.entries:
        return False
    try:
        alerts = _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False
    known, moved = seen.entries, []
    for alert in alerts:
        entry = known.get(bytes(alert.labels))
        if entry is None or not _is_the_same(entry, alert, now):
            return False
        moved.append((entry, alert.ends_at))
    with book.lock:
        if not all(entry.ready and entry.open for entry, _ends in moved):
            return False
        for entry, ends in moved:
            entry.seen(now, ends)
            book.touched(entry)
    return True


def _is_the_same(entry: Entry, alert: Raw, now: dt.datetime) -> bool:
    """Whether it says nothing but "still there"; the same times that reading it whole would settle on."""
    notes = hash(bytes(alert.annotations))
    if notes != entry.raw_notes and notes not in _NO_NOTES:
        return False
    starts, ends = alert.starts_at, alert.ends_at
    if starts is None and ends is None:
        return True
    if starts is not None and (starts.tzinfo is None or starts.year <= 1 or starts < entry.starts_at):
        return False
    if ends is None:
        return True
    return ends.tzinfo is not None and ends > now and ends.year < 9999 and (starts is None or starts <= ends)  # noqa: PLR2004
