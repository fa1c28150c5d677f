"""Notices that this machine's wall clock was set while the program runs, and takes care that nothing is told twice or late.

Until it is taken care of, core.clock.now() goes on as if nothing had happened. Then, in one transaction: what counts
elapsed time (pages that are due, deliveries, sessions, alerts that end by themselves) moves with the clock, and the jump is
written down for `taxops doctor`. Working-time clocks keep to the calendar, as the law of the office does.

PostgreSQL has a clock of its own, which decides. It jumped too: one of the processes moves the rows. It did not, and goes
on as ours did: this machine is wrong, and its processes go on by the time that has elapsed until somebody sets it right.
It did not, and agrees with ours as it is now: ours was wrong and was set right; others wrote the rows by a right clock, so
they stay. They stay too where a machine that has just booted gets its time.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

import sqlalchemy as sa
import structlog
from sqlalchemy.orm import Session

from app import rooms
from core import clock
from core.db import reading, transaction
from core.schedule import runs
from core.schedule.models import ClockJump

log = structlog.get_logger(__name__)

LOOK_S = 0.5
COMPARE_S = 60.0
BOOT_S = 180.0
"""So long after the machine was booted its clock is set because it had none, not because somebody changes it."""
KEEP = dt.timedelta(days=7)


class _Means(Enum):
    """What a jump is."""

    WRONG = "the clock is wrong since"
    RIGHT = "the clock was wrong and is right since"
    SET = "the time itself was set"


@dataclass(frozen=True)
class _There:
    """The database's clock at one instant of ours (seconds elapsed), and the last jump that was written down by then."""

    at: dt.datetime
    elapsed: float
    noted: int

    def apart(self, earlier: _There) -> float:
        """Seconds by which the database's clock was set since."""
        return (self.at - earlier.at).total_seconds() - (self.elapsed - earlier.elapsed)


class ClockWatch:
    """Looks twice a second. `name`: of this process, "" where there is only one. `then`: called after a jump was followed."""

    def __init__(self, engine: sa.Engine, name: str, then: list[Callable[[], None]]) -> None:
        self._engine, self._name, self.then = engine, name, then
        self._has_clock = engine.dialect.name == "postgresql"
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="clock-watch", daemon=True)
        self._told = 0.0
        self._there: _There | None = None
        self._compare_at = 0.0

    def start(self) -> None:
        """Begin."""
        clock.watch()
        self._thread.start()

    def stop(self) -> None:
        """End."""
        self._stop.set()
        self._thread.join(timeout=10)

    def _run(self) -> None:
        self.compare()
        while not self._stop.wait(LOOK_S):
            by = clock.jump()
            if not by:
                self._told = 0.0
                self.compare()
            elif not self._stop.wait(LOOK_S) and abs(clock.jump() - by) < 1:  # it stays so
                self.follow(by)

    def compare(self) -> None:
        """Remember the database's clock while ours goes on, once a minute. Where it jumped alone, ours may be still to."""
        if not self._has_clock or clock.elapsed() < self._compare_at:
            return
        self._compare_at = clock.elapsed() + COMPARE_S
        try:
            with reading(self._engine) as session:
                there = _look(session)
        except sa.exc.SQLAlchemyError:  # the next time
            return
        if self._there is None or abs(there.apart(self._there)) < clock.JUMP_S:
            self._there = there

    def follow(self, by: float) -> None:
        """Take care of a jump by so many seconds; where that fails, the time goes on as it did, until the next look."""
        before = clock.mark()
        try:
            self._follow(by)
        except sa.exc.SQLAlchemyError as error:
            clock.watch(before)
            log.warning("clock.database", error=str(error).splitlines()[0])
        except Exception:
            clock.watch(before)
            log.exception("clock.failed")

    def _follow(self, by: float) -> None:
        there = None
        with transaction(self._engine) as session:
            if self._has_clock:  # who comes second waits for the first
                session.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtextextended("clock:jump", 0))))
                there = _look(session)
            means = self._means(by, there)
            if means is _Means.WRONG and abs(self._told - by) < clock.JUMP_S:
                return
            moved = self._move(session, by) if means is _Means.SET else None
            if means is _Means.RIGHT:
                runs.forget_future(session, dt.timedelta(seconds=by))
            _note(session, by, self._name, followed=means is not _Means.WRONG, moved=moved)
            if there is not None and means is not _Means.WRONG:
                there = _look(session)  # with the jump just written down
            if by < 0 and means is not _Means.WRONG:
                clock.follow()  # before others see the rows: by the clock as it was, all of them would be overdue
        log.warning("clock.jumped", seconds=round(by), means=means.value)
        self._told = by
        if means is _Means.WRONG:
            return
        self._there, self._told = there, 0.0
        if by > 0:
            clock.follow()
        for call in self.then:
            with contextlib.suppress(Exception):  # a scheduler that is being stopped
                call()

    def _means(self, by: float, there: _There | None) -> _Means:
        if there is not None:
            by_ours = abs((there.at - clock.now()).total_seconds())  # by our clock as it was
            if by_ours < abs(by) / 2:
                return _Means.WRONG
            if self._there is None or abs(there.apart(self._there) - by) > abs(by) / 2:  # it did not jump
                by_wall = abs((there.at - clock.wall()).total_seconds())
                return _Means.RIGHT if by_wall < by_ours else _Means.WRONG
        return _Means.RIGHT if clock.elapsed() < BOOT_S else _Means.SET

    def _move(self, session: Session, by: float) -> float:
        """Move what others have not moved since our clock and the database's last went on together; returns the seconds."""
        if self._there is not None:
            others = sa.select(sa.func.sum(ClockJump.moved)).where(ClockJump.id > self._there.noted)
            by -= session.scalar(others) or 0.0
        if abs(by) < clock.JUMP_S:
            return 0.0
        for move in rooms.elapsing():
            move(session, dt.timedelta(seconds=by))
        return by


def _look(session: Session) -> _There:
    noted = sa.select(sa.func.coalesce(sa.func.max(ClockJump.id), 0)).scalar_subquery()
    at, last = session.execute(sa.select(sa.func.clock_timestamp(), noted)).one()
    return _There(at, clock.elapsed(), last)


def _note(session: Session, by: float, name: str, *, followed: bool, moved: float | None) -> None:
    session.execute(sa.delete(ClockJump).where(ClockJump.at < clock.wall() - KEEP))
    session.add(ClockJump(at=clock.wall(), seconds=by, process=name, followed=followed, moved=moved))
    session.flush()
