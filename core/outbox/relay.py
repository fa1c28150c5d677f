"""The relay carries outbox rows to their handlers: right after the commit, and on a timer.

A handler's writes and its row's "done" commit together, so a crash between them is impossible; a failing handler's
writes are rolled back and the row keeps attempts, error and the time of the next try.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import threading
from collections.abc import Callable

import sqlalchemy as sa
import structlog
from sqlalchemy.orm import Session

from core import clock
from core.db.engine import READ_ONLY, transaction
from core.outbox.models import OutboxRow
from core.outbox.record import registry

log = structlog.get_logger()

MAX_ATTEMPTS = 12
FIRST_DELAY_S = 2
LONGEST_DELAY_S = 3600
TIMER_S = 5.0
KEEP_DONE = dt.timedelta(days=7)
BATCH = 64


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
            done = sum(self._deliver(row_id) for row_id in due)
            succeeded += done
            if not done:  # all failed and were put off, or another process has them
                break
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

    def _deliver(self, row_id: int) -> bool:
        try:
            with transaction(self._engine) as session:
                session.info["actor"] = "relay"
                row = session.scalar(
                    sa.select(OutboxRow)
                    .where(OutboxRow.id == row_id, OutboxRow.done_at.is_(None), OutboxRow.dead_at.is_(None))
                    .with_for_update(skip_locked=True)
                )
                if row is None:
                    return False
                event_type, handler = registry.listeners[row.listener]
                handler(session, event_type.load(row.payload), self._now())
                row.done_at = self._now()
                row.attempts += 1
        except Exception as error:  # noqa: BLE001  whatever a handler raises is kept with its row and shown
            self._put_off(row_id, error)
            return False
        return True

    def _put_off(self, row_id: int, error: Exception) -> None:
        now = self._now()
        with transaction(self._engine) as session:
            row = session.get(OutboxRow, row_id, with_for_update=True)
            if row is None or row.done_at is not None:
                return
            row.attempts += 1
            row.last_error = f"{type(error).__name__}: {error}"[:2000]
            row.next_try_at = now + back_off(row.attempts)
            if row.attempts >= MAX_ATTEMPTS:
                row.dead_at = now
            log.warning("relay.failed", listener=row.listener, attempts=row.attempts, error=row.last_error)


def retry_dead(session: Session, row_id: int, *, now: dt.datetime) -> bool:
    """Give a dead row a new life; False when there is no such dead row."""
    row = session.get(OutboxRow, row_id)
    if row is None or row.dead_at is None:
        return False
    row.dead_at, row.attempts, row.next_try_at = None, 0, now
    session.info["outbox_recorded"] = True
    return True


def purge(session: Session, *, now: dt.datetime) -> int:
    """Drop rows done more than a week ago; returns how many."""
    result = session.execute(sa.delete(OutboxRow).where(OutboxRow.done_at < now - KEEP_DONE))
    return int(getattr(result, "rowcount", 0))
