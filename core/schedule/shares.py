"""Work shared out without overlap among the processes of one role that live: so many shares, each under a lease.

Every process renews what it holds, and takes free shares up to its fair part; whoever holds more gives some up, and
only what has been given up, or has ended, is taken by another. A process that can't renew counts its shares as lost
before anybody else may have them: by its own monotonic clock, which stands for a pause of the process too.
PostgreSQL only.
"""

from __future__ import annotations

import datetime as dt
import threading
import time
import zlib
from collections.abc import Callable

import sqlalchemy as sa
import structlog
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from core.db.engine import transaction
from core.schedule.lease import give_back, is_free, take, until
from core.schedule.models import Lease

log = structlog.get_logger(__name__)

SHARES = 64
HOLD_S = 40.0
RENEW_S = 5.0
MARGIN_S = 15.0
"""Work is begun only while its share is held for so long at least, so that it is over before another may begin."""


LATE_S = 3 * RENEW_S
"""Whoever has not renewed for so long is not to be relied upon; a share that has ended is taken by another within it."""


def share_of(number: int) -> int:
    """Which share a piece of work belongs to; neighbours are spread over all of them."""
    return zlib.crc32(str(number).encode()) % SHARES


def tended_since(session: Session, kind: str) -> dict[int, dt.datetime]:
    """Share → since when its work is done without a gap, or, while nobody does it, when it ought to have been taken over.

    Empty where nothing is shared out. A holder that has not renewed for some rounds may be dead or paused: its work is
    counted as not done until the next one has it, or would have had time to take it.
    """
    if session.get_bind().dialect.name != "postgresql":
        return {}
    rows = session.execute(
        sa.select(Lease.name, Lease.since, Lease.until, Lease.until > until(HOLD_S - LATE_S)).where(
            Lease.name.startswith(f"{kind}:")
        )
    )
    late = dt.timedelta(seconds=LATE_S)
    return {
        int(name.rpartition(":")[2]): since if renewed and since is not None else end + late
        for name, since, end, renewed in rows
    }


class Shares:
    """Keeps this process's part of `kind`. `changed` is called (on the keeper's thread) after it became another."""

    def __init__(
        self,
        engine: sa.Engine,
        kind: str,
        holder: str,
        changed: Callable[[], None],
        *,
        hold_s: float = HOLD_S,
        renew_s: float = RENEW_S,
        margin_s: float = MARGIN_S,
    ) -> None:
        self._engine, self._kind, self._holder, self._changed = engine, kind, holder, changed
        self._hold_s, self._renew_s, self._margin_s = hold_s, renew_s, margin_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"shares-{kind}", daemon=True)
        self._held: frozenset[int] = frozenset()
        self._safe_until = 0.0

    def start(self) -> None:
        """Begin to hold."""
        self._thread.start()

    def stop(self) -> None:
        """Give everything back. Call it when the work has ended."""
        self._stop.set()
        self._thread.join(timeout=10)
        self._held = frozenset()
        try:
            with transaction(self._engine) as session:
                session.execute(sa.update(Lease).where(*self._mine()).values(holder="", until=until(-1)))
                give_back(session, self._member(), self._holder)
        except sa.exc.SQLAlchemyError:
            log.warning("shares.not-given-back", kind=self._kind)  # they end by themselves

    @property
    def held(self) -> frozenset[int]:
        """The shares this process may work on now."""
        return self._held if time.monotonic() < self._safe_until - self._margin_s else frozenset()

    def is_mine(self, number: int) -> bool:
        """Whether the work of this number may begin here now."""
        return share_of(number) in self.held

    def _run(self) -> None:
        before: frozenset[int] = frozenset()
        while not self._stop.is_set():
            self._look()
            if (now := self.held) != before:
                before = now
                log.info("shares.held", kind=self._kind, count=len(now))
                self._tell()
            self._stop.wait(self._renew_s)

    def _look(self) -> None:
        """Renew; give up what is too much once nobody works on it any more; take what is free."""
        asked = time.monotonic()
        try:
            with transaction(self._engine) as session:
                take(session, self._member(), self._holder, self._hold_s)
                mine, fair = self._renew(session), self._fair(session)
        except sa.exc.SQLAlchemyError as error:
            log.warning("shares.database", kind=self._kind, error=str(error).splitlines()[0])
            return
        self._safe_until = asked + self._hold_s
        if len(mine) > fair:
            too_many = frozenset(sorted(mine)[fair:])
            self._held = mine - too_many
            self._tell()  # the work on them ends before they are free
            self._give_up(too_many)
        else:
            self._held = mine | self._take(fair - len(mine))

    def _tell(self) -> None:
        try:
            self._changed()
        except Exception:
            log.exception("shares.changed", kind=self._kind)

    def _member(self) -> str:
        return f"{self._kind}-member:{self._holder}"

    def _mine(self) -> tuple[sa.ColumnElement[bool], ...]:
        return (Lease.name.startswith(f"{self._kind}:"), Lease.holder == self._holder)

    def _name(self, number: int) -> str:
        return f"{self._kind}:{number:02}"

    def _numbers(self, names: list[str]) -> frozenset[int]:
        return frozenset(int(name.rpartition(":")[2]) for name in names)

    def _renew(self, session: Session) -> frozenset[int]:
        """Shares are there from the first start on; an ended one that nobody took is still mine."""
        rows = [{"name": self._name(n), "holder": "", "until": until(-1)} for n in range(SHARES)]
        if session.scalar(sa.select(sa.func.count()).where(Lease.name.startswith(f"{self._kind}:"))) != SHARES:
            session.execute(insert(Lease).values(rows).on_conflict_do_nothing())
        broken = sa.or_(Lease.until < sa.func.clock_timestamp(), Lease.since.is_(None))
        since = sa.case((broken, sa.func.clock_timestamp()), else_=Lease.since)
        renewed = sa.update(Lease).where(*self._mine()).values(until=until(self._hold_s), since=since)
        names = session.scalars(renewed.returning(Lease.name))
        return self._numbers(list(names))

    def _fair(self, session: Session) -> int:
        alive = sa.select(sa.func.count()).where(
            Lease.name.startswith(f"{self._kind}-member:"), Lease.until > sa.func.clock_timestamp()
        )
        return -(-SHARES // max(1, session.scalar(alive) or 1))

    def _take(self, count: int) -> frozenset[int]:
        if count < 1:
            return frozenset()
        try:
            with transaction(self._engine) as session:
                free = (
                    sa.select(Lease.name)
                    .where(Lease.name.startswith(f"{self._kind}:"), is_free(self._hold_s))
                    .order_by(Lease.name)
                    .limit(count)
                    .with_for_update(skip_locked=True)
                )
                names = session.scalars(free).all()
                taken = {"holder": self._holder, "until": until(self._hold_s), "since": sa.func.clock_timestamp()}
                session.execute(sa.update(Lease).where(Lease.name.in_(names)).values(taken))
        except sa.exc.SQLAlchemyError as error:
            log.warning("shares.database", kind=self._kind, error=str(error).splitlines()[0])
            return frozenset()
        return self._numbers(list(names))

    def _give_up(self, numbers: frozenset[int]) -> None:
        try:
            with transaction(self._engine) as session:
                names = [self._name(n) for n in numbers]
                given = sa.update(Lease).where(*self._mine(), Lease.name.in_(names))
                session.execute(given.values(holder="", until=until(-1)))
        except sa.exc.SQLAlchemyError as error:  # renewed by mistake once more, and given up at the next look
            log.warning("shares.database", kind=self._kind, error=str(error).splitlines()[0])
