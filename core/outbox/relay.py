"""The relay carries outbox rows to their handlers: right after the commit, and on a timer.

Where several processes deliver (PostgreSQL), each room's listeners are told by one of them at a time, in order: an
acknowledgement is not heard before what it acknowledges.

A handler's writes and its row's "done" commit together, so a crash between them is impossible; a failing handler's
writes are rolled back and the row keeps attempts, error and the time of the next try.

Rows are worked off in pieces of a fraction of a second, each one transaction with a savepoint for each row: a commit of
its own for each would cost more than most handlers do. A row may hold a batch of events (record_many); what a piece leaves
of it stays in the row, so that neither other rows nor other writers wait for a storm to be over, and an event that fails is
set apart in a row of its own while the rest goes on.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import threading
import time
from collections.abc import Callable, Sequence

import sqlalchemy as sa
import structlog
from sqlalchemy.orm import Session

from core import clock, elapsed
from core.db.engine import READ_ONLY, transaction
from core.events.base import Event
from core.outbox import door
from core.outbox.models import OutboxRow
from core.outbox.record import Handler, dump, load, registry

log = structlog.get_logger()

MAX_ATTEMPTS = 12
FIRST_DELAY_S = 2
LONGEST_DELAY_S = 3600
TIMER_S = 5.0
KEEP_DONE = dt.timedelta(days=7)
BATCH = 256
PIECE_S = 0.1
"""Seconds of work that are committed as one."""


def back_off(attempts: int) -> dt.timedelta:
    """How long to wait after the given number of failures: 2 s, doubling, at most an hour."""
    return dt.timedelta(seconds=min(LONGEST_DELAY_S, FIRST_DELAY_S * 2 ** (attempts - 1)))


class Relay:
    """Delivers outbox rows of one database, from one thread of its own or by hand (`drain`)."""

    def __init__(self, engine: sa.Engine, now: Callable[[], dt.datetime] = clock.now) -> None:
        self._engine = engine
        self._now = now
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin delivering in the background."""
        registry.on_commit.append(self.wake)
        self._thread = threading.Thread(target=self._run, name="relay", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Finish the row in hand and end."""
        self._stop.set()
        self._wake.set()
        with contextlib.suppress(ValueError):
            registry.on_commit.remove(self.wake)
        if self._thread:
            self._thread.join(timeout=10)

    def wake(self) -> None:
        """Something was committed: look now rather than at the next tick of the timer."""
        self._wake.set()

    def _run(self) -> None:
        while not self._stop.is_set():
            self._wake.wait(TIMER_S)
            self._wake.clear()
            try:
                self.drain()
            except sa.exc.SQLAlchemyError as error:  # the database is away: the timer tries again
                log.warning("relay.database", error=str(error).splitlines()[0])
                self._stop.wait(1.0)

    def drain(self) -> int:
        """Deliver everything that is due, including what handlers record meanwhile; returns how many succeeded."""
        succeeded = 0
        while not self._stop.is_set() and (due := self._due()):
            done = self._deliver_all(due)
            succeeded += done
            if not done:  # all failed and were put off, or another process has them
                break
        return succeeded

    def _deliver_all(self, due: list[int]) -> int:
        """Every row that is due gets its turn once; returns how many turns succeeded."""
        succeeded = 0
        while due and not self._stop.is_set():
            piece = _Piece(self._now)
            try:
                with door.behind(self._stop), transaction(self._engine) as session:
                    session.info["actor"] = "relay"
                    piece.work(session, due)
            except Exception as error:
                if piece.at is None:
                    raise
                self._put_off(piece.at, error)
                due = [row_id for row_id in due if row_id != piece.at]
                continue
            succeeded += piece.succeeded
            due = [row_id for row_id in due if row_id not in piece.seen]
        return succeeded

    def _due(self) -> list[int]:
        reader = self._engine.execution_options(**{READ_ONLY: True})
        with Session(reader) as session:
            rows = session.scalars(
                sa.select(OutboxRow.id)
                .where(OutboxRow.done_at.is_(None), OutboxRow.dead_at.is_(None), OutboxRow.next_try_at <= self._now())
                .order_by(OutboxRow.id)
                .limit(BATCH)
            )
            return list(rows)

    def _put_off(self, row_id: int, error: Exception) -> None:
        with transaction(self._engine) as session:
            row = session.get(OutboxRow, row_id, with_for_update=True)
            if row is not None and row.done_at is None:
                _failed(row, error, self._now())


class _Piece:
    """One transaction's worth of rows. `seen`: rows that had their turn; `at`: the row in hand."""

    def __init__(self, now: Callable[[], dt.datetime]) -> None:
        self._now = now
        self._until = 0.0
        self.seen: set[int] = set()
        self.succeeded = 0
        self.at: int | None = None
        self._one_by_one: set[str] = set()

    def _time_is_up(self) -> bool:
        return bool(self.seen or self.succeeded) and time.monotonic() > self._until

    def work(self, session: Session, due: list[int]) -> None:
        """Hand on rows until the time is up; one that fails keeps its error and the others go on."""
        waiting = (OutboxRow.id.in_(due), OutboxRow.done_at.is_(None), OutboxRow.dead_at.is_(None))
        self._until = time.monotonic() + PIECE_S
        rows = session.scalars(
            sa.select(OutboxRow)
            .where(*waiting, *_whose_turn_is_ours(session, waiting))
            .order_by(OutboxRow.id)
            .with_for_update(skip_locked=True)
        ).all()
        for row in rows:
            if row.id in self.seen:
                continue
            if self._time_is_up():
                return
            self.at = row.id
            self._turn(session, row, rows)
        self.seen.update(due)  # what was not found is done, or in another process's hands
        self.at = None

    def _turn(self, session: Session, row: OutboxRow, rows: Sequence[OutboxRow]) -> None:
        if row.listener in registry.in_bulk and row.listener not in self._one_by_one:
            alike = [r for r in rows if r.listener == row.listener and r.id not in self.seen]
            if self._together(session, alike):
                return
        self.seen.add(row.id)
        try:
            with session.begin_nested():
                self._hand_on(session, row)
        except sa.exc.OperationalError:  # not the row's fault, or not its alone: nothing of this piece is kept
            raise
        except Exception as error:  # noqa: BLE001  whatever a handler raises is kept with its row and shown
            _failed(row, error, self._now())
            return
        self.succeeded += 1

    def _together(self, session: Session, rows: Sequence[OutboxRow]) -> bool:
        """Rows of a listener that works in bulk, as one; False where that failed and they go one by one.

        No more events than the listener takes at once: what is over stays in its row, for the next time.
        """
        listener = rows[0].listener
        kind, many = registry.listeners[listener][0], registry.in_bulk[listener]
        try:
            taken = _up_to(registry.at_once.get(listener), [(row, load(kind, row.payload)) for row in rows])
            with session.begin_nested():
                many(session, [event for _row, told, _later in taken for event in told], self._now())
        except sa.exc.OperationalError:
            raise
        except Exception as error:  # noqa: BLE001  which of them it was, the one-by-one way finds out
            log.warning("relay.bulk-failed", listener=listener, error=_worded(error))
            self._one_by_one.add(listener)
            return False
        for row, _told, later in taken:
            if later:
                row.payload = dump(later)
                continue
            _done(row, self._now())
            self.seen.add(row.id)
        self.succeeded += len(taken)
        return True

    def _hand_on(self, session: Session, row: OutboxRow) -> None:
        """One event, or the next ones of a batch; what is left of it stays in the row."""
        kind, handler = registry.listeners[row.listener]
        events = load(kind, row.payload)
        for place, event in enumerate(events):
            if place and time.monotonic() > self._until:
                row.payload = dump(events[place:])
                return
            if len(events) == 1:
                handler(session, event, self._now())
            else:
                self._apart(session, row, event, handler)
        _done(row, self._now())

    def _apart(self, session: Session, row: OutboxRow, event: Event, handler: Handler) -> None:
        """One event of a batch. If it fails, it goes its own way, with attempts of its own."""
        try:
            with session.begin_nested():
                handler(session, event, self._now())
        except sa.exc.OperationalError:
            raise
        except Exception as error:  # noqa: BLE001  whatever a handler raises is kept with its row and shown
            own = OutboxRow(
                event=row.event,
                payload=event.dump(),
                listener=row.listener,
                recorded_at=row.recorded_at,
                attempts=0,
            )
            _failed(own, error, self._now())
            session.add(own)


Batch = Sequence[Event]


def _up_to(most: int | None, rows: Sequence[tuple[OutboxRow, Batch]]) -> list[tuple[OutboxRow, Batch, Batch]]:
    """The first rows with `most` events between them: each with its events for now, and for later."""
    found: list[tuple[OutboxRow, Batch, Batch]] = []
    room = most or sum(len(events) for _row, events in rows)
    for row, events in rows:
        if room <= 0:
            break
        found.append((row, events[:room], events[room:]))
        room -= len(events)
    return found


def _whose_turn_is_ours(
    session: Session, waiting: tuple[sa.ColumnElement[bool], ...]
) -> tuple[sa.ColumnElement[bool], ...]:
    """Of several processes one tells a room at a time, until the end of its transaction. One process needs no turns."""
    if session.get_bind().dialect.name != "postgresql":
        return ()
    rooms: dict[str, list[str]] = {}
    for listener in session.scalars(
        sa.select(OutboxRow.listener).distinct().where(*waiting).order_by(OutboxRow.listener)
    ):
        rooms.setdefault(listener.partition(".")[0], []).append(listener)
    locks = {room: sa.func.pg_try_advisory_xact_lock(sa.func.hashtextextended(f"relay:{room}", 0)) for room in rooms}
    ours = [name for room, names in rooms.items() if session.scalar(sa.select(locks[room])) for name in names]
    return (OutboxRow.listener.in_(ours),)


def _done(row: OutboxRow, now: dt.datetime) -> None:
    row.done_at = now
    row.attempts += 1


def _failed(row: OutboxRow, error: Exception, now: dt.datetime) -> None:
    """Keep the error, and when to try again; after the last attempt an administrator decides."""
    row.attempts += 1
    row.last_error = _worded(error)
    row.next_try_at = now + back_off(row.attempts)
    if row.attempts >= MAX_ATTEMPTS:
        row.dead_at = now
    log.warning("relay.failed", listener=row.listener, attempts=row.attempts, error=row.last_error)


def _worded(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:2000]


def retry_dead(session: Session, row_id: int, *, now: dt.datetime) -> bool:
    """Give a dead row a new life; False when there is no such dead row."""
    row = session.get(OutboxRow, row_id)
    if row is None or row.dead_at is None:
        return False
    row.dead_at, row.attempts, row.next_try_at = None, 0, now
    session.info["outbox_recorded"] = True
    return True


ELAPSING = (
    elapsed.rows(OutboxRow, ("next_try_at",), lambda: (OutboxRow.done_at.is_(None), OutboxRow.dead_at.is_(None))),
)


def purge(session: Session, *, now: dt.datetime) -> int:
    """Drop rows done more than a week ago; returns how many."""
    result = session.execute(sa.delete(OutboxRow).where(OutboxRow.done_at < now - KEEP_DONE))
    return int(getattr(result, "rowcount", 0))
