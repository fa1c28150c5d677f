"""Notices that this machine's wall clock was set while the program runs, and takes care that nothing is told twice or late.

Until it is taken care of, core.clock.now() goes on as if nothing had happened. Then, in one transaction: what counts
elapsed time (pages that are due, deliveries, sessions, alerts that end by themselves) moves with the clock, and the jump is
written down for `taxops doctor`. Working-time clocks keep to the calendar, as the law of the office does.

Where several processes share a PostgreSQL, one of those whose clock jumped moves the rows. If the database's clock did
not jump, this machine's is wrong: then its processes go on by the time that has elapsed until somebody sets it right.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import threading
from collections.abc import Callable

import sqlalchemy as sa
import structlog
from sqlalchemy.orm import Session

from app import rooms
from core import clock
from core.db import transaction
from core.schedule.models import ClockJump

log = structlog.get_logger(__name__)

LOOK_S = 0.5
SAME = dt.timedelta(minutes=2)
"""Processes of one machine notice the same jump within this time."""
KEEP = dt.timedelta(days=7)


class ClockWatch:
    """Looks twice a second. `name`: of this process, "" where there is only one. `then`: called after a jump was followed."""

    def __init__(self, engine: sa.Engine, name: str, then: list[Callable[[], None]]) -> None:
        self._engine, self._name, self.then = engine, name, then
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="clock-watch", daemon=True)
        self._told = 0.0

    def start(self) -> None:
        """Begin."""
        clock.watch()
        self._thread.start()

    def stop(self) -> None:
        """End."""
        self._stop.set()
        self._thread.join(timeout=10)

    def _run(self) -> None:
        while not self._stop.wait(LOOK_S):
            by = clock.jump()
            if by and not self._stop.wait(LOOK_S) and abs(clock.jump() - by) < 1:  # it stays so
                before = clock.mark()
                try:
                    self._follow(by)
                except sa.exc.SQLAlchemyError as error:  # until the database is back the time goes on as it did
                    clock.watch(before)
                    log.warning("clock.database", error=str(error).splitlines()[0])
                except Exception:
                    log.exception("clock.failed")

    def _follow(self, by: float) -> None:
        with transaction(self._engine) as session:
            wrong = bool(self._name) and _is_wrong(session, by)
            if wrong and abs(self._told - by) < clock.JUMP_S:
                return
            if not wrong and not (self._name and _is_done(session, by)):
                for move in rooms.elapsing():
                    move(session, dt.timedelta(seconds=by))
            _note(session, by, self._name, followed=not wrong)
            if by < 0 and not wrong:
                session.flush()
                clock.follow()  # before others see the rows: by the clock as it was, all of them would be overdue
        log.warning("clock.jumped", seconds=round(by), followed=not wrong)
        self._told = by
        if wrong:
            return
        if by > 0:
            clock.follow()
        for call in self.then:
            with contextlib.suppress(Exception):  # a scheduler that is being stopped
                call()


def _is_wrong(session: Session, by: float) -> bool:
    """Whether the database's clock goes on as ours did before."""
    there: dt.datetime = session.execute(sa.select(sa.func.clock_timestamp())).scalar_one()
    return abs((there - clock.now()).total_seconds()) < abs(by) / 2


def _is_done(session: Session, by: float) -> bool:
    """Whether another process moved the rows for the same jump; who comes second waits for the first."""
    session.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtextextended("clock:jump", 0))))
    near = sa.select(ClockJump.id).where(
        ClockJump.followed,
        ClockJump.at > clock.wall() - SAME,
        ClockJump.at < clock.wall() + SAME,
        ClockJump.seconds.between(by - clock.JUMP_S, by + clock.JUMP_S),
    )
    return session.scalar(near.limit(1)) is not None


def _note(session: Session, by: float, name: str, *, followed: bool) -> None:
    session.execute(sa.delete(ClockJump).where(ClockJump.at < clock.wall() - KEEP))
    session.add(ClockJump(at=clock.wall(), seconds=by, process=name, followed=followed))
