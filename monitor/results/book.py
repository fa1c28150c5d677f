"""Where checks stand, in this process's memory: a result that says the same again is judged without asking the disk.

Only where one process owns the database (the embedded default) is there a book; elsewhere the rows say everything. It is
a cache, never the truth: what is not in it is read. Whoever changes a row by the ordinary way takes it out, in the same
transaction; intake works on twins and puts them in with its commit. When a check was last heard and in which words is
newer here than on the disk, by a few seconds at most (`write`); rows loaded meanwhile are shown as the book knows them.
"""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import sqlalchemy as sa
from sqlalchemy.orm import Mapper, QueryContext, Session, object_session
from sqlalchemy.orm.attributes import set_committed_value

from core.db import committed
from monitor.alerts.models import Alert
from monitor.models import Check, CheckState
from monitor.results import stand as rows
from monitor.results.stand import Stand
from monitor.states import Kind, State

AT_ONCE = 10_000
_MOVING = ("at", "output", "evidence", "received_at", "stale_at")


class Book:
    """Stands by check. The lock is held for moments only, never across a statement."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.stands: dict[int, Stand] = {}
        self.dirty: dict[int, Stand] = {}

    def take_out(self, session: Session, connection: sa.Connection, check_ids: Iterable[int] | None = None) -> None:
        """The rows of these (of all) are about to change by the ordinary way, in this transaction, which has the right to
        write: what the disk does not have yet is written, and they are read anew by whoever asks; should the transaction
        fail, they are in the book again."""
        with self.lock:
            found = list(self.stands) if check_ids is None else check_ids
            taken = [(stand, stand.ready) for i in found if (stand := self.stands.pop(i, None)) is not None]
            for stand, _was_ready in taken:
                stand.ready = False
                self.dirty.pop(stand.check.id, None)
            moved = [rows.moved(stand) for stand, _was_ready in taken if stand.dirty]
        if not taken:
            return
        committed.in_the_end(session, undone=partial(self._put_back, taken))
        if moved:
            rows.write_moved(connection, moved)

    def _put_back(self, taken: Sequence[tuple[Stand, bool]]) -> None:
        with self.lock:
            for stand, was_ready in taken:
                if self.stands.setdefault(stand.check.id, stand) is stand:
                    stand.ready = was_ready
                    if stand.dirty:
                        self.touched(stand)

    def touched(self, stand: Stand) -> None:
        """It is newer than the disk, or may be. The caller holds the lock."""
        stand.dirty = True
        if self.stands.get(stand.check.id) is stand:
            self.dirty[stand.check.id] = stand

    def write(self, session: Session, most: int = AT_ONCE) -> int:
        """Bring the disk up to date; returns how many rows. At most AT_ONCE, the longest waiting first."""
        if not self.dirty:
            return 0
        connection = (
            session.connection()
        )  # the right to write first: what is read off below is the newest until the commit
        with self.lock:
            batch = [self.dirty.pop(check_id) for check_id in list(self.dirty)[: min(most, AT_ONCE)]]
            for stand in batch:
                stand.dirty = False
            found = [(stand, stand.stale_at) for stand in batch]
            moved = [rows.moved(stand) for stand in batch]
        if not batch:
            return 0
        committed.in_the_end(session, kept=partial(self._written, found), undone=partial(self._not_written, batch))
        rows.write_moved(connection, moved)
        return len(batch)

    def _written(self, found: Sequence[tuple[Stand, dt.datetime | None]]) -> None:
        with self.lock:
            for stand, until in found:
                stand.kept_until = until

    def _not_written(self, batch: Sequence[Stand]) -> None:
        with self.lock:
            for stand in batch:
                self.touched(stand)


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


def write(session: Session, _now: dt.datetime | None = None) -> int:
    """Bring to the disk what the book knows better; returns how many rows.

    No more than wait as it begins: results that keep coming would keep it, and the right to write, for good.
    """
    book = book_of(session.get_bind())
    waiting = written = len(book.dirty) if book is not None else 0
    while book is not None and waiting > 0 and (some := book.write(session, waiting)):
        waiting -= some
    return written - waiting


def move(session: Session, _by: dt.timedelta) -> None:
    """The clock was set: the rows move, and are read anew."""
    if (book := book_of(session.get_bind())) is not None:
        book.take_out(session, session.connection())


class _Claim(NamedTuple):
    original: Stand | None
    twin: Stand
    was_ready: bool


def claim(session: Session, check_ids: Iterable[int]) -> dict[int, Stand]:
    """Stands to work on in this transaction, which has the right to write: twins of those in the book, else the rows.

    Nobody moves the originals meanwhile; they are what counts again should the transaction fail.
    """
    book, found = book_of(session.get_bind()), {}
    wanted = list(check_ids)
    claims: list[_Claim] = []
    if book is not None:
        session.connection()  # the right to write first: nobody else changes rows from here on
        committed.in_the_end(session, kept=partial(_committed, claims), undone=partial(_give_back, book, claims))
        with book.lock:
            for check_id in wanted:
                original = book.stands.get(check_id)
                if original is not None and original.is_committed:
                    claims.append(_Claim(original, original.twin(), original.ready))
                    original.ready = False
                    found[check_id] = claims[-1].twin
    read = rows.read(session, sorted(check_id for check_id in wanted if check_id not in found))
    claims.extend(_Claim(None, stand, False) for stand in read.values())
    return found | read


def enter(session: Session, stands: Sequence[Stand]) -> None:
    """Put claimed stands into the book, as they will be on the disk; ready with the commit."""
    book = book_of(session.get_bind())
    if book is None:
        return
    with book.lock:
        for stand in stands:
            book.stands[stand.check.id] = stand
            book.dirty.pop(stand.check.id, None)


def says_the_same(stand: Stand) -> bool:
    """Whether a result with the state it has can change nothing: it is believed, heard, and its alert in step."""
    if stand.check.is_retired or stand.kind is not Kind.HARD or stand.nodata_since is not None or stand.at is None:
        return False
    if stand.state is State.OK:
        return stand.alert_open is False
    return stand.alert_open is True and stand.firing is not None


def _committed(claims: Sequence[_Claim]) -> None:
    for claimed in claims:
        claimed.twin.is_committed = True
        claimed.twin.ready = says_the_same(claimed.twin)


def _give_back(book: Book, claims: Sequence[_Claim]) -> None:
    with book.lock:
        for claimed in reversed(claims):
            original, check_id = claimed.original, claimed.twin.check.id
            if book.stands.get(check_id, claimed.twin) not in (claimed.twin, original):
                continue
            if original is None:
                book.stands.pop(check_id, None)
                continue
            book.stands[check_id], original.ready = original, claimed.was_ready
            if original.dirty:
                book.touched(original)


def _taken_out(connection: sa.Connection, target: Check | CheckState | Alert, check_id: int | None) -> None:
    book, session = book_of(connection), object_session(target)
    if book is not None and session is not None and check_id in book.stands:
        book.take_out(session, connection, [check_id])


@sa.event.listens_for(Check, "before_update")
def _check_changes(_mapper: Mapper[Any], connection: sa.Connection, target: Check) -> None:
    _taken_out(connection, target, target.id)


@sa.event.listens_for(CheckState, "before_update")
def _state_changes(_mapper: Mapper[Any], connection: sa.Connection, target: CheckState) -> None:
    _taken_out(connection, target, target.check_id)


@sa.event.listens_for(Alert, "before_insert")
@sa.event.listens_for(Alert, "before_update")
def _alert_changes(_mapper: Mapper[Any], connection: sa.Connection, target: Alert) -> None:
    _taken_out(connection, target, target.check_id)


def _newer(target: CheckState, session: Session | None) -> None:
    book = book_of(session.get_bind()) if session is not None else None
    stand = book.dirty.get(target.check_id) if book is not None and book.dirty else None
    if stand is None:
        return
    for name in _MOVING:
        set_committed_value(target, name, getattr(stand, name))


@sa.event.listens_for(CheckState, "load")
def _loaded(target: CheckState, context: QueryContext) -> None:
    _newer(target, context.session)


@sa.event.listens_for(CheckState, "refresh")
def _refreshed(target: CheckState, context: QueryContext, _names: Any) -> None:
    _newer(target, context.session)
