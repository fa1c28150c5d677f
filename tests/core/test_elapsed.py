"""What counts elapsed time moves with a clock that was set, and takes with it what others write at that moment."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor

import sqlalchemy as sa

from core import elapsed
from core.db import reading, transaction
from core.schedule.models import Lease
from tests.servers.base import wait_until

T0 = dt.datetime(2026, 3, 2, 8, 0, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)
MINUTE = dt.timedelta(minutes=1)
MOVE = elapsed.rows(Lease, ("until",), lambda: (Lease.holder == "here",))
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


def fill(engine: sa.Engine) -> None:
    with transaction(engine) as session:
        session.add_all([Lease(name="a", holder="here", until=T0), Lease(name="b", holder="there", until=T0)])


def move(engine: sa.Engine) -> None:
    with transaction(engine) as session:
        MOVE(session, HOUR)


def untils(engine: sa.Engine) -> dict[str, dt.datetime]:
    with reading(engine) as session:
        return {row.name: row.until for row in session.execute(sa.select(Lease.name, Lease.until))}


def test_only_the_rows_that_are_meant_move(engine: sa.Engine) -> None:
    fill(engine)
    move(engine)
    assert untils(engine) == {"a": T0 + HOUR, "b": T0}


def test_what_is_written_meanwhile_is_not_lost(engine: sa.Engine) -> None:
    """On SQLite the mover waits for its turn before it reads; on PostgreSQL it meets a row that somebody is changing."""
    fill(engine)
    with ThreadPoolExecutor(1) as pool:
        with transaction(engine) as session:
            session.execute(sa.update(Lease).where(Lease.name == "a").values(until=T0 + MINUTE))
            moving = pool.submit(move, engine)
            if engine.dialect.name == "postgresql":
                with reading(engine) as other:
                    wait_until(lambda: other.scalar(sa.text(WAITING)), "the mover to wait", seconds=30, every=0.05)
        moving.result(timeout=30)
    assert untils(engine)["a"] == T0 + MINUTE + HOUR
