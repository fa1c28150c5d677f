"""Leases: something only one process may do at a time, taken for some seconds and renewed.

All by the database's clock, so that machines whose clocks differ agree. A lease that ends more than twice its length
from now was given by a clock that has since been set back: it counts as ended. PostgreSQL only: the embedded default
is one process and needs none.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from core.db.engine import transaction
from core.schedule.models import Lease

log = structlog.get_logger(__name__)

SCHEDULE = "schedule"
"""Who writes down when duties are due."""
PRESENT = "process:"
"""Every process of an installation holds the lease of its own name while it lives."""
HOLD_S = 15.0
RENEW_S = 4.0


def until(seconds: float) -> sa.ColumnElement[Any]:
    """The instant so many seconds from now, by the database's clock."""
    return sa.func.clock_timestamp() + sa.func.make_interval(0, 0, 0, 0, 0, 0, seconds)


def is_free(seconds: float) -> sa.ColumnElement[bool]:
    """Whether a lease that is given for `seconds` has ended."""
    return sa.or_(Lease.until <= sa.func.clock_timestamp(), Lease.until > until(2 * seconds))


def take(session: Session, name: str, holder: str, seconds: float) -> bool:
    """Take or renew; False while somebody else holds it."""
    wanted = insert(Lease).values(name=name, holder=holder, until=until(seconds))
    taken = wanted.on_conflict_do_update(
        index_elements=[Lease.name],
        set_={"holder": holder, "until": wanted.excluded.until},
        where=sa.or_(Lease.holder == holder, is_free(seconds)),
    ).returning(Lease.name)
    return session.scalar(taken) is not None


def give_back(session: Session, name: str, holder: str) -> None:
    """Let others have it at once."""
    session.execute(sa.delete(Lease).where(Lease.name == name, Lease.holder == holder))


class Leadership:
    """Keeps trying to hold one lease; calls `gained` when it is held and `lost` when it is not any more.

    Both run on the thread of the leadership, so they never overlap. While the database is away the lease is given up
    in time: whoever holds it stops before another may begin.
    """

    def __init__(
        self,
        engine: sa.Engine,
        name: str,
        holder: str,
        *,
        gained: Callable[[], None],
        lost: Callable[[], None],
        hold_s: float = HOLD_S,
        renew_s: float = RENEW_S,
    ) -> None:
        self._engine, self._name, self._holder = engine, name, holder
        self._gained, self._lost, self._hold_s, self._renew_s = gained, lost, hold_s, renew_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"lease-{name}", daemon=True)
        self._safe_until = 0.0
        self.is_held = False

    def start(self) -> None:
        """Begin to try."""
        self._thread.start()

    def stop(self) -> None:
        """Give the lease back, after `lost` has returned."""
        self._stop.set()
        self._thread.join(timeout=60)

    def _run(self) -> None:
        while True:
            self._look()
            if self._stop.wait(self._renew_s):
                break
        if self.is_held:
            self._drop()
            try:
                with transaction(self._engine) as session:
                    give_back(session, self._name, self._holder)
            except sa.exc.SQLAlchemyError:
                log.warning("lease.not-given-back", name=self._name)  # it ends by itself

    def _look(self) -> None:
        asked = time.monotonic()
        try:
            with transaction(self._engine) as session:
                held = take(session, self._name, self._holder, self._hold_s)
        except sa.exc.SQLAlchemyError as error:
            log.warning("lease.database", name=self._name, error=str(error).splitlines()[0])
            held = self.is_held and time.monotonic() + self._renew_s < self._safe_until
        else:
            self._safe_until = asked + self._hold_s
        if held and not self.is_held:
            self.is_held = True
            log.info("lease.gained", name=self._name, holder=self._holder)
            self._call(self._gained)
        elif not held and self.is_held:
            self._drop()

    def _drop(self) -> None:
        self.is_held = False
        log.info("lease.lost", name=self._name, holder=self._holder)
        self._call(self._lost)

    def _call(self, what: Callable[[], None]) -> None:
        try:
            what()
        except Exception:
            log.exception("lease.callback", name=self._name)
