"""What fires now, in this process's memory: an alert that comes again is known without asking the disk (A-01).

Only where one process owns the database (the embedded default) is there a book; elsewhere the rows say everything.
The book is a cache, never the truth: whatever is not in it is looked up. An entry stands in it only while its row is open
and committed; whoever changes the row by the ordinary way takes the entry out, in the same transaction, so that none is
ever used that is no longer so. Last-seen, count and what follows from them are newer here than on the disk, by a few
seconds at most (`write`); rows loaded meanwhile are shown as the book knows them.
"""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

import sqlalchemy as sa
from sqlalchemy.orm import QueryContext, Session, object_session
from sqlalchemy.orm.attributes import set_committed_value

from core.db import committed
from monitor.alerts import rules
from monitor.alerts.models import Member

AT_ONCE = 10_000


def notes_of(annotations: Mapping[str, str]) -> int:
    """Annotations as a number, to see whether they changed."""
    return hash(frozenset(annotations.items()))


class Entry:
    """An open label set as its source last sent it. `of_check`: a check's own, which nobody outside moves.

    `notes`: its annotations, as notes_of() says; `raw_notes`: the hash of the bytes they last came in.
    `ready`: committed; `open`: still in the book. `words`: of a check's own alert its annotations, `reworded` if the disk
    does not have them yet.
    """

    __slots__ = (
        "alert_id", "count", "dirty", "expires_at", "fingerprint", "last_seen_at", "member_id", "notes", "of_check",
        "open", "place", "raw_notes", "ready", "resend_s", "reworded", "shown", "starts_at", "words",
    )  # fmt: skip

    def __init__(
        self, member_id: int, alert_id: int, fingerprint: str, *, place: Place, of_check: bool, notes: int, shown: bool,
        starts_at: dt.datetime, last_seen_at: dt.datetime, count: int, expires_at: dt.datetime | None, resend_s: int,
    ) -> None:  # fmt: skip
        self.member_id, self.alert_id, self.fingerprint = (
            member_id,
            alert_id,
            fingerprint,
        )
        self.place, self.of_check, self.shown = place, of_check, shown
        self.notes, self.raw_notes = notes, 0
        self.starts_at, self.last_seen_at, self.count = starts_at, last_seen_at, count
        self.expires_at, self.resend_s = expires_at, resend_s
        self.ready = self.open = True
        self.dirty = self.reworded = False
        self.words: dict[str, str] | None = None

    def seen(self, now: dt.datetime, ends_at: dt.datetime | None) -> None:
        """The same again: only last-seen and count move, and by them when it ends by itself (A-01, A-06)."""
        pause = int((now - self.last_seen_at).total_seconds())
        self.resend_s = max(self.resend_s, pause)
        self.last_seen_at, self.count = now, self.count + 1
        self.expires_at = rules.expires_at(ends_at, seen_at=now, resend=dt.timedelta(seconds=self.resend_s))


Place = tuple[int, int | None, int | None, int | None]
"""Unit, item, service and team of an alert."""


class Book:
    """The entries by fingerprint. The lock is held for moments only, never across a statement."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.entries: dict[str, Entry] = {}
        self.dirty: dict[int, Entry] = {}

    def get(self, fingerprint: str) -> Entry | None:
        """What is known of an open label set, or None: then ask the database."""
        return self.entries.get(fingerprint)

    def forget(self, fingerprint: str) -> None:
        """What is known of it counts no longer; it is looked up."""
        with self.lock:
            self.take(fingerprint)

    def take(self, fingerprint: str) -> Entry | None:
        """Out of the book with it. The caller holds the lock."""
        entry = self.entries.pop(fingerprint, None)
        if entry is not None:
            entry.open = False
            self.dirty.pop(entry.member_id, None)
        return entry

    def take_out(self, session: Session, connection: sa.Connection, fingerprint: str) -> None:
        """The row is about to change by the ordinary way, in this transaction: what the disk does not have yet is written;
        should the transaction fail, it is in the book again."""
        with self.lock:
            entry = self.take(fingerprint)
            if entry is None:
                return
            reworded, found = entry.reworded, ([values(entry)], _words([entry])) if entry.dirty else None
        committed.in_the_end(session, undone=partial(self._put_back, entry, reworded=reworded))
        if found is not None:
            _write(connection, *found)

    def _put_back(self, entry: Entry, *, reworded: bool) -> None:
        with self.lock:
            if self.entries.setdefault(entry.fingerprint, entry) is entry:
                entry.open = True
                entry.reworded |= reworded
                if entry.dirty:
                    self.dirty[entry.member_id] = entry

    def leave(self, coming: Sequence[Entry], replaced: Sequence[Entry]) -> None:
        """What was put into the book goes again, and what stood there before is back."""
        with self.lock:
            for entry in coming:
                if self.entries.get(entry.fingerprint) is entry:
                    self.take(entry.fingerprint)
        for entry in replaced:
            self._put_back(entry, reworded=False)

    def claim(self, session: Session, fingerprint: str, now: dt.datetime) -> bool:
        """Whether a label set has timed out, as far as the book knows; then it is out of the book."""
        with self.lock:
            entry = self.entries.get(fingerprint)
            if entry is not None and entry.expires_at is not None and entry.expires_at > now:
                return False
            if entry is not None:
                self.take(fingerprint)
        if entry is not None:
            committed.in_the_end(session, undone=partial(self._put_back, entry, reworded=entry.reworded))
        return True

    def move(self, by: dt.timedelta) -> None:
        """The clock was set by so much: what counts from the last sending goes with it."""
        with self.lock:
            for entry in self.entries.values():
                entry.last_seen_at += by
                if entry.expires_at is not None:
                    entry.expires_at += by

    def touched(self, entry: Entry) -> None:
        """Its numbers are newer than the disk's, or may be. The caller holds the lock."""
        if not entry.dirty:
            entry.dirty = True
            if entry.open:
                self.dirty[entry.member_id] = entry

    def write(self, session: Session) -> int:
        """Bring the disk up to date; returns how many rows. At most AT_ONCE, the longest waiting first."""
        if not self.dirty:
            return 0
        connection = (
            session.connection()
        )  # the right to write first: what is read off below is the newest until the commit
        with self.lock:
            batch = [self.dirty.pop(key) for key in list(self.dirty)[:AT_ONCE]]
            for entry in batch:
                entry.dirty = False
            reworded = [entry for entry in batch if entry.reworded]
            rows, words = [values(entry) for entry in batch], _words(batch)
        if not rows:
            return 0
        committed.in_the_end(session, undone=partial(self._not_written, batch, reworded))
        _write(connection, rows, words)
        return len(rows)

    def _not_written(self, batch: Sequence[Entry], reworded: Sequence[Entry]) -> None:
        with self.lock:
            for entry in reworded:
                entry.reworded = True
            for entry in batch:
                self.touched(entry)


def _words(entries: Iterable[Entry]) -> list[dict[str, Any]]:
    """What REWORD takes, of those that say something new; it is taken for written."""
    found = [{"b_id": entry.member_id, "b_words": entry.words} for entry in entries if entry.reworded]
    for entry in entries:
        entry.reworded = False
    return found


def _write(connection: sa.Connection, rows: list[dict[str, Any]], words: list[dict[str, Any]]) -> None:
    connection.execute(UPDATE, rows)
    if words:
        connection.execute(REWORD, words)


REWORD = (
    sa.update(Member)
    .where(Member.id == sa.bindparam("b_id"), Member.resolved_at.is_(None))
    .values(annotations=sa.bindparam("b_words"))
)
UPDATE = (
    sa.update(Member)
    .where(Member.id == sa.bindparam("b_id"), Member.resolved_at.is_(None))
    .values(
        last_seen_at=sa.bindparam("b_seen"),
        updated_at=sa.bindparam("b_seen"),
        count=sa.bindparam("b_count"),
        resend_s=sa.bindparam("b_resend"),
        expires_at=sa.bindparam("b_expires"),
    )
)


def values(entry: Entry) -> dict[str, Any]:
    """What UPDATE takes."""
    return {
        "b_id": entry.member_id,
        "b_seen": entry.last_seen_at,
        "b_count": entry.count,
        "b_resend": entry.resend_s,
        "b_expires": entry.expires_at,
    }


_books: WeakKeyDictionary[sa.Pool, Book] = WeakKeyDictionary()
_making = threading.Lock()


def book_of(engine: sa.Engine | sa.Connection) -> Book | None:
    """The book of this database, or None where other processes write it too."""
    if engine.dialect.name != "sqlite":
        return None
    pool = engine.engine.pool  # one a database, whatever options an engine was given beside
    found = _books.get(pool)
    if found is None:
        with _making:
            found = _books.setdefault(pool, Book())
    return found


def enter(session: Session, book: Book, entries: Iterable[Entry]) -> None:
    """Put entries into the book; they become ready with the commit of this transaction, which has the right to write."""
    coming, replaced = list(entries), list[Entry]()
    committed.in_the_end(session, kept=partial(_ready, coming), undone=partial(book.leave, coming, replaced))
    with book.lock:
        for entry in coming:
            entry.ready = False
            if (old := book.take(entry.fingerprint)) is not None:
                replaced.append(old)
            book.entries[entry.fingerprint] = entry


def _ready(coming: Sequence[Entry]) -> None:
    for entry in coming:
        entry.ready = True


def move(session: Session, by: dt.timedelta) -> None:
    """Move the book with its rows, and back should this transaction fail.

    Not after the commit: what came in between would be moved that never stood by the old clock.
    """
    book = book_of(session.get_bind())
    if book is not None:
        book.move(by)
        committed.in_the_end(session, undone=partial(book.move, -by))


@sa.event.listens_for(Member, "before_update")
def _changes(_mapper: Any, connection: sa.Connection, target: Member) -> None:
    book, session = book_of(connection), object_session(target)
    if book is not None and session is not None:
        book.take_out(session, connection, target.fingerprint)


def _newer(target: Member, session: Session | None) -> None:
    book = book_of(session.get_bind()) if session is not None else None
    entry = book.entries.get(target.fingerprint) if book is not None and book.dirty else None
    if entry is None or entry.member_id != target.id or not entry.dirty:
        return
    for name, value in (
        ("last_seen_at", entry.last_seen_at),
        ("updated_at", entry.last_seen_at),
        ("count", entry.count),
        ("resend_s", entry.resend_s),
        ("expires_at", entry.expires_at),
    ):
        set_committed_value(target, name, value)
    if entry.reworded:
        set_committed_value(target, "annotations", entry.words)


@sa.event.listens_for(Member, "load")
def _loaded(target: Member, context: QueryContext) -> None:
    _newer(target, context.session)


@sa.event.listens_for(Member, "refresh")
def _refreshed(target: Member, context: QueryContext, _names: Any) -> None:
    _newer(target, context.session)
